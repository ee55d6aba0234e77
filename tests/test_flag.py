"""What flags say, and how it is refused."""

from unittest import TestCase

from twisted.python import usage

from dotproxy.cli.flag import flags_first, seconds, suggestion
from dotproxy.config.options import checked


class Plain(usage.Options):
    """Some flags."""

    def opt_file(self, text: str) -> None:
        """Take a file."""

    def opt_loud(self) -> None:
        """Be loud."""


def refusal(*arguments: str) -> str:
    try:
        flags_first(Plain(), arguments)
    except usage.UsageError as fault:
        return str(fault)
    raise AssertionError("it was not refused")


class OrderTests(TestCase):
    def test_anywhere(self) -> None:
        """Flags may stand behind what is no flag; all that follows -- is none."""
        arguments = ("one", "--loud", "two", "--file", "x", "--", "--three")
        assert flags_first(Plain(), arguments) == [
            "--loud", "--file=x", "--", "one", "two", "--three",
        ]  # fmt: skip

    def test_odd_value(self) -> None:
        """A value may look like a flag, or be empty."""
        arguments = ("--file=--loud", "--file=")
        assert flags_first(Plain(), arguments) == ["--file=--loud", "--file=", "--"]

    def test_unknown(self) -> None:
        """An unknown flag is named, with the one that was meant, if any is near."""
        assert refusal("--lod") == "option --lod not recognized, did you mean --loud?"
        assert refusal("x", "--zzz") == "option --zzz not recognized, see --help"

    def test_no_value(self) -> None:
        """A flag that lacks its value is told how it is written."""
        expected = "option --file requires argument: write --file=VALUE"
        assert refusal("--file") == expected


class ValueTests(TestCase):
    def test_rule(self) -> None:
        """The fault of a value names the flag, the value and what is allowed."""
        for text in ("x", "", "nan", "0.09", "31", "-1", "inf"):
            with self.assertRaises(usage.UsageError) as caught:
                checked("--wait", text, seconds(0.1, 30))
            rule = "must be a number of seconds from 0.1 to 30"
            assert str(caught.exception) == f"--wait {text!r} {rule}"

    def test_bounds(self) -> None:
        """The bounds themselves are allowed."""
        assert checked("--wait", "0.1", seconds(0.1, 30)) == 0.1
        assert checked("--wait", "30", seconds(0.1, 30)) == 30.0

    def test_suggestion(self) -> None:
        """A word near to a known one is taken for it, any other is not."""
        assert suggestion("chekc", ["check", "pin"]) == "did you mean check?"
        assert suggestion("frobnicate", ["check", "pin"]) == "see --help"
