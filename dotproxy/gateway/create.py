"""From what is configured to what relays go by."""

from collections.abc import Callable, Collection
from ipaddress import ip_network
from typing import Any, NamedTuple

from dotproxy.config.gateway import Gateway
from dotproxy.config.model import Config
from dotproxy.config.spelling import address_and_port
from dotproxy.gateway.connector import connector
from dotproxy.gateway.counts import Counts
from dotproxy.gateway.guide import Connects, Guide, Signposts
from dotproxy.gateway.limits import GatewayLimits
from dotproxy.gateway.origins import Origins, Resolve
from dotproxy.gateway.relay import Common
from dotproxy.gateway.socks import through
from dotproxy.gateway.targets import Place, Targets
from dotproxy.local.networks import Networks, octets
from dotproxy.local.redirects import Redirect, Redirects
from dotproxy.wire.socks import Login


class Surroundings(NamedTuple):
    """What a gateway needs of others."""

    redirects: Redirects
    resolve: Resolve
    room: Callable[[Config], int]
    """How many relays there is room for, as is configured."""
    counts: Counts


def create_common(
    config: Config, listening: Collection[Place], others: Surroundings, reactor: Any
) -> Common:
    """Return what relays have in common, as is configured; who is `listening` is us."""
    gateway, table = config.gateway, others.redirects
    default = gateway.default_backend
    backend = Redirect(address_and_port(default)) if default else None
    own = Networks([*map(ip_network, gateway.reached_at), *gateway.leased])
    guide = Guide(
        Signposts(table.find, table.name_at, default=backend, port=gateway.port),
        Origins(others.resolve, reactor, gateway.connect_timeout),
        Targets(listening, own),
        _connects(gateway, reactor),
    )
    limits = _limits(gateway, others.room(config))
    return Common(guide, limits, others.counts, reactor)


def _connects(gateway: Gateway, reactor: Any) -> Connects:
    """Return how to connect: to origins by way of the proxy, if there is one."""
    connect = connector(reactor, gateway.sources)
    if gateway.proxy is None:
        return Connects(connect, connect)
    user, password = gateway.socks5_user, gateway.socks5_password
    login = Login(user, password) if user else None
    return Connects(connect, through(gateway.proxy, login, connect))


def allows_for(config: Config) -> Callable[[str], bool]:
    """Return what says whether a client may come in: those who may ask, if no others
    are given."""
    allow = config.gateway.allow or config.access.allow
    networks = Networks(list(map(ip_network, allow)))

    def allows(host: str) -> bool:
        address = octets(host)
        return address is not None and address in networks

    return allows


def _limits(config: Gateway, relays: int) -> GatewayLimits:
    return GatewayLimits(
        first_octet=min(GatewayLimits.first_octet, config.hello_timeout),
        hello=config.hello_timeout,
        connect=config.connect_timeout,
        idle=config.idle_timeout,
        per_client=config.max_per_client,
        in_all=relays,
        new_per_second=config.new_per_second,
    )
