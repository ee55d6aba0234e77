"""Connect to one of several addresses: the first that proves itself (RFC 8305)."""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any, Generic, TypeVar
from typing import Protocol as TypingProtocol

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IDelayedCall, IReactorTCP, IReactorTime
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure

from dotproxy.upstream.connection import Connection
from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.tls import Authenticator, Identity, Unverified

STAGGER = 0.25
"""Seconds of a head start for each address before the next (RFC 8305 section 5)."""

AGAIN = 0.75
"""Seconds after the last address before those that are silent are tried once more.  A
server that is back answers a new call, but not one that it never heard."""


class Dialled(TypingProtocol):
    """A connection that came about."""

    def abort(self) -> None:
        """Hang up: it came too late."""


D = TypeVar("D", bound=Dialled)

Attempt = Callable[[str], Deferred[Connection]]
"""Connect to one address; fires with a verified connection, may be cancelled."""


class Dial(Generic[D]):
    """One race over the addresses of a server, in their order, over and over.

    A connection wins when `attempt` says so: for an upstream when it is verified, not
    when TCP answers, for whoever merely picks up the phone has shown nothing.
    """

    def __init__(
        self, attempt: Callable[[str], Deferred[D]], clock: IReactorTime
    ) -> None:
        self._attempt = attempt
        self._clock = clock
        self._waiting: list[str] = []
        self._running: dict[Deferred[D], str] = {}
        self._failures: dict[str, str] = {}
        self._refused = False
        self._patience: IDelayedCall | None = None
        self._head_start: IDelayedCall | None = None
        self._over = False
        self._result: Deferred[tuple[str, D]] = Deferred(self._finish)

    @property
    def failed(self) -> Sequence[str]:
        """The addresses that failed so far."""
        return tuple(self._failures)

    def run(self, addresses: Sequence[str], timeout: float) -> Deferred[tuple[str, D]]:
        """Fire with the address that won and its connection.

        Fails with UpstreamError, naming what happened at each address, when all
        have failed or `timeout` seconds are over; Unverified if any was refused
        for what it showed.
        """
        self._waiting = list(dict.fromkeys(addresses))
        self._patience = self._clock.callLater(timeout, self._late)
        self._next()
        return self._result

    def _next(self) -> None:
        """Begin with the next address; what is left of a head start is void."""
        _stop(self._head_start)
        address = self._waiting.pop(0) if self._waiting else None
        if address is None and not self._running:
            self._fail()
            return
        pause, then = (STAGGER, self._next) if self._waiting else (AGAIN, self._again)
        self._head_start = self._clock.callLater(pause, then)
        if address is not None:
            self._begin(address)

    def _again(self) -> None:
        """Begin anew with those that have said nothing."""
        silent = dict.fromkeys(self._running.values())
        self._waiting = [it for it in silent if it not in self._failures]
        self._next()

    def _begin(self, address: str) -> None:
        connecting = self._attempt(address)
        self._running[connecting] = address
        connecting.addCallbacks(
            partial(self._won, connecting), partial(self._lost, connecting)
        )

    def _won(self, connecting: Deferred[D], connection: D) -> None:
        address = self._running.pop(connecting)
        if self._over:
            connection.abort()
            return
        self._finish()
        self._result.callback((address, connection))

    def _lost(self, connecting: Deferred[D], failure: Failure) -> None:
        address = self._running.pop(connecting)
        if not self._over:
            self._failures[address] = failure.getErrorMessage()
            self._refused = self._refused or failure.check(Unverified) is not None
            self._next()

    def _late(self) -> None:
        for address in [*self._running.values(), *self._waiting]:
            self._failures[address] = "no connection in time"
        self._fail()

    def _fail(self) -> None:
        self._finish()
        kind = Unverified if self._refused else UpstreamError
        reasons = (f"{address}: {why}" for address, why in self._failures.items())
        self._result.errback(Failure(kind("; ".join(reasons))))

    def _finish(self, _: object = None) -> None:
        """Stop the timers, and hang up on those who come too late."""
        self._over = True
        _stop(self._patience)
        _stop(self._head_start)
        for connecting in list(self._running):
            connecting.cancel()


def _over_tls(identity: Identity, factory: Factory[Any]) -> TLSMemoryBIOFactory:
    """Put TLS around a protocol, with a record for each write: see `Connection.ask`."""
    wrapping = TLSMemoryBIOFactory(identity, True, factory)
    wrapping.protocol = TLSMemoryBIOProtocol
    wrapping.noisy = False
    return wrapping


def _stop(timer: IDelayedCall | None) -> None:
    if timer is not None and timer.active():
        timer.cancel()


def connector(
    authenticator: Authenticator, port: int, reactor: IReactorTCP, random: Random
) -> Attempt:
    """Return how to connect to one address of an upstream, over TCP and TLS."""

    def attempt(address: str) -> Deferred[Connection]:
        identity = authenticator.expect(address)
        connection = Connection(identity, IReactorTime(reactor), random)
        tcp = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        factory = Factory.forProtocol(lambda: connection)
        factory.noisy = False
        connecting = tcp(reactor, address, port).connect(_over_tls(identity, factory))
        return connecting.addCallback(lambda _: connection.ready)

    return attempt
