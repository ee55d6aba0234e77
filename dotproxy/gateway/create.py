"""From what is configured to a relay that serves."""

from collections.abc import Callable, Sequence
from ipaddress import ip_network
from socket import socket
from typing import Any, NamedTuple

from dotproxy.config.gateway import Gateway
from dotproxy.config.model import Config
from dotproxy.config.spelling import address_and_port
from dotproxy.gateway.admission import Admission
from dotproxy.gateway.connector import connector
from dotproxy.gateway.counts import Counts
from dotproxy.gateway.entrance import Entrance
from dotproxy.gateway.guide import Guide, Signposts
from dotproxy.gateway.limits import GatewayLimits
from dotproxy.gateway.origins import Origins, Resolve
from dotproxy.gateway.relay import Common
from dotproxy.gateway.relays import Relays
from dotproxy.gateway.targets import Targets
from dotproxy.local.networks import Networks, octets
from dotproxy.local.redirects import Redirect, Redirects


class Surroundings(NamedTuple):
    """What a gateway needs of others."""

    redirects: Redirects
    resolve: Resolve
    current: Callable[[], Gateway]
    """What is configured now: the addresses may change while the relay runs."""
    relays: int
    """How many relays there is room for."""


def create_gateway(
    config: Config, sockets: Sequence[socket], others: Surroundings, reactor: Any
) -> Entrance:
    """Return the relay on these sockets."""
    gateway, table = config.gateway, others.redirects
    default = gateway.default_backend
    backend = Redirect(address_and_port(default)) if default else None
    listening = [bound.getsockname()[:2] for bound in sockets]

    def own() -> Networks:
        reached = others.current().reached_at
        return Networks([*map(ip_network, reached), *gateway.leased])

    guide = Guide(
        Signposts(table.find, table.name_at, default=backend, port=gateway.port),
        Origins(others.resolve, reactor, gateway.connect_timeout),
        Targets(listening, own),
        connector(reactor, gateway.sources),
    )
    limits = _limits(gateway, others.relays)
    common = Common(guide, limits, Counts(), reactor)
    allows = _allows(gateway.allow or config.access.allow)
    factory = Relays(common, Admission(limits, allows))
    return Entrance(sockets, factory, reactor, gateway.drain_timeout)


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


def _allows(allow: Sequence[str]) -> Callable[[str], bool]:
    networks = Networks(list(map(ip_network, allow)))

    def allows(host: str) -> bool:
        address = octets(host)
        return address is not None and address in networks

    return allows
