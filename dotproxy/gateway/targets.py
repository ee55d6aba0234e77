"""The addresses that nobody is led to, whatever the DNS says.

An attacker who owns a name in the table, or who forges an answer, could reach with it
what the relay can reach and he cannot: so each address is looked at, after the name was
looked up and before it is dialled.
"""

import socket
from collections.abc import Callable, Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from dotproxy.local.networks import Networks

NAT64 = ip_network("64:ff9b::/96")
"""IPv4 addresses inside IPv6 ones, which a network translates (RFC 6052 2.1)."""

TUNNELS = tuple(
    map(ip_network, ("192.88.99.0/24", "2002::/16", "2001::/32", "fec0::/10"))
)
"""6to4, Teredo and site-local addresses: all given up, and leading who knows where (RFC
7526, RFC 3879)."""

SERVICES = (ip_network("192.0.0.0/24"), ip_network("168.63.129.16/32"))
"""Where clouds keep what is for their machines alone, though it looks public: Oracle's
metadata at 192.0.0.192 (RFC 6890 section 2.2.2), and all that Azure's machines trust.
"""

WILDCARDS = ("0.0.0.0", "::")

NOWHERE = Networks([])

Address = IPv4Address | IPv6Address

Place = tuple[str, int]
"""An IP address and a port."""


class Targets:
    """Judge where an origin says it is.

    `listening` is where the relay itself listens; `own` are networks of more addresses
    that lead to it, such as those that the DNS hands out for it.
    """

    def __init__(
        self,
        listening: Collection[Place],
        own: Networks = NOWHERE,
        is_local: Callable[[str], bool] | None = None,
    ) -> None:
        self._listening = frozenset(listening)
        self._own = own
        self._is_local = is_local or is_of_this_machine

    def refusal(self, address: str, port: int, private: bool) -> str:
        """Say why nobody may be led to a place; nothing if all may.

        Where `private` addresses are allowed, this machine is too, but for the relay.
        """
        there = ip_address(address)
        if bare(there).packed in self._own or self.is_relay(address, port):
            return "is the relay itself"
        if private:
            return ""
        if not is_public(there):
            return "is not public"
        return "is this machine" if self._is_local(str(bare(there))) else ""

    def is_relay(self, address: str, port: int) -> bool:
        """Whether the relay itself listens there."""
        there = bare(ip_address(address))
        if there.is_unspecified:
            # It leads to this machine, by an address that the system chooses.
            return any(port == other for _, other in self._listening)
        if (str(there), port) in self._listening:
            return True
        wild = any((host, port) in self._listening for host in WILDCARDS)
        return wild and self._is_local(str(there))


def bare(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one leads to, or else the address itself."""
    if isinstance(address, IPv6Address):
        if address in NAT64:
            return IPv4Address(address.packed[12:])
        return address.ipv4_mapped or address
    return address


def is_public(address: Address) -> bool:
    """Whether an address is one of the Internet's, and of one host."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return False
        if address in NAT64:
            return is_public(bare(address))
    if any(address in network for network in (*TUNNELS, *SERVICES)):
        return False
    strange = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not strange


def is_of_this_machine(address: str) -> bool:
    """Whether an address is one of this machine's, at this moment.

    Nothing is sent: the system is asked from where it would send there, which for its
    own addresses is the very same.
    """
    if ip_address(address).is_loopback or address in WILDCARDS:
        return True
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))
        except OSError:
            return False
        source: str = probe.getsockname()[0]
        return source == address
