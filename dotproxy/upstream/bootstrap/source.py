"""Find a server's own address by plain DNS, where only its name is configured.

This is the one question that leaves in clear (RFC 8310 section 7.2).  A forged
reply can at worst lead to a peer that TLS refuses.
"""

from collections.abc import Sequence
from functools import partial
from itertools import starmap
from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime, IReactorUDP
from twisted.logger import Logger
from twisted.python.failure import Failure

from dotproxy.config.spelling import host_name, ip_literal, joined
from dotproxy.upstream.addresses import Addresses
from dotproxy.upstream.bootstrap.lookup import look_up
from dotproxy.upstream.bootstrap.lookup_message import Found, questions_for
from dotproxy.upstream.bootstrap.plain import Plain
from dotproxy.upstream.interface import UpstreamError
from dotproxy.wire.message import fold

SHORTEST, LONGEST = 60.0, 3600.0
"""Seconds for which addresses are kept, whatever their TTL says."""


class Bootstrap:
    """The addresses behind a name, asked of plain resolvers when they are needed.

    They are kept for their TTL, so that a reconnect asks nothing; only for a minute
    if none of them works.  If no resolver knows any, those found before are used.
    `resolvers` are IP addresses and ports, asked in their order.  `reactor` provides
    IReactorTime as well.  Raises ValueError for what is no host name or IP address.
    """

    log = Logger()

    def __init__(
        self,
        name: str,
        resolvers: Sequence[tuple[str, int]],
        reactor: IReactorUDP,
        random: Random,
    ) -> None:
        self._name = host_name(name)
        self._resolvers = [(ip_literal(host), port) for host, port in resolvers]
        self._plain = Plain(reactor, random)
        self._clock = IReactorTime(reactor)
        self._known: frozenset[str] = frozenset()
        self._failed: set[str] = set()
        self._last_good = ""
        self._addresses = Addresses(())
        self._learned = self._fresh_until = float("-inf")
        self._lookup: Deferred[Found]
        self._waiting: list[Deferred[list[str]]] = []
        self._questions = questions_for(self._name)
        self._loop_told = False

    @property
    def cleartext(self) -> int:
        """Count the datagrams that left in clear."""
        return self._plain.sent

    def resolve(self) -> Deferred[list[str]]:
        """Fire with the addresses in the order to try them.

        Whoever asks during a lookup shares it; it ends with the last who cancels.
        Fails with UpstreamError, which says what each resolver had to say.
        """
        if self._clock.seconds() < self._fresh_until:
            return self._addresses.resolve()
        waiting: Deferred[list[str]] = Deferred(self._forget)
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            self._look_up()
        return waiting

    def worked(self, address: str) -> None:
        """Try this one first from now on, after the next lookup too."""
        self._last_good = address
        self._failed.clear()
        if address in self._known:
            self._addresses.worked(address)

    def failed(self, address: str) -> None:
        """Try this one last from now on; if all have failed, look for others soon."""
        if address not in self._known:
            return
        self._addresses.failed(address)
        self._failed.add(address)
        if self._failed == self._known:
            self._fresh_until = self._learned + SHORTEST

    def came_back(self, question: bytes) -> bool:
        """Whether this asks for what is being looked up.

        Somebody whom we asked asks us, then, and waits for an answer that waits for
        his.  This is logged once, until a lookup succeeds.
        """
        if not self._waiting or fold(question) not in self._questions:
            return False
        if not self._loop_told:
            self._loop_told = True
            self.log.warn(
                "the lookup of {name} came back to us: bootstrap, now {resolvers},"
                " must name resolvers that do not ask this proxy",
                name=self._name,
                resolvers=", ".join(starmap(joined, self._resolvers)),
            )
        return True

    def _look_up(self) -> None:
        ask = partial(self._plain.ask, self._name)
        finding = look_up(self._resolvers, ask, self._clock)
        self._lookup = Deferred.fromCoroutine(finding)
        learning = self._lookup.addCallback(self._learn)
        learning.addErrback(self._make_do).addBoth(self._tell)

    def _learn(self, found: Found) -> None:
        self._loop_told = False
        self._known = frozenset(found.addresses)
        self._addresses = Addresses(found.addresses)
        if self._last_good in self._known:
            self._addresses.worked(self._last_good)
        self._keep(found.ttl)

    def _make_do(self, failure: Failure) -> None:
        """Use what was found before, and let the resolvers rest for a while."""
        failure.trap(UpstreamError)
        reason = f"no address for {self._name}: {failure.getErrorMessage()}"
        if not self._known:
            raise UpstreamError(reason)
        self.log.warn("{reason}; using those found before", reason=reason)
        self._keep(SHORTEST)

    def _keep(self, seconds: float) -> None:
        self._failed.clear()
        self._learned = self._clock.seconds()
        self._fresh_until = self._learned + min(max(seconds, SHORTEST), LONGEST)

    def _tell(self, outcome: Failure | None) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            # One that was told before may have cancelled the next.
            if each.called:
                continue
            if outcome is None:
                self._addresses.resolve().chainDeferred(each)
            else:
                each.errback(outcome)

    def _forget(self, gone: Deferred[list[str]]) -> None:
        """End the lookup with the last who waits for it."""
        if gone in self._waiting:
            self._waiting.remove(gone)
            if not self._waiting:
                self._lookup.cancel()
