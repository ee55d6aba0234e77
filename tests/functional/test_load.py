"""Many clients at once."""

from unittest import TestCase

from tests.functional.clients import dnsperf
from tests.functional.processes import Stage
from tests.functional.standing import lab_proxy, standing
from tests.long import long

QUESTIONS = (
    "www.lab.example A",
    "www.lab.example AAAA",
    "alias.lab.example A",
    "nope.lab.example A",
)
"""One in four does not exist."""


class LoadTests(TestCase):
    def assert_all_answered(self, port: int, seconds: int) -> None:
        load = dnsperf(Stage.create(self.addCleanup), port, QUESTIONS, seconds)
        self.assertEqual(load.lost, 0)
        self.assertGreater(load.sent, 1000)
        missing = load.sent // len(QUESTIONS)
        expected = {"NOERROR": load.sent - missing, "NXDOMAIN": missing}
        self.assertEqual(load.rcodes, expected)

    def test_lab(self) -> None:
        """With 200 queries under way all the time, none is lost and none fails."""
        self.assert_all_answered(lab_proxy().port, 2)

    def test_unbound(self) -> None:
        """So it is with a server in another process."""
        [unbound, *_] = standing()
        self.assert_all_answered(unbound.forgetful.port, 2)

    @long
    def test_others(self) -> None:
        """So it is with servers that read one query of a TLS record at a time."""
        _, *others = standing()
        for each in others:
            with self.subTest(server=each.peer.name):
                self.assert_all_answered(each.forgetful.port, 1)
