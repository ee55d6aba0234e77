"""Where the search begins: real messages, and what is made of them."""

from collections.abc import Iterator

import dns.message
import dns.rcode
import dns.rrset
import hpack

import dotproxy.http.frames as h
from dotproxy.config.caching import Caching
from dotproxy.local.cache import Cache
from dotproxy.local.entry import pack
from dotproxy.local.lifetime import lifetime
from dotproxy.local.snapshot import dump
from dotproxy.wire.answer import parse_answer
from dotproxy.wire.framing import frame
from dotproxy.wire.query import parse_query
from fuzz.kept import SEALED_AT
from fuzz.octets import unanswered
from tests.messages import OPTIONS, RDATAS

NAME = "www.example.com."


def queries() -> Iterator[bytes]:
    """Return queries for many types, with EDNS and without."""
    for kind in ("A", "AAAA", "HTTPS", "ANY", "SOA", "TYPE65280"):
        query = dns.message.make_query(NAME, kind, id=0x1234)
        yield query.to_wire()
        query.use_edns(0, 0x8000, 1232, options=[*OPTIONS])
        yield query.to_wire()
    yield dns.message.make_query(".", "NS", id=0, use_edns=0).to_wire()


def answers() -> Iterator[tuple[bytes, bytes]]:
    """Return queries, each with an answer: records of all kinds, and of none."""
    soa = dns.rrset.from_text("example.com.", 900, "IN", *RDATAS[3])
    for query in queries():
        asked = dns.message.from_wire(query)
        for rcode in (0, 2, 3):
            answer = dns.message.make_response(asked, recursion_available=True)
            answer.set_rcode(dns.rcode.Rcode(rcode))
            for kind, text in () if rcode else RDATAS:
                answer.answer.append(dns.rrset.from_text(NAME, 300, "IN", kind, text))
            answer.authority.append(soa)
            if asked.edns >= 0:
                answer.use_edns(0, 0x8000, 1232, options=[*OPTIONS])
            yield query, answer.to_wire()
        yield query, query[:2] + b"\x81\x81" + bytes(8)
        yield query, large(asked).to_wire(max_size=0xFFFF)


def large(asked: dns.message.Message) -> dns.message.Message:
    """Return an answer that is too large for a datagram."""
    answer = dns.message.make_response(asked)
    for number in range(12):
        text = f'"{number:0200}"'
        answer.additional.append(dns.rrset.from_text(NAME, 60, "IN", "TXT", text))
    return answer


def with_answers(octets: bytes = b"") -> Iterator[bytes]:
    """Return inputs of targets that take a query with its length, then an answer."""
    for query, answer in answers():
        question = parse_query(query).question
        if len(answer) > len(question) + 12:
            head = len(query).to_bytes(2, "big") + query
            yield octets + head + unanswered(answer, question)


def records() -> Iterator[bytes]:
    """Return messages with the place where their records begin, and how many."""
    for query, answer in answers():
        at = 12 + len(parse_query(query).question)
        count = sum(answer[7:12:2])
        yield bytes((at, 0, count)) + answer


def streams() -> Iterator[bytes]:
    """Return some queries on end, cut in many places or in none."""
    wires = b"".join(map(frame, queries()))
    yield b"\0" + wires
    yield b"\4\0\1\2\x0a" + wires


def requests() -> Iterator[bytes]:
    """Return requests of HTTP, with more behind them and without."""
    fields = b"Host: www.example.com:80\r\nAccept: */*\r\n"
    for line in (b"GET /a?b=c HTTP/1.1", b"POST / HTTP/1.0", b"OPTIONS * HTTP/1.1"):
        yield line + b"\r\n" + fields + b"\r\n"
    yield b"GET / HTTP/1.1\r\n" + fields + b"\r\nmore"


def proxies() -> Iterator[bytes]:
    """Return what SOCKS5 proxies say, behind whether they get a login."""
    for place in (b"\1" + bytes(6), b"\4" + bytes(18), b"\3\1a\0\0"):
        yield b"\0\5\0\5\0\0" + place + b"more"
    yield b"\1\5\2\1\0\5\0\0\1" + bytes(6)
    yield b"\0\5\0\5\2"


