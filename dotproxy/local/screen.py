"""What upstreams say, held against the rules before anybody hears it.

It is edited before it is learned, so what is remembered needs no second look.
"""

from collections.abc import Iterator
from ipaddress import ip_network

from dotproxy.config.rule import CNAME, TTL
from dotproxy.local.actions import AAAA, A
from dotproxy.local.networks import Networks, octets
from dotproxy.wire.answer import Answer
from dotproxy.wire.draft import FILTERED, FORGED, Draft, explained, negative
from dotproxy.wire.message import NOERROR, RECORD, FormatError, Record
from dotproxy.wire.rewrite import name_at, rewritten
from dotproxy.wire.svcb import HTTPS, ROOT, SVCB, read_binding, write_binding

PRIVATE = Networks(
    [
        ip_network(network)
        for network in (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8"),
            *("169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
            *("::/127", "fc00::/7", "fe80::/10"),
        )
    ]
)
"""Networks that no public name has an address in: private ones (RFC 1918, RFC 4193),
this machine, link-local addresses, and what providers share (RFC 6598)."""

NAT64 = b"\0\x64\xff\x9b" + bytes(8)
"""What stands before an IPv4 address that is reached by IPv6 (RFC 6052 section 2.1)."""

TARGETS = {CNAME: 0, SVCB: 2, HTTPS: 2}
"""Where the name begins that a record leads to, in its data."""

REBINDING = "private addresses were taken out"


def targets(answer: Answer) -> Iterator[bytes]:
    """Return the names to which an answer leads on, by CNAME, SVCB or HTTPS.

    Raises FormatError if one cannot be read.
    """
    count = int.from_bytes(answer.body[6:8], "big")
    for record in answer.records[:count]:
        if record.type in TARGETS:
            at = record.fixed + RECORD.size + TARGETS[record.type]
            name = name_at(answer.body[: record.end], at)
            if name != ROOT:
                yield name


def without_private(question: bytes, answer: Answer) -> Answer:
    """Take private addresses out of an answer, hints of HTTPS and SVCB included.

    An answer that has nothing left of what was asked for says that there is nothing.
    Raises FormatError if it has to be edited and cannot be.
    """
    changes = {
        index: _cleaned(answer.body, record)
        for index, record in enumerate(answer.records)
        if _has_private(answer.body, record)
    }
    if not changes:
        return answer
    count, kind = int.from_bytes(answer.body[6:8], "big"), question[-4:-2]
    kept = [
        record
        for index, record in enumerate(answer.records[:count])
        if changes.get(index, b"") is not None
    ]
    if any(record.type == int.from_bytes(kind, "big") for record in kept):
        return explained(rewritten(answer, changes), FORGED, REBINDING)
    return Draft(negative(question, NOERROR, 0, TTL), FILTERED, REBINDING).answer()


def is_private(address: bytes) -> bool:
    """Whether an address is one that no public name has: 4 or 16 octets."""
    plain = octets(address)
    if plain is not None and plain.startswith(NAT64):
        plain = plain[len(NAT64) :]
    return plain is not None and plain in PRIVATE


def _has_private(body: bytes, record: Record) -> bool:
    rdata = _rdata(body, record)
    if record.type in (A, AAAA):
        return is_private(rdata)
    if record.type in (SVCB, HTTPS):
        try:
            hints = read_binding(rdata).hints
        except FormatError:
            # Some client may read it more generously.
            return True
        return any(is_private(hint.packed) for hint in hints)
    return False


def _cleaned(body: bytes, record: Record) -> bytes | None:
    """Return the data of a record without private hints; None leaves it out."""
    if record.type in (A, AAAA):
        return None
    try:
        binding = read_binding(_rdata(body, record))
    except FormatError:
        return None
    public = [hint for hint in binding.hints if not is_private(hint.packed)]
    return write_binding(binding.with_hints(public))


def _rdata(body: bytes, record: Record) -> bytes:
    return body[record.fixed + RECORD.size : record.end]
