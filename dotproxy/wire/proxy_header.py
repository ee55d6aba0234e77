"""The PROXY protocol, version 2: tell one's own backend who the client is.

The source is proxy-protocol.txt of HAProxy, section 2.2.
"""

from ipaddress import ip_address

from dotproxy.wire.vector import write_vector

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
"""How a header begins, as nothing else does."""

_PROXIED = b"\x21"
"""Version 2, and a connection that is relayed for another."""

_TCP = {4: b"\x11", 6: b"\x21"}

_ALPN, _AUTHORITY = b"\x01", b"\x02"

Place = tuple[str, int]
"""An IP address and a port."""


def write_proxy_header(
    client: Place, reached: Place, name: str, protocols: tuple[bytes, ...]
) -> bytes:
    """Write the header that stands in front of all else.

    `reached` is where the client connected to, in the same family; `name` the server
    that it named, if any.  Of `protocols`, which the client offers, one alone is told:
    of several nobody knows yet which it will be.
    """
    source, destination = (
        ip_address(host.partition("%")[0]) for host, _ in (client, reached)
    )
    ports = b"".join(port.to_bytes(2, "big") for _, port in (client, reached))
    values = b""
    if len(protocols) == 1:
        values += _ALPN + write_vector(protocols[0], 2)
    if name:
        values += _AUTHORITY + write_vector(name.encode("ascii"), 2)
    ends = source.packed + destination.packed + ports
    return SIGNATURE + _PROXIED + _TCP[source.version] + write_vector(ends + values, 2)
