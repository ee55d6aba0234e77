"""What a trace is shown of upstreams."""

from typing import cast

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.upstream.asked import Server
from dotproxy.upstream.seen import (
    candidates,
    note_arrived,
    note_sent,
    note_sent_in_clear,
    rcode_of,
)
from tests.connections import Waiting, a_query
from tests.fakes import REFUSED, FakeServer, make_answer, make_query
from tests.test_connection import a_line
from tests.traces import Told


class CandidatesTests(SynchronousTestCase):
    def setUp(self) -> None:
        clock = Clock()
        self.fakes = [FakeServer(name, clock) for name in "abc"]
        self.servers = cast(list[Server], self.fakes)

    def test_order(self) -> None:
        """All are named in their order, with how they fare."""
        self.fakes[1].go_down("refused")
        self.fakes[2].come_up()
        first, *others = self.servers
        assert candidates([first], others) == (
            "a (up), then b (down: refused), then c (up, usually 10 ms)"
        )
        assert candidates(self.servers[:2], []) == "a (up) and b (down: refused)"

    def test_nobody(self) -> None:
        """Where nobody may be asked, that is what is said."""
        said = candidates([], self.servers)
        assert said == "all are down, and none may be tried yet"


class OctetsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.told = Told()

    def test_sent(self) -> None:
        """What leaves over TLS is told with its connection, and whole."""
        connection = a_line().connection
        peer = IPv4Address("TCP", "192.0.2.1", 853)
        connection.transport.getPeer = lambda: peer  # type: ignore[method-assign]
        connection.pending.add(Waiting(a_query()).asked, 0.0)
        connection.pending.add(Waiting(a_query()).asked, 0.0)
        connection.last_used = connection.since + 2.5
        note_sent(self.told, connection, b"\0\xff")
        [step] = self.told.steps
        assert step == (
            "sent: to 192.0.2.1 port 853, TLSv1.3, open for 2.5 s,"
            " with 1 more under way, 2 octets: 00ff"
        )

    def test_in_clear(self) -> None:
        """What leaves in clear is told to be so."""
        note_sent_in_clear(self.told, ("2001:db8::1", 53), "TCP", b"\1")
        assert self.told.steps == [
            "sent: to 2001:db8::1 port 53 in clear over TCP, 1 octets: 01"
        ]

    def test_arrived(self) -> None:
        """What arrives is told whole."""
        note_arrived(self.told, b"\1\2")
        assert self.told.steps == ["arrived: 2 octets: 0102"]

    def test_rcode(self) -> None:
        """RCODEs have their names."""
        assert rcode_of(make_answer(make_query(), REFUSED)) == "REFUSED"
        short = make_answer(make_query(), truncated=True)
        assert rcode_of(short) == "NOERROR, cut short,"
