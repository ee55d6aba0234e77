"""The question in a query that was noted, for people: whatever its octets are."""

from functools import lru_cache
from typing import NamedTuple

import dns.rdataclass
import dns.rdatatype

from dotproxy.wire.dotted import spell_name
from dotproxy.wire.message import HEADER, FormatError, skip_plain_name

MOST = 4096
"""Questions whose spelling is remembered."""


class Question(NamedTuple):
    """A question; all is "" where there is none that can be read.

    The name is in lower case and ASCII.  Octets that could end a line, or be taken
    for something else, are escaped as in zone files (RFC 1035 section 5.1).
    """

    name: str = ""
    type: str = ""
    rdclass: str = ""


NONE = Question()


def question_in(query: bytes) -> Question:
    """Return the question of a query.

    The first octet 0 is taken for the end of the name, which it nearly always is.
    """
    end = query.find(0, HEADER.size) + 5
    return _read(query[HEADER.size : end]) or _slowly(query)


def forget() -> None:
    """Remember no question."""
    _read.cache_clear()


def _slowly(query: bytes) -> Question:
    try:
        end = skip_plain_name(query, HEADER.size) + 4
    except FormatError:
        return NONE
    return _read(query[HEADER.size : end]) or NONE


@lru_cache(MOST)
def _read(question: bytes) -> Question | None:
    try:
        end = skip_plain_name(question, 0)
    except FormatError:
        return None
    if end + 4 != len(question):
        return None
    kind, rdclass = (int.from_bytes(question[at : at + 2]) for at in (end, end + 2))
    return Question(
        spell_name(question[:end].lower()),
        dns.rdatatype.to_text(dns.rdatatype.RdataType.make(kind)),
        dns.rdataclass.to_text(dns.rdataclass.RdataClass.make(rdclass)),
    )
