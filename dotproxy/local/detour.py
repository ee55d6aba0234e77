"""HTTPS and SVCB records of an origin, made to lead to the gateway (RFC 9460).

Who changes one of these by halves leads clients past the gateway, or nowhere: so all
that says where a service is goes, and what is left agrees with itself.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dotproxy.wire.answer import Answer
from dotproxy.wire.ech import public_names
from dotproxy.wire.message import RECORD, FormatError
from dotproxy.wire.rewrite import name_at
from dotproxy.wire.svcb import (
    ECH,
    NO_DEFAULT_ALPN,
    PORT,
    ROOT,
    Address,
    Binding,
    read_binding,
)

OVER_QUIC = (b"h3", b"hq", b"doq")
"""What protocols over QUIC are called, before a hyphen (RFC 9114 section 3.1, RFC 9250
section 4.1.1).  The gateway speaks TCP."""


class Service(NamedTuple):
    """What a record says, whose name it has, folded, and for how long it holds."""

    owner: bytes
    ttl: int
    binding: Binding

    @property
    def host(self) -> bytes:
        """The name, folded, whose addresses are those of the service."""
        target = self.binding.target.lower()
        return self.owner if target == ROOT else target


def services(answer: Answer, kind: int) -> list[Service]:
    """Return what an answer says of a type, first what is to be tried first.

    Where one cannot be read there are none, as for clients (RFC 9460 section 2.2).
    """
    try:
        return sorted(_services(answer, kind), key=lambda each: each.binding.priority)
    except FormatError:
        return []


def led(
    binding: Binding, gateway: Sequence[Address], target: bytes = ROOT
) -> Binding | None:
    """Return what becomes of a record that is no alias; None if it is of no use.

    It is not where something goes that clients must heed, nor where it is for HTTP/3
    alone.
    """
    over_tcp = [each for each in binding.alpn if not _is_over_quic(each)]
    lost = bool(binding.alpn) and not over_tcp
    if lost and binding.value(NO_DEFAULT_ALPN) is not None:
        return None
    edited = binding.with_alpn(over_tcp).without(PORT).with_hints(gateway)
    if shown(edited) is None:
        edited = edited.without(ECH)
    if set(binding.mandatory) - set(edited.mandatory):
        return None
    return edited._replace(target=target)


def shown(binding: Binding) -> tuple[str, ...] | None:
    """Return the names that hellos encrypted for a service show.

    Without ECH there are none; None is for an ECHConfigList that cannot be read.
    """
    configs = binding.value(ECH)
    try:
        return public_names(configs) if configs is not None else ()
    except FormatError:
        return None


def _services(answer: Answer, kind: int) -> Iterator[Service]:
    count = int.from_bytes(answer.body[6:8], "big")
    for each in answer.records[:count]:
        if each.type != kind:
            continue
        rdata = answer.body[each.fixed + RECORD.size : each.end]
        _, _, ttl, _ = RECORD.unpack_from(answer.body, each.fixed)
        owner = name_at(answer.body[: each.end], each.at)
        yield Service(owner, ttl, read_binding(rdata))


def _is_over_quic(protocol: bytes) -> bool:
    return protocol.partition(b"-")[0] in OVER_QUIC
