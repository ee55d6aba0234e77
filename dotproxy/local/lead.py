"""What the DNS says of names that are led to the gateway.

All types agree on one way: the addresses are the gateway's, and nothing in HTTPS and
SVCB leads past it.  What says nothing of the way is the origin's own.
"""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address

from dotproxy.config.rule import PER_NAME, STRIP, TTL, Rule
from dotproxy.local.actions import AAAA, A, Records, kind_of
from dotproxy.wire.dotted import spell_name
from dotproxy.wire.draft import FORGED, Draft, negative, positive, record
from dotproxy.wire.hostname import read_host_name
from dotproxy.wire.message import NOERROR, FormatError
from dotproxy.wire.svcb import HTTPS, ROOT, SVCB, Address, Binding, write_binding

OVER_TCP = Binding(1, ROOT).with_alpn([b"h2"])
"""The HTTPS record in place of the origin's: HTTP/2 or 1.1 over TLS, at the name itself
and on the usual port.  It has no ECH, so that the server's name is there to be read."""

BINDINGS = (SVCB, HTTPS)


@dataclass(frozen=True, slots=True)
class Lead:
    """Lead clients to the gateway, as a rule says.

    `addresses` are the gateway's, by type; a family without any has none.  `ports` are
    those that it is known to serve.
    """

    rule: Rule
    addresses: Records
    text: str
    ports: Collection[int] = ()

    @property
    def asks(self) -> bool:
        """Whether the origin is asked for HTTPS and SVCB."""
        return self.rule.policy != STRIP

    def draft(self, question: bytes, at: int) -> Draft | None:
        """Say where the gateway is; None for what the origin itself must be asked."""
        kind = kind_of(question)
        if kind in (A, AAAA):
            return self._draft(question, at, self.addresses.get(kind, ()))
        if kind not in BINDINGS or (self.asks and self._serves(question[:-4])):
            return None
        if kind == SVCB or not self._serves(question[:-4]):
            return self._draft(question, at, ())
        binding = OVER_TCP._replace(target=target_of(question[:-4]))
        return self._draft(question, at, (write_binding(binding),))

    @property
    def per_name(self) -> bool:
        """Whether each name has addresses of its own."""
        return self.rule.policy == PER_NAME

    @property
    def looks_up(self) -> bool:
        """Whether the relay looks the name itself up, so that it must be there."""
        return not self.rule.backend and not self.rule.origin

    @property
    def hints(self) -> list[Address]:
        """The gateway's addresses, as HTTPS and SVCB have them."""
        return [ip_address(each) for kind in (A, AAAA) for each in self.addresses[kind]]

    def bindings(self, question: bytes, found: Sequence[tuple[int, Binding]]) -> Draft:
        """Say that these are the records, each with the TTL that the origin gave it."""
        kind = kind_of(question)
        records = [
            record(0, kind, min(ttl, TTL), write_binding(binding))
            for ttl, binding in found
        ]
        return self._records(question, 0, records)

    def _serves(self, name: bytes) -> bool:
        """Whether the gateway has the port of a name such as _8443._https.example.org.

        Without a port it is taken to.
        """
        label = name[1 : 1 + name[0]]
        port = label[1:] if label[:1] == b"_" else b""
        return not port.isdigit() or int(port) in self.ports

    def _draft(self, question: bytes, at: int, found: Iterable[bytes]) -> Draft:
        kind = kind_of(question)
        records = [record(0, kind, TTL, rdata) for rdata in found]
        return self._records(question, at, records)

    def _records(self, question: bytes, at: int, records: Sequence[bytes]) -> Draft:
        if records:
            return Draft(positive(question, records), FORGED, self.text)
        return Draft(negative(question, NOERROR, at, TTL), FORGED, self.text)


def lead_of(
    rule: Rule, number: int, gateway: Iterable[str], ports: Collection[int] = ()
) -> Lead:
    """Return what a rule does; it is told to clients by its number."""
    return Lead(rule, by_family(gateway), f"redirected by rule {number}", ports)


def by_family(spelled: Iterable[str]) -> Records:
    """Sort addresses by the type of their records."""
    addresses = [ip_address(each) for each in spelled]
    return {
        kind: [each.packed for each in addresses if each.version == version]
        for kind, version in ((A, 4), (AAAA, 6))
    }


def host_of(name: bytes) -> str:
    """Return the host whose name stands behind labels such as _443._https.

    Nothing is returned for what is no host name.
    """
    with suppress(FormatError):
        return read_host_name(spell_name(name[host_at(name) :]).encode())
    return ""


def target_of(name: bytes) -> bytes:
    """Return the target of a record that leads to the host itself.

    What is below a host, such as _8443._https, has no addresses of its own, so the host
    must be named there (RFC 9460 section 2.5.2).
    """
    at = host_at(name)
    return name[at:] if at else ROOT


def host_at(name: bytes) -> int:
    """Return where in a name that of the host begins, behind labels with a "_".

    They say which of its services is meant (RFC 9460 sections 2.3 and 9.1).
    """
    at = 0
    while name[at + 1 : at + 2] == b"_":
        at += 1 + name[at]
    return at
