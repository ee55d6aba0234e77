"""A TLS client's first words, however segments and records fall."""

import sys
from collections.abc import Iterable
from itertools import pairwise
from types import FrameType
from typing import Any, SupportsIndex
from unittest import TestCase, mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.wire import clienthello
from dotproxy.wire.clienthello import (
    LONGEST_HELLO,
    LONGEST_RECORD,
    LONGEST_START,
    MOST_EXTENSIONS,
    Hello,
    HelloError,
    HelloReader,
    Reason,
)
from dotproxy.wire.message import FormatError
from tests.hellos import (
    GREASE,
    Extension,
    alpn,
    body,
    fixed,
    message,
    openssl_hello,
    outer,
    padding,
    pieces,
    record,
    records,
    server_name,
    server_names,
    stream,
    versions,
)
from tests.messages import quick, spoiled

NAME = server_name(b"www.example.com")
HELLO = stream(NAME, alpn(b"h2", b"http/1.1"), versions(0x0304, 0x0303))


def outcome(segments: Iterable[bytes]) -> Hello | Reason | None:
    """Feed segments until a hello is there, or is refused."""
    reader = HelloReader()
    try:
        for segment in segments:
            hello = reader.feed(segment)
            if hello is not None:
                return hello
    except HelloError as refused:
        return refused.reason
    return None


def read(octets: bytes) -> Hello:
    """Read a hello that comes in one segment."""
    hello = HelloReader().feed(octets)
    assert hello is not None
    return hello


def refusal(octets: bytes) -> Reason:
    """Return why octets are refused that come in one segment."""
    found = outcome([octets])
    assert isinstance(found, Reason)
    return found


class OpenSSLTests(TestCase):
    def test_name_and_protocols(self) -> None:
        """What a client of OpenSSL's asks for is found, and how much it sent."""
        sent = openssl_hello("www.example.com", ["h2", "http/1.1"])
        hello = read(sent)
        assert hello.server_name == "www.example.com"
        assert hello.alpn == (b"h2", b"http/1.1")
        assert hello.legacy_version == 0x0303
        assert hello.versions[0] == 0x0304
        assert (hello.records, hello.size) == (1, len(sent))
        assert not hello.ech

    def test_neither(self) -> None:
        """A client may name no server and offer no protocol."""
        hello = read(openssl_hello())
        assert (hello.server_name, hello.alpn) == (None, ())

    def test_address(self) -> None:
        """An address is no server name, and OpenSSL sends none (RFC 6066 section 3)."""
        assert read(openssl_hello("192.0.2.1")).server_name is None

    def test_international(self) -> None:
        """A name in letters of the world is asked for as its A-label."""
        hello = read(openssl_hello("bücher.example"))
        assert hello.server_name == "xn--bcher-kva.example"

    def test_every_cut(self) -> None:
        """Wherever two segments meet, the outcome is the same."""
        sent = openssl_hello("www.example.com", ["h2"])
        whole = read(sent)
        for cut in range(len(sent)):
            assert outcome([sent[:cut], sent[cut:]]) == whole
            assert outcome([sent[:cut]]) is None


