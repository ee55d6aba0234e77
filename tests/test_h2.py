"""HTTP/2, as its server: against a client that others wrote, and against bad ones."""

from unittest import TestCase

import h2.events
import hpack
from hypothesis import given
from hypothesis import strategies as st

import dotproxy.http.frames as h
from dotproxy.http.blocks import Blocks
from dotproxy.http.credit import MOST, RESET
from dotproxy.http.frames import Error, frame
from dotproxy.http.h2 import HTTP2
from dotproxy.http.request import LARGEST, UNREADABLE
from dotproxy.http.responses import Heads
from dotproxy.http.settings import STREAMS
from tests.http_clients import POST, Client, Fields, fields_of, get_of
from tests.messages import ADDRESS, BACK, EXAMPLE, message, quick, record
from tests.test_request import PATH

QUERY = message(0x0100, [EXAMPLE])

REPLY = message(0x8180, [EXAMPLE], [record(BACK, 1, ADDRESS, ttl=77)])

WHOLE = h.END_STREAM | h.END_HEADERS


def block(fields: Fields | None = None) -> bytes:
    """Return a header, of a GET unless given, as one who has no table writes it."""
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    written: bytes = encoder.encode(fields or get_of(QUERY))
    return written


class AnswerTests(TestCase):
    def setUp(self) -> None:
        self.client = Client()
        self.server = self.client.server

    def answer_all(self, reply: bytes = REPLY) -> None:
        while self.server.wishes:
            _, stream = self.server.wishes.popleft()
            self.server.say(stream, reply)
        self.client.hear()
        self.client.talk()

    def test_get(self) -> None:
        """A query by GET is answered with type, length, and how long it holds."""
        stream = self.client.get(QUERY)
        self.client.talk()
        assert [*self.server.wishes] == [(QUERY, stream)]
        self.answer_all()
        assert self.client.fields(stream) == [
            (":status", "200"),
            ("content-type", "application/dns-message"),
            ("content-length", str(len(REPLY))),
            ("cache-control", "max-age=77"),
        ]
        assert self.client.body(stream) == REPLY
        assert self.client.ended(stream)

    def test_known(self) -> None:
        """The same question again, by a client without a table, is read the same."""
        for _ in range(3):
            stream = self.client.get(QUERY)
            self.client.talk()
            assert [*self.server.wishes] == [(QUERY, stream)]
            self.answer_all()
            assert self.client.body(stream) == REPLY

    def test_post(self) -> None:
        """A query by POST may come in parts."""
        stream = self.client.ask(POST, QUERY[:5], b"", QUERY[5:])
        self.client.talk()
        assert [*self.server.wishes] == [(QUERY, stream)]
        self.answer_all()
        assert self.client.body(stream) == REPLY

    def test_padded(self) -> None:
        """Padding and a priority are nobody's query."""
        self.client.h2.send_headers(
            1, POST, priority_weight=8, priority_depends_on=0, priority_exclusive=False
        )
        self.client.h2.send_data(1, QUERY, end_stream=True, pad_length=9)
        self.client.talk()
        assert [*self.server.wishes] == [(QUERY, 1)]

    def test_trailer(self) -> None:
        """Fields behind a body end it, and say nothing."""
        self.client.h2.send_headers(1, POST)
        self.client.h2.send_data(1, QUERY)
        self.client.h2.send_headers(1, [("x-checked", "yes")], end_stream=True)
        self.client.talk()
        assert [*self.server.wishes] == [(QUERY, 1)]

    def test_order(self) -> None:
        """Answers come in any order, each to its own stream."""
        streams = [self.client.get(QUERY + bytes((each,))) for each in range(5)]
        self.client.talk()
        for wish, stream in reversed(self.server.wishes):
            self.server.say(stream, REPLY + wish[-1:])
        self.client.hear()
        for each, stream in enumerate(streams):
            assert self.client.body(stream) == REPLY + bytes((each,))

    @quick
    @given(st.integers(1, 40))
    def test_cuts(self, cut: int) -> None:
        """However the octets are cut, the queries are the same."""
        client = Client()
        streams = [client.get(QUERY), client.ask(POST, QUERY), client.get(QUERY)]
        client.talk(cut)
        assert [*client.server.wishes] == [(QUERY, each) for each in streams]

    def test_refusals(self) -> None:
        """What is no query is refused with its status, and the rest goes on."""
        path = PATH.decode()
        for expected, fields, parts in (
            (404, fields_of("GET", "/"), ()),
            (405, fields_of("DELETE", path), ()),
            (415, fields_of("POST", path), (QUERY,)),
            (413, POST, (bytes(LARGEST), b"x")),
            (400, POST, (b"",)),
            (400, fields_of("GET", path), ()),
        ):
            stream = self.client.ask(fields, *parts)
            self.client.talk()
            assert self.client.status(stream) == expected
            assert self.client.ended(stream)
        assert dict(self.client.fields(3))["allow"] == "GET, POST"
        assert not self.server.wishes
        assert not self.server.over

    def test_unreadable(self) -> None:
        """The resolver may refuse as well."""
        self.client.get(QUERY)
        self.client.talk()
        self.server.refuse(1, UNREADABLE)
        self.client.hear()
        assert self.client.status(1) == 400

    def test_thinned_out(self) -> None:
        """Of too many wishes one stays; the others hear 429, and when to come again."""
        streams = [self.client.get(QUERY) for _ in range(4)]
        self.client.talk()
        self.server.thin_out()
        self.client.hear()
        assert [*self.server.wishes] == [(QUERY, streams[0])]
        for stream in streams[1:]:
            assert self.client.status(stream) == 429
            assert dict(self.client.fields(stream))["retry-after"] == "1"

    def test_malformed(self) -> None:
        """A request against the rules loses its stream, and the others go on."""
        self.client.h2.config.validate_outbound_headers = False
        self.client.h2.config.normalize_outbound_headers = False
        path = PATH.decode()
        for fields in (
            [(":method", "GET"), (":path", path)],
            fields_of("GET", path, (":path", "/2")),
            fields_of("GET", path, ("connection", "close")),
            fields_of("GET", path, ("X-Upper", "case")),
            fields_of("GET", path, (":unknown", "")),
            fields_of("GET", path, ("transfer-encoding", "chunked")),
            fields_of("GET", path, ("te", "gzip")),
            fields_of("GET", path, ("a b", "")),
            fields_of("GET", path, ("a", "b\n")),
            fields_of("GET", path, ("a", " b")),
            fields_of("GET", path, ("content-length", "-1")),
            fields_of("GET", path, ("content-length", "0"), ("content-length", "1")),
        ):
            self.client.ask(fields)
            self.client.talk()
        found = [
            each.error_code
            for each in self.client.events
            if isinstance(each, h2.events.StreamReset)
        ]
        assert found == [Error.PROTOCOL_ERROR] * 12
        self.client.get(QUERY)
        self.client.talk()
        assert len(self.server.wishes) == 1

    def test_taken_back(self) -> None:
        """A query that is wanted no more is not answered, and harms no other."""
        first, second = self.client.get(QUERY), self.client.get(QUERY)
        self.client.talk()
        _, stream = self.server.wishes.popleft()
        self.client.h2.reset_stream(first)
        self.client.h2.reset_stream(second)
        self.client.talk()
        assert not self.server.wishes
        self.server.say(stream, REPLY)
        assert self.server.take() == b""

    def test_farewell(self) -> None:
        """After a farewell what came is answered, and what comes is not."""
        first = self.client.get(QUERY)
        self.client.talk()
        self.server.farewell()
        goodbye = self.server.take()
        assert goodbye == frame(h.GOAWAY, 0, 0, bytes((0, 0, 0, first)) + bytes(4))
        self.server.feed(frame(h.HEADERS, WHOLE, 3, block()))
        assert [*self.server.wishes] == [(QUERY, first)]
        self.server.say(first, REPLY)
        body = frame(h.DATA, h.END_STREAM, first, REPLY)
        assert self.server.take().endswith(body)

    def test_ping(self) -> None:
        """A ping comes back."""
        self.client.h2.ping(b"12345678")
        self.client.talk()
        acks = (
            each.ping_data
            for each in self.client.events
            if isinstance(each, h2.events.PingAckReceived)
        )
        assert [*acks] == [b"12345678"]

    def test_leaving(self) -> None:
        """Who says goodbye still gets the answers."""
        stream = self.client.get(QUERY)
        self.client.talk()
        late = self.client.h2.get_next_available_stream_id()
        self.client.h2.send_headers(late, POST)
        self.client.h2.send_data(late, QUERY[:5])
        self.client.talk()
        self.server.feed(frame(h.GOAWAY, 0, 0, bytes(8)))
        self.client.h2.send_data(late, QUERY[5:], end_stream=True)
        self.client.talk()
        assert [*self.server.wishes] == [(QUERY, stream), (QUERY, late)]
        self.answer_all()
        assert self.client.body(stream) == self.client.body(late) == REPLY

    def test_farewell_unfinished(self) -> None:
        """A query of which a part came may be asked of another after a farewell."""
        self.client.h2.send_headers(1, POST)
        self.client.talk()
        self.server.farewell()
        refused = frame(h.RST_STREAM, 0, 1, bytes((0, 0, 0, Error.REFUSED_STREAM)))
        assert self.server.take().startswith(refused)
        self.server.feed(frame(h.DATA, h.END_STREAM, 1, QUERY))
        assert not self.server.wishes

    def test_length(self) -> None:
        """A body that is not as long as it was said to be loses its stream."""
        said = ("content-length", str(len(QUERY)))
        good = self.client.ask([*POST, said], QUERY)
        self.client.talk()
        assert [*self.server.wishes] == [(QUERY, good)]
        server = HTTP2(Blocks(PATH), Heads())
        server.feed(h.PREFACE + frame(h.SETTINGS, 0, 0))
        head = block([*POST, said])
        server.take()
        for octets in (
            frame(h.HEADERS, WHOLE, 1, head),
            frame(h.HEADERS, h.END_HEADERS, 3, head)
            + frame(h.DATA, h.END_STREAM, 3, QUERY[1:]),
        ):
            server.feed(octets)
            stream = octets[8]
            assert server.take() == h.reset(stream, Error.PROTOCOL_ERROR)
        assert not server.wishes

    def test_head(self) -> None:
        """The refusal of a HEAD has no content."""
        stream = self.client.ask(fields_of("HEAD", PATH.decode()))
        self.client.talk()
        assert self.client.status(stream) == 405
        assert self.client.ended(stream)
        assert self.client.body(stream) == b""

    def test_refused_early(self) -> None:
        """A refusal does not wait for all of a large body, which nobody wants."""
        for fields, expected in ((fields_of("POST", "/"), 404), (POST, 413)):
            stream = self.client.h2.get_next_available_stream_id()
            self.client.h2.send_headers(stream, fields)
            for _ in range(3):
                self.client.h2.send_data(stream, bytes(16_000))
            self.client.talk()
            assert self.client.status(stream) == expected
            (lost,) = (
                each
                for each in self.client.events
                if isinstance(each, h2.events.StreamReset) and each.stream_id == stream
            )
            assert lost.error_code == Error.NO_ERROR
            self.server.feed(frame(h.DATA, h.END_STREAM, stream, b"late"))
        assert not self.server.over


