"""Addresses behind a name: found once, shared, kept, and used for want of others."""

from collections.abc import Callable
from random import Random

import pytest
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase, TestCase

from dotproxy.upstream.bootstrap import plain
from dotproxy.upstream.bootstrap.plain import PATIENCE
from dotproxy.upstream.bootstrap.source import LONGEST, SHORTEST, Bootstrap
from dotproxy.upstream.interface import UpstreamError
from tests.resolvers import SERVER, V4, V6, Network, Resolver, reply

FIRST, SECOND = ("192.0.2.53", 53), ("192.0.2.54", 53)

BOTH = ["2001:db8::1", "192.0.2.1"]


class BootstrapTests(SynchronousTestCase):
    """With ports in memory, so that the clock and what comes in obey the test."""

    def setUp(self) -> None:
        self.network = Network()
        self.bootstrap = Bootstrap(SERVER, [FIRST, SECOND], self.network, Random(7))

    def tearDown(self) -> None:
        """Every port is closed, and nothing is left to happen."""
        assert self.network.open == []
        assert self.network.getDelayedCalls() == []

    def answer(self, *records: str, rcode: int = 0) -> None:
        """Have the resolver that is asked now answer both questions."""
        for port in self.network.open:
            port.answer(*records, rcode=rcode)

    def find(self, *records: str) -> list[str]:
        """Look up and be answered; return what was found."""
        asked = self.bootstrap.cleartext
        resolving = self.bootstrap.resolve()
        self.answer(*records)
        assert self.bootstrap.cleartext == asked + 2
        return self.successResultOf(resolving)

    def known(self) -> list[str]:
        """Return what is known without asking."""
        asked = self.bootstrap.cleartext
        addresses = self.successResultOf(self.bootstrap.resolve())
        assert self.bootstrap.cleartext == asked
        return addresses

    def is_known(self) -> bool:
        """Whether addresses are there without asking."""
        resolving = self.bootstrap.resolve()
        if resolving.called:
            self.successResultOf(resolving)
            return True
        resolving.cancel()
        self.failureResultOf(resolving, CancelledError)
        return False

    def find_nothing(self) -> Deferred[list[str]]:
        """Look up, and have nobody know anything."""
        resolving = self.bootstrap.resolve()
        self.answer(rcode=3)
        self.answer(rcode=2)
        return resolving

    def test_found(self) -> None:
        """Both families are asked of the first resolver, and both are found."""
        assert self.find(V4, V6) == BOTH
        assert [port.resolver for port in self.network.made] == [FIRST, FIRST]

    def test_kept(self) -> None:
        """What was found is kept for its TTL; a change is seen after that."""
        self.find(f"{SERVER}. 100 A 192.0.2.1", V6)
        self.network.advance(99)
        assert self.known() == BOTH
        self.network.advance(1)
        assert self.find(f"{SERVER}. 300 A 192.0.2.7") == ["192.0.2.7"]

    def test_bounds(self) -> None:
        """No TTL is shorter than a minute or longer than an hour."""
        for ttl, seconds in ((0, SHORTEST), (10**6, LONGEST)):
            self.find(f"{SERVER}. {ttl} A 192.0.2.1")
            self.network.advance(seconds - 1)
            assert self.is_known()
            self.network.advance(1)
            assert not self.is_known()

    def test_own_copy(self) -> None:
        """Whoever gets the addresses may do with them as he likes."""
        self.find(V4).clear()
        self.known().clear()
        assert self.known() == ["192.0.2.1"]

    def test_shared(self) -> None:
        """Whoever asks during a lookup waits for it, and no more is asked."""
        resolving = [self.bootstrap.resolve() for _ in range(3)]
        assert self.bootstrap.cleartext == 2
        self.answer(V4, V6)
        for each in resolving:
            assert self.successResultOf(each) == BOTH

    def test_shared_failure(self) -> None:
        """A failure is for all who wait, and the next one asks anew."""
        other = self.bootstrap.resolve()
        for each in (self.find_nothing(), other):
            self.failureResultOf(each, UpstreamError)
        assert self.find(V4) == ["192.0.2.1"]

    def test_one_cancels(self) -> None:
        """One who cancels takes nothing from the others."""
        one, other = self.bootstrap.resolve(), self.bootstrap.resolve()
        one.cancel()
        self.failureResultOf(one, CancelledError)
        self.answer(V4)
        assert self.successResultOf(other) == ["192.0.2.1"]

    def test_all_cancel(self) -> None:
        """The last one who cancels ends the lookup; the next one starts another."""
        for each in [self.bootstrap.resolve() for _ in range(2)]:
            each.cancel()
            self.failureResultOf(each, CancelledError)
        assert self.network.open == []
        assert self.find(V4) == ["192.0.2.1"]

    def test_cancel_what_is_stale(self) -> None:
        """A lookup that was cancelled says nothing about what was found before."""
        self.find(V4)
        self.network.advance(LONGEST)
        assert not self.is_known()
        assert not self.is_known()

    def test_cancel_by_another(self) -> None:
        """One who is told may cancel the next before that one is; the others hear."""
        one, other, third = [self.bootstrap.resolve() for _ in range(3)]
        one.addErrback(lambda _: other.cancel())
        self.answer(rcode=3)
        self.answer(rcode=3)
        self.successResultOf(one)
        self.failureResultOf(other, CancelledError)
        self.failureResultOf(third, UpstreamError)

    def test_ask_again_when_told(self) -> None:
        """One who is told of a failure may ask again at once."""
        again: list[Deferred[list[str]]] = []
        one, other = self.bootstrap.resolve(), self.bootstrap.resolve()
        one.addErrback(lambda _: again.append(self.bootstrap.resolve()))
        self.answer(rcode=3)
        self.answer(rcode=3)
        self.successResultOf(one)
        self.failureResultOf(other, UpstreamError)
        self.answer(V4)
        assert self.successResultOf(again[0]) == ["192.0.2.1"]

    def test_silent_resolver(self) -> None:
        """After two seconds of silence the next resolver is asked."""
        resolving = self.bootstrap.resolve()
        self.network.advance(PATIENCE)
        assert [port.resolver for port in self.network.open] == [SECOND, SECOND]
        self.answer(V4, V6)
        assert self.successResultOf(resolving) == BOTH
        assert self.bootstrap.cleartext == 4

    def test_error(self) -> None:
        """The error says who was asked for what, and what became of it."""
        resolving = self.bootstrap.resolve()
        self.answer(rcode=3)
        aaaa, a = self.network.open
        aaaa.answer(V4)
        a.refuse()
        failure = self.failureResultOf(resolving, UpstreamError)
        assert failure.getErrorMessage() == (
            "no address for dns.example:"
            " 192.0.2.53:53 (AAAA: NXDOMAIN, A: NXDOMAIN),"
            " 192.0.2.54:53 (AAAA: no addresses, A: Connection refused)"
        )

    def test_found_before(self) -> None:
        """When no resolver knows any, the addresses of last time must do."""
        self.find(V4, V6)
        self.network.advance(LONGEST)
        with capturedLogs() as events:
            assert self.successResultOf(self.find_nothing()) == BOTH
        (event,) = [each for each in events if each["log_level"] is LogLevel.warn]
        assert event["reason"].startswith("no address for dns.example: 192.0.2.53:53")

    def test_rest(self) -> None:
        """They must do for a minute: only then are the resolvers troubled again."""
        self.find(V4)
        self.network.advance(LONGEST)
        self.successResultOf(self.find_nothing())
        self.network.advance(SHORTEST - 1)
        assert self.known() == ["192.0.2.1"]
        self.network.advance(1)
        assert self.find(V6) == ["2001:db8::1"]

    def test_worked(self) -> None:
        """The address that worked goes first, after the next lookup as well."""
        self.find(V4, V6)
        self.bootstrap.worked("192.0.2.1")
        assert self.known() == BOTH[::-1]
        self.network.advance(LONGEST)
        assert self.find(V4, V6) == BOTH[::-1]

    def test_failed(self) -> None:
        """The address that failed goes last."""
        self.find(V4, V6)
        self.bootstrap.failed("2001:db8::1")
        assert self.known() == BOTH[::-1]

    def test_unknown(self) -> None:
        """What is said of an address that a lookup has replaced changes nothing."""
        self.find(V4)
        self.bootstrap.worked("192.0.2.9")
        self.bootstrap.failed("192.0.2.9")
        self.network.advance(SHORTEST)
        assert self.known() == ["192.0.2.1"]

    def test_all_failed(self) -> None:
        """If none of the addresses works, others are looked for after a minute."""
        self.find(V4, V6)
        self.bootstrap.failed("192.0.2.1")
        self.bootstrap.failed("2001:db8::1")
        self.network.advance(SHORTEST - 1)
        assert self.is_known()
        self.network.advance(1)
        assert not self.is_known()

    def test_new_start(self) -> None:
        """With a lookup all addresses have their chance again."""
        self.find(V4, V6)
        self.bootstrap.failed("192.0.2.1")
        self.network.advance(LONGEST)
        self.find(V4, V6)
        self.bootstrap.failed("2001:db8::1")
        self.network.advance(SHORTEST)
        assert self.is_known()

    def test_one_works_again(self) -> None:
        """An address that works is reason enough to keep them all."""
        self.find(V4, V6)
        self.bootstrap.failed("192.0.2.1")
        self.bootstrap.worked("192.0.2.1")
        self.bootstrap.failed("2001:db8::1")
        self.network.advance(SHORTEST)
        assert self.is_known()

    def test_came_back(self) -> None:
        """Our own question is known again while it is under way, however spelled."""
        own, other = b"\3DNS\7example\0\0\x1c\0\1", b"\3dns\7example\0\0\x0f\0\1"
        with capturedLogs() as events:
            assert not self.bootstrap.came_back(own)
            resolving = self.bootstrap.resolve()
            assert [self.bootstrap.came_back(it) for it in (own, other)] == [
                True,
                False,
            ]
            self.answer(V4)
            assert not self.bootstrap.came_back(own)
        self.successResultOf(resolving)
        (line,) = map(formatEvent, events)
        assert line == (
            "the lookup of dns.example came back to us: bootstrap, now 192.0.2.53:53,"
            " 192.0.2.54:53, must name resolvers that do not ask this proxy"
        )

    def test_came_back_again(self) -> None:
        """That is said once, until a lookup was good for something."""
        own = b"\3dns\7example\0\0\1\0\1"

        def lines(*records: str) -> int:
            """Look up while our question comes back twice; count what is logged."""
            with capturedLogs() as events:
                resolving = self.bootstrap.resolve()
                for _ in range(2):
                    assert self.bootstrap.came_back(own)
                self.answer(*records)
                self.answer(*records)
            resolving.addErrback(lambda _: None)
            return len(events)

        assert [lines() for _ in range(3)] == [1, 0, 0]
        assert lines(V4) == 0
        self.network.advance(LONGEST)
        assert lines(V4) == 1

    def test_nonsense(self) -> None:
        """Neither an address to look up nor a name to ask makes sense."""
        for name, resolver in (("192.0.2.1", FIRST), (SERVER, ("dns.example", 53))):
            with pytest.raises(ValueError, match="address"):
                Bootstrap(name, [resolver], self.network, Random(7))


