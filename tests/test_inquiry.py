"""One query in clear on its way to one server."""

import errno
from random import Random
from typing import Any

import dns.flags
import dns.message
from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.upstream.inquiry import PATIENCE, RETRY_AFTER, Inquiry, Way
from dotproxy.upstream.interface import NETWORK_ERROR, UNREACHABLE, UpstreamError
from dotproxy.upstream.udp_question import Address
from dotproxy.wire.framing import frame
from dotproxy.wire.message import TC
from tests.clients import TcpTransport
from tests.fakes import NXDOMAIN, make_query
from tests.resolvers import Network, Port, reply
from tests.traces import follow

ONE, TWO = ("10.0.0.1", 53), ("10.0.0.2", 53)


def cut_short(query: bytes) -> bytes:
    """Return a reply that holds nothing, and says that there is more."""
    whole = reply(query)
    return whole[:2] + bytes((whole[2] | TC,)) + whole[3:]


class InquiryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.network = Network()
        self.network.advance(100)
        self.way = Way(self.network, Random(7), self.network)
        self.query = make_query("nas.home.arpa")

    def begin(self, *servers: Address) -> Inquiry:
        inquiry = Inquiry(self.query, servers or (ONE,), self.way)
        inquiry.begin()
        return inquiry

    @property
    def port(self) -> Port:
        """The port that is open: there is never more than one."""
        (port,) = self.network.open
        return port

    def pass_time(self, inquiry: Inquiry, seconds: float) -> None:
        self.network.advance(seconds)
        inquiry.look(self.network.seconds())

    def error(self, inquiry: Inquiry) -> tuple[str, int]:
        error = self.failureResultOf(inquiry.result, UpstreamError).value
        return str(error), error.code


class UdpTests(InquiryTests):
    def test_answer(self) -> None:
        """The query goes to the server under an ID of ours, and its answer returns."""
        inquiry = self.begin()
        assert self.port.resolver == ONE
        sent = dns.message.from_wire(self.port.sent)
        assert sent.question == dns.message.from_wire(self.query.wire).question
        assert sent.id != 0x1234
        assert sent.options == ()
        assert self.way.sent == 1
        self.port.receive(reply(self.port.sent, "nas.home.arpa. 60 A 10.0.0.9"))
        answer = self.successResultOf(inquiry.result)
        assert dns.message.from_wire(answer.body).answer[0][0].address == "10.0.0.9"
        assert self.network.open == []

    def test_any_answer(self) -> None:
        """Whatever the server says is its answer, as long as it is whole."""
        inquiry = self.begin()
        self.port.answer(rcode=NXDOMAIN)
        assert self.successResultOf(inquiry.result).rcode == NXDOMAIN

    def test_ids(self) -> None:
        """Each query has an ID of its own."""
        ids = {self.begin()._question._query[:2] for _ in range(32)}  # type: ignore
        assert len(ids) > 30

    def test_lost(self) -> None:
        """A query that was lost is sent once more, from another port."""
        inquiry = self.begin()
        first = self.port
        self.pass_time(inquiry, RETRY_AFTER - 0.01)
        assert self.port is first
        self.pass_time(inquiry, 0.01)
        assert self.port is not first
        assert self.port.resolver == ONE
        assert self.port.sent[2:] == first.sent[2:]
        assert self.port.sent[:2] != first.sent[:2]
        assert self.way.sent == 2
        self.port.answer()
        self.successResultOf(inquiry.result)

    def test_silence(self) -> None:
        """Once more and not again: then it fails, as nobody answered."""
        inquiry = self.begin()
        self.pass_time(inquiry, RETRY_AFTER)
        self.pass_time(inquiry, PATIENCE - 0.01)
        self.assertNoResult(inquiry.result)
        self.pass_time(inquiry, 0.01)
        assert self.error(inquiry) == ("no reply", UNREACHABLE)
        assert self.network.open == []
        assert self.way.sent == 2

    def test_refused(self) -> None:
        """Where nobody listens it is not sent again."""
        inquiry = self.begin()
        self.port.refuse()
        assert self.error(inquiry) == ("Connection refused", NETWORK_ERROR)
        assert self.way.sent == 1

    def test_no_network(self) -> None:
        """What cannot be sent fails at once."""
        self.network.fault = OSError(errno.ENETUNREACH, "Network is unreachable")
        inquiry = self.begin(ONE, TWO)
        reason, code = self.error(inquiry)
        assert reason.startswith("10.0.0.1: [Errno 101] Network is unreachable")
        assert code == NETWORK_ERROR
        assert self.way.sent == 0

    def test_unreadable(self) -> None:
        """A reply that cannot be read is no answer."""
        inquiry = self.begin()
        self.port.receive(reply(self.port.sent)[:-1])
        reason, _ = self.error(inquiry)
        assert reason.startswith("the answer cannot be read: ")

    def test_cancel(self) -> None:
        """Cancelled, it closes its port, and that is the end."""
        inquiry = self.begin()
        inquiry.result.cancel()
        self.failureResultOf(inquiry.result, CancelledError)
        assert self.network.open == []


