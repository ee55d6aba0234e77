"""Which queries somebody wants to see."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

import dns.exception
import dns.rcode
from msgspec import Struct

from dotproxy.journal.note import SOURCES, Note
from dotproxy.journal.privacy import address_of
from dotproxy.journal.question import question_in
from dotproxy.wire.dotted import read_name, spell_name
from dotproxy.wire.message import RCODE, FormatError

WORDS = ("name", "client", "rcode", "source")
"""By what queries can be chosen."""


class Wanted(Struct, frozen=True):
    """What a query must be; None, and "", is anything.

    A name that begins with a dot is that and all below it, as in rules.  The client is
    looked at as it is, whatever is shown of it.
    """

    name: str = ""
    client: IPv4Network | IPv6Network | None = None
    rcode: int | None = None
    source: str = ""

    def admits(self, note: Note) -> bool:
        """Whether it is one of those."""
        return (
            (not self.source or note.source == self.source)
            and (self.rcode is None or note.reply[3] & RCODE == self.rcode)
            and (self.client is None or address_of(note.client) in self.client)
            and (not self.name or self._is_name(question_in(note.query).name))
        )

    def _is_name(self, name: str) -> bool:
        if self.name[0] == ".":
            return self.name == "." or f".{name}".endswith(self.name)
        return name == self.name


def read_wanted(words: Mapping[str, str]) -> Wanted:
    """Read the words of `WORDS`, of which any may be missing or "".

    Raises ValueError, which says in a line what is wrong.
    """
    name, client, rcode, source = (words.get(word, "") for word in WORDS)
    if source not in ("", *SOURCES):
        raise ValueError(f"source {source[:60]!a} is none of {', '.join(SOURCES)}")
    return Wanted(_name(name), _network(client), _rcode(rcode), source)


def _name(text: str) -> str:
    if text in ("", "."):
        return text
    below = text.startswith(".")
    try:
        spelled = spell_name(read_name(text.removeprefix(".")))
    except FormatError as fault:
        raise ValueError(f"name {text[:60]!a} {fault}") from None
    return f".{spelled}" if below else spelled


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False) if text else None
    except ValueError:
        said = f"client {text[:60]!a} must be an address or a network: 192.0.2.0/24"
        raise ValueError(said) from None


def _rcode(text: str) -> int | None:
    try:
        code = int(dns.rcode.from_text(text)) if text else None
    except (dns.exception.DNSException, ValueError):
        code = RCODE + 1
    if code is not None and code > RCODE:
        raise ValueError(f"rcode {text[:60]!a} must be one such as NXDOMAIN")
    return code
