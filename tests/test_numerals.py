"""How numbers are written for people."""

from unittest import TestCase

from dotproxy.observe.page.numerals import NONE, SPELLINGS


class NumeralTests(TestCase):
    def test_written(self) -> None:
        """Each is written in few digits, and with its unit."""
        for spelling, value, text in (
            ("text", "up", "up"),
            ("note", "gone", "gone"),
            ("notes", ["a", "b"], "a\nb"),
            ("count", 1234567, "1,234,567"),
            ("rate", 0.44, "0.4"),
            ("rate", 3456.7, "3,457"),
            ("percent", 93.44, "93.4 %"),
            ("percent", 6.25, "6.3 %"),
            ("percent", 0.15, "0.1 %"),
            ("milliseconds", 2.5, "2.5 ms"),
            ("milliseconds", 40, "40 ms"),
            ("milliseconds", 1500, "1.5 s"),
            ("size", 2**20, "1.0 MiB"),
            ("span", 0.5, "0 s"),
            ("span", 252.9, "4 min 12 s"),
            ("span", 3600, "1 h 0 min"),
            ("span", 187_200, "2 d 4 h"),
            ("date", "2026-11-23T00:29:43Z", "2026-11-23"),
        ):
            assert SPELLINGS[spelling](value) == text, (spelling, value)

    def test_unknown(self) -> None:
        """What is not known is a dash; a sentence that is not there is nothing."""
        for name, spelling in SPELLINGS.items():
            assert spelling(None) == ("" if name.startswith("note") else NONE), name
