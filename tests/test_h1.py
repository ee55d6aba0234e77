"""HTTP/1.1, as its server."""

from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.http.h1 import HTTP1, LONGEST_HEAD
from dotproxy.http.request import LARGEST, UNREADABLE
from tests.messages import ADDRESS, BACK, EXAMPLE, message, quick, record
from tests.test_request import PATH, unpadded

QUERY = message(0x0100, [EXAMPLE])

REPLY = message(0x8180, [EXAMPLE], [record(BACK, 1, ADDRESS, ttl=77)])

GET = b"GET /dns-query?dns=%s HTTP/1.1\r\nHost: x\r\n\r\n" % unpadded(QUERY)

HEAD = (
    b"POST /dns-query HTTP/1.1\r\nHost: x\r\nContent-Type: application/dns-message\r\n"
)

POST = HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(QUERY), QUERY)

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (
    len(QUERY),
    QUERY,
)

ANSWERED = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/dns-message\r\n"
    b"content-length: %d\r\ncache-control: max-age=77\r\n\r\n%s" % (len(REPLY), REPLY)
)


class HTTP1Tests(TestCase):
    def setUp(self) -> None:
        self.server = HTTP1(PATH)

    def answers(self) -> int:
        """Answer all wishes, and count them."""
        count = 0
        while self.server.wishes:
            message, number = self.server.wishes.popleft()
            assert message == QUERY
            self.server.say(number, REPLY)
            count += 1
        return count

    def status(self, request: bytes) -> int:
        self.server.feed(request)
        return int(self.server.take()[9:12])

    def test_queries(self) -> None:
        """A query by GET, by POST, or in chunks is answered, on one connection."""
        for request in (GET, POST, CHUNKED):
            self.server.feed(request)
            assert self.answers() == 1
            assert self.server.take() == ANSWERED
        assert not self.server.over

    def test_pipelined(self) -> None:
        """What comes at once is answered one after another."""
        self.server.feed(GET + POST + GET)
        assert self.answers() == 3
        assert self.server.take() == ANSWERED * 3

    @quick
    @given(st.integers(1, 200))
    def test_cuts(self, cut: int) -> None:
        """However the octets are cut, the answers are the same."""
        server = self.server = HTTP1(PATH)
        octets = GET + CHUNKED + POST
        answers = 0
        for at in range(0, len(octets), cut):
            server.feed(octets[at : at + cut])
            answers += self.answers()
        assert (answers, server.take()) == (3, ANSWERED * 3)

    def test_statuses(self) -> None:
        """What is no query is refused with its status, and the next is read."""
        for expected, request in (
            (404, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            (405, b"PUT /dns-query HTTP/1.1\r\nHost: x\r\n\r\n"),
            (400, b"GET /dns-query HTTP/1.1\r\nHost: x\r\n\r\n"),
            (400, HEAD + b"Content-Length: 0\r\n\r\n"),
            (415, b"POST /dns-query HTTP/1.1\r\nHost: x\r\n\r\n"),
        ):
            assert self.status(request) == expected
            assert not self.server.over

    def test_head(self) -> None:
        """HEAD hears that queries come otherwise, without a body."""
        self.server.feed(b"HEAD /dns-query HTTP/1.1\r\nHost: x\r\n\r\n")
        said = self.server.take()
        assert said.startswith(b"HTTP/1.1 405 ")
        assert b"allow: GET, POST\r\n" in said
        assert said.endswith(b"\r\n\r\n")

    def test_given_up(self) -> None:
        """What is too large, or no HTTP, is answered and ends the connection."""
        large = HEAD + b"Content-Length: 9000\r\n\r\n" + bytes(LARGEST + 1)
        both = HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n"
        for expected, request in (
            (413, large),
            (400, b"no HTTP\r\n\r\n"),
            (400, both),
            (431, GET[:-2] + b"X: " + bytes(LONGEST_HEAD)),
        ):
            self.setUp()
            self.server.feed(request)
            said = self.server.take()
            assert int(said[9:12]) == expected
            assert b"connection: close" in said.lower()
            assert self.server.over
            self.server.feed(GET)
            assert not self.server.wishes

    def test_two_ends(self) -> None:
        """Who says twice where a body ends is told so, and what follows is not read."""
        request = CHUNKED.replace(b"Transfer", b"Content-Length: 29\r\nTransfer")
        self.server.feed(request + GET)
        said = self.server.take()
        assert said.startswith(b"HTTP/1.1 400 ")
        assert b"\r\nconnection: close\r\n" in said.lower()
        assert self.server.over
        assert not self.server.wishes

    def test_asked_to_go_on(self) -> None:
        """Who waits for our word to send a query gets it; for anything else, a no."""
        wait = b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(QUERY)
        self.server.feed(HEAD + wait)
        assert self.server.take().startswith(b"HTTP/1.1 100 ")
        self.server.feed(QUERY)
        assert self.answers() == 1
        elsewhere = b"POST /other HTTP/1.1\r\nHost: x\r\n" + wait
        self.server.take()
        assert self.status(elsewhere) == 404
        assert self.server.over

    def test_last(self) -> None:
        """Who wants the connection closed gets that behind the answer."""
        self.server.feed(GET[:-2] + b"Connection: close\r\n\r\n")
        assert not self.server.over
        assert self.answers() == 1
        assert self.server.take().endswith(REPLY)
        assert self.server.over

    def test_refused(self) -> None:
        """The resolver may refuse as well, and the next query is read."""
        self.server.feed(GET + GET)
        _, number = self.server.wishes.popleft()
        self.server.refuse(number, UNREADABLE)
        assert self.server.take().startswith(b"HTTP/1.1 400 ")
        assert self.answers() == 1

    def test_farewell(self) -> None:
        """After a farewell what came is answered, and nothing more is read."""
        self.server.feed(GET + GET)
        self.server.thin_out()
        self.server.farewell()
        assert self.answers() == 1
        assert self.server.over
        assert not self.server.held

    def test_full(self) -> None:
        """While a query waits for its answer, no more is read than comes at once."""
        self.server.feed(GET)
        assert not self.server.full
        _, number = self.server.wishes.popleft()
        self.server.feed(GET)
        assert self.server.full
        self.server.say(number, REPLY)
        assert not self.server.full
        assert self.answers() == 1

    def test_absolute(self) -> None:
        """A target may name its host as well."""
        self.server.feed(GET.replace(b"GET /", b"GET https://dns.example/", 1))
        assert len(self.server.wishes) == 1

    @quick
    @given(st.binary(max_size=80))
    def test_any_octets(self, octets: bytes) -> None:
        """Any octets are read, or refused: nothing else comes of them."""
        for before in (b"", GET[:4], HEAD, GET):
            server = HTTP1(PATH)
            server.feed(before + octets)
            said = server.take()
            assert not said or said.startswith(b"HTTP/1.1 ")
