"""The package: what is in its wheel, and whether it runs where nothing else is."""

import atexit
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import venv
from configparser import ConfigParser
from email import message_from_string
from email.message import Message
from functools import cache
from pathlib import Path
from unittest import SkipTest, TestCase
from zipfile import ZipFile

import dotproxy
from tests.clients import query
from tests.functional.processes import Process, Stage
from tests.long import long

ROOT = Path(__file__).parent.parent

FILES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in")
FOLDERS = ("dotproxy", "twisted")
"""What a wheel is built of."""

RUBBISH = shutil.ignore_patterns("__pycache__", ".*_cache", "dropin.cache")

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries=0")

ALONE = {"PYTHONPATH": "", "DOTPROXY_FLAGS": "--listen 127.0.0.1:0 --upstream lab"}
"""The environment of a process that must not find the code which is tested here."""

FLAGS = ALONE["DOTPROXY_FLAGS"].split()


@cache
def stage() -> Stage:
    """Make a folder for all that is built here, once."""
    return Stage.create(atexit.register)


@cache
def source() -> Path:
    """Copy what a wheel is built of, so that nothing is written beside the code."""
    folder = stage().folder / "source"
    folder.mkdir()
    for name in FILES:
        shutil.copyfile(ROOT / name, folder / name)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=RUBBISH)
    return folder


@cache
def wheel() -> Path | None:
    """Build the wheel, once; None without an index to take setuptools from."""
    folder = stage().folder / "wheels"
    if not pip("wheel", "--no-deps", f"--wheel-dir={folder}", str(source())):
        return None
    (made,) = folder.iterdir()
    return made


@cache
def release() -> Path:
    """Build the sdist, and a wheel of it, once; return their folder."""
    folder = stage().folder / "release"
    done = subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(folder), str(source())],
        capture_output=True,
        text=True,
        cwd=stage().folder,
        env={**os.environ, **ALONE},
    )
    needed(None if "No matching distribution found" in done.stdout else folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@cache
def scripts() -> Path | None:
    """Install the wheel where nothing else is, once; return where its programs are."""
    folder = stage().folder / "elsewhere"
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    if not pip(f"--python={python}", "install", str(needed(wheel()))):
        return None
    return python.parent


def pip(*words: str) -> bool:
    """Run pip; return whether it found what it looked for, or fail."""
    done = subprocess.run(
        [*PIP, *words],
        capture_output=True,
        text=True,
        cwd=stage().folder,
        env={**os.environ, **ALONE},
    )
    found = "No matching distribution found" not in done.stderr
    assert done.returncode == 0 or not found, done.stdout + done.stderr
    return found


def needed(made: Path | None) -> Path:
    """Return what was made; SkipTest if it could not be."""
    if made is None:
        raise SkipTest("pip reaches no index of packages")
    return made


def files() -> set[str]:
    """Return what is in the wheel, but for the metadata."""
    names = ZipFile(needed(wheel())).namelist()
    return {name for name in names if ".dist-info/" not in name}


def metadata() -> Message:
    """Return what the wheel says of itself (PEP 566: the form of e-mail)."""
    with ZipFile(needed(wheel())) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("/METADATA"))
        return message_from_string(archive.read(name).decode())


class SetupTests(TestCase):
    def test_packages(self) -> None:
        """The packages that are listed are those that there are."""
        setup = ConfigParser()
        setup.read(ROOT / "setup.cfg")
        listed = setup["options"]["packages"].split()
        found = {
            ".".join(file.parent.relative_to(ROOT).parts)
            for file in (ROOT / "dotproxy").rglob("__init__.py")
        }
        assert len(listed) == len(set(listed))
        assert set(listed) == found | {"twisted.plugins"}


@long
class WheelTests(TestCase):
    def test_files(self) -> None:
        """The wheel has every module, the page, the mark of types, the plugin."""
        modules = source().glob("dotproxy/**/*.py")
        expected = {str(module.relative_to(source())) for module in modules}
        page = (f"dotproxy/observe/page/page.{kind}" for kind in ("css", "js"))
        expected |= {*page, "dotproxy/py.typed", "twisted/plugins/dotproxy_plugin.py"}
        assert files() == expected

    def test_plugin_folder(self) -> None:
        """What belongs to Twisted is left to Twisted: an __init__.py would hide it."""
        ours = {name for name in files() if name.startswith("twisted/")}
        assert ours == {"twisted/plugins/dotproxy_plugin.py"}

    def test_metadata(self) -> None:
        """The wheel says what it is, of which version, under which licence."""
        says = metadata()
        assert says["Name"] == "dotproxy"
        assert says["Version"] == dotproxy.__version__
        assert says["License-Expression"] == "MIT"
        assert says["License-File"] == "LICENSE"
        assert says["Requires-Python"] == ">=3.11"
        assert "twisted>=26.4" in says.get_all("Requires-Dist", [])

    def test_description(self) -> None:
        """The wheel shows the README."""
        says = metadata()
        assert says["Description-Content-Type"] == "text/markdown"
        readme = (ROOT / "README.md").read_text()
        assert str(says.get_payload()).strip() == readme.strip()


