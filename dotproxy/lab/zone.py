"""The zone `lab.example`: what the lab answers, and how slowly.

It plays a resolver that knows one zone and nothing else.  The answers are meant for
TLS, so a query that is padded gets an answer that is padded (RFC 7830 section 6).
"""

from typing import NamedTuple

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone

from dotproxy.wire.message import HEADER, LONGEST, OPCODE, QR, RA, RD

ORIGIN = "lab.example."

ZONE = """
$TTL 300
@     60 IN SOA   ns hostmaster 1 7200 3600 1209600 60
@        IN NS    ns
ns       IN A     192.0.2.53
ns       IN AAAA  2001:db8::53
www      IN A     192.0.2.1
www      IN A     192.0.2.2
www      IN AAAA  2001:db8::1
www      IN HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1
alias    IN CNAME www
mail     IN MX    10 mx
mx       IN A     192.0.2.25
mx       IN AAAA  2001:db8::25
txt      IN TXT   "Hello from the lab."
slow     IN A     192.0.2.60
""" + "\n".join(f'big IN TXT "{n:02} {"." * 177}"' for n in range(16))
"""The zone as a master file (RFC 1035 section 5).

`big` has 16 records of 180 characters: some 3 KB, too much for a datagram.
"""

DELAYS = {dns.name.from_text("slow", dns.name.from_text(ORIGIN)): 1.0}
"""Seconds that the answer to a name is held back, whatever the type."""

IDLE_TIMEOUT = 10.0
"""Seconds without a query after which the lab closes a connection."""

PADDING_BLOCK = 468
"""Octets that a padded answer is a multiple of (RFC 8467 section 4.1)."""

PAYLOAD_SIZE = 1232
"""Octets of a datagram that we would take, were we asked over UDP."""

KEEPALIVE = dns.edns.OptionType.KEEPALIVE
PADDING = dns.edns.OptionType.PADDING

LONGEST_KEEPALIVE = 0xFFFF
"""The longest idle time-out that the option can say, in tenths of a second."""


class Reply(NamedTuple):
    """An answer, and how many seconds to wait before it is sent."""

    wire: bytes
    delay: float


def answer(query: bytes, idle_timeout: float = IDLE_TIMEOUT) -> Reply | None:
    """Answer a query, or return None if it does not deserve an answer.

    Responses and fragments of a header get none.  What cannot be read gets FORMERR,
    and opcodes other than QUERY get NOTIMP; both are a bare header.  `idle_timeout`
    is the seconds to tell a client that asks for them (RFC 7828).  Never raises.
    """
    if len(query) < HEADER.size or query[2] & QR:
        return None
    if query[2] & OPCODE:
        return Reply(_bare(query, dns.rcode.NOTIMP), 0.0)
    try:
        # Signed queries are answered unsigned: the lab shares no keys.
        asked = dns.message.from_wire(query, keyring=False)
    except dns.exception.DNSException:
        return Reply(_bare(query, dns.rcode.FORMERR), 0.0)
    if len(asked.question) != 1:
        return Reply(_bare(query, dns.rcode.FORMERR), 0.0)
    return _reply(asked, idle_timeout)


def _bare(query: bytes, rcode: int) -> bytes:
    """Return a header without any sections: QR and RA set, opcode and RD copied."""
    flags = bytes((QR | query[2] & (OPCODE | RD), RA | rcode))
    return query[:2] + flags + bytes(HEADER.size - 4)


def _reply(asked: dns.message.Message, idle_timeout: float) -> Reply:
    response = dns.message.make_response(asked, recursion_available=True)
    response.flags |= asked.flags & dns.flags.CD
    if asked.edns >= 0:
        _add_edns(response, asked, idle_timeout)
    refusal = _refusal(asked)
    if refusal is None:
        _look_up(response)
    else:
        response.set_rcode(refusal)
    # Shuffled records would make two equal queries differ in their answers.
    wire = response.to_wire(max_size=LONGEST, want_shuffle=False)
    return Reply(wire, DELAYS.get(asked.question[0].name, 0.0))


