"""The race over an upstream's addresses, and how one of them is connected."""

import time
from datetime import UTC, datetime
from random import Random
from typing import cast

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.test.iosim import ConnectionCompleter, IOPump
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.lab.certificates import Authority, Leaf
from dotproxy.upstream.connection import Connection, State
from dotproxy.upstream.dial import AGAIN, STAGGER, Dial, connector
from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.tls import Authenticator, Trust, Unverified
from tests.connections import Server, Waiting, a_query, tls_records

ONE, TWO, THREE, FOUR = "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"

Dialling = Deferred[tuple[str, Connection]]


class FakeConnection:
    """A connection that knows whether we hung up."""

    def __init__(self) -> None:
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


def connection() -> Connection:
    return cast(Connection, FakeConnection())


class Attempts:
    """Attempts to connect that end when they are told to.

    `began` lists them with their times, `cancelled` those that were let go.  One
    whose address stands in `at_once` ends without delay.  All stand in `made`.
    """

    def __init__(self, clock: Clock) -> None:
        self.began: list[tuple[str, float]] = []
        self.cancelled: list[str] = []
        self.made: list[Deferred[Connection]] = []
        self.at_once: dict[str, Exception | Connection] = {}
        self._clock = clock
        self._under_way: dict[str, Deferred[Connection]] = {}

    def __call__(self, address: str) -> Deferred[Connection]:
        attempt: Deferred[Connection] = Deferred(
            lambda _: self.cancelled.append(address)
        )
        self.began.append((address, self._clock.seconds()))
        self.made.append(attempt)
        self._under_way[address] = attempt
        if address in self.at_once:
            self.end(address, self.at_once[address])
        return attempt

    def end(self, address: str, outcome: Exception | Connection) -> None:
        """End the last attempt at this address, well or not."""
        attempt = self._under_way[address]
        if isinstance(outcome, Exception):
            attempt.errback(outcome)
        else:
            attempt.callback(outcome)


class DialTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.attempts = Attempts(self.clock)
        self.dial = Dial(self.attempts, self.clock)

    def tearDown(self) -> None:
        """However it ends, no timer is left, and no failure that nobody heard of."""
        assert self.clock.getDelayedCalls() == []
        for attempt in self.attempts.made:
            assert self.successResultOf(attempt) is None

    def run_over(self, *addresses: str, timeout: float = 3.0) -> Dialling:
        return self.dial.run(addresses, timeout)

    def error(self, dialling: Dialling) -> UpstreamError:
        error: UpstreamError = self.failureResultOf(dialling, UpstreamError).value
        return error

    def give_up(self, dialling: Dialling) -> None:
        dialling.cancel()
        self.failureResultOf(dialling, CancelledError)


class TurnTests(DialTests):
    def test_head_starts(self) -> None:
        """Each address has 250 ms before the next is tried too (RFC 8305 section 5)."""
        dialling = self.run_over(ONE, TWO, THREE)
        self.clock.advance(0.249)
        assert self.attempts.began == [(ONE, 0.0)]
        self.clock.pump([0.001, 0.25])
        assert self.attempts.began == [(ONE, 0.0), (TWO, 0.25), (THREE, 0.5)]
        self.give_up(dialling)

    def test_failed_address(self) -> None:
        """When one fails, the next is tried at once."""
        dialling = self.run_over(ONE, TWO)
        self.clock.advance(0.125)
        self.attempts.end(ONE, UpstreamError("refused"))
        assert self.attempts.began == [(ONE, 0.0), (TWO, 0.125)]
        assert list(self.dial.failed) == [ONE]
        self.give_up(dialling)

    def test_head_start_after_failure(self) -> None:
        """One that is tried early, since another failed, has its whole head start."""
        dialling = self.run_over(ONE, TWO, THREE)
        self.clock.advance(0.125)
        self.attempts.end(ONE, UpstreamError("refused"))
        self.clock.pump([0.125] * 2)
        self.give_up(dialling)
        assert self.attempts.began == [(ONE, 0.0), (TWO, 0.125), (THREE, 0.375)]

    def test_one_by_one_after_failure(self) -> None:
        """Where one fails without delay, those behind it still begin one by one."""
        self.attempts.at_once[ONE] = UpstreamError("no route")
        dialling = self.run_over(ONE, TWO, THREE, FOUR)
        self.clock.advance(STAGGER)
        self.give_up(dialling)
        assert self.attempts.began == [(ONE, 0.0), (TWO, 0.0), (THREE, STAGGER)]

    def test_none_left_to_try(self) -> None:
        """When one fails and none is left to try, those under way go on."""
        dialling = self.run_over(ONE, TWO)
        self.clock.advance(STAGGER)
        self.attempts.end(TWO, UpstreamError("refused"))
        self.assertNoResult(dialling)
        self.attempts.end(ONE, connection())
        assert self.successResultOf(dialling)[0] == ONE

    def test_none_left_when_the_turn_comes(self) -> None:
        """Where failures used up the addresses, the next turn changes nothing."""
        dialling = self.run_over(ONE, TWO)
        self.attempts.end(ONE, UpstreamError("refused"))
        self.clock.advance(0.5)
        assert self.attempts.began == [(ONE, 0.0), (TWO, 0.0)]
        self.assertNoResult(dialling)
        self.give_up(dialling)


