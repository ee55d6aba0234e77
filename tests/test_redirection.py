"""Clients that speak plain HTTP."""

from typing import Any

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.gateway.counts import Counts
from dotproxy.gateway.end import End
from dotproxy.gateway.guide import Guide, Signposts
from dotproxy.gateway.limits import GatewayLimits
from dotproxy.gateway.redirection import Redirection
from dotproxy.gateway.relay import Common
from dotproxy.local.redirects import Redirects
from tests.ends import Line
from tests.redirects import redirect, rules_of

GET = b"GET /a?b HTTP/1.1\r\nHost: www.Example.org:80\r\n\r\n"
PLACE = b"Location: https://www.example.org/a?b\r\nCache-Control: max-age=60\r\n"
END = b"Content-Length: 0\r\nConnection: close\r\n\r\n"


class RedirectionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.counts = Counts()
        nothing: Any = None
        posts = Signposts(Redirects(rules_of(redirect(".example.org"))).find)
        guide = Guide(posts, nothing, nothing, nothing)
        common = Common(guide, GatewayLimits(hello=3), self.counts, self.clock)
        self.over = 0
        self.redirection = Redirection(common, self.end)
        client = End(self.redirection.begin, self.redirection.leave)
        self.client = Line(self.clock, client)

    def tearDown(self) -> None:
        """However it ends, the client is gone once, and no timer is left."""
        self.clock.pump([0, 2, 0, 0])
        assert self.client.transport.gone
        assert self.over == 1
        assert self.clock.getDelayedCalls() == []

    def end(self) -> None:
        self.over += 1

    def answered(self, reply: bytes, word: str) -> None:
        """Check that this is the answer, the last word, and what is counted."""
        assert self.client.transport.take() == reply
        assert self.client.transport.half_closed
        assert self.counts.results == {word: 1}

    def test_get(self) -> None:
        """A GET goes to the same place by HTTPS, and the connection ends."""
        with capturedLogs() as events:
            self.client.say(GET)
        self.answered(b"HTTP/1.1 301 Moved Permanently\r\n" + PLACE + END, "redirected")
        (line,) = [formatEvent(event) for event in events]
        assert line == "198.51.100.0 www.example.org by HTTP: redirected"
        self.client.finish()

    def test_pieces(self) -> None:
        """It is heard out, however it is cut."""
        for octet in GET[:-1]:
            self.client.say(bytes((octet,)))
            assert self.client.transport.take() == b""
        self.client.say(GET[-1:] + GET)
        self.answered(b"HTTP/1.1 301 Moved Permanently\r\n" + PLACE + END, "redirected")

    def test_post(self) -> None:
        """Another method stays what it is; what it carries nobody reads."""
        self.client.say(GET.replace(b"GET", b"POST") + bytes(1000))
        status = b"HTTP/1.1 308 Permanent Redirect\r\n"
        self.answered(status + PLACE + END, "redirected")
        self.client.say(bytes(1000))
        assert self.client.transport.take() == b""

    def test_other_host(self) -> None:
        """A host that is not in the table is not found."""
        self.client.say(GET.replace(b"Example", b"other"))
        self.answered(b"HTTP/1.1 404 Not Found\r\n" + END, "not_in_table")

    def test_junk(self) -> None:
        """What is no request is told so, and nothing of it comes back."""
        with capturedLogs() as events:
            self.client.say(b"GET /<\r\n> HTTP/1.1\r\nHost: www.example.org\r\n\r\n")
        self.answered(b"HTTP/1.1 400 Bad Request\r\n" + END, "bad_request")
        (line,) = [str(formatEvent(event)) for event in events]
        assert line.startswith("198.51.100.0 - by HTTP: bad_request (it begins")

    def test_tls(self) -> None:
        """So is TLS, at its first octet."""
        self.client.say(b"\x16")
        self.answered(b"HTTP/1.1 400 Bad Request\r\n" + END, "bad_request")

    def test_slow(self) -> None:
        """A request must be there in time; else the connection is closed."""
        self.client.say(GET[:-1])
        self.clock.advance(2.9)
        assert not self.client.transport.half_closed
        self.clock.advance(0.1)
        self.answered(b"", "slow_request")

    def test_turned_out(self) -> None:
        """One that makes room is counted as that, and has no line in the log."""
        with capturedLogs() as events:
            self.redirection.turn_out()
            self.clock.advance(0)
        assert events == []
        assert self.counts.results == {"made_room": 1}

    def test_gone(self) -> None:
        """One that leaves before it has asked is let go."""
        self.client.say(GET[:9])
        self.client.finish()
        self.clock.advance(0)
        assert self.client.transport.aborted
        assert self.counts.results == {"client_gone": 1}

    def test_stopped(self) -> None:
        """So is one that is there when all ends."""
        self.redirection.stop()
        self.clock.advance(0)
        assert self.client.transport.aborted
