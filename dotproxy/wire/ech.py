"""ECHConfigList: what a server publishes so that hellos can be encrypted (RFC 9849)."""

from collections.abc import Iterator
from contextlib import suppress

from dotproxy.wire.hostname import read_host_name
from dotproxy.wire.message import FormatError
from dotproxy.wire.vector import read_sole_vector, read_vector

VERSION = 0xFE0D
"""The version of configuration that can be read; TLS has its extension under this
number as well (RFC 9849 sections 4 and 5)."""


def public_names(configs: bytes) -> tuple[str, ...]:
    """Return the names that a hello encrypted by this list may show in clear.

    Each is there once, in lower case, in the order of the list.  Left out are
    configurations of other versions, and those whose name is no host name: clients
    pass over both (RFC 9849 section 4).  Raises FormatError if the list cannot be
    read.
    """
    names: dict[str, None] = {}
    for contents in _contents(configs):
        name = _public_name(contents)
        with suppress(FormatError):
            names[read_host_name(name)] = None
    return tuple(names)


def _contents(configs: bytes) -> Iterator[bytes]:
    """Walk over the configurations of our version."""
    listed = read_sole_vector(configs, 2)
    if not listed:
        raise FormatError("an ECHConfigList is empty")
    at = 0
    while at < len(listed):
        version = int.from_bytes(listed[at : at + 2], "big")
        contents, at = read_vector(listed, at + 2, 2)
        if version == VERSION:
            yield contents


def _public_name(contents: bytes) -> bytes:
    """Read ECHConfigContents to their end, for the public name in them."""
    # The configuration's number has one octet, that of its KEM two.
    key, at = read_vector(contents, 3, 2)
    suites, at = read_vector(contents, at, 2)
    # One octet says how long the longest name is that hides behind the public one.
    name, at = read_vector(contents, at + 1, 1)
    _, at = read_vector(contents, at, 2)
    if not key or not suites or len(suites) % 4 or not name or at != len(contents):
        raise FormatError("an ECHConfig has a part of a wrong length")
    return name
