"""The lines on which settings stand."""

from unittest import TestCase

from dotproxy.config.setting import Path
from dotproxy.config.toml_lines import line_of

TEXT = '''\
# timeout = 1
listen = [
  "127.0.0.1:5300",   # [forward]
  "[::1]:5300",
]

note = """
[forward]
timeout = 2
"""
"quoted key" = 3
dotted.key = 4
inline = { key = 5 }

[[upstream]]
address = "192.0.2.1"

[[upstream]]
port = 8853
address = "192.0.2.2"

[forward] # timeout
timeout = 6
padding = 0'''


class LineTests(TestCase):
    def check(self, text: str, lines: dict[Path, int | None]) -> None:
        self.assertEqual({path: line_of(text, path) for path in lines}, lines)

    def test_keys(self) -> None:
        """A key is found where it is set, not where it is only spoken of."""
        self.check(
            TEXT,
            {
                ("forward", "timeout"): 23,
                ("forward", "padding"): 24,
                ("upstream", 0, "address"): 16,
                ("upstream", 1, "address"): 20,
                ("upstream", 1, "port"): 19,
            },
        )

    def test_spellings(self) -> None:
        """Every spelling of a key is found: quoted, dotted, inline."""
        self.check(
            TEXT,
            {("quoted key",): 11, ("dotted", "key"): 12, ("inline", "key"): 13},
        )

    def test_tables(self) -> None:
        """A table begins with its header."""
        self.check(TEXT, {("forward",): 22, ("upstream", 0): 15, ("upstream", 1): 18})

    def test_many_lines(self) -> None:
        """A value of many lines is found where its statement begins."""
        self.check(TEXT, {("listen",): 2, ("listen", 1): 2, ("note",): 7})

    def test_not_there(self) -> None:
        """What the text does not set has no line."""
        self.check(
            TEXT,
            {
                ("timeout",): None,
                ("upstream", 2): None,
                ("upstream", 0, "port"): None,
                ("listen", "port"): None,
                ("dotted", "key", "more"): None,
            },
        )
        self.check("", {("listen",): None})

    def test_first_line(self) -> None:
        """Lines count from 1."""
        self.check("a = 1\nb = 2", {("a",): 1, ("b",): 2})

    def test_carriage_returns(self) -> None:
        """Lines that end as on Windows count the same."""
        windows = TEXT.replace("\n", "\r\n")
        self.check(windows, {("listen",): 2, ("forward", "padding"): 24})

    def test_only_newlines_count(self) -> None:
        """Other signs that part lines elsewhere do not in TOML."""
        self.check('a = "\u2028\x85"\nb = 2', {("b",): 2})