class LoopbackTests(TestCase):
    """With real ports, and so with what the kernel and the reactor make of them."""

    def listen(self, replies: Callable[[bytes], list[bytes]]) -> tuple[str, int]:
        """Have a resolver on loopback until the test is over; return where."""
        self.resolver = Resolver(replies)
        port = reactor.listenUDP(0, self.resolver, "127.0.0.1")
        self.addCleanup(port.stopListening)
        return "127.0.0.1", port.getHost().port

    def bootstrap(self, *resolvers: tuple[str, int]) -> Bootstrap:
        return Bootstrap(SERVER, resolvers, reactor, Random(7))

    async def test_found(self) -> None:
        """Both families come, by two datagrams; the second time by none."""
        bootstrap = self.bootstrap(self.listen(lambda query: [reply(query, V4, V6)]))
        assert sorted(await bootstrap.resolve()) == sorted(BOTH)
        assert sorted(await bootstrap.resolve()) == sorted(BOTH)
        assert bootstrap.cleartext == len(self.resolver.asked) == 2

    async def test_shared(self) -> None:
        """Two who ask at once cost no more than one."""
        bootstrap = self.bootstrap(self.listen(lambda query: [reply(query, V4)]))
        found = await gatherResults([bootstrap.resolve(), bootstrap.resolve()])
        assert found == [["192.0.2.1"], ["192.0.2.1"]]
        assert bootstrap.cleartext == 2

    async def test_silent_then_refused(self) -> None:
        """A silent resolver and a closed port are passed over."""
        self.patch(plain, "PATIENCE", 0.05)
        silent = self.listen(lambda _: [])
        port = reactor.listenUDP(0, DatagramProtocol(), "127.0.0.1")
        closed = "127.0.0.1", port.getHost().port
        await port.stopListening()
        good = self.listen(lambda query: [reply(query, V4)])
        bootstrap = self.bootstrap(silent, closed, good)
        assert await bootstrap.resolve() == ["192.0.2.1"]
        assert bootstrap.cleartext == 6

    async def test_no_such_name(self) -> None:
        """A name that does not exist has no addresses."""
        at = self.listen(lambda query: [reply(query, rcode=3)])
        with self.assertRaises(UpstreamError) as caught:
            await self.bootstrap(at).resolve()
        assert "NXDOMAIN" in str(caught.exception)

    async def test_cancel(self) -> None:
        """Cancelling leaves neither a port nor a timer behind: the reactor is clean."""
        asked: Deferred[None] = Deferred()

        def replies(_: bytes) -> list[bytes]:
            if not asked.called:
                asked.callback(None)
            return []

        resolving = self.bootstrap(self.listen(replies)).resolve()
        await asked
        resolving.cancel()
        with self.assertRaises(CancelledError):
            await resolving
