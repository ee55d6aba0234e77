"""Names as people write them, in dots and any script, and as they are on the wire."""

import re

import dns.exception
import dns.name

from dotproxy.wire.message import LONGEST_NAME, FormatError

ALLOWED = (
    "a name has labels of 1 to 63 letters, digits, hyphens and underscores, with a dot"
    " between two"
)
"""What to say to those who spell a name of their own otherwise."""

SHOWN = 60
"""Characters of a faulty name that are shown; of the reason, twice as many."""

TOO_LONG = f"has a name of more than {LONGEST_NAME} octets"

IDNA = dns.name.IDNA2008Codec(uts_46=True, allow_pure_ascii=True)
"""U-labels to A-labels as browsers do it (UTS 46, nontransitional; RFC 5891)."""

LABEL = re.compile(rb"[a-z0-9_-]{1,63}")

LENGTHS = tuple(bytes((length,)) for length in range(64))


def read_name(text: str) -> bytes:
    """Return the name that is spelled so, folded, perhaps with a dot at its end.

    Raises FormatError, in words that can follow what the name stands in.
    """
    name = text if text.isascii() else _a_labels(text)
    labels = name.lower().removesuffix(".").encode().split(b".")
    if not all(map(LABEL.fullmatch, labels)):
        raise FormatError(f"has no name in {text[:SHOWN]!a}")
    if labels[-1].isdigit():
        raise FormatError(f"has an address where a name should be: {text[:SHOWN]!a}")
    return join_labels(labels)


def join_labels(labels: list[bytes]) -> bytes:
    """Return the name of these labels; FormatError if it is too long."""
    wire = b"".join([LENGTHS[len(label)] + label for label in labels]) + b"\0"
    if len(wire) > LONGEST_NAME:
        raise FormatError(TOO_LONG)
    return wire


def spell_name(wire: bytes) -> str:
    """Spell a name on the wire with dots, without one at its end; the root is "."."""
    return dns.name.from_wire(wire, 0)[0].to_text(omit_final_dot=True)


def _a_labels(text: str) -> str:
    """Return a name of U-labels as one of A-labels (RFC 5890 section 2.3.2.1)."""
    if len(text) > LONGEST_NAME:
        raise FormatError(TOO_LONG)
    try:
        return dns.name.from_unicode(text, None, IDNA).to_text()
    except dns.exception.DNSException as fault:
        reason = str(fault)[: 2 * SHOWN]
        raise FormatError(f"has no name in {text[:SHOWN]!a}: {reason}") from None