class HelloTests(TestCase):
    def test_lower_case(self) -> None:
        """A name is found in lower case, as names are compared (RFC 4343)."""
        assert read(stream(server_name(b"WWW.Example.COM"))).server_name == (
            "www.example.com"
        )

    def test_versions(self) -> None:
        """Without supported_versions, the legacy version is the only one."""
        assert read(stream(versions(0x0304, 0x0303))).versions == (0x0304, 0x0303)
        old = read(records(message(body(NAME, version=b"\3\1"))))
        assert (old.legacy_version, old.versions) == (0x0301, (0x0301,))

    def test_no_extensions(self) -> None:
        """An old client has no extensions at all (RFC 5246 section 7.4.1.2)."""
        hello = read(records(message(body())))
        assert hello == Hello(None, (), False, 0x0303, (0x0303,), 1, 84)
        assert read(records(message(fixed() + b"\0\0"))).server_name is None

    def test_grease(self) -> None:
        """Values that are there to be ignored are (RFC 8701 section 3.1)."""
        hello = read(
            stream(
                (GREASE[0], b""),
                NAME,
                alpn(b"\x1a\x1a", b"h2", b"\x1a\x2a"),
                versions(GREASE[1], 0x0304),
                (GREASE[2], b"\0"),
            )
        )
        assert hello.server_name == "www.example.com"
        assert hello.alpn == (b"h2", b"\x1a\x2a")
        assert hello.versions == (0x0304,)

    def test_ech(self) -> None:
        """Beside an outer hello, or GREASE like one, the name in clear is found."""
        hello = read(stream(outer(), server_name(b"public.example")))
        assert (hello.ech, hello.server_name) == (True, "public.example")

    def test_ech_inner(self) -> None:
        """What marks an inner hello is no outer one (RFC 9849 section 5)."""
        for value in (b"\1", b""):
            assert read(stream(NAME, (0xFE0D, value))).ech is False

    def test_unknown_extensions(self) -> None:
        """What is in other extensions does not matter."""
        odd = [(kind, b"\xff" * kind) for kind in range(1, 40) if kind != 16]
        assert read(stream(*odd, NAME)).server_name == "www.example.com"

    def test_post_quantum(self) -> None:
        """A key share of 1,216 octets makes it longer than a segment."""
        share = (51, b"\4\xc4\x11\xec\4\xc0" + bytes(1216))
        sent = stream(share, NAME)
        assert len(sent) > 1280
        assert outcome(pieces(sent, 536)) == read(sent)


class RecordTests(TestCase):
    def test_every_cut(self) -> None:
        """Wherever two records meet, the outcome is the same (RFC 8446 5.1)."""
        handshake = message(body(NAME, alpn(b"h2")))
        whole = read(record(handshake))
        for cut in range(1, len(handshake)):
            sent = record(handshake[:cut]) + record(handshake[cut:])
            assert outcome(pieces(sent, 7)) == read(sent)
            assert read(sent) == whole._replace(records=2, size=len(sent))

    def test_smallest(self) -> None:
        """Records may have one octet each."""
        handshake = message(body(NAME))
        hello = read(records(handshake, 1))
        assert hello.server_name == "www.example.com"
        assert hello.records == len(handshake)
        assert hello.size == 6 * len(handshake)

    def test_versions(self) -> None:
        """A record says SSL 3.0 or any TLS (RFC 8446 section 5.1)."""
        handshake = message(body(NAME))
        for minor in (0, 1, 3, 4):
            sent = record(handshake, version=bytes((3, minor)))
            assert read(sent).server_name == "www.example.com"

    def test_more_behind(self) -> None:
        """Early data is not looked at, and what came is kept as it is."""
        reader = HelloReader()
        early = record(b"early", kind=23) + b"\0"
        assert reader.feed(HELLO[:99]) is None
        hello = reader.feed(HELLO[99:] + early)
        assert hello is not None
        assert hello.size == len(HELLO)
        assert reader.octets == HELLO + early

    def test_longest_record(self) -> None:
        """A record has 2^14 octets at most; its header is enough to refuse it."""
        assert LONGEST_RECORD == 16384
        assert refusal(b"\x16\3\1\x40\1") is Reason.RECORD_OVERFLOW
        assert outcome([b"\x16\3\1\x40\0"]) is None

    def test_empty_record(self) -> None:
        """A record of a handshake is not empty (RFC 8446 section 5.1)."""
        assert refusal(record(b"")) is Reason.DECODE_ERROR
        half = record(message(body(NAME))[:40])
        assert refusal(half + record(b"")) is Reason.DECODE_ERROR

    def test_interleaved(self) -> None:
        """Nothing comes between the records of a hello (RFC 8446 section 5.1)."""
        handshake = message(body(NAME))
        half = record(handshake[:40])
        for kind in (20, 21, 23, 0, 0x47):
            between = record(handshake[40:], kind=kind)
            assert refusal(half + between) is Reason.UNEXPECTED_MESSAGE
        between = record(handshake[40:], version=b"\2\0")
        assert refusal(half + between) is Reason.UNEXPECTED_MESSAGE

    def test_end(self) -> None:
        """A hello ends with its record: keys may change there (RFC 8446 5.1)."""
        handshake = message(body(NAME))
        assert refusal(record(handshake + b"\0")) is Reason.UNEXPECTED_MESSAGE
        assert refusal(record(handshake * 2)) is Reason.UNEXPECTED_MESSAGE

    def test_longest_hello(self) -> None:
        """A hello has 16 KiB at most; its length is enough to refuse it."""
        bare = len(body(padding(0)))
        longest = message(body(padding(LONGEST_HELLO - bare)))
        hello = read(records(longest))
        assert (hello.records, hello.size) == (2, 4 + LONGEST_HELLO + 10)
        assert refusal(record(b"\1\0\x40\1")) is Reason.TOO_LONG
        assert outcome([record(b"\1\0\x40\0")]) is None

    def test_longest_start(self) -> None:
        """Smallest records do not make the start any longer than it may be."""
        handshake = message(body(padding(LONGEST_HELLO - 1000)))
        sent = records(handshake, 1)
        fitting = LONGEST_START // 6 * 6
        assert outcome([sent[:fitting]]) is None
        assert refusal(sent[: fitting + 6]) is Reason.TOO_LONG
        assert outcome(pieces(records(handshake, 2), 999)) == read(
            records(handshake, 2)
        )


