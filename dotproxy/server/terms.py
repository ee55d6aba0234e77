"""On which terms clients are served: how long they wait, how much they may have, and
who they are."""

from dataclasses import dataclass

from dotproxy.config.model import Config
from dotproxy.local.gate import Gate, create_gate
from dotproxy.local.networks import Networks
from dotproxy.server.limits import DEFAULT_LIMITS, Limits, limits_for

NOWHERE = Networks(())


@dataclass(frozen=True)
class Terms:
    """`timeout` is how long clients are taken to wait, in seconds."""

    timeout: float = 5.0
    limits: Limits = DEFAULT_LIMITS
    gate: Gate | None = None
    """Who lets queries in; None where nobody is ever turned away."""
    balancers: Networks = NOWHERE
    """Where connections begin with a PROXY header."""
    proxies: Networks = NOWHERE
    """Where requests over HTTP say whose they are."""


def terms_for(config: Config, seed: bytes) -> Terms:
    """Return what is configured; `seed` is random, see `Rate`.

    The limit of open files is raised as far as that needs, and may be.
    """
    gate = create_gate(config.access, config.rate_limit, seed)
    clients = config.clients
    return Terms(
        config.forward.timeout,
        limits_for(config),
        gate,
        Networks(clients.balancers),
        Networks(clients.proxies),
    )
