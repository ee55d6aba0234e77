"""The PROXY protocol: tell one's own backend who the client is, or hear it from a
load balancer.

The source is proxy-protocol.txt of HAProxy: section 2.1 for version 1, a line of text,
and section 2.2 for version 2.
"""

from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from dotproxy.wire.message import FormatError
from dotproxy.wire.vector import write_vector

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
"""How a header begins, as nothing else does."""

LINE = b"PROXY "
"""How one of version 1 begins."""

LONGEST_LINE = 107
"""Octets of version 1, with its end."""

LONGEST = 536
"""Octets of version 2 that are read: a header should fit into the smallest segment that
every host takes.  By its length it might have 65551."""

_FIXED = len(SIGNATURE) + 4
"""Octets until its length is known, and what it begins with."""

_PROXIED = b"\x21"
"""Version 2, and a connection that is relayed for another."""

_LOCAL = b"\x20"
"""Version 2, and a connection of the balancer's own: it looks after us."""

_TCP = {4: b"\x11", 6: b"\x21"}

_SIZES = {1: 4, 2: 16}
"""Octets of an address, by the family."""

_WITHOUT = (0, 3)
"""Families without an IP address: none is known, or a UNIX socket."""

_DATAGRAM = 2
"""The last of the transports.  Who hands on what came over UDP may say so."""

_HIGHEST_PORT = 65_535

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


class Header(NamedTuple):
    """What a header says: the client, and how many octets it had to say so.

    The client is None where the balancer speaks for itself, or knows no IP address.
    """

    client: Place | None
    size: int


def read_proxy_header(octets: bytes) -> Header | None:
    """Read the header at the beginning of a stream; None until it is whole.

    Raises FormatError as soon as it can be none, or one that is too long.
    """
    if octets.startswith(SIGNATURE[:1]):
        return _read_binary(octets)
    return _read_line(octets)


def _read_line(octets: bytes) -> Header | None:
    if not LINE.startswith(octets[: len(LINE)]):
        raise FormatError("no PROXY header")
    end = octets.find(b"\r\n", 0, LONGEST_LINE)
    if end < 0:
        if len(octets) >= LONGEST_LINE:
            raise FormatError("a PROXY header without an end")
        return None
    _, family, *words = octets[:end].split(b" ")
    if family == b"UNKNOWN":
        return Header(None, end + 2)
    if family not in (b"TCP4", b"TCP6") or len(words) != 4:
        raise FormatError("a PROXY header of version 1 that says something else")
    version = int(family[3:])
    client, _ = _spelled(words[0], version), _spelled(words[1], version)
    port, _ = map(_port, words[2:])
    return Header((client, port), end + 2)


def _read_binary(octets: bytes) -> Header | None:
    if not SIGNATURE.startswith(octets[: len(SIGNATURE)]):
        raise FormatError("no PROXY header")
    if len(octets) < _FIXED:
        return None
    command, family, transport = octets[12:13], octets[13] >> 4, octets[13] & 0xF
    size = _FIXED + int.from_bytes(octets[14:16], "big")
    if command not in (_PROXIED, _LOCAL) or size > LONGEST:
        raise FormatError("a PROXY header of another version, or too long")
    if len(octets) < size:
        return None
    if command == _LOCAL or family in _WITHOUT:
        return Header(None, size)
    length = _SIZES.get(family)
    if length is None or transport > _DATAGRAM or size < _FIXED + 2 * length + 4:
        raise FormatError("a PROXY header without its addresses")
    ports = _FIXED + 2 * length
    port = int.from_bytes(octets[ports : ports + 2], "big")
    return Header((_plain(octets[_FIXED : _FIXED + length]), port), size)


def _spelled(word: bytes, version: int) -> str:
    """Read an address of this version of IP; a zone means nothing to us."""
    try:
        address = ip_address(word.decode("ascii"))
    except ValueError:
        raise FormatError("a PROXY header with no address") from None
    if address.version != version or b"%" in word:
        raise FormatError("a PROXY header with an address of another family")
    return _plain(address.packed)


def _plain(packed: bytes) -> str:
    """Spell an address; an IPv4 address inside an IPv6 one becomes what it is."""
    address = ip_address(packed)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


def _port(word: bytes) -> int:
    if not (word.isdigit() and len(word) <= 5 and int(word) <= _HIGHEST_PORT):
        raise FormatError("a PROXY header with no port")
    return int(word)