class StrangerTests(TestCase):
    def test_http(self) -> None:
        """HTTP in clear is told apart, as soon as five octets are there."""
        for line in (
            b"GET / HTTP/1.1\r\n",
            b"HEAD / HTTP/1.1\r\n",
            b"POST /x HTTP/1.0\r\n",
            b"PUT / HTTP/1.1\r\n",
            b"DELETE / HTTP/1.1\r\n",
            b"CONNECT www.example.com:443 HTTP/1.1\r\n",
            b"OPTIONS * HTTP/1.1\r\n",
            b"TRACE / HTTP/1.1\r\n",
            b"PATCH / HTTP/1.1\r\n",
            b"PRI * HTTP/2.0\r\n",
        ):
            assert outcome([line[:4]]) is None
            assert refusal(line[:5]) is refusal(line) is Reason.HTTP

    def test_sslv2(self) -> None:
        """A hello in the manner of SSL 2.0 is told apart (RFC 5246 appendix E.2)."""
        assert refusal(b"\x80\x2e\1\0\2\0\x15") is Reason.SSLV2
        assert refusal(b"\x80\x2e\1\3\1\0\x15") is Reason.SSLV2
        assert refusal(b"\x80\x2e\4\0\2\0\x15") is Reason.GARBAGE

    def test_garbage(self) -> None:
        """All else is garbage, TLS of another major version included."""
        for octets in (
            bytes(5),
            b"SSH-2.0-x\r\n",
            b"get / ",
            b"GETX/",
            b"\x16\2\0\0\5",
        ):
            assert refusal(octets) is Reason.GARBAGE

    def test_other_records(self) -> None:
        """TLS that begins with anything but a handshake is TLS all the same."""
        for kind in (20, 21, 23, 24):
            assert refusal(record(b"\1", kind=kind)) is Reason.UNEXPECTED_MESSAGE
        assert refusal(record(b"\1", kind=25)) is Reason.GARBAGE
        assert refusal(record(b"\1", kind=19)) is Reason.GARBAGE

    def test_other_messages(self) -> None:
        """The first message is a hello."""
        sent = records(message(body(NAME), kind=2))
        assert refusal(sent) is Reason.UNEXPECTED_MESSAGE

    def test_alerts(self) -> None:
        """Who speaks TLS can be told why; the numbers are those of RFC 8446 6."""
        assert {reason.word: reason.alert for reason in Reason} == {
            "http": None,
            "sslv2": None,
            "garbage": None,
            "unexpected_message": 10,
            "record_overflow": 22,
            "illegal_parameter": 47,
            "too_long": 47,
            "decode_error": 50,
            "protocol_version": 70,
            "unrecognized_name": 112,
        }

    def test_error(self) -> None:
        """A refusal is a FormatError that no DNS client is told of."""
        with pytest.raises(FormatError, match="HTTP without TLS") as caught:
            HelloReader().feed(b"GET / HTTP/1.1")
        assert caught.value.rcode is None


