"""What the documents show can be done as it stands: files, command lines, links."""

import re
import shlex
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from unittest import TestCase

from dotproxy.cli.main import read
from dotproxy.config.options import Options
from dotproxy.config.toml_file import load
from dotproxy.lab.options import Options as LabOptions

ROOT = Path(__file__).parent.parent

DOCUMENTS = sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))

CERTIFICATE = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(([^)\s]+)\)")

NEARBY = re.compile(r'"([\w.-]+\.(?:txt|pem))"')
"""Files beside a configuration that are looked at when it is read."""

PLACEHOLDER = re.compile(r"\.\.\.|^[A-Z]+$|\[")
"""Words that stand for others: what has one is no command as it stands."""


def blocks(path: Path, kind: str) -> list[str]:
    """Return what a document shows of a kind, in its order."""
    return [text for shown, text in FENCE.findall(path.read_text()) if shown == kind]


def command_lines(path: Path) -> list[list[str]]:
    """Return the words of each command that a document shows, without `sudo`."""
    lines = "".join(blocks(path, "console")).replace("\\\n", " ").splitlines()
    shown = [line[2:] for line in lines if line.startswith("$ ")]
    spelled = [
        shlex.split(re.split(r" [|&;>]", line)[0], comments=True)
        for line in shown
        if "<<" not in line and "$(" not in line and line.count("'") % 2 == 0
    ]
    return [words[1:] if words[:1] == ["sudo"] else words for words in spelled if words]


def heading_anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a document."""
    text = FENCE.sub("", path.read_text())
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in headings
    }


class FileTests(TestCase):
    def test_load(self) -> None:
        """Every configuration that is shown loads, beside the files that it names."""
        loaded = 0
        for path in DOCUMENTS:
            for text in blocks(path, "toml"):
                with self.subTest(path=path.name, text=text):
                    self.load(text)
                    loaded += 1
        self.assertGreater(loaded, 20)

    def load(self, text: str) -> None:
        """Load a configuration out of a folder with what it names."""
        with TemporaryDirectory() as folder:
            for name in NEARBY.findall(text):
                Path(folder, name).write_text(CERTIFICATE)
            file = Path(folder, "dotproxy.toml")
            file.write_text(text)
            load(str(file))


class CommandTests(TestCase):
    """Command lines are read, and not run."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        for name in ("lab.pem", "example-ca.pem"):
            Path(self.folder, name).write_text(CERTIFICATE)
        copyfile(ROOT / "deploy" / "dotproxy.toml", f"{self.folder}/dotproxy.toml")

    def test_read(self) -> None:
        """Every flag and word of twistd, dotproxy and make is one that there is."""
        understood = 0
        for path in DOCUMENTS:
            for words in command_lines(path):
                with self.subTest(path=path.name, words=words):
                    understood += self.understand(words)
        self.assertGreater(understood, 40)

    def understand(self, words: list[str]) -> bool:
        """Read a command line, if it is one of ours; SystemExit on a fault."""
        program = Path(words[0]).name
        if program == "twistd":
            ours = [word for word in words if word in ("dotproxy", "dotproxy-lab")]
            if not ours:
                return False
            flags = words[words.index(ours[0]) + 1 :]
            return self.serve(ours[0], flags)
        if program == "make" and words[1:2] == ["run"]:
            given = dict(word.split("=", 1) for word in words[2:])
            return self.serve("dotproxy", shlex.split(given.get("FLAGS", "")))
        if program != "dotproxy" or any(map(PLACEHOLDER.search, words)):
            return False
        if words[1:2] not in (["--help"], ["--version"]):
            read(self.here(words[1:]))
        return True

    def serve(self, program: str, flags: list[str]) -> bool:
        """Read the flags of twistd's part."""
        if program == "dotproxy-lab":
            LabOptions().parseOptions(flags)
        else:
            Options(self.folder).read(self.here(flags))
        return True

    def here(self, words: list[str]) -> list[str]:
        """Name files of a configuration as they are called here."""
        return [
            f"{self.folder}/{Path(word).name}"
            if re.search(r"\.(toml|pem)$", word)
            else word
            for word in words
        ]


class LinkTests(TestCase):
    def test_links(self) -> None:
        """What a link leads to is there, with the heading that it names."""
        followed = 0
        for path in (*DOCUMENTS, ROOT / "benchmarks" / "README.md"):
            for link in LINK.findall(FENCE.sub("", path.read_text())):
                if "://" in link:
                    continue
                place, _, anchor = link.partition("#")
                target = (path.parent / place).resolve() if place else path
                self.assertTrue(target.exists(), f"{path.name}: {link}")
                if anchor:
                    self.assertIn(anchor, heading_anchors(target), f"{path}: {link}")
                followed += 1
        self.assertGreater(followed, 100)

    def test_index(self) -> None:
        """docs/README.md leads to every document."""
        index = ROOT / "docs" / "README.md"
        led = {
            (index.parent / link).resolve() for link in LINK.findall(index.read_text())
        }
        self.assertEqual(set(DOCUMENTS) - led - {index}, set())