class AddressesTests(InquiryTests):
    """A server with two addresses."""

    def test_late(self) -> None:
        """The second is asked when the first is late; each is asked once."""
        inquiry = self.begin(ONE, TWO)
        assert self.port.resolver == ONE
        self.pass_time(inquiry, RETRY_AFTER)
        assert self.port.resolver == TWO
        assert inquiry.server == TWO
        self.pass_time(inquiry, PATIENCE)
        expected = "10.0.0.1: no reply; 10.0.0.2: no reply"
        assert self.error(inquiry) == (expected, UNREACHABLE)

    def test_refused(self) -> None:
        """It is asked at once where the first refuses."""
        inquiry = self.begin(ONE, TWO)
        self.port.refuse()
        assert self.port.resolver == TWO
        self.port.answer()
        self.successResultOf(inquiry.result)


class TcpTests(InquiryTests):
    """What does not fit a datagram."""

    def begin_over_tcp(self) -> tuple[Inquiry, Any]:
        inquiry = self.begin(ONE, TWO)
        self.port.receive(cut_short(self.port.sent))
        (dialled,) = self.network.dialled
        assert (dialled.host, dialled.port) == ONE
        assert self.network.open == []
        return inquiry, dialled

    def reply(self, transport: TcpTransport, make: Any) -> None:
        (query,) = transport.take()
        transport.protocol.dataReceived(frame(make(query)))

    def test_whole(self) -> None:
        """The same server is asked over TCP, and its answer is the answer."""
        inquiry, dialled = self.begin_over_tcp()
        self.reply(dialled.take(), reply)
        assert not self.successResultOf(inquiry.result).truncated
        assert self.way.sent == 2

    def test_cut_short_again(self) -> None:
        """What even TCP brings cut short must do."""
        inquiry, dialled = self.begin_over_tcp()
        self.reply(dialled.take(), cut_short)
        assert self.successResultOf(inquiry.result).truncated
        assert len(self.network.dialled) == 1

    def test_refused(self) -> None:
        """Where TCP fails, what was cut short must do, too."""
        inquiry, dialled = self.begin_over_tcp()
        dialled.refuse()
        assert self.successResultOf(inquiry.result).truncated
        assert self.way.sent == 1

    def test_silence(self) -> None:
        """So it must where TCP brings nothing in time."""
        inquiry, dialled = self.begin_over_tcp()
        transport = dialled.take()
        self.pass_time(inquiry, PATIENCE)
        assert self.successResultOf(inquiry.result).truncated
        assert transport.disconnected


class TraceTests(InquiryTests):
    def test_octets(self) -> None:
        """A trace has the octets that leave in clear and arrive, each time."""
        told = follow(self.query)
        self.begin()
        sent = self.port.sent
        short = cut_short(sent)
        self.port.receive(short)
        assert told.steps[:2] == [
            f"sent: to 10.0.0.1 port 53 in clear over UDP, 42 octets: {sent.hex()}",
            f"arrived: {len(short)} octets: {short.hex()}",
        ]
        assert " in clear over TCP, 42 octets: " in told.steps[2]
