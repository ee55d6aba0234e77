"""HTTPS and SVCB records: where a service is, and how it is spoken to (RFC 9460)."""

import struct
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise
from typing import NamedTuple

from dotproxy.wire.message import LONGEST, FormatError, skip_plain_name
from dotproxy.wire.vector import read_vectors, write_vector

SVCB, HTTPS = 64, 65
"""The types of record that are written so (RFC 9460 14.1 and 14.2)."""

MANDATORY, ALPN, NO_DEFAULT_ALPN, PORT, IPV4HINT, ECH, IPV6HINT = range(7)
"""The keys that are looked at (RFC 9460 14.3.2, RFC 9848); all others are octets."""

ROOT = b"\0"
"""The target that is the owner itself, unless in an alias (RFC 9460 section 2.5)."""

Address = IPv4Address | IPv6Address
Param = tuple[int, bytes]

_PARAM = struct.Struct("!HH")


class Binding(NamedTuple):
    """What a record says.  Edited it is another one, and as consistent."""

    priority: int
    """The lower, the sooner tried; 0 makes an alias (RFC 9460 section 2.4.1)."""
    target: bytes
    """A name on the wire, uncompressed, as it was spelled."""
    params: tuple[Param, ...] = ()
    """Key and value of each parameter, by rising key; an alias has none."""

    @property
    def alias(self) -> bool:
        """Whether this only says where to ask on (AliasMode, RFC 9460 2.4.2)."""
        return self.priority == 0

    @property
    def mandatory(self) -> tuple[int, ...]:
        """The keys that a client must know, or leave the record (RFC 9460 8)."""
        return _keys(self.value(MANDATORY) or b"")

    @property
    def alpn(self) -> tuple[bytes, ...]:
        """The protocols that are listed; the default set is not among them."""
        return read_vectors(self.value(ALPN) or b"", 1)

    @property
    def port(self) -> int | None:
        """The port, if it is another than that of the scheme."""
        value = self.value(PORT)
        return None if value is None else int.from_bytes(value, "big")

    @property
    def hints(self) -> tuple[Address, ...]:
        """The addresses that a client may use before it has asked for any."""
        four, six = self.value(IPV4HINT) or b"", self.value(IPV6HINT) or b""
        return (
            *(IPv4Address(octets) for octets in _cut(four, 4)),
            *(IPv6Address(octets) for octets in _cut(six, 16)),
        )

    def value(self, key: int) -> bytes | None:
        """Return the value of a parameter as on the wire; None if it is not there."""
        return dict(self.params).get(key)

    def without(self, *keys: int) -> "Binding":
        """Leave parameters out, and out of the mandatory ones too.

        What was mandatory was so for a reason: look at `mandatory` first, and think
        of leaving out the record.  NO_DEFAULT_ALPN goes with ALPN, which it needs
        (RFC 9460 section 7.1.1).
        """
        gone = {*keys, NO_DEFAULT_ALPN} if ALPN in keys else set(keys)
        left = b"".join(
            key.to_bytes(2, "big") for key in self.mandatory if key not in gone
        )
        params = dict(self.params) | {MANDATORY: left}
        if not left:
            gone.add(MANDATORY)
        return self._replace(
            params=tuple(each for each in sorted(params.items()) if each[0] not in gone)
        )

    def with_param(self, key: int, value: bytes) -> "Binding":
        """Put a parameter in, or another value in its place.

        Raises FormatError for a value that the key cannot have, for a parameter that
        needs another, and for an alias, whose parameters nobody would heed.
        """
        if self.alias:
            raise FormatError("an alias has no parameters")
        params = tuple(sorted((dict(self.params) | {key: value}).items()))
        _check(params)
        return self._replace(params=params)

    def with_alpn(self, protocols: Sequence[bytes]) -> "Binding":
        """List these protocols; with none, the default set alone is left.

        Raises FormatError if one is empty or longer than 255 octets.
        """
        if not protocols:
            return self.without(ALPN)
        value = b"".join(write_vector(protocol, 1) for protocol in protocols)
        return self.with_param(ALPN, value)

    def with_hints(self, addresses: Sequence[Address]) -> "Binding":
        """Hint at these addresses, and at no others, of either family."""
        binding = self
        for key, version in ((IPV4HINT, 4), (IPV6HINT, 6)):
            own = [each.packed for each in addresses if each.version == version]
            value = b"".join(own)
            binding = binding.with_param(key, value) if own else binding.without(key)
        return binding


