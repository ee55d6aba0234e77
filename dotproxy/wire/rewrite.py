"""Answers that are changed: records left out or edited, an alias put before them.

Names in a message may point at any octet before them, so a record cannot just be cut
out: the message is taken apart and written anew.  That is off the way of most answers,
and so the imports are late.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.message import LONGEST, LONGEST_NAME, FormatError

if TYPE_CHECKING:
    import dns.message
    import dns.rrset

POINTER = 0xC0
"""The least first octet of a pointer (RFC 1035 section 4.1.4)."""


def name_at(wire: bytes, at: int) -> bytes:
    """Return the name at an offset, folded and without pointers.

    Raises FormatError if it has none that ends.
    """
    labels, size, least = [], 1, at + 1
    try:
        while length := wire[at]:
            if length >= POINTER:
                at = (length & 0x3F) << 8 | wire[at + 1]
                if at >= least:
                    raise FormatError("a compression pointer points forwards")
                least = at
                continue
            labels.append(wire[at : at + 1 + length])
            at += 1 + length
            size += 1 + length
            if length >= 64 or size > LONGEST_NAME:
                raise FormatError("a name is too long")
    except IndexError:
        raise FormatError("a name runs off the end of the message") from None
    return b"".join(labels).lower() + b"\0"


def rewritten(answer: Answer, changes: Mapping[int, bytes | None]) -> Answer:
    """Return an answer with other data in some records, by index; None leaves one out.

    No signature holds for a set that was changed, so those are gone as well, and AD is
    clear.  Raises FormatError if the answer cannot be read to the end.
    """
    message = _taken_apart(answer)
    rrsets = [rrset for section in message.sections[1:] for rrset in section]
    edited = {(rrsets[index].name, rrsets[index].rdtype) for index in changes}
    gone = {id(rrsets[index]) for index, wire in changes.items() if wire is None}
    gone |= {id(rrset) for rrset in rrsets if (rrset.name, rrset.covers) in edited}
    for section in message.sections[1:]:
        section[:] = [rrset for rrset in section if id(rrset) not in gone]
    for index, wire in changes.items():
        if wire is not None:
            _fill(rrsets[index], wire)
    return _put_together(message, answer)


def behind_alias(answer: Answer, question: bytes, target: bytes, ttl: int) -> Answer:
    """Return the answer to a question whose name is an alias of `target`.

    `answer` is about that one.  AD is clear, since nobody signed the alias.  Raises
    FormatError if the answer cannot be read to the end.
    """
    import dns.name
    import dns.rdataclass
    import dns.rdatatype
    import dns.rrset

    message = _taken_apart(answer)
    owner, at = dns.name.from_wire(question, 0)
    kind = dns.rdatatype.RdataType(int.from_bytes(question[at : at + 2], "big"))
    message.question = [dns.rrset.RRset(owner, dns.rdataclass.IN, kind)]
    alias = dns.rrset.RRset(owner, dns.rdataclass.IN, dns.rdatatype.CNAME)
    alias.update_ttl(ttl)
    _fill(alias, target)
    message.answer.insert(0, alias)
    return _put_together(message, answer)


def _fill(rrset: "dns.rrset.RRset", wire: bytes) -> None:
    """Give a set one record that holds this, and no other."""
    import dns.rdata

    rrset.clear()
    rrset.add(dns.rdata.from_wire(rrset.rdclass, rrset.rdtype, wire, 0, len(wire)))


def _taken_apart(answer: Answer) -> "dns.message.Message":
    """Read an answer, each record by itself, so that they stay in their order."""
    import dns.exception
    import dns.message

    try:
        return dns.message.from_wire(answer.body, one_rr_per_rrset=True)
    except (dns.exception.DNSException, ValueError) as fault:
        raise FormatError(f"an answer cannot be read: {fault}") from None


def _put_together(message: "dns.message.Message", answer: Answer) -> Answer:
    """Write what became of an answer; what its OPT said still holds."""
    import dns.exception
    import dns.flags

    message.flags &= ~dns.flags.AD
    try:
        body = message.to_wire(max_size=LONGEST, want_shuffle=False)
    except dns.exception.DNSException as fault:
        raise FormatError(f"an answer cannot be written: {fault}") from None
    written = parse_answer(body)
    return Answer(written.body, written.records, answer.opt)
