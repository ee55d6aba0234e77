"""What was found, as types."""

from unittest import TestCase

from dotproxy.cli.check.findings import Status, overall

GOOD, WRONG, UNREACHED = Status.GOOD, Status.WRONG, Status.UNREACHED


class OverallTests(TestCase):
    def test_all_good(self) -> None:
        """What is good throughout is good."""
        assert overall([GOOD, GOOD]) is GOOD

    def test_one_wrong(self) -> None:
        """One wrong part makes the whole wrong, wherever it stands."""
        assert overall([GOOD, WRONG]) is WRONG
        assert overall([WRONG, GOOD]) is WRONG

    def test_unreached(self) -> None:
        """What cannot be reached from here does no harm beside something good."""
        assert overall([GOOD, UNREACHED]) is GOOD

    def test_nothing_good(self) -> None:
        """Without anything good nothing is."""
        assert overall([UNREACHED, UNREACHED]) is WRONG
        assert overall([]) is WRONG
