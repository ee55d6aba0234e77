"""Where an origin is: asked of our own upstreams, and nobody else."""

from collections.abc import Callable
from ipaddress import ip_address

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from dotproxy.upstream.bootstrap.lookup import Both
from dotproxy.upstream.bootstrap.lookup_message import (
    Family,
    Found,
    merge,
    write_query,
)
from dotproxy.upstream.interface import UpstreamError
from dotproxy.wire.answer import parse_answer
from dotproxy.wire.message import HEADER, RECORD
from dotproxy.wire.query import Query, parse_query

_RCODES = {2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}


Resolve = Callable[[Query], bytes | Deferred[bytes]]
"""Return the reply to a query, or fire with it.  Who does so must redirect nothing, or
the relay is led to itself."""


class Origins:
    """Look up the addresses of host names, both families at once."""

    def __init__(self, resolve: Resolve, clock: IReactorTime, timeout: float) -> None:
        self._resolve = resolve
        self._clock = clock
        self._timeout = timeout

    async def addresses(self, name: str) -> tuple[str, ...]:
        """Return the addresses in the order to try them (RFC 8305 sections 3 and 4).

        Raises UpstreamError, which says what came of both families.
        """
        asking = {family: self._ask(name, family) for family in Family}
        both = Both(asking, self._clock)
        await both.settled
        if not both.found:
            raise UpstreamError(", ".join(both.failures))
        return merge(both.found).addresses

    def _ask(self, name: str, family: Family) -> Deferred[Found]:
        query = parse_query(write_query(name, family, 0))
        query.deadline = self._clock.seconds() + self._timeout
        reply = self._resolve(query)
        replying = succeed(reply) if isinstance(reply, bytes) else reply
        return replying.addCallback(_found, family)


def _found(reply: bytes, family: Family) -> Found:
    """Return the addresses in a reply; whoever made it has followed the aliases."""
    answer = parse_answer(reply)
    if answer.rcode:
        raise UpstreamError(_RCODES.get(answer.rcode, f"RCODE {answer.rcode}"))
    *_, count, _, _ = HEADER.unpack_from(answer.body)
    found = [
        answer.body[record.fixed + RECORD.size : record.end]
        for record in answer.records[:count]
        if record.type == family
    ]
    addresses = tuple(str(ip_address(each)) for each in found if len(each) in (4, 16))
    if not addresses:
        raise UpstreamError("no addresses")
    return Found(addresses, 0)