class AgainTests(DialTests):
    """Addresses that are called, and say nothing."""

    def test_silent(self) -> None:
        """After a while they are called again, beside the first calls."""
        dialling = self.run_over(ONE, TWO)
        self.clock.pump([0.25] * 6)
        assert self.attempts.began == [
            (ONE, 0.0), (TWO, 0.25), (ONE, 1.0), (TWO, 1.25)
        ]  # fmt: skip
        assert self.attempts.cancelled == []
        self.give_up(dialling)
        assert self.attempts.cancelled == [ONE, TWO, ONE, TWO]

    def test_back(self) -> None:
        """The call that is heard wins; the one that never was is let go."""
        dialling = self.run_over(ONE)
        self.clock.advance(AGAIN)
        won = connection()
        self.attempts.end(ONE, won)
        assert self.successResultOf(dialling) == (ONE, won)
        assert self.attempts.cancelled == [ONE]

    def test_failed(self) -> None:
        """One that failed is not called again, whatever its other calls do."""
        dialling = self.run_over(ONE, TWO)
        self.attempts.end(ONE, UpstreamError("refused"))
        self.clock.advance(AGAIN)
        self.attempts.end(TWO, UpstreamError("refused"))
        self.clock.pump([AGAIN] * 2)
        assert self.attempts.began == [(ONE, 0.0), (TWO, 0.0), (TWO, AGAIN)]
        self.assertNoResult(dialling)
        self.clock.advance(3.0)
        assert (
            str(self.error(dialling)) == f"{ONE}: refused; {TWO}: no connection in time"
        )


class WinTests(DialTests):
    def test_only_one(self) -> None:
        """A single address needs no race."""
        dialling = self.run_over(ONE)
        self.clock.advance(0.5)
        assert self.attempts.began == [(ONE, 0.0)]
        won = connection()
        self.attempts.end(ONE, won)
        assert self.successResultOf(dialling) == (ONE, won)

    def test_first_verified(self) -> None:
        """The first that is verified wins; the others are let go, and none follows."""
        dialling = self.run_over(ONE, TWO, THREE, FOUR)
        self.clock.pump([STAGGER] * 2)
        won = connection()
        self.attempts.end(TWO, won)
        assert self.successResultOf(dialling) == (TWO, won)
        assert self.attempts.cancelled == [ONE, THREE]
        self.clock.advance(1.0)
        assert len(self.attempts.began) == 3

    def test_not_failed(self) -> None:
        """Those that were let go have not failed; those that failed before have."""
        dialling = self.run_over(ONE, TWO, THREE)
        self.clock.pump([STAGGER] * 2)
        self.attempts.end(TWO, UpstreamError("refused"))
        self.attempts.end(THREE, connection())
        assert self.successResultOf(dialling)[0] == THREE
        assert list(self.dial.failed) == [TWO]

    def test_too_late(self) -> None:
        """One that gets through just as it is let go is hung up."""
        winner, loser = FakeConnection(), FakeConnection()

        def attempt(address: str) -> Deferred[Connection]:
            if address == TWO:
                return succeed(cast(Connection, winner))
            return Deferred(lambda late: late.callback(cast(Connection, loser)))

        dialling = Dial(attempt, self.clock).run([ONE, TWO], 3.0)
        self.clock.advance(STAGGER)
        assert self.successResultOf(dialling)[0] == TWO
        assert (winner.aborted, loser.aborted) == (False, True)

    def test_at_once(self) -> None:
        """One that is connected without delay wins without delay."""
        won = self.attempts.at_once[ONE] = connection()
        dialling = self.run_over(ONE, TWO)
        assert self.successResultOf(dialling) == (ONE, won)
        assert self.attempts.began == [(ONE, 0.0)]

    def test_second_at_once(self) -> None:
        """It may be the second, where the first fails without delay too."""
        self.attempts.at_once[ONE] = UpstreamError("no route")
        won = self.attempts.at_once[TWO] = connection()
        assert self.successResultOf(self.run_over(ONE, TWO, THREE)) == (TWO, won)
        assert len(self.attempts.began) == 2

    def test_given_twice(self) -> None:
        """An address that is given twice leaves no second connection behind."""
        made: list[Deferred[Connection]] = []

        def attempt(address: str) -> Deferred[Connection]:
            made.append(Deferred(lambda _: self.attempts.cancelled.append(address)))
            return made[-1]

        dialling = Dial(attempt, self.clock).run([ONE, ONE], 3.0)
        self.clock.advance(STAGGER)
        won = connection()
        made[0].callback(won)
        assert self.successResultOf(dialling) == (ONE, won)
        assert len(self.attempts.cancelled) == len(made) - 1


