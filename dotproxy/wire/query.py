"""A query, as a client sent it and as it leaves for an upstream."""

from functools import lru_cache

from dotproxy.wire.edns import (
    DNSSEC_OK,
    KEEPALIVE,
    LEAST_PAYLOAD,
    PADDING,
    UDP_PAYLOAD,
    Opt,
    keepalive_option,
    option,
    read_opt,
    write_opt,
)
from dotproxy.wire.message import (
    AD,
    CD,
    HEADER,
    LONGEST,
    NOTIMP,
    OPCODE,
    OPT,
    QR,
    RD,
    REFUSED,
    SIG,
    TSIG,
    UPDATE,
    FormatError,
    Z,
    fold,
    records,
    skip_plain_name,
)
from dotproxy.wire.subnet import SUBNET
from dotproxy.wire.trace import Trace

REPLY_BLOCK = 468
"""Octets to whose multiple a reply is padded, if it is (RFC 8467 section 4.1)."""

UPSTREAM_PAYLOAD = 4096
"""Octets announced to upstreams; over TLS it is no limit, so let it be generous."""


class Query:
    """One question of one client, and what its reply must heed.

    `wire` is the message as it came, `question` its question as spelled, `key` what
    makes two queries the same: the name in lower case, type, class, the flags RD, CD,
    Z and DO, and the subnet that upstreams hear of, if it is the client's.
    `max_size` counts the octets that the client takes, `deadline` is a time of the
    clock in use.  The client's address is not known here.  `options` stand in the OPT
    of its reply, which is padded to a multiple of `block` octets, or not at all if
    that is 0.
    """

    __slots__ = (
        "block",
        "deadline",
        "key",
        "max_size",
        "opt",
        "options",
        "question",
        "signed",
        "source",
        "subnet",
        "trace",
        "wire",
    )

    def __init__(
        self, wire: bytes, question: bytes, opt: Opt | None, signed: bool
    ) -> None:
        self.wire = wire
        self.question = question
        self.opt = opt
        self.signed = signed
        flags = wire[2] & RD | wire[3] & (CD | Z) | self.dnssec_ok << 7
        self.key = fold(question) + bytes((flags,))
        self.subnet = b""
        """The subnet that upstreams hear of, as an option's value; b"" for none."""
        self.max_size = LONGEST
        self.deadline = float("inf")
        self.options, self.block = b"", 0
        self.source = ""
        """Where its reply came from, once there is one; see `Replies`."""
        self.trace: Trace | None = None
        """Who wants to know what becomes of it; nearly always nobody."""

    @property
    def name(self) -> bytes:
        """The name asked for, as on the wire, in lower case."""
        return self.key[: len(self.question) - 4]

    @property
    def type(self) -> int:
        """The type asked for, as a number."""
        return int.from_bytes(self.question[-4:-2], "big")

    @property
    def rdclass(self) -> int:
        """The class asked for, as a number."""
        return int.from_bytes(self.question[-2:], "big")

    @property
    def dnssec_ok(self) -> bool:
        """Whether the client wants signatures (the DO bit, RFC 3225)."""
        return self.opt is not None and self.opt.flags & DNSSEC_OK != 0

    def speak_for(self, subnet: bytes) -> None:
        """Let upstreams hear of the client's subnet, an option's value (RFC 7871).

        Only those who speak for the same one share an answer from then on.
        """
        self.subnet = subnet
        self.key = self.key[: len(self.question) + 1] + subnet


def question_of(key: bytes) -> bytes:
    """Return the question in a query's key, its name in lower case."""
    return key[: skip_plain_name(key, 0) + 4]


def parse_query(wire: bytes) -> Query:
    """Read a client's message.

    Raises FormatError, whose `rcode` is what the client is to be told.  None, and
    so silence, is for what would make us part of somebody's loop: a message
    without a whole header, and a response.
    """
    if len(wire) < HEADER.size or wire[2] & QR:
        raise FormatError("no query at all", rcode=None)
    if wire[2] & OPCODE:
        raise FormatError("an operation other than QUERY", rcode=_refusal(wire[2]))
    _, _, questions, answers, authorities, additionals = HEADER.unpack_from(wire)
    if questions != 1:
        raise FormatError("a query has one question")
    end = skip_plain_name(wire, HEADER.size) + 4
    if end > len(wire):
        raise FormatError("the question runs off the end of the message")
    opt, signed = None, False
    behind = end
    if answers or authorities or additionals:
        opt, signed, behind = _records(wire, end, answers + authorities, additionals)
    if behind != len(wire):
        raise FormatError("octets behind the last record")
    return Query(wire, wire[HEADER.size : end], opt, signed)


