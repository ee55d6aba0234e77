"""The client behind a proxy that speaks for many, by X-Forwarded-For.

Each proxy adds to the end of the field whom it heard from; what stands before that may
be written by anybody.  So it is read from its end, as far as proxies are trusted.
"""

from ipaddress import IPv6Address, ip_address

from dotproxy.local.networks import Networks, octets

MOST = 10
"""Entries that are looked at: so many proxies in a row would be a mistake."""


def client_behind(proxy: str, forwarded: bytes, trusted: Networks) -> str:
    """Return the address of who asked `proxy`: the last that is no trusted proxy's.

    What is no address ends the search: the client is then who wrote it.
    """
    client = proxy
    for entry in reversed(forwarded.rsplit(b",", MOST)):
        packed = octets(client)
        if packed is None or packed not in trusted:
            break
        address = _address(entry.strip())
        if address is None:
            break
        client = address
    return client


def _address(entry: bytes) -> str | None:
    """Read an address, with or without brackets and a port, as some write it."""
    host = entry.decode("ascii", "replace")
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)
