"""How addresses, networks, names and pins are spelled: text in, its usual spelling out.

Each function raises ValueError with the rule that was broken, worded so that it can
follow the text at fault: "must be ...".
"""

import re
from base64 import b64decode, b64encode
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface

LONGEST_NAME = 253
"""Characters of a name, dots included: 255 octets in a message (RFC 1035 2.3.4)."""

PIN_SIZE = 32
"""Octets of a pin: it is a SHA-256 digest (RFC 7858 section 4.2)."""

HIGHEST_PORT = 65_535
"""Ports are 16 bits wide."""

WILDCARDS = ("0.0.0.0", "::")
"""All addresses of a family."""

TLS = "tls://"
"""What begins an address where DNS over TLS is served."""

_MAPPED_PREFIX = 96
"""Bits before the IPv4 address in an IPv6 one (RFC 4291 section 2.5.5.2)."""

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_PORT_ALONE = re.compile(r"([a-z]+://)?(:[0-9]{1,5})(/.*)?")
_HOST_AND_PORT = re.compile(
    r"(?:\[(?P<bracketed>[^\]]*)\]|(?P<plain>[^:]*))(?::(?P<port>[0-9]{1,5}))?"
)


def ip_literal(text: str) -> str:
    """Return an IP address in its shortest spelling.

    A zone (`fe80::1%eth0`) is refused: no certificate can name one.
    """
    try:
        if "%" in text:
            raise ValueError
        return str(ip_address(text))
    except ValueError:
        raise ValueError(
            "must be an IP address such as 192.0.2.1 or 2001:db8::1,"
            " not a name, and without a zone"
        ) from None


def network(text: str) -> str:
    """Return a network such as `192.168.1.0/24` in its shortest spelling.

    An address alone is a network of one.  IPv4 networks written as IPv6
    (`::ffff:10.0.0.0/104`) become what they are.
    """
    prefix = text.partition("/")[2]
    try:
        if "%" in text or ("/" in text and not prefix.isdecimal()):
            raise ValueError
        given = ip_interface(text)
    except ValueError:
        raise ValueError(
            "must be a network such as 192.168.1.0/24 or fd00::/8, or an IP address,"
            " without a zone"
        ) from None
    if given.ip != given.network.network_address:
        raise ValueError(
            f"has bits beyond its prefix: write {_shortest(given.network)} for the"
            f" network, or {given.ip} for the one address"
        )
    return _shortest(given.network)


def address_and_port(text: str, default: int | None = None) -> tuple[str, int]:
    """Split `192.0.2.1:53`, `[2001:db8::1]:53` into the address and the port.

    A text without a port has the port `default`; if that is None, it needs one.
    """
    match = _HOST_AND_PORT.fullmatch(text)
    host, digits = text, None
    if match:
        host, digits = match["bracketed"] or match["plain"] or "", match["port"]
    port = int(digits) if digits else default
    if port is None:
        raise ValueError(
            "must be an IP address and a port such as 127.0.0.1:5300 or [::1]:5300"
        )
    if port > HIGHEST_PORT:
        raise ValueError(f"must have a port of at most {HIGHEST_PORT}")
    return ip_literal(host), port


def spread(text: str) -> tuple[str, ...]:
    """Return a place to listen at, or if it has no address, as `:53`, those for all.

    What stands around it stays.  Whether that can be read is for others to say.
    """
    found = _PORT_ALONE.fullmatch(text)
    if found is None:
        return (text,)
    before, port, behind = found.groups(default="")
    return f"{before}0.0.0.0{port}{behind}", f"{before}[::]{port}{behind}"


def place(text: str) -> str:
    """Return an address and a port as they are, if they are spelled as usual."""
    host, port = address_and_port(text)
    if not port or joined(host, port) != text:
        raise ValueError(f"must be spelled {joined(host, port or 443)}")
    return text


def joined(address: str, port: int) -> str:
    """Join what `address_and_port` splits."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def host_name(text: str) -> str:
    """Return a host name as it is, if it is one: letters, digits, hyphens and dots.

    Its last label is not all digits, else it is a mistyped address (RFC 1123
    section 2.1).
    """
    try:
        ip_literal(text)
    except ValueError:
        pass
    else:
        raise ValueError(
            "is an address: leave it away, an address needs no name to be verified"
        )
    labels = text.split(".")
    spelled_well = all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdecimal()
    if not spelled_well or len(text) > LONGEST_NAME:
        raise ValueError(
            "must be a host name such as dns.example.net: letters, digits, hyphens"
            f" and dots, at most {LONGEST_NAME} (other scripts in their xn-- form)"
        )
    return text


def spki_pin(text: str) -> str:
    """Return a pin as plain base64; curl's `sha256//` may stand in front.

    A pin is the SHA-256 digest of a public key's DER form (RFC 7858 section 4.2).
    """
    try:
        digest = b64decode(text.removeprefix("sha256//"), validate=True)
    except ValueError:
        digest = b""
    if len(digest) != PIN_SIZE:
        raise ValueError(
            f"must be sha256//BASE64 or plain base64 of {PIN_SIZE} octets,"
            " the SHA-256 of a public key (SPKI)"
        )
    return b64encode(digest).decode("ascii")


def _shortest(spelled: IPv4Network | IPv6Network) -> str:
    """Spell a network, without a prefix if it is one address."""
    mapped = getattr(spelled.network_address, "ipv4_mapped", None)
    if mapped is not None:
        spelled = IPv4Network((mapped, spelled.prefixlen - _MAPPED_PREFIX))
    return str(spelled).removesuffix(f"/{spelled.max_prefixlen}")