class MalformedTests(TestCase):
    """Hellos that OpenSSL would not write."""

    def assert_refused(self, reason: Reason, *extensions: Extension) -> None:
        assert refusal(stream(*extensions)) is reason

    def test_names_refused(self) -> None:
        """What is no host name is not one to relay to."""
        for name in (
            b"www.example.com.",
            b".example.com",
            b"a_b.example",
            b"b\xc3\xbccher.example",
            b"*.example.com",
            b"www.example.com\0.example",
            b"192.0.2.1",
            b"2001:db8::1",
            b"[2001:db8::1]",
            b"a." * 126 + b"ab",
        ):
            self.assert_refused(Reason.UNRECOGNIZED_NAME, server_name(name))

    def test_empty_name(self) -> None:
        """A name has at least one octet, and the list one name (RFC 6066 3)."""
        for value in (server_names()[1], server_name(b"")[1], b"", b"\0\0\0"):
            self.assert_refused(Reason.DECODE_ERROR, (0, value))

    def test_name_cut_short(self) -> None:
        """Neither the list nor the name may run off, or have more behind it."""
        value = server_name(b"a.example")[1]
        for cut in (1, 2, 3, 4, 5, len(value) - 1):
            self.assert_refused(Reason.DECODE_ERROR, (0, value[:cut]))
        self.assert_refused(Reason.DECODE_ERROR, (0, value + b"\0"))
        self.assert_refused(Reason.DECODE_ERROR, (0, b"\0\6\0\0\4abc"))

    def test_several_names(self) -> None:
        """There is one name of a kind, and one kind (RFC 6066 section 3)."""
        one, two = (0, b"a.example"), (0, b"b.example")
        for names in ((one, two), (one, one), (one, (1, b"x")), ((1, b"x"), one)):
            self.assert_refused(Reason.ILLEGAL_PARAMETER, server_names(*names))
        self.assert_refused(Reason.ILLEGAL_PARAMETER, server_name(b"a.example", 1))

    def test_extension_twice(self) -> None:
        """Each extension stands once (RFC 8446 section 4.2)."""
        self.assert_refused(Reason.ILLEGAL_PARAMETER, NAME, NAME)
        self.assert_refused(Reason.ILLEGAL_PARAMETER, (99, b""), NAME, (99, b"x"))

    def test_most_extensions(self) -> None:
        """There are 128 of them at most."""
        many = [(1000 + n, b"") for n in range(MOST_EXTENSIONS - 1)]
        assert read(stream(*many, NAME)).server_name == "www.example.com"
        self.assert_refused(Reason.TOO_LONG, *many, NAME, (99, b""))

    def test_alpn(self) -> None:
        """Protocols are listed, and none is empty (RFC 7301 section 3.1)."""
        whole = alpn(b"h2", b"h3")[1]
        for value in (
            *(whole[:cut] for cut in range(len(whole))),
            whole + b"\0",
            alpn()[1],
            alpn(b"")[1],
            alpn(b"h2", b"", b"h3")[1],
            b"\0\4\2h2\5",
        ):
            self.assert_refused(Reason.DECODE_ERROR, NAME, (16, value))

    def test_versions(self) -> None:
        """The versions on offer have two octets each (RFC 8446 section 4.2.1)."""
        for value in (b"", b"\0", b"\1\3", b"\3\3\4\3", b"\2\3\4\3", b"\4\3\4"):
            self.assert_refused(Reason.DECODE_ERROR, NAME, (43, value))

    def test_major_version(self) -> None:
        """A hello of another major version is refused as such."""
        for version in (b"\2\0", b"\0\2", b"\x7f\x1c"):
            sent = records(message(body(NAME, version=version)))
            assert refusal(sent) is Reason.PROTOCOL_VERSION
        assert refusal(record(message(b""))) is Reason.PROTOCOL_VERSION

    def test_fixed_parts(self) -> None:
        """Each part in front of the extensions has its bounds (RFC 8446 4.1.2)."""
        assert read(records(message(body(NAME, session=b"")))).server_name
        for wrong in (
            body(NAME, session=bytes(33)),
            body(NAME, suites=b""),
            body(NAME, suites=b"\x13\1\x13"),
            body(NAME, compression=b""),
        ):
            assert refusal(records(message(wrong))) is Reason.DECODE_ERROR

    def test_cut_short(self) -> None:
        """A hello that ends within any of its parts is refused."""
        whole = body(NAME, alpn(b"h2"), versions(0x0304))
        behind_fixed = len(fixed())
        for end in range(1, len(whole)):
            if end != behind_fixed:
                sent = records(message(whole[:end]))
                assert refusal(sent) is Reason.DECODE_ERROR
        assert refusal(records(message(whole + b"\0"))) is Reason.DECODE_ERROR