def _add_edns(
    response: dns.message.Message, asked: dns.message.Message, idle_timeout: float
) -> None:
    """Put an OPT into the answer that says no more than the query asked for."""
    options: list[dns.edns.Option] = []
    wanted = {option.otype for option in asked.options}
    if KEEPALIVE in wanted:
        tenths = min(int(idle_timeout * 10), LONGEST_KEEPALIVE)
        options.append(dns.edns.GenericOption(KEEPALIVE, tenths.to_bytes(2, "big")))
    response.use_edns(
        ednsflags=asked.ednsflags & dns.flags.DO,
        payload=PAYLOAD_SIZE,
        options=options,
        pad=PADDING_BLOCK if PADDING in wanted else 0,
    )


def _refusal(asked: dns.message.Message) -> dns.rcode.Rcode | None:
    """Return why we will not look up the question, or None if we will."""
    question = asked.question[0]
    if asked.edns > 0:
        return dns.rcode.BADVERS
    if question.rdclass != dns.rdataclass.IN:
        return dns.rcode.REFUSED
    if question.rdtype in (dns.rdatatype.AXFR, dns.rdatatype.IXFR):
        return dns.rcode.REFUSED
    return None


def _look_up(response: dns.message.Message) -> None:
    """Fill in the sections, and the SOA where a negative answer needs one.

    Names outside of the zone do not exist either: the lab knows no other zone.
    """
    name, rdtype = response.question[0].name, response.question[0].rdtype
    if name not in RRSETS:
        response.set_rcode(dns.rcode.NXDOMAIN)
        response.authority = [SOA]
        return
    response.answer = _rrsets(name, rdtype)
    response.additional = _addresses(response.answer)
    if all(rrset.rdtype != rdtype for rrset in response.answer) and rdtype != ANY:
        response.authority = [SOA]


def _rrsets(name: dns.name.Name, rdtype: int) -> list[dns.rrset.RRset]:
    """Return what the zone has for a name and a type, aliases followed.

    ANY gets one RRset of those that there are (RFC 8482 section 4.1).
    """
    rrsets = RRSETS[name]
    if rdtype == ANY:
        return list(rrsets.values())[:1]
    if rdtype in rrsets:
        return [rrsets[rdtype]]
    if dns.rdatatype.CNAME not in rrsets:
        return []
    alias = rrsets[dns.rdatatype.CNAME]
    return [alias, *_rrsets(alias[0].target, rdtype)]


def _addresses(rrsets: list[dns.rrset.RRset]) -> list[dns.rrset.RRset]:
    """Return the addresses of the hosts that MX and NS records point at.

    RFC 1035 sections 3.3.9 and 3.3.11 ask for them in the additional section.
    """
    hosts = [
        getattr(rdata, HOSTS[rrset.rdtype])
        for rrset in rrsets
        if rrset.rdtype in HOSTS
        for rdata in rrset
    ]
    types = (dns.rdatatype.A, dns.rdatatype.AAAA)
    return [rrset for host in hosts for it in types for rrset in _rrsets(host, it)]


def _read(text: str) -> dict[dns.name.Name, dict[int, dns.rrset.RRset]]:
    zone = dns.zone.from_text(text, ORIGIN, relativize=False)
    names: dict[dns.name.Name, dict[int, dns.rrset.RRset]] = {}
    for name, rdataset in zone.iterate_rdatasets():
        rrset = dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))
        names.setdefault(name, {})[rrset.rdtype] = rrset
    return names


ANY = dns.rdatatype.ANY
HOSTS = {dns.rdatatype.MX: "exchange", dns.rdatatype.NS: "target"}
RRSETS = _read(ZONE)
SOA = RRSETS[dns.name.from_text(ORIGIN)][dns.rdatatype.SOA]
