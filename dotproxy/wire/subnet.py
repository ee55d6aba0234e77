"""EDNS Client Subnet: the part of a client's address that upstreams may hear of.

An option's value is family 2, source prefix 1, scope prefix 1, then as many octets of
the address as the source prefix needs (RFC 7871 section 6).
"""

from dotproxy.wire.edns import Opt, option
from dotproxy.wire.message import FormatError

SUBNET = 8
"""The option's code (RFC 7871 section 6)."""

NOBODY = b"\0\1\0\0"
"""The value that asks to add no address, of whatever family (RFC 7871 7.1.2)."""

BITS = {1: 32, 2: 128}
"""Bits of an address of each family: IPv4 and IPv6."""

_FIXED = 4


def read_subnet(opt: Opt) -> bytes:
    """Return the value of the option that a client sent; b"" if it sent none.

    Raises FormatError for what must be refused: more than one, a scope, an address of
    the wrong length, or with bits beyond its prefix (RFC 7871 sections 6 and 7.1.2).
    """
    values = [value for code, value in opt.options if code == SUBNET]
    if not values:
        return b""
    if len(values) > 1:
        raise FormatError("a query speaks of one subnet")
    (value,) = values
    if len(value) == _FIXED and not value[2] | value[3]:
        return NOBODY
    _check(value)
    return value


def subnet_for_client(sent: bytes, opt: Opt | None) -> bytes:
    """Return the option that tells a client for whom an answer is; b"" for everybody.

    `sent` is the value that the query went out with.  An answer that speaks of another
    subnet says nothing of this one (RFC 7871 section 7.3).
    """
    if opt is None or len(sent) == len(NOBODY):
        return b""
    for code, value in opt.options:
        if code == SUBNET and value[:3] + value[4:] == sent[:3] + sent[4:]:
            return option(SUBNET, value)
    return b""


def scoped(opt: Opt) -> bool:
    """Whether an answer is for the clients of one subnet (RFC 7871 section 7.3)."""
    for code, value in opt.options:
        if code == SUBNET and value[3:4] not in (b"", b"\0"):
            return True
    return False


def leading_subnet(options: bytes) -> bytes:
    """Return the option that `options` begin with, if it is a subnet; else b""."""
    if options[:2] != SUBNET.to_bytes(2, "big"):
        return b""
    return options[: _FIXED + int.from_bytes(options[2:4], "big")]


def _check(value: bytes) -> None:
    if len(value) < _FIXED:
        raise FormatError("a subnet is cut short")
    family, source, scope = int.from_bytes(value[:2], "big"), value[2], value[3]
    if source > BITS.get(family, 0) or scope:
        raise FormatError("a subnet is none that can be asked for")
    address = value[_FIXED:]
    spare = len(address) * 8 - source
    if not 0 <= spare < 8 or int.from_bytes(address, "big") % (1 << spare):
        raise FormatError("a subnet does not have the length of its prefix")