KINDS = st.sampled_from([0, 10, 16, 43, 0x0A0A, 0xFE0D])
ANY_EXTENSION = st.tuples(KINDS, st.binary(max_size=12)) | st.sampled_from(
    [NAME, alpn(b"h2"), versions(0x0304), outer(), server_name(b"a_b")]
)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Draw a hello, well formed or nearly, in records of any size, and more."""
    content = message(body(*draw(st.lists(ANY_EXTENSION, max_size=5))))
    sent = records(content, draw(st.sampled_from([1, 3, 40, 2**14])))
    return sent + draw(st.binary(max_size=8))


class AnyTests(TestCase):
    @quick
    @given(streams() | spoiled(streams()), st.lists(st.integers(0, 400), max_size=9))
    def test_any_cut(self, octets: bytes, cuts: list[int]) -> None:
        """Any cut of the stream has the same outcome."""
        edges = [0, *sorted(cuts), len(octets)]
        segments = [octets[a:b] for a, b in pairwise(edges)]
        assert outcome(segments) == outcome([octets])
        assert outcome(pieces(octets, 1)) == outcome([octets])

    @quick
    @given(streams() | spoiled(streams()) | st.binary(max_size=60))
    def test_whatever_the_octets(self, octets: bytes) -> None:
        """Whatever the octets, they are a hello, or the start of one, or refused."""
        found = outcome([octets])
        if isinstance(found, Hello):
            assert found.size <= len(octets)
            assert outcome([octets[: found.size]]) == found
            assert outcome([octets[: found.size - 1]]) is None

    @quick
    @given(st.binary(max_size=60), st.sampled_from([b"", b"\3\3"]))
    def test_whatever_the_message(self, content: bytes, start: bytes) -> None:
        """Whatever a message holds, it is a hello or refused, but never missing."""
        assert outcome([records(message(start + content))]) is not None


class Counted(bytearray):
    """Octets that count how many of them are copied out."""

    copied = 0

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        found = super().__getitem__(index)
        if isinstance(found, bytearray):
            Counted.copied += len(found)
        return found

    def __bytes__(self) -> bytes:
        Counted.copied += len(self)
        return bytes(memoryview(self))


class WorkTests(TestCase):
    """Work is counted, in lines that run and octets that are copied."""

    def work(self, segments: Iterable[bytes]) -> tuple[int, int]:
        lines = 0

        def trace(frame: FrameType, event: str, _: object) -> Any:
            nonlocal lines
            if frame.f_globals is not vars(clienthello):
                return None
            lines += event == "line"
            return trace

        Counted.copied = 0
        before = sys.gettrace()
        with mock.patch.object(clienthello, "bytearray", Counted, create=True):
            sys.settrace(trace)
            try:
                assert isinstance(outcome(segments), Hello)
            finally:
                sys.settrace(before)
        return lines, Counted.copied

    def test_octet_by_octet(self) -> None:
        """A hello of 16 KiB costs the same for each of its octets as a small one."""
        for size in (500, 2000, 8000, LONGEST_HELLO - 200):
            sent = stream(padding(size), NAME)
            lines, copied = self.work(pieces(sent, 1))
            assert lines <= 4 * len(sent) + 500
            assert copied <= 3 * len(sent)

    def test_record_by_record(self) -> None:
        """So does one in the smallest records, in segments of any size."""
        handshake = message(body(padding(8000), NAME))
        sent = records(handshake, 1)
        for size in (1, 6, 1400, len(sent)):
            lines, copied = self.work(pieces(sent, size))
            assert lines <= 12 * len(sent)
            assert copied <= 5 * len(sent)
