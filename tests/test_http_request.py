"""Requests of HTTP/1.1."""

import re
from unittest import TestCase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.wire.http_request import LONGEST_HEAD, Request, read_head, read_request
from dotproxy.wire.message import FormatError

HEAD = b"GET /a?b=c HTTP/1.1\r\nHost: www.Example.org\r\nAccept: */*"


def with_host(*hosts: bytes) -> bytes:
    return b"\r\n".join((b"GET / HTTP/1.1", *(b"Host: " + host for host in hosts)))


class HeadTests(TestCase):
    def test_cut(self) -> None:
        """A head ends with an empty line; until then there is more to come."""
        for end in range(len(HEAD) + 4):
            assert read_head((HEAD + b"\r\n\r\n")[:end]) is None
        assert read_head(bytearray(HEAD + b"\r\n\r\nbody")) == HEAD

    def test_long(self) -> None:
        """A head is bounded, whether it ends beyond or never."""
        room = LONGEST_HEAD - 4
        assert read_head(b"G" * room + b"\r\n\r\n") == b"G" * room
        for octets in (b"G" * LONGEST_HEAD, b"G" * (room + 1) + b"\r\n\r\n"):
            with pytest.raises(FormatError, match="longer than 8192"):
                read_head(octets)

    def test_else(self) -> None:
        """What begins otherwise is refused at the first octet."""
        for octets in (b"\x16\3\1", b"\r\n", b" GET", b"\0"):
            with pytest.raises(FormatError, match="no request"):
                read_head(octets)


class RequestTests(TestCase):
    def refused(self, head: bytes) -> str:
        with pytest.raises(FormatError) as caught:
            read_request(head)
        return str(caught.value)

    def test_read(self) -> None:
        """It has a method, a host and a path with its query."""
        assert read_request(HEAD) == Request("GET", "www.example.org", "/a?b=c")
        head = b'M-SEARCH /~/%20" HTTP/1.0\r\nhost:\ta.example \r\nX:'
        assert read_request(head) == Request("M-SEARCH", "a.example", '/~/%20"')

    def test_port(self) -> None:
        """The port is left out, and may be empty (RFC 3986 section 3.2.3)."""
        for host in (b"a.example:80", b"a.example:8080", b"a.example:"):
            assert read_request(with_host(host)).host == "a.example"

    def test_one_host(self) -> None:
        """There must be one host, and one only."""
        for head in (with_host(), with_host(b"a.example", b"a.example")):
            assert self.refused(head) == "it names no host, or several"

    def test_strange_hosts(self) -> None:
        """A host is a name: no address, no junk, nothing that a client could follow."""
        for host in (
            *(b"", b":80", b"192.0.2.1", b"[::1]", b"[::1]:80", b"a.example:x"),
            *(b"a.example.", b"a b", b"a/b", b"u@a.example", b"a.example:1:2"),
            *(b"a\xffb", b"a%0d", b"a.example,b.example", b"a" * 64),
        ):
            assert "host" in self.refused(with_host(host)), host

    def test_strange_lines(self) -> None:
        """The request line is three words, and asks for a path."""
        for line in (
            *(b"GET / HTTP/2.0", b"GET / HTTP/1.10", b"GET /", b"GET  / HTTP/1.1"),
            *(b"GET http://a.example/ HTTP/1.1", b"OPTIONS * HTTP/1.1", b"GET"),
            *(b"CONNECT a.example:443 HTTP/1.1", b"GET /a b HTTP/1.1", b"PRI"),
            *(b"GET /\t HTTP/1.1", b"GET /\xc3\xa4 HTTP/1.1", b"GET /\x7f HTTP/1.1"),
            *(b"G:T / HTTP/1.1", b"GET /\nX: y HTTP/1.1", b" / HTTP/1.1"),
        ):
            told = self.refused(line + b"\r\nHost: a.example")
            assert told == "it begins with no request line that asks for a path", line

    def test_strange_fields(self) -> None:
        """Each line behind it is a field: no folding, no bare CR or LF, no NUL."""
        for field in (
            b"x",
            b" x: y",
            b"x : y",
            b": y",
            b"x: a\nb",
            b"x: a\rb",
            b"x:\0",
        ):
            told = self.refused(with_host(b"a.example") + b"\r\n" + field)
            assert told == "a header field is not spelled as one", field

    @given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=60))
    def test_any(self, path: bytes, host: bytes, rest: bytes) -> None:
        """Whatever comes, it is refused, or it can go into a header as it is."""
        head = b"GET /" + path + b" HTTP/1.1\r\nHost: " + host + rest
        try:
            request = read_request(head)
        except FormatError:
            return
        told = request.host + request.path
        assert re.fullmatch("[!-~]+", told)
