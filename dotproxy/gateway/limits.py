"""What a client may take of the gateway's time and room."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GatewayLimits:
    """Bound the relayed connections.  Times are in seconds."""

    first_octet: float = 5.0
    """From a connection to its first octet: a TLS client speaks first, and at once."""
    hello: float = 10.0
    """From a connection to the end of the hello.  Its second segment may be lost three
    times, and said again after 1, 2 and 4 seconds (RFC 6298)."""
    connect: float = 5.0
    """For the look-up of an origin, and again for the connection to it."""
    idle: float = 600.0
    """For which no octet goes either way."""
    per_client: int = 100
    """Connections of one client."""
    in_all: int = 2000
    """Connections of all clients together; each takes two descriptors."""
    new_per_second: float = 50.0
    """New connections of one client per second; twice as many may come at once."""
