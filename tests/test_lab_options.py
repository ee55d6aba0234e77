"""The flags of `twistd dotproxy-lab`."""

import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from unittest import TestCase

import pytest

import dotproxy
from dotproxy.lab.faults import KINDS, parse_faults
from dotproxy.lab.options import VALUES, WIDTH, Options


def read(line: str) -> Options:
    options = Options()
    options.parseOptions(line.split())
    return options


def fault(line: str) -> str:
    with pytest.raises(SystemExit) as caught:
        read(line)
    return str(caught.value.code)


def shown(flag: str) -> str:
    """Return what a flag prints that ends the process well."""
    with redirect_stdout(StringIO()) as output, pytest.raises(SystemExit) as caught:
        read(flag)
    assert caught.value.code == 0
    return output.getvalue()


class FlagTests(TestCase):
    def test_none(self) -> None:
        """Without flags the lab has a free port and no faults."""
        options = read("")
        assert (options.port, options.faults, options.ca_file) == (0, (), "")

    def test_all(self) -> None:
        """Faults may be repeated, and keep their order."""
        options = read("--port 8853 --fault delay=1@a --fault swallow --ca-file ca.pem")
        assert options.port == 8853
        assert options.faults == parse_faults("delay=1@a", "swallow")
        assert options.ca_file == "ca.pem"

    def test_wrong(self) -> None:
        """A mistake is one line that says what is allowed."""
        for line, message in (
            ("--port 65536", "--port '65536' must be a whole number from 0 to 65535"),
            ("--port x", "--port 'x' must be a whole number from 0 to 65535"),
            (
                "--fault close-aftr=1",
                "--fault 'close-aftr=1' is no fault: did you mean close-after=N?",
            ),
            ("--prot 1", "option --prot not recognized, did you mean --port?"),
            ("--xyzzy", "option --xyzzy not recognized, see --help"),
            ("--fault", "option --fault requires argument: write --fault FAULT"),
            (
                "swallow",
                "'swallow' is no flag: write --fault swallow, --port PORT or"
                " --ca-file FILE",
            ),
        ):
            assert fault(line) == f"dotproxy-lab: {message}"


class HelpTests(TestCase):
    def test_list(self) -> None:
        """--list has each fault once, on lines of a terminal's width."""
        lines = shown("--list").splitlines()
        assert max(map(len, lines)) <= WIDTH
        listed = [line.split()[0] for line in lines if line[:2] == "  " != line[2:4]]
        spelled = [kind.spelled for kind in KINDS.values()]
        assert listed == [*spelled, "@DOMAIN", "connections=N"]
        text = " ".join("".join(lines).split())
        assert "the last one goes first (default 0.1)." in text

    def test_help(self) -> None:
        """--help has every flag, and how faults are spelled."""
        text = shown("--help")
        assert set(Options().docs) == set(VALUES)
        for flag in VALUES:
            assert f"--{flag}" in text
        assert "NAME[=VALUE][@DOMAIN][,connections=N]" in " ".join(text.split())

    def test_version(self) -> None:
        """--version is that of the whole."""
        assert shown("--version").startswith(
            f"dotproxy {dotproxy.__version__}, Twisted"
        )

    def test_light(self) -> None:
        """Flags are read before a reactor is chosen."""
        code = "import sys, dotproxy.lab.service; print(*sys.modules)"
        modules = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
        assert "dotproxy.lab.options" in modules
        assert "twisted.internet.reactor" not in modules