def read_binding(rdata: bytes) -> Binding:
    """Read the data of a record; FormatError if it is malformed or contradicts itself.

    Nobody may heed what stands behind the target of an alias (RFC 9460 2.4.2), so it
    is not looked at, and not kept.  All else is written again octet for octet.
    """
    if len(rdata) < 2:
        raise FormatError("a service binding has no priority")
    try:
        end = skip_plain_name(rdata, 2)
    except FormatError:
        raise FormatError("a binding's target is no uncompressed name") from None
    priority = int.from_bytes(rdata[:2], "big")
    params = tuple(_params(rdata, end)) if priority else ()
    _check(params)
    return Binding(priority, rdata[2:end], params)


def write_binding(binding: Binding) -> bytes:
    """Write the data of a record; FormatError if it is longer than a record can be."""
    parts = [binding.priority.to_bytes(2, "big"), binding.target]
    for key, value in binding.params:
        parts += (_PARAM.pack(key, len(value)), value)
    rdata = b"".join(parts)
    if len(rdata) > LONGEST:
        raise FormatError("a service binding is longer than 65,535 octets")
    return rdata


def _params(rdata: bytes, at: int) -> Iterator[Param]:
    """Walk over the parameters from an offset (RFC 9460 section 2.2)."""
    last = -1
    while at < len(rdata):
        try:
            key, length = _PARAM.unpack_from(rdata, at)
        except struct.error:
            raise FormatError("a parameter is cut short") from None
        at += _PARAM.size + length
        if at > len(rdata):
            raise FormatError("a parameter runs off the end of its record")
        if key <= last:
            raise FormatError("parameters stand once each, by rising key")
        last = key
        yield key, rdata[at - length : at]


def _check(params: tuple[Param, ...]) -> None:
    """Raise FormatError unless each value is of its kind, and all agree."""
    found = dict(params)
    for key, value in params:
        if len(value) > LONGEST or not _KINDS.get(key, _any)(value):
            raise FormatError(f"parameter {key} has a value that it cannot have")
    for key in _keys(found.get(MANDATORY, b"")):
        if key not in found:
            raise FormatError(f"parameter {key} is mandatory, but missing")
    if NO_DEFAULT_ALPN in found and ALPN not in found:
        raise FormatError("no-default-alpn stands without alpn")


def _cut(value: bytes, size: int) -> list[bytes]:
    return [value[at : at + size] for at in range(0, len(value), size)]


def _keys(value: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(octets, "big") for octets in _cut(value, 2))


def _any(value: bytes) -> bool:
    return True


def _is_mandatory(value: bytes) -> bool:
    """Whether these are rising keys other than MANDATORY itself (RFC 9460 8)."""
    keys = (MANDATORY, *_keys(value))
    rising = all(key < following for key, following in pairwise(keys))
    return _is_list(value, 2) and rising


def _is_alpn(value: bytes) -> bool:
    protocols = read_vectors(value, 1)
    return bool(protocols) and b"" not in protocols


def _is_list(value: bytes, size: int) -> bool:
    return bool(value) and len(value) % size == 0


def _is_config_list(value: bytes) -> bool:
    """Whether this may be an ECHConfigList: its length, then at least four octets."""
    length = int.from_bytes(value[:2], "big")
    return length >= 4 and length == len(value) - 2


_KINDS: dict[int, Callable[[bytes], bool]] = {
    MANDATORY: _is_mandatory,
    ALPN: _is_alpn,
    NO_DEFAULT_ALPN: lambda value: not value,
    PORT: lambda value: len(value) == 2,
    IPV4HINT: lambda value: _is_list(value, 4),
    ECH: _is_config_list,
    IPV6HINT: lambda value: _is_list(value, 16),
}
"""What a value must be (RFC 9460 sections 7 and 8, RFC 9848 section 3)."""