@long
class ReleaseTests(TestCase):
    """What `python -m build` makes: an sdist, and a wheel of that."""

    def test_names(self) -> None:
        """Both are named by the version, which stands in one place."""
        version = dotproxy.__version__
        assert {file.name for file in release().iterdir()} == {
            f"dotproxy-{version}.tar.gz",
            f"dotproxy-{version}-py3-none-any.whl",
        }
        assert f"version = {version}" not in (ROOT / "setup.cfg").read_text()

    def test_twine(self) -> None:
        """The package index takes both, and can show the description."""
        built = sorted(str(file) for file in release().iterdir())
        done = subprocess.run(
            [sys.executable, "-m", "twine", "check", "--strict", *built],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("PASSED") == len(built)

    def test_same_wheel(self) -> None:
        """The wheel that is made of the sdist has what that of the sources has."""
        (made,) = release().glob("*.whl")
        names = ZipFile(made).namelist()
        assert {name for name in names if ".dist-info/" not in name} == files()


@long
class InstalledTests(TestCase):
    """What people do first, in an environment that has the wheel and its needs only."""

    def run_and_stop(self, *command: str) -> str:
        """Run a server, ask it, end it; return what it had to say."""
        process = Process(Stage.create(self.addCleanup), list(command), ALONE)
        port = int(process.wait_for(r"serves 127\.0\.0\.1:(\d+)")[1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.sendto(query(7), ("127.0.0.1", port))
            # Two addresses for www.lab.example, under our ID.
            assert client.recv(512)[:8] == b"\0\7\x81\x80\0\1\0\2"
        # Twisted shuts down in good order, and lets the signal end it then.
        assert process.stop() == -signal.SIGTERM
        process.wait_for("Main loop terminated")
        assert "Traceback" not in process.output
        return process.output

    def test_twistd(self) -> None:
        """`twistd dotproxy` serves."""
        twistd = str(needed(scripts()) / "twistd")
        self.run_and_stop(twistd, "-n", "--pidfile=", "dotproxy", *FLAGS)

    def test_twist(self) -> None:
        """`python -m twisted dotproxy` serves, too."""
        python = str(needed(scripts()) / "python")
        self.run_and_stop(
            python, "-m", "twisted", "--log-format=text", "dotproxy", *FLAGS
        )

    def test_tac(self) -> None:
        """`twistd -y dotproxy.tac` serves, by the flags of the environment."""
        twistd, tac = str(needed(scripts()) / "twistd"), str(ROOT / "dotproxy.tac")
        self.run_and_stop(twistd, "-n", "--pidfile=", "-y", tac)

    def test_command(self) -> None:
        """`dotproxy check` examines the lab, and finds it good."""
        command = [str(needed(scripts()) / "dotproxy"), "check", "lab"]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=stage().folder, env=ALONE
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith("1 of 1 upstream is good.\n")

    def test_plugin(self) -> None:
        """Twisted finds the plugin, and imports neither our code nor a reactor for it.

        A reactor that was imported is installed, and nobody could choose another.
        """
        program = (
            "import json, sys\n"
            "from twisted.application.service import IServiceMaker\n"
            "from twisted.plugin import getPlugins\n"
            "ours = [m for m in getPlugins(IServiceMaker) if 'dotproxy' in m.tapname]\n"
            "made = sorted((m.tapname, m.description) for m in ours)\n"
            "print(json.dumps([made, list(sys.modules)]))\n"
        )
        done = subprocess.run(
            [needed(scripts()) / "python", "-c", program],
            capture_output=True,
            check=True,
            cwd=stage().folder,
            env=ALONE,
        )
        made, modules = json.loads(done.stdout)
        assert made == [
            ["dotproxy", "Plain DNS in, verified DNS over TLS out."],
            ["dotproxy-lab", "A DNS-over-TLS server that misbehaves on command."],
        ]
        assert "twisted.plugins.dotproxy_plugin" in modules
        loaded = re.compile(r"dotproxy\b|twisted\.internet\.reactor$")
        assert [name for name in modules if loaded.match(name)] == []
