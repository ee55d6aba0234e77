"""Upstreams that are this very proxy, by an address that only the machine knows.

What can be told from the configuration alone, `Config` has refused already: the same
address, and loopback where all addresses are served.
"""

import socket
from ipaddress import ip_address

from dotproxy.config.model import Config, Listen, asks_itself


def refuse_loops(config: Config) -> None:
    """Raise ConfigError if one of the machine's own addresses is asked for what is
    served on all of them."""
    everywhere = [it for it in config.listen if ip_address(it.host).is_unspecified]
    for listen in everywhere:
        for index, upstream in enumerate(config.upstream):
            if any(_is_served(listen, *server) for server in upstream.servers):
                raise asks_itself(index, upstream, listen)


def _is_served(listen: Listen, address: str, port: int) -> bool:
    """Whether a listener for all addresses of a family serves this one, too."""
    same_family = (":" in address) == (":" in listen.host)
    return port == listen.port and same_family and _ours(address)


def _ours(address: str) -> bool:
    """Whether this machine has the address now: only then can a socket have it too."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
