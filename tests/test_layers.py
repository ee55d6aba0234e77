"""The house: imports run downwards only, and no module is too long to read."""

import ast
import re
from pathlib import Path
from unittest import TestCase

import dotproxy

HOUSE = Path(dotproxy.__file__).parent

LONGEST = 300
"""Lines in the longest module: more would be more than one idea."""

FLOORS = (
    {"dotproxy"},  # the version, which is for all
    {"wire"},
    {
        *("config", "clock", "descriptors", "handshake"),
        *("json_log", "reports", "signals", "whole_file"),
    },
    {"local", "upstream", "lab", "journal", "http"},
    {"forwarder", "upstreams", "detours", "loops", "shared", "sharing"},
    {"ruled", "tracing"},
    {"resolver"},
    {"server", "gateway", "cache_file", "lease_file", "core", "rule_files", "pause"},
    {"observe"},
    {"proxy", "workers"},
    {"service"},
    {"cli", "worker"},
)
"""The rooms, lowest first: folders, and modules that stand alone."""

LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}

MODULES = {
    ".".join(path.relative_to(HOUSE.parent).with_suffix("").parts): path.read_text()
    for path in sorted(HOUSE.rglob("*.py"))
}


def room_of(name: str) -> str:
    """Return the room of a dotted name that starts with dotproxy."""
    _, _, below = name.partition(".")
    first = below.partition(".")[0]
    return "dotproxy" if first.startswith("__") or not first else first


def imported(source: str) -> set[str]:
    """Return the dotted names that a source imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{each.name}" for each in node.names}
    return names


def rooms_used(source: str) -> set[str]:
    """Return the rooms from which a source imports."""
    return {
        room_of(name)
        for name in imported(source)
        if name.partition(".")[0] == "dotproxy"
    }


class LayersTests(TestCase):
    def test_rooms(self) -> None:
        """Every room has its floor: who builds one writes it into FLOORS."""
        assert {room_of(module) for module in MODULES} <= set(LEVEL)
        assert "dotproxy.wire.message" in MODULES

    def test_downwards(self) -> None:
        """A module imports from its own room and from the floors below."""
        for module, source in MODULES.items():
            room = room_of(module)
            below = {used for used in LEVEL if LEVEL[used] < LEVEL[room]}
            too_high = rooms_used(source) - below - {room}
            assert not too_high, f"{module} imports from {too_high}"

    def test_twisted(self) -> None:
        """Wire and local know no Twisted and no zope; of config, only the flags do."""
        for module, source in MODULES.items():
            packages = {name.partition(".")[0] for name in imported(source)}
            if room_of(module) in ("wire", "local"):
                assert not packages & {"twisted", "zope"}, module
            elif room_of(module) == "config" and module != "dotproxy.config.options":
                assert "twisted" not in packages, module

    def test_lab(self) -> None:
        """Only the service and the commands may open the lab."""
        for module, source in MODULES.items():
            if room_of(module) not in ("lab", "service", "cli"):
                assert "lab" not in rooms_used(source), module

    def test_shown(self) -> None:
        """ARCHITECTURE.md has every room on its floor, and no other."""
        text = (HOUSE.parent / "ARCHITECTURE.md").read_text()
        rows = re.findall(r"^\| (\d+) \| (.*?) \|", text, re.MULTILINE)
        shown = {
            (room, int(floor))
            for floor, rooms in rows
            for room in re.findall(r"`(\w+)(?:/|\.py)`", rooms)
        }
        assert shown == {*LEVEL.items()} - {("dotproxy", 0)}

    def test_length(self) -> None:
        """A module is one idea, and can be read in one go."""
        for module, source in MODULES.items():
            assert len(source.splitlines()) <= LONGEST, module


class ImportedTests(TestCase):
    def test_anywhere(self) -> None:
        """An import counts wherever it stands, and whichever way it is written."""
        source = (
            "import dotproxy.wire.edns\n"
            "from dotproxy import local, __version__\n"
            "def late():\n"
            "    from dotproxy.lab.zone import Zone\n"
            "    import twisted.names as names\n"
        )
        assert rooms_used(source) == {"wire", "local", "dotproxy", "lab"}
        assert "twisted.names" in imported(source)
