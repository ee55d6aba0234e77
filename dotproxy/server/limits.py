"""How much of us the clients may have."""

from dataclasses import dataclass

from twisted.logger import Logger

from dotproxy.config.clients import Clients
from dotproxy.config.model import Config
from dotproxy.descriptors import PER_RELAY, raise_descriptors, room

DEFAULT = Clients()

RESERVED = 100
"""Descriptors that are no client's: listeners, files, the reactor, and clients that
are on their way in or out."""

PER_UPSTREAM_CONNECTION = 2
"""Descriptors for each: it may be on its way out while another is dialled."""

log = Logger()


@dataclass(frozen=True)
class Limits:
    """Bounds on clients; times in seconds (RFC 7766 sections 6.2.3 and 10)."""

    first_query: float = 5.0
    """For the first query to arrive, as a whole."""
    idle: float = DEFAULT.idle_timeout
    """Between a query or an answer and the next query."""
    under_way: int = 100
    """Queries of one connection that are asked at the same time."""
    unread: int = 256 * 1024
    """Octets of answers kept for a client that does not read them for a second."""
    unread_in_all: int = 64 * 2**20
    """Octets of answers kept for all such clients together."""
    per_client: int = DEFAULT.max_tcp_per_client
    """Connections of one client network."""
    in_all: int = DEFAULT.max_tcp
    """Connections of all clients together."""
    queries: int = DEFAULT.max_queries
    """Queries of all clients, over UDP and TCP, that wait for their answers."""

    @property
    def streamed(self) -> int:
        """Queries over TCP among them: beyond, they wait in their sockets."""
        return max(self.queries // 2, 1)


DEFAULT_LIMITS = Limits()


def limits_for(config: Config) -> Limits:
    """Return what `config` allows, or less if the system has too few descriptors.

    The limit of this process is raised as far as that needs, and may be.
    """
    clients = config.clients
    reserved = _reserved(config) + _relays(config)
    wanted = clients.max_tcp + reserved
    in_all = room(raise_descriptors(wanted), reserved, clients.max_tcp)
    if in_all < clients.max_tcp:
        log.warn(
            "room for {room} TCP clients only, not {wished}: allow {wanted} open files"
            " (ulimit -n, LimitNOFILE=), or lower max_tcp",
            room=in_all,
            wished=clients.max_tcp,
            wanted=wanted,
        )
    return Limits(
        idle=clients.idle_timeout,
        per_client=clients.max_tcp_per_client,
        in_all=in_all,
        queries=clients.max_queries,
    )


def relays_for(config: Config) -> int:
    """Return how many relays the gateway may have, two descriptors each."""
    relays = _relays(config)
    others = _reserved(config) + config.clients.max_tcp
    descriptors = room(raise_descriptors(others + relays), others, relays)
    return max(descriptors // PER_RELAY, 1)


def _reserved(config: Config) -> int:
    upstreams = max(len(config.upstream), 1)
    connections = upstreams * config.forward.max_connections
    return RESERVED + PER_UPSTREAM_CONNECTION * connections


def _relays(config: Config) -> int:
    """Return how many descriptors are for the gateway."""
    listens = bool(config.gateway.listen)
    return PER_RELAY * config.gateway.max_connections * listens
