"""The messages of a lookup: a question for addresses, and what its reply says.

dnspython reads the replies.  It takes 20 ms and more to import, and most who start
never need it, hence the late imports.
"""

from collections.abc import Sequence
from enum import IntEnum
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from dotproxy.upstream.interface import UpstreamError
from dotproxy.wire.edns import UDP_PAYLOAD, write_opt
from dotproxy.wire.message import HEADER, NOERROR, RD, TC, fold

if TYPE_CHECKING:
    from dns.message import Message

CLASS_IN = 1


class Family(IntEnum):
    """The types that hold addresses, in the order to ask (RFC 8305 section 3)."""

    AAAA = 28
    A = 1


class Found(NamedTuple):
    """Addresses of a server, and for how many seconds they hold."""

    addresses: tuple[str, ...]
    ttl: int


def write_query(name: str, family: Family, number: int) -> bytes:
    """Write a query for the addresses of a host name, under the ID `number`."""
    head = HEADER.pack(number, RD << 8, 1, 0, 0, 1)
    return head + _question(name, family) + write_opt(UDP_PAYLOAD, 0, 0, b"")


def questions_for(name: str) -> frozenset[bytes]:
    """Return the questions for the addresses of a host name, folded."""
    return frozenset(fold(_question(name, family)) for family in Family)


def read_reply(reply: bytes) -> Found:
    """Read a reply to our query; aliases are followed.

    Raises UpstreamError, in a few words, if there is no address in it.  A reply
    cut short is good for what it holds.
    """
    import dns.exception
    import dns.message
    import dns.rcode

    truncated = reply[2] & TC != 0
    try:
        message = dns.message.from_wire(reply, continue_on_error=truncated)
        rcode = message.rcode()
        if rcode != NOERROR:
            raise UpstreamError(dns.rcode.to_text(rcode))
        found = _addresses(message)
    except (dns.exception.DNSException, ValueError) as fault:
        raise UpstreamError("unreadable reply") from fault
    if not found.addresses:
        raise UpstreamError("cut short" if truncated else "no addresses")
    return found


def merge(found: Sequence[Found]) -> Found:
    """Merge families turn by turn, the first one's first (RFC 8305 section 4)."""
    turns = zip_longest(*(family.addresses for family in found))
    addresses = tuple(each for turn in turns for each in turn if each is not None)
    return Found(addresses, min(family.ttl for family in found))


def _question(name: str, family: Family) -> bytes:
    labels = (label.encode("ascii") for label in name.split("."))
    owner = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    return owner + family.to_bytes(2, "big") + CLASS_IN.to_bytes(2, "big")


def _addresses(message: "Message") -> Found:
    from dns.message import QueryMessage

    assert isinstance(message, QueryMessage), "other opcodes are no replies to ours"
    chain = message.resolve_chaining()
    answer = chain.answer or ()
    return Found(tuple(each.address for each in answer), chain.minimum_ttl)