class RoomTests(TestCase):
    def test_large(self) -> None:
        """What exceeds a frame, a stream's room and the connection's comes in parts."""
        client = Client()
        large = REPLY + bytes(60_000)
        streams = [client.get(QUERY), client.get(QUERY)]
        client.talk()
        for _, stream in [*client.server.wishes]:
            client.server.say(stream, large)
        client.hear()
        assert client.server.held
        assert client.ended(streams[0])
        client.h2.increment_flow_control_window(40_000)
        client.talk()
        assert client.server.held
        client.h2.increment_flow_control_window(40_000)
        client.h2.increment_flow_control_window(40_000, streams[1])
        client.talk()
        assert not client.server.held
        for stream in streams:
            assert client.body(stream) == large
            assert client.ended(stream)

    def test_given_back(self) -> None:
        """Clients may send bodies for ever: the room they take is given back."""
        client = Client()
        for _ in range(60):
            client.ask(POST, QUERY, bytes(3000))
            client.talk()
            _, stream = client.server.wishes.popleft()
            client.server.say(stream, REPLY)
            client.hear()
            client.talk()
        assert not client.server.over


class BadTests(TestCase):
    def setUp(self) -> None:
        self.server = HTTP2(Blocks(PATH), Heads())
        self.server.feed(h.PREFACE + frame(h.SETTINGS, 0, 0))
        self.server.take()

    def ends(self, octets: bytes) -> Error:
        """Return why the connection is over after these octets."""
        self.server.feed(octets)
        assert self.server.over
        assert not self.server.wishes
        said = self.server.take()
        at = 0
        while at < len(said):
            high, low, kind, _, _ = h.HEADER.unpack_from(said, at)
            if kind == h.GOAWAY:
                code = said[at + h.HEADER.size + 4 : at + h.HEADER.size + 8]
                return Error(int.from_bytes(code, "big"))
            at += h.HEADER.size + (high << 16 | low)
        raise AssertionError("no goodbye")

    def test_no_preface(self) -> None:
        """Who does not begin as HTTP/2 does is none of ours."""
        self.server = HTTP2(Blocks(PATH), Heads())
        assert self.ends(b"GET / HTTP/1.1\r\n\r\n") == Error.PROTOCOL_ERROR

    def test_faults(self) -> None:
        """Each fault ends the connection with its own code."""
        five = (5).to_bytes(4, "big")
        for octets, expected in (
            (h.HEADER.pack(1, 0, h.DATA, 0, 1), Error.FRAME_SIZE_ERROR),
            (frame(h.DATA, 0, 1, b"x"), Error.PROTOCOL_ERROR),
            (frame(h.HEADERS, WHOLE, 2, block()), Error.PROTOCOL_ERROR),
            (frame(h.HEADERS, WHOLE, 1, b"\xff\xff\xff"), Error.COMPRESSION_ERROR),
            (frame(h.HEADERS, WHOLE | h.PADDED, 1, b"\x05ab"), Error.PROTOCOL_ERROR),
            (frame(h.HEADERS, WHOLE | h.PADDED, 1), Error.PROTOCOL_ERROR),
            (frame(h.HEADERS, WHOLE | h.WITH_PRIORITY, 1), Error.FRAME_SIZE_ERROR),
            (frame(h.HEADERS, WHOLE, 1, block()) * 2, Error.STREAM_CLOSED),
            (frame(h.CONTINUATION, 0, 1), Error.PROTOCOL_ERROR),
            (frame(h.HEADERS, 0, 1) + frame(h.PING, 0, 0), Error.PROTOCOL_ERROR),
            (frame(h.PUSH_PROMISE, 0, 1), Error.PROTOCOL_ERROR),
            (frame(h.PING, 0, 0, b"short"), Error.FRAME_SIZE_ERROR),
            (frame(h.SETTINGS, 0, 0, b"short"), Error.FRAME_SIZE_ERROR),
            (frame(h.SETTINGS, 0, 1), Error.PROTOCOL_ERROR),
            (frame(h.SETTINGS, 0, 0, b"\0\2\0\0\0\2"), Error.PROTOCOL_ERROR),
            (frame(h.SETTINGS, 0, 0, b"\0\4\xff\0\0\0"), Error.FLOW_CONTROL_ERROR),
            (frame(h.WINDOW_UPDATE, 0, 0, bytes(4)), Error.PROTOCOL_ERROR),
            (frame(h.WINDOW_UPDATE, 0, 7, five), Error.PROTOCOL_ERROR),
            (frame(h.WINDOW_UPDATE, 0, 0, b"\5"), Error.FRAME_SIZE_ERROR),
            (
                frame(h.WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"),
                Error.FLOW_CONTROL_ERROR,
            ),
            (frame(h.RST_STREAM, 0, 9, bytes(4)), Error.PROTOCOL_ERROR),
            (frame(h.RST_STREAM, 0, 0, bytes(4)), Error.PROTOCOL_ERROR),
            (frame(h.PING, 0, 1, bytes(8)), Error.PROTOCOL_ERROR),
            (frame(h.GOAWAY, 0, 1, bytes(8)), Error.PROTOCOL_ERROR),
            (frame(h.PRIORITY, 0, 0, bytes(5)), Error.PROTOCOL_ERROR),
            (frame(h.SETTINGS, h.ACK, 0, bytes(6)), Error.FRAME_SIZE_ERROR),
            (frame(h.SETTINGS, 0, 0, b"\0\5\0\0\0\0"), Error.PROTOCOL_ERROR),
        ):
            self.setUp()
            assert self.ends(octets) == expected, octets

    def test_pieces(self) -> None:
        """A preface may come in pieces, and a header in frames."""
        server = HTTP2(Blocks(PATH), Heads())
        for at in range(len(h.PREFACE)):
            server.feed(h.PREFACE[at : at + 1])
        server.feed(frame(h.SETTINGS, 0, 0))
        head = block()
        server.feed(frame(h.HEADERS, h.END_STREAM, 1, head[:9]))
        server.feed(frame(h.CONTINUATION, 0, 1, head[9:12]))
        server.feed(frame(h.CONTINUATION, h.END_HEADERS, 1, head[12:]))
        assert [*server.wishes] == [(QUERY, 1)]
        assert not server.over

    def test_open_trailer(self) -> None:
        """Fields behind a body must end it."""
        head = frame(h.HEADERS, h.END_HEADERS, 1, block())
        assert self.ends(head * 2) == Error.PROTOCOL_ERROR

    def test_rapid_reset(self) -> None:
        """Who asks and takes back, again and again, is soon turned out."""
        for stream in range(1, 2 * MOST, 2):
            self.server.feed(
                frame(h.HEADERS, WHOLE, stream, block())
                + frame(h.RST_STREAM, 0, stream, bytes(4))
            )
            if self.server.over:
                break
        assert stream < 2 * MOST // RESET
        assert self.ends(b"") == Error.ENHANCE_YOUR_CALM

    def test_endless_header(self) -> None:
        """A header that goes on and on ends the connection, whatever is in it."""
        for part, most in ((bytes(4000), 6), (b"", MOST)):
            self.setUp()
            self.server.feed(frame(h.HEADERS, 0, 1, block()))
            for _ in range(most):
                self.server.feed(frame(h.CONTINUATION, 0, 1, part))
            assert self.ends(b"") == Error.ENHANCE_YOUR_CALM

    def test_floods(self) -> None:
        """So do frames that ask for nothing."""
        for each in (
            frame(h.PING, 0, 0, bytes(8)),
            frame(h.SETTINGS, 0, 0),
            frame(h.PRIORITY, 0, 1, bytes(5)),
            frame(0x77, 0, 0),
            frame(h.DATA, 0, 1),
        ):
            self.setUp()
            self.server.feed(frame(h.HEADERS, h.END_HEADERS, 1, block()))
            assert self.ends(each * (MOST + 1)) == Error.ENHANCE_YOUR_CALM, each

    def test_bomb(self) -> None:
        """A header that unpacks to more than anybody has ends the connection."""
        encoder = hpack.Encoder()
        packed = encoder.encode([("x", "y" * 4000)] * 5)
        octets = frame(h.HEADERS, WHOLE, 1, packed)
        assert self.ends(octets) == Error.ENHANCE_YOUR_CALM

    def test_many_streams(self) -> None:
        """Beyond what clients are told, streams are refused."""
        for each in range(STREAMS + 1):
            self.server.feed(frame(h.HEADERS, WHOLE, 2 * each + 1, block()))
        assert len(self.server.wishes) == STREAMS
        code = Error.REFUSED_STREAM.to_bytes(4, "big")
        assert frame(h.RST_STREAM, 0, 2 * STREAMS + 1, code) in self.server.take()

    def test_large_body(self) -> None:
        """To send bodies that nobody wants, one after another, ends the connection."""
        for stream in range(1, 2 * MOST // RESET - 1, 2):
            self.server.feed(self.unwanted(stream))
        assert not self.server.over
        assert self.ends(self.unwanted(stream + 2)) == Error.ENHANCE_YOUR_CALM

    def unwanted(self, stream: int) -> bytes:
        """Return a request with a body that has no end."""
        head = frame(h.HEADERS, h.END_HEADERS, stream, block(POST))
        return head + frame(h.DATA, 0, stream, bytes(16_000)) * 3

    def test_earned(self) -> None:
        """Who asks as well may say as much as it likes that asks for nothing."""
        for each in range(MOST):
            stream = 2 * each + 1
            self.server.feed(frame(h.PING, 0, 0, bytes(8)) * 5)
            self.server.feed(frame(h.HEADERS, WHOLE, stream, block()))
            self.server.wishes.clear()
            self.server.say(stream, REPLY)
        assert not self.server.over

    def test_waiting(self) -> None:
        """Who breaks the protocol is owed nothing more, whatever waits for room."""
        self.server.feed(frame(h.SETTINGS, 0, 0, b"\0\4\0\0\0\0"))
        self.server.feed(frame(h.HEADERS, WHOLE, 1, block()))
        self.server.wishes.clear()
        self.server.say(1, REPLY)
        assert self.server.held == len(REPLY)
        assert self.ends(frame(h.PING, 0, 1, bytes(8))) == Error.PROTOCOL_ERROR
        assert self.server.held == 0

    def test_late_body(self) -> None:
        """What is still on its way when a request was refused is let pass."""
        self.server.feed(frame(h.HEADERS, WHOLE, 1, block(get_of(b""))))
        self.server.feed(frame(h.DATA, 0, 1, b"late"))
        assert not self.server.over

    @quick
    @given(
        st.lists(
            st.tuples(
                st.integers(0, 11),
                st.integers(0, 63),
                st.integers(0, 5),
                st.binary(max_size=20),
            ),
            max_size=12,
        )
    )
    def test_any_frames(self, frames: list[tuple[int, int, int, bytes]]) -> None:
        """Any frames are read, or end the connection: nothing else comes of them."""
        server = HTTP2(Blocks(PATH), Heads())
        server.feed(h.PREFACE)
        server.feed(b"".join(frame(*each) for each in frames))
        for _, stream in server.wishes:
            server.say(stream, REPLY)
        server.farewell()
        assert server.over