def options() -> Iterator[bytes]:
    """Return what is in OPT."""
    for query in queries():
        opt = parse_query(query).opt
        if opt is not None:
            yield query[query.rindex(b"\0\0\x29") + 11 :]


def snapshots() -> Iterator[bytes]:
    """Return caches with some answers in them, without their sums."""
    cache = Cache(Caching(), lambda: 1000.0)
    for query, answer in answers():
        cache.learn(parse_query(query), parse_answer(answer))
        yield dump(cache.entries())[:-4]


def sealed() -> Iterator[bytes]:
    """Return queries with their length, then what is shared of their answers."""
    learned = int(SEALED_AT * 1000).to_bytes(8, "big")
    for query, answer in answers():
        wish, said = parse_query(query), parse_answer(answer)
        kept_for = lifetime(wish, said, Caching())
        if kept_for is not None:
            head = len(query).to_bytes(2, "big") + query
            yield head + learned + pack(said, kept_for, 0)


def replies() -> Iterator[bytes]:
    """Return what Redis says."""
    yield b"+OK\r\n:-12\r\n$-1\r\n$0\r\n\r\n$4\r\n\r\n\r\n\r\n"
    yield b"-ERR no such thing\r\n$1\r\na\r\n+PON"
    yield b"$65536\r\n"


def clients() -> Iterator[bytes]:
    """Return what clients do: ask on end, pause, go on, close their side."""
    wires = b"".join(map(frame, queries()))
    yield b"\1\xff\4\0\3\3\6" + wires
    yield b"\3\7\x40\xff\x0c\0\1\4\3\5\3\0\0\3\6\2\7" + wires
    yield b"".join(b"\2" + frame(it) for it in queries()) + bytes(30)


def clients_of_h2() -> Iterator[bytes]:
    """Return what clients of HTTP/2 do: ask by GET and POST, make room, take back."""
    encoder = hpack.Encoder()
    base = ((":method", "POST"), (":scheme", "https"), (":path", "/dns-query"))
    head = encoder.encode([*base, ("content-type", "application/dns-message")])
    frames = []
    for stream, query in enumerate(queries()):
        number = 2 * stream + 1
        frames.append(h.frame(h.HEADERS, h.END_HEADERS, number, head))
        frames.append(h.frame(h.DATA, h.END_STREAM, number, query))
    asked = b"".join(frames)
    yield b"\1\xff\4\0\3\3\6" + asked
    room = h.frame(h.WINDOW_UPDATE, 0, 0, b"\0\0\1\0")
    none = h.frame(h.SETTINGS, 0, 0, b"\0\4\0\0\0\3")
    back = h.frame(h.RST_STREAM, 0, 1, bytes(4))
    yield b"\3\7\x40\xff\x0c\0\1\4\3\5\3\0\0\3\6\2\7" + none + asked + room + back


def clients_of_h1() -> Iterator[bytes]:
    """Return what clients of HTTP/1.1 do: one request after another, or cut."""
    kind = b"Content-Type: application/dns-message\r\n"
    head = b"POST /dns-query HTTP/1.1\r\nHost: x\r\n" + kind
    posted = b"".join(
        head + b"Content-Length: %d\r\n\r\n" % len(it) + it for it in queries()
    )
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(it), it) for it in queries())
    yield b"\1\xff\4\0\3\3\6" + posted
    yield b"\3\7\x40\xff\x0c\0\1\4\3\5\3\0\0\3\6\2\7" + posted
    yield b"\0\0" + head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks


def upstreams() -> Iterator[bytes]:
    """Return what upstreams do: answer well, badly, late, and hang up."""
    for query, answer in answers():
        question = parse_query(query).question
        rest = unanswered(answer, question)[: 8 + 31 * 4]
        story = bytes((0, 1, 2 + 8 * 31)) + rest
        yield b"\0\0" + story + b"\x0c" + story + b"\x54"
        yield b"\0\1" + story + bytes((6 + 8 * 30,)) + answer[:120] + b"\4\x44"
    yield b"\0\0\0\1\x0d\x81\x80" + bytes(6)


def lookups() -> Iterator[bytes]:
    """Return what plain resolvers reply."""
    for query, answer in answers():
        question = parse_query(query).question
        yield b"\0" + answer
        yield b"\1" + unanswered(answer, question)
