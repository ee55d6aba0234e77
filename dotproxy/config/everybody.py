"""Networks that are so large that who lets them in lets everybody in."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

MOST_IPV4 = 2 ** (32 - 4)
"""Addresses of a /4, a sixteenth of all.  The largest networks of one owner are /8."""

MOST_IPV6 = 2 ** (128 - 16)
"""Addresses of a /16.  The largest networks of one owner are some /19."""

GLOBAL_IPV6 = IPv6Network("2000::/3")
"""Where the IPv6 addresses of the Internet are (RFC 4291 section 2.4).  What is outside
is one's own: fc00::/7 alone would be more than all that may be let in."""


def lets_everybody_in(allow: Iterable[str]) -> bool:
    """Whether networks amount to more of the Internet than one owner can have.

    What they share counts once, and whether it is in one piece does not matter.
    """
    networks = [ip_network(each) for each in allow]
    four = [each for each in networks if isinstance(each, IPv4Network)]
    six = [_global(each) for each in networks if isinstance(each, IPv6Network)]
    return (
        sum(each.num_addresses for each in collapse_addresses(four)) > MOST_IPV4
        or sum(each.num_addresses for each in collapse_addresses(filter(None, six)))
        > MOST_IPV6
    )


def _global(network: IPv6Network) -> IPv6Network | None:
    """Return what a network has of the Internet's addresses, if it has some."""
    if network.supernet_of(GLOBAL_IPV6):
        return GLOBAL_IPV6
    return network if network.subnet_of(GLOBAL_IPV6) else None