class FailureTests(DialTests):
    def test_all_failed(self) -> None:
        """When all failed it ends at once, and says what happened at each."""
        dialling = self.run_over(ONE, TWO)
        self.clock.advance(STAGGER)
        self.attempts.end(TWO, UpstreamError("no TLS: Connection lost"))
        self.attempts.end(ONE, ConnectionRefusedError())
        error = self.error(dialling)
        assert str(error) == (
            f"{TWO}: no TLS: Connection lost;"
            f" {ONE}: Connection was refused by other side."
        )
        assert not isinstance(error, Unverified)
        assert list(self.dial.failed) == [TWO, ONE]

    def test_all_at_once(self) -> None:
        """That holds where all fail without delay."""
        for address in (ONE, TWO, THREE):
            self.attempts.at_once[address] = UpstreamError("no route")
        error = self.error(self.run_over(ONE, TWO, THREE))
        assert str(error) == f"{ONE}: no route; {TWO}: no route; {THREE}: no route"
        assert [address for address, _ in self.attempts.began] == [ONE, TWO, THREE]

    def test_timeout(self) -> None:
        """The time-out names every address, those never tried too, and lets go."""
        dialling = self.run_over(ONE, TWO, THREE, timeout=0.375)
        self.clock.advance(STAGGER)
        self.clock.advance(0.124)
        self.assertNoResult(dialling)
        self.clock.advance(0.001)
        assert str(self.error(dialling)) == (
            f"{ONE}: no connection in time; {TWO}: no connection in time;"
            f" {THREE}: no connection in time"
        )
        assert self.attempts.cancelled == [ONE, TWO]
        assert list(self.dial.failed) == [ONE, TWO, THREE]

    def test_some_in_time(self) -> None:
        """A reason that was known before the time-out stays."""
        dialling = self.run_over(ONE, TWO)
        self.attempts.end(ONE, UpstreamError("refused"))
        self.clock.advance(3.0)
        expected = f"{ONE}: refused; {TWO}: no connection in time"
        assert str(self.error(dialling)) == expected

    def test_unverified(self) -> None:
        """Where one was refused for what it showed, that is the kind of failure."""
        for first, last in ((ONE, TWO), (TWO, ONE)):
            dialling = Dial(self.attempts, self.clock).run([ONE, TWO], 3.0)
            self.clock.advance(STAGGER)
            self.attempts.end(first, Unverified("wrong name"))
            self.attempts.end(last, UpstreamError("refused"))
            error = self.error(dialling)
            assert isinstance(error, Unverified)
            assert str(error) == f"{first}: wrong name; {last}: refused"

    def test_unverified_and_late(self) -> None:
        """That holds where the time-out came for the others."""
        dialling = self.run_over(ONE, TWO)
        self.attempts.end(ONE, Unverified("wrong name"))
        self.clock.advance(3.0)
        error = self.error(dialling)
        assert isinstance(error, Unverified)
        assert str(error) == f"{ONE}: wrong name; {TWO}: no connection in time"

    def test_cancel(self) -> None:
        """Cancelling lets go of all that are under way, and tries no more."""
        dialling = self.run_over(ONE, TWO, THREE)
        self.clock.advance(STAGGER)
        dialling.cancel()
        self.failureResultOf(dialling, CancelledError)
        assert self.attempts.cancelled == [ONE, TWO]
        self.clock.advance(5.0)
        assert len(self.attempts.began) == 2
        assert list(self.dial.failed) == []


