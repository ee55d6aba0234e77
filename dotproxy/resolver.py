"""A Twisted IResolver whose every question leaves over verified TLS."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import NamedTuple, TypeAlias, cast

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IReactorTime, IResolver
from twisted.names.common import ResolverBase
from twisted.names.dns import AAAA, IN, A, Message, Record_A, Record_AAAA, RRHeader
from twisted.names.dns import Query as NamesQuery
from zope.interface import implementer

from dotproxy.clock import uptime
from dotproxy.config.model import Config, ConfigError
from dotproxy.forwarder import Forwarder, Local
from dotproxy.local.book import Book
from dotproxy.local.cache import Cache
from dotproxy.local.client_subnet import ClientSubnet
from dotproxy.local.failures import Failures
from dotproxy.local.memory import Memory
from dotproxy.local.refusals import Refusals
from dotproxy.local.rules import Rules
from dotproxy.ruled import Ruled
from dotproxy.upstream.interface import IUpstream
from dotproxy.upstreams import routes
from dotproxy.wire.query import parse_query

HTTPS = 65
"""A type that twisted.names has no name for (RFC 9460 section 9)."""

Sections: TypeAlias = tuple[list[RRHeader], list[RRHeader], list[RRHeader]]
"""The records that answer, those of the authority, and additional ones."""


class Known(NamedTuple):
    """What is known here: by rules, and from answers that came before."""

    rules: Rules
    cache: Cache


@implementer(IResolver)
class DoTResolver(ResolverBase):
    """Look names up by way of a forwarder.

    Every lookup fires with three lists of records, or fails as twisted.names does:
    with DNSNameError for NXDOMAIN, DNSServerError for SERVFAIL, and so on.  Without
    a time-out of its own it ends after `timeout` seconds.
    """

    def __init__(
        self, forwarder: Forwarder, clock: IReactorTime, timeout: float = 5.0
    ) -> None:
        super().__init__()
        self.forwarder = forwarder
        self._clock = clock
        self._timeout = timeout

    def lookupHTTPS(
        self, name: str | bytes, timeout: Sequence[float] | None = None
    ) -> Deferred[Sections]:
        """Look up how a web site wants to be reached (RFC 9460)."""
        looking: Deferred[Sections] = self.query(NamesQuery(name, HTTPS, IN), timeout)
        return looking

    def getHostByName(
        self, name: str, timeout: Sequence[float] | None = None, effort: int = 10
    ) -> Deferred[str]:
        """Fire with one address of `name`: IPv4, or IPv6 if it has no other.

        The aliases on the way are the upstream's to follow, so `effort` is not needed.
        """
        looking: Deferred[Sections] = self.lookupAddress(name, timeout)
        return looking.addCallback(
            lambda sections: _address(sections) or self._ipv6_address(name, timeout)
        )

    def _ipv6_address(
        self, name: str, timeout: Sequence[float] | None
    ) -> Deferred[str]:
        def found(sections: Sections) -> str:
            address = _address(sections)
            if address is None:
                raise DNSLookupError(f"{name} has no address")
            return address

        looking: Deferred[Sections] = self.lookupIPV6Address(name, timeout)
        return looking.addCallback(found)

    def _lookup(
        self, name: bytes, cls: int, type: int, timeout: Sequence[float] | None
    ) -> Deferred[Sections]:
        """Ask the forwarder; this is what every lookup of the base class calls."""
        message = Message(recDes=1)
        message.addQuery(name, type, cls)
        try:
            query = parse_query(message.toStr())
        except ValueError as fault:
            # A name that cannot be: twisted.names says so, or we do.
            return fail(fault)
        patience = sum(timeout) if timeout else self._timeout
        query.deadline = self._clock.seconds() + patience
        reply = self.forwarder.resolve(query)
        replying = succeed(reply) if isinstance(reply, bytes) else reply
        return replying.addCallback(self._sections)

    def _sections(self, reply: bytes) -> Sections:
        message = Message()
        message.fromStr(reply)
        if message.rCode:
            raise self.exceptionForCode(message.rCode)(message)
        return message.answers, message.authority, message.additional


def create_resolver(config: Config, reactor: IReactorTime) -> DoTResolver:
    """Make a resolver that asks the upstreams of `config`, and has its rules and cache.

    Its connections come and go by themselves; nothing need be started.
    """
    known = Known(Rules(read_book(config)), Cache(config.cache, uptime))
    upstream = routes(config, reactor, known.rules.route)
    forwarder = create_forwarder(config, upstream, reactor, known)
    return DoTResolver(forwarder, reactor, config.forward.timeout)


def create_forwarder(
    config: Config, upstream: IUpstream, clock: IReactorTime, known: Known
) -> Forwarder:
    """Join what is known here, and an upstream that is asked for the rest."""
    memory = Memory(known.cache, Failures(uptime), known.rules.is_led)
    timeout = config.cache.stale_client_timeout
    ruled = Ruled(upstream, known.rules)
    locals_: list[Local] = [Refusals(), known.rules]
    if config.forward.ecs != "strip":
        locals_.append(ClientSubnet(keep=config.forward.ecs == "keep"))
    return Forwarder(locals_, memory, ruled, clock, timeout)


def read_book(config: Config, before: Book | None = None) -> Book:
    """Read the lists of the configured rules; a million names take some seconds.

    What is as it was in the book before is not read again.  Raises ConfigError if a
    list cannot be read.
    """
    try:
        return Book.read(config.naming, before)
    except OSError as fault:
        rule = f"cannot be read: {fault.strerror}"
        raise ConfigError(str(fault.filename), rule) from None


def _address(sections: Sections) -> str | None:
    """Return the first address in an answer, as text."""
    for record in sections[0]:
        if record.type in (A, AAAA):
            payload = cast(Record_A | Record_AAAA, record.payload)
            return str(ip_address(cast(bytes, payload.address)))
    return None
