"""How the gateway fares at this moment, as a type; see `status.py`."""

from msgspec import Struct

from dotproxy.observe.subject import Subject


class GatewayStatus(Struct, frozen=True):
    """The gateway.  Octets are those of relays that are over."""

    listeners: tuple[str, ...]
    open: int
    """Clients that are there."""
    results: dict[str, int]
    """Those that left, or were never let in, by what became of them."""
    octets_up: int
    octets_down: int


def gateway_status(subject: Subject) -> GatewayStatus | None:
    """Look at the gateway, if there is one."""
    gateway = subject.gateway
    if not gateway.addresses:
        return None
    counts = gateway.counts
    return GatewayStatus(
        listeners=tuple(gateway.addresses),
        open=counts.open,
        results=dict(counts.results),
        octets_up=counts.up,
        octets_down=counts.down,
    )
