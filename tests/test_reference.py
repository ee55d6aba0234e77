"""docs/reference.md has every flag, key, preset and command, as the code has them."""

import re
from collections.abc import Mapping
from pathlib import Path
from unittest import TestCase

from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from dotproxy.cli.main import Options as Command
from dotproxy.config.caching import Caching
from dotproxy.config.certificate import Certificate
from dotproxy.config.model import DEFAULT_LISTEN, Config
from dotproxy.config.options import VALUES, Options
from dotproxy.config.presets import PRESETS
from dotproxy.config.rule import Rule
from dotproxy.config.setting import Texts
from dotproxy.config.shared_cache import Shared
from dotproxy.config.toml_file import KEYS, TABLES
from dotproxy.config.upstream import Upstream

ROOT = Path(__file__).parent.parent

TOP = "At the top"

SHOWN: Mapping[str, type[Struct]] = {
    TOP: Config,
    "[[upstream]]": Upstream,
    "[certificate]": Certificate,
    "[[rule]]": Rule,
    "[cache]": Caching,
    "[cache.shared]": Shared,
    **{f"[{name}]": kind for name, kind in TABLES.items()},
}
"""The tables of keys by their headings."""

OTHERWISE = {
    (TOP, "listen"): tuple(map(str, DEFAULT_LISTEN)),
    # The file may leave addresses away, and give names in their place.
    ("[[upstream]]", "addresses"): (),
}
"""What holds where a type has no default, and the file does."""

PLAIN = {"`--help`": "Show this text.", "`--version`": "Show the versions"}
"""Flags without a value, and how their text begins."""


def spelled(value: object) -> str:
    """Spell a default as the file would have it."""
    if value is NODEFAULT:
        return "required"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(quoted, value))}]`"
    return f"`{quoted(value) if isinstance(value, str) else value}`"


def quoted(text: str) -> str:
    """Spell a string as the file would have it."""
    return f'"{text}"'


def row_of(heading: str, field: FieldInfo) -> list[str]:
    """Return what the table says of a key, but for what it is for."""
    default = OTHERWISE.get((heading, field.name), field.default)
    # What the file spells as strings is of types of its own.
    kind = field.type if hasattr(field.type, "__metadata__") else Texts
    allowed = kind.__metadata__[0].description
    return [f"`{field.name}`", spelled(default), allowed]


class ReferenceTests(TestCase):
    def setUp(self) -> None:
        self.text = (ROOT / "docs" / "reference.md").read_text()

    def rows(self, heading: str) -> list[list[str]]:
        """Return the cells of the table under a heading, without its first two rows."""
        parts = re.split(r"^##+ (.*)$", self.text, flags=re.MULTILINE)
        section = dict(zip(parts[1::2], parts[2::2], strict=True))[heading]
        lines = [line for line in section.splitlines() if line.startswith("|")]
        return [re.split(r" ?(?<!\\)\| ?", line)[1:-1] for line in lines[2:]]

    def test_keys(self) -> None:
        """Every key has its default and what it may be, and there is no other."""
        for heading, kind in SHOWN.items():
            rows = self.rows(heading)
            own = [
                row_of(heading, field)
                for field in fields(kind)
                if heading != TOP or field.name in ("listen", "profile", "workers")
            ]
            if heading == "[cache]":
                own = [row for row in own if row[0] != "`shared`"]
            assert [row[:3] for row in rows] == own, heading
            assert all(what for *_, what in rows), heading

    def test_tables(self) -> None:
        """Every table of the file has a section."""
        told = {heading.strip("[]") for heading in SHOWN if heading != TOP}
        top = {row[0].strip("`") for row in self.rows(TOP)}
        assert set(KEYS) | {"cache.shared"} == told | top

    def test_flags(self) -> None:
        """Every flag has its value and what --help says of it, defaults included."""
        rows = {flag: what for flag, _, what in self.rows("Flags")}
        docs = Options().docs
        for flag, value in VALUES.items():
            shown = f"`--{flag} {value}`" if value else f"`--{flag}`"
            said = rows.pop(shown)
            expected = PLAIN.get(shown) or " ".join(docs[flag].split())
            assert said.startswith(expected), flag
        assert rows == {}

    def test_presets(self) -> None:
        """Every preset has its addresses and its name."""
        rows = [
            [
                f"`{name}`",
                ", ".join(f"`{address}`" for address in upstream.addresses),
                f"`{upstream.server_name}`",
            ]
            for name, upstream in PRESETS.items()
        ]
        assert self.rows("Presets") == rows

    def test_commands(self) -> None:
        """Every command has its arguments, its flags, and what it does."""
        rows = []
        for _, _, options, what in Command.subCommands:
            synopsis = options.synopsis.removesuffix(" [options]").replace("|", r"\|")
            flags = (
                f"`--{flag} {value}`" if value else f"`--{flag}`"
                for flag, value in options.takes.items()
                if flag not in ("help", "version")
            )
            rows.append([f"`{synopsis}`", ", ".join(flags), what])
        assert self.rows("Commands") == rows


class ReadmeTests(TestCase):
    def test_flags(self) -> None:
        """The most used flags are spelled as they are, and all presets are named."""
        text = (ROOT / "README.md").read_text()
        shown = re.findall(r"^\| `--([\w-]+) (\w+)` \|", text, re.MULTILINE)
        assert len(shown) >= 6
        assert set(shown) <= set(VALUES.items())
        presets = ", ".join(f"`{name}`" for name in PRESETS)
        assert f"Presets: {presets}." in text
