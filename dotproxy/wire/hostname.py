"""Host names, as TLS carries them: letters, digits, hyphens, dots."""

import re

from dotproxy.wire.message import FormatError

LONGEST_HOST_NAME = 253
"""Octets of the longest name that is written with dots (RFC 1035 2.3.4: 255 on the
wire, where the first length and the root have one each)."""

_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*".encode())
"""Labels of letters, digits and inner hyphens (RFC 5890 section 2.3.1)."""

_NUMBER = re.compile(rb"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
"""What ends in a number: some take all of it for an IPv4 address."""


def read_host_name(octets: bytes) -> str:
    """Return the host name that the octets spell, in lower case.

    Raises FormatError for anything else: another letter than ASCII's, a dot in front
    or behind (RFC 6066 section 3), an address, or what may be read as one (RFC 9849
    section 4).
    """
    name = octets.lower()
    if len(name) > LONGEST_HOST_NAME:
        raise FormatError("a host name is longer than 253 octets")
    if not _HOST_NAME.fullmatch(name):
        raise FormatError("a host name is not made of letters, digits and hyphens")
    if _NUMBER.fullmatch(name):
        raise FormatError("a host name ends in a number, as an address does")
    return name.decode("ascii")
