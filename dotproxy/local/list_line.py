"""One line of a list of names, in any of the forms that such lists have.

| spelling                               | means                                    |
|----------------------------------------|------------------------------------------|
| `ads.example.org`, `|ads.example.org^` | this name alone                          |
| `0.0.0.0 a.example b.example` (hosts)  | these names alone                        |
| `.example.org`, `*.example.org`        | this name, and all names below           |
| `||example.org^`                       | the same                                 |
| `@@` before `||` or `|`                | an exception: the rule does not hold here |
| `# ...`, `! ...`, `[Adblock Plus]`     | a comment                                |

A plain name does not cover what lies below: hosts files cannot, Pi-hole and AdGuard
Home do not, and a list that names one tracker of a domain must not take the domain's
mail away.  A suffix covers its own name, as those who publish `*.` lists mean it.
"""

import re
from collections.abc import Sequence
from enum import IntEnum
from ipaddress import ip_address

from dotproxy.wire.dotted import SHOWN, join_labels, read_name
from dotproxy.wire.message import FormatError


class Meaning(IntEnum):
    """What a line says of the names in it."""

    EXACT = 0
    SUFFIX = 1
    EXCEPT_EXACT = 2
    EXCEPT_SUFFIX = 3
    NOTHING = 4
    """A comment, an empty line, or what every hosts file has for the machine itself."""
    FOREIGN = 5
    """A browser's rule, which asks for what the DNS cannot see, or a host's address."""


Line = tuple[Meaning, Sequence[bytes]]
"""A meaning, and the names that have it: folded, on the wire, root included."""


class LineError(ValueError):
    """The line is in none of the forms; the text says what is wrong with it."""


PREFIXES = {
    b"": Meaning.EXACT,
    b"|": Meaning.EXACT,
    b".": Meaning.SUFFIX,
    b"*.": Meaning.SUFFIX,
    b"||": Meaning.SUFFIX,
    b"@@|": Meaning.EXCEPT_EXACT,
    b"@@||": Meaning.EXCEPT_SUFFIX,
}
"""What may stand before a name; a caret behind it goes with those that have a bar."""

USUAL = re.compile(
    rb"((?:@@)?\|\|?|\*?\.|(?:0\.0\.0\.0|127\.0\.0\.1|::1?)[ \t]+(?!localhost))?"
    rb"((?:[\w-]{1,63}+\.)++[a-z][\w-]{1,62}+)(\^\|?)?[ \t]*+(?:#[^#]*)?\r?\n?",
    re.IGNORECASE,
)
"""Nearly every line of nearly every list, in one match: prefix, name, caret."""

RULE = re.compile(r"((?:@@)?\|\|?|\*?\.)?([^\s|^$*/@]+)(\^\|?)?")
"""The same for any single word that may be one name."""

COMMENT = re.compile(r"!|\[[^]]*\]$|#(?![@$%?]{0,3}#{1,2}[^\s#])")
"""A line of comment; but two signs with a selector behind hide elements anywhere."""

HIDING = re.compile(r"(?:^|[^\s#])#[@$%?]{0,3}#")
"""The signs between a domain and what is to be hidden in its pages."""

TRAILING = re.compile(r"\s[#!]")

BROWSERS = re.compile(r"@@|\||/.*/$|.*[\^$*]")
"""What else only a browser's filter has: paths, options, patterns."""

OWN = {
    "localhost",
    "localhost.localdomain",
    "localdomain",
    "local",
    "broadcasthost",
    "0.0.0.0",
    *(f"ip6-{name}" for name in ("localhost", "loopback", "localnet", "mcastprefix")),
    *(f"ip6-{name}" for name in ("allnodes", "allrouters", "allhosts")),
}
"""Names in usual hosts files that mean the machine and its network: never listed, and
not in what was made of such files either."""

OWN_OCTETS = frozenset(name.encode() for name in OWN)


def read_line(line: bytes) -> Line:
    """Return what a line says, and of which names.

    Letters are folded, U-labels become A-labels.  Raises LineError if the line is in
    none of the forms.
    """
    match = USUAL.fullmatch(line)
    if match is None:
        return _unusual(line)
    prefix, name, caret = match.groups(b"")
    if caret and b"|" not in prefix:
        return Meaning.FOREIGN, ()
    # What is no prefix of a rule is the address of a hosts line.
    meaning, folded = PREFIXES.get(prefix, Meaning.EXACT), name.lower()
    if meaning is Meaning.EXACT and folded in OWN_OCTETS:
        return Meaning.NOTHING, ()
    return meaning, (_wire(folded),)


def _unusual(line: bytes) -> Line:
    """Read a line at leisure."""
    try:
        text = line.decode().strip()
    except UnicodeDecodeError:
        raise LineError("is not UTF-8") from None
    if not text or COMMENT.match(text):
        return Meaning.NOTHING, ()
    text = TRAILING.split(text, 1)[0]
    if HIDING.search(text):
        return Meaning.FOREIGN, ()
    text = text.partition("#")[0].strip()
    if rule := RULE.fullmatch(text):
        prefix, name, caret = rule.groups("")
        if not caret or "|" in prefix:
            if not prefix and name.rstrip(".").lower() in OWN:
                return Meaning.NOTHING, ()
            return PREFIXES[prefix.encode()], (_named(name),)
    if BROWSERS.match(text):
        return Meaning.FOREIGN, ()
    return _hosts(*text.split())


def _hosts(first: str, *names: str) -> Line:
    """Read an address and its names; one that leads somewhere asks for an answer."""
    try:
        address = ip_address(first)
    except ValueError:
        raise LineError(f"has no name or address in {first[:SHOWN]!a}") from None
    listed = [_named(name) for name in names if name.lower() not in OWN]
    if not listed:
        return Meaning.NOTHING, ()
    if address.is_unspecified or address.is_loopback:
        return Meaning.EXACT, listed
    return Meaning.FOREIGN, ()


def _named(text: str) -> bytes:
    try:
        return read_name(text)
    except FormatError as fault:
        raise LineError(str(fault)) from None


def _wire(name: bytes) -> bytes:
    try:
        return join_labels(name.split(b"."))
    except FormatError as fault:
        raise LineError(str(fault)) from None