def about(query: Query, name: bytes) -> Query:
    """Return the same query about another name, until the same deadline."""
    question = name + query.question[-4:]
    behind = query.wire[HEADER.size + len(query.question) :]
    wire = query.wire[: HEADER.size] + question + behind
    other = Query(wire, question, query.opt, query.signed)
    other.deadline = query.deadline
    other.subnet = query.subnet
    other.trace = query.trace
    return other


def limit_datagram(query: Query) -> None:
    """Set what the client takes in a datagram: its own word, within our bounds.

    512 octets without EDNS (RFC 1035 4.2.1); with it what OPT says, at least 512
    (RFC 6891 6.2.3) and at most 1,232, which no path fragments (RFC 9715).
    """
    payload = query.opt.payload if query.opt else LEAST_PAYLOAD
    query.max_size = min(max(payload, LEAST_PAYLOAD), UDP_PAYLOAD)


def limit_stream(query: Query, idle: float | None, padded: bool) -> None:
    """Set what the reply says over a stream, if the client asked for it.

    That is how many seconds the connection may idle (RFC 7828 section 3.3.2), None over
    HTTP, whose connections are its own.  It is `padded` only where it is encrypted: in
    clear there is nothing to hide (RFC 7830 section 6).
    """
    for code, _ in query.opt.options if query.opt else ():
        if code == KEEPALIVE and idle is not None:
            query.options = keepalive_option(idle)
        elif code == PADDING and padded:
            query.block = REPLY_BLOCK


def outgoing(query: Query, number: int, block: int) -> bytes:
    """Return the query as an upstream gets it: under the ID `number`, with our OPT.

    The question stays as the client spelled it, RD and CD as it set them; AD asks
    to be told whether the answer was validated (RFC 6840 5.7).  The whole is
    padded to a multiple of `block` octets, or not at all if that is 0 (RFC 8467
    4.1).  Of the client's own OPT only DO goes further, and its subnet if it may.
    """
    opt = _outgoing_opt(len(query.question), query.dnssec_ok, block, query.subnet)
    return _outgoing_head(query, number) + query.question + opt


def outgoing_in_clear(query: Query, number: int) -> bytes:
    """Return the query as an upstream gets it that is asked in clear.

    It takes what fits a datagram, and has no word on how long connections may idle
    (RFC 7828 section 3.2.1).
    """
    flags = DNSSEC_OK if query.dnssec_ok else 0
    opt = write_opt(UDP_PAYLOAD, 0, flags, _subnet_option(query.subnet))
    return _outgoing_head(query, number) + query.question + opt


def _outgoing_head(query: Query, number: int) -> bytes:
    wire = query.wire
    flags = bytes((wire[2] & RD, wire[3] & (CD | Z) | AD))
    return number.to_bytes(2, "big") + flags + b"\0\1\0\0\0\0\0\1"


def _refusal(third: int) -> int:
    """Return what an operation other than QUERY is told.

    An update is refused as a policy, so that the registrations of machines do not
    leave (RFC 2136 section 2.2); of others we know nothing.
    """
    return REFUSED if third & OPCODE == UPDATE else NOTIMP


@lru_cache(maxsize=1024)
def _outgoing_opt(question: int, dnssec_ok: bool, block: int, subnet: bytes) -> bytes:
    """Write our OPT behind a question of so many octets.

    It asks how long the connection may idle (RFC 7828 3.2.1) in every query, since
    any may turn out to be the first on its connection.
    """
    flags = DNSSEC_OK if dnssec_ok else 0
    rdata = option(KEEPALIVE, b"") + _subnet_option(subnet)
    if block:
        bare = HEADER.size + question + len(write_opt(0, 0, 0, rdata)) + 4
        rdata += option(PADDING, bytes(-bare % block))
    return write_opt(UPSTREAM_PAYLOAD, 0, flags, rdata)


def _subnet_option(subnet: bytes) -> bytes:
    return option(SUBNET, subnet) if subnet else b""


def _records(
    wire: bytes, at: int, before: int, additionals: int
) -> tuple[Opt | None, bool, int]:
    """Find OPT and signatures among a query's records, and where these end."""
    opt, signed = None, False
    for index, record in enumerate(records(wire, at, before + additionals)):
        if record.type == OPT:
            if opt is not None or index < before:
                raise FormatError("OPT stands once, and in the additional section")
            opt = read_opt(wire, record)
        elif record.type in (TSIG, SIG):
            signed = True
        at = record.end
    return opt, signed, at