class ConnectorTests(SynchronousTestCase):
    def setUp(self) -> None:
        """Listen with the certificate of dns.example, in memory."""
        self.reactor = MemoryReactorClock()
        self.authority = Authority.create("root", datetime.now(UTC))
        issued = self.authority.issue(Leaf(names=("dns.example",)))
        server = Factory.forProtocol(Protocol)
        listening = TLSMemoryBIOFactory(Server(issued), False, server)
        self.reactor.listenTCP(853, listening)
        self.network = ConnectionCompleter(self.reactor)

    def tearDown(self) -> None:
        """However it ends, no timer is left."""
        assert self.reactor.getDelayedCalls() == []

    def connect(
        self, address: str = ONE, name: str = "dns.example"
    ) -> Deferred[Connection]:
        trust = Trust(server_name=name, roots=self.authority.pem)
        authenticator = Authenticator(trust, time.time)
        attempt = connector(authenticator, 853, self.reactor, Random(1))
        return attempt(address)

    def accept(self) -> IOPump:
        """Let TCP come about, and nothing more; return what carries the octets."""
        pump = self.network.succeedOnce(greet=False)
        assert pump is not None, "somebody connects to the port that listens"
        return pump

    def test_families(self) -> None:
        """IPv4 or IPv6, the address itself is dialled, on the port given."""
        for address in (ONE, THREE):
            connecting = self.connect(address)
            assert self.reactor.tcpClients[-1][:2] == (address, 853)
            connecting.cancel()
            self.failureResultOf(connecting)

    def test_quiet(self) -> None:
        """A connection to one address is no news for the log."""
        connecting = self.connect()
        factory = self.reactor.tcpClients[0][2]
        with capturedLogs() as events:
            factory.doStart()
            factory.doStop()
        assert events == []
        connecting.cancel()
        self.failureResultOf(connecting)

    def test_verified(self) -> None:
        """It fires with the connection when the peer is verified, no sooner."""
        connecting = self.connect()
        pump = self.accept()
        self.assertNoResult(connecting)
        pump.flush()
        connection = self.successResultOf(connecting)
        assert connection.state is State.READY
        assert not pump.clientIO.disconnecting

    def test_records(self) -> None:
        """Each query leaves in a TLS record of its own; real servers want it so."""
        connecting = self.connect()
        pump = self.accept()
        pump.flush()
        connection = self.successResultOf(connecting)
        for name in ("a.example", "b.example", "a.much.longer.example"):
            connection.ask(Waiting(a_query(name)).asked, 128)
        self.reactor.advance(0)
        lengths = tls_records(bytes(pump.clientIO.getOutBuffer() or b""))
        assert len(lengths) == 3
        assert len(set(lengths)) == 1, "the length tells nothing of the question"

    def test_not_verified(self) -> None:
        """Who shows another's certificate is refused, and hung up on."""
        connecting = self.connect(name="another.example")
        pump = self.accept()
        pump.flush()
        error = self.failureResultOf(connecting, Unverified).value
        assert "not for another.example" in str(error)
        assert pump.clientIO.disconnecting

    def test_no_tcp(self) -> None:
        """It fails where not even TCP is to be had."""
        connecting = self.connect()
        self.network.failOnce()
        self.failureResultOf(connecting, ConnectionRefusedError)

    def test_cancelled_before_tcp(self) -> None:
        """Cancelled before TCP answers, it stops connecting."""
        connecting = self.connect()
        connecting.cancel()
        self.failureResultOf(connecting)
        assert self.reactor.connectors[0].stoppedConnecting

    def test_cancelled_during_tls(self) -> None:
        """Cancelled during the handshake, it hangs up."""
        connecting = self.connect()
        pump = self.accept()
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        assert pump.clientIO.disconnecting
        pump.flush()
