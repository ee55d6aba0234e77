"""Targets: what `wire/` reads, and the replies that it writes."""

import re
from contextlib import suppress

from dotproxy.wire import edns, query, reply
from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.framing import Frames, frame
from dotproxy.wire.http_request import read_head, read_request
from dotproxy.wire.message import (
    HEADER,
    LONGEST,
    OPT,
    RECORD,
    FormatError,
    Record,
    records,
    skip_plain_name,
)
from dotproxy.wire.query import Query, limit_datagram, parse_query
from dotproxy.wire.resp import Replies, Reply
from dotproxy.wire.socks import Login, Negotiation, SocksError
from fuzz.octets import Octets, answered
from fuzz.reading import has_all, is_reply, read, readable

RCODES = (0, 2, 3, 5, 16, 23)

BLOCK = 128

VISIBLE = re.compile("[!-~]+")


def fuzz_query(octets: bytes) -> None:
    """A query is read, and then it can be asked and replied to; or it is refused."""
    try:
        wish = parse_query(octets)
    except FormatError as fault:
        if fault.rcode is not None:
            rejected = read(reply.rejection(octets, fault.rcode))
            assert rejected.id == int.from_bytes(octets[:2], "big")
        return
    end = HEADER.size + len(wish.question)
    assert wish.question == octets[HEADER.size : end]
    assert wish.key[:-1] == wish.question[:-4].lower() + wish.question[-4:]
    sent = query.outgoing(wish, 0x4321, BLOCK)
    assert len(sent) % BLOCK == 0
    assert read(sent).id == 0x4321
    again = parse_query(sent)
    assert (again.question, again.key) == (wish.question, wish.key)
    for size in (LONGEST, None):
        if size is None:
            limit_datagram(wish)
            assert 512 <= wish.max_size <= 1232
        for rcode in RCODES:
            text = edns.explanation(rcode, "so it is")
            _check_reply(wish, reply.status(wish, rcode, text))


def fuzz_http(octets: bytes) -> None:
    """A request is read, and all of it can go into a header; or it is refused."""
    with suppress(FormatError):
        head = read_head(octets)
        request = read_request(octets if head is None else head)
        for word in (request.method, request.host, request.path):
            assert VISIBLE.fullmatch(word)
        assert request.path.startswith("/")


def fuzz_socks(octets: bytes) -> None:
    """A proxy is understood alike, however its words are cut; or it is refused."""
    login = Login("me", "secret") if octets[:1] == b"\1" else None
    words = octets[1:]
    assert _negotiated(words, login, 1) == _negotiated(words, login, len(words) or 1)


def _negotiated(words: bytes, login: Login | None, size: int) -> str | bytes:
    """Return what is said to a proxy that says this in pieces, or why nothing is."""
    talk = Negotiation("192.0.2.1", 443, login)
    said = talk.begin()
    try:
        for at in range(0, len(words), size):
            if talk.connected:
                break
            said += talk.feed(words[at : at + size])
    except SocksError as fault:
        return str(fault)
    return said + bytes((talk.connected,))


def fuzz_answer(octets: bytes) -> None:
    """An answer is read, and what is kept of it reads as the same; or it is refused."""
    try:
        answer = parse_answer(octets)
    except FormatError:
        return
    body = parse_answer(answer.body)
    assert body.opt is None
    assert (body.body, body.records) == (answer.body, answer.records)
    assert all(record.type != OPT for record in answer.records)
    assert answer.keepalive is None or 0 <= answer.keepalive <= 6553.5
    assert answer.rcode & 15 == octets[3] & 15
    if readable(octets):
        read(answer.body)


def fuzz_reply(octets: bytes) -> None:
    """A reply made of any answer is right for the client, over UDP and over TCP."""
    choices = Octets(octets)
    with suppress(FormatError):
        wish = parse_query(choices.some())
        rest = choices.rest()
        answer = parse_answer(answered(wish.wire, wish.question, rest))
        check_replies(wish, answer)


def check_replies(wish: Query, answer: Answer) -> None:
    """Find fault with the replies made of an answer: whole, and cut to any size."""
    for size in (LONGEST, None, 512):
        if size is None:
            limit_datagram(wish)
        else:
            wish.max_size = size
        made = reply.from_answer(wish, answer)
        is_reply(wish, made)
        if answer.body[4:6] != b"\0\0":
            has_all(wish, made, answer.records)
        if readable(answer.body):
            read(made)


def fuzz_edns(octets: bytes) -> None:
    """OPT is read, or refused; what is handed on can be read."""
    head = edns.write_opt(1232, 0, 0, octets)[: 1 + RECORD.size]
    wire = bytes(HEADER.size) + head + octets
    record = Record(OPT, HEADER.size, HEADER.size + 1, len(wire))
    try:
        opt = edns.read_opt(wire, record)
    except FormatError:
        return
    assert b"".join(edns.option(*each) for each in opt.options) == octets
    explained = edns.explanations(opt)
    again = edns.write_opt(1232, 0, 0, explained)
    read(b"\0\0\x80\0\0\0\0\0\0\0\0\1" + again)
    assert edns.keepalive(opt) is None or 0 <= (edns.keepalive(opt) or 0) <= 6553.5


def fuzz_records(octets: bytes) -> None:
    """Names and records are found where they are, or refused."""
    choices = Octets(octets)
    at, count = HEADER.size + choices.number(), choices.word() % 1024
    wire = choices.rest()
    with suppress(FormatError):
        end = skip_plain_name(wire, at)
        assert at < end <= min(len(wire), at + 255)
    with suppress(FormatError):
        for record in records(wire, at, count):
            assert at == record.at < record.fixed < record.end <= len(wire)
            assert HEADER.size <= _goes_on(wire, record) < record.fixed
            at = record.end


def fuzz_frames(octets: bytes) -> None:
    """Any cut of a stream gives the same messages, and little is kept meanwhile."""
    choices = Octets(octets)
    cuts = [choices.number() + 1 for _ in range(choices.number(16))]
    stream = choices.rest()
    whole, frames = Frames(), Frames()
    cut: list[bytes] = []
    messages = whole.feed(stream)
    rest = stream
    while rest:
        size = cuts[len(cut) % len(cuts)] if cuts else len(rest)
        cut += frames.feed(rest[:size])
        cuts = cuts[1:] + cuts[:1]
        rest = rest[size:]
        assert frames.pending < LONGEST + 2
    assert cut == messages
    assert frames.pending == whole.pending
    assert b"".join(map(frame, messages)) == stream[: len(stream) - whole.pending]


def fuzz_replies(octets: bytes) -> None:
    """Any cut of what Redis says gives the same replies, or all of it is refused."""
    single = [octets[at : at + 1] for at in range(len(octets))]
    assert _replies([octets]) == _replies(single)


def _replies(pieces: list[bytes]) -> list[Reply] | None:
    replies, found = Replies(), list[Reply]()
    try:
        for piece in pieces:
            found += replies.feed(piece)
    except FormatError:
        return None
    return found


def _goes_on(wire: bytes, record: Record) -> int:
    """Return where a record's name goes on, or ends if it has no pointer."""
    at = record.at
    while 0 < wire[at] < 64:
        at += 1 + wire[at]
    if wire[at] < 64:
        return max(at, HEADER.size)
    return (wire[at] & 0x3F) << 8 | wire[at + 1]


def _check_reply(wish: Query, made: bytes) -> None:
    is_reply(wish, made)
    read(made)
