"""What a request over HTTP asks for."""

from base64 import urlsafe_b64encode
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.http.request import LARGEST, Request, judge
from tests.messages import quick

PATH = b"/dns-query"

OURS = [(b"content-type", b"application/dns-message")]


def get(target: bytes) -> Request:
    return judge(b"GET", target, [], PATH)


def status(request: Request) -> int:
    assert request.refusal is not None
    return int(request.refusal.status)


def unpadded(message: bytes) -> bytes:
    return urlsafe_b64encode(message).rstrip(b"=")


class GetTests(TestCase):
    @quick
    @given(st.binary(min_size=1, max_size=600))
    def test_parameter(self, message: bytes) -> None:
        """The parameter dns is the message, wherever it stands among others."""
        for before, behind in ((b"", b""), (b"x=1&", b"&dnssec=1")):
            target = PATH + b"?" + before + b"dns=" + unpadded(message) + behind
            assert get(target) == Request(message)

    @quick
    @given(st.binary(max_size=40))
    def test_any(self, value: bytes) -> None:
        """Any octets are a message or a refusal with 400."""
        found = get(PATH + b"?dns=" + value)
        assert found.message or status(found) == 400

    def test_no_query(self) -> None:
        """None, two, padded, the other alphabet, escapes, half an octet: all 400."""
        for query in (
            *(b"", b"?", b"?dns", b"?dns=", b"?DNS=AAAA", b"?dns=AAAA&dns=AAAA"),
            *(b"?dns=AA==", b"?dns=A+A/", b"?dns=AA%3D%3D", b"?dns=A", b"?dns=A A="),
        ):
            assert status(get(PATH + query)) == 400, query

    def test_too_large(self) -> None:
        """A query over the limit is 413."""
        assert get(PATH + b"?dns=" + unpadded(bytes(LARGEST))).message
        large = get(PATH + b"?dns=" + unpadded(bytes(LARGEST + 3)))
        assert status(large) == 413


class OtherTests(TestCase):
    def test_post(self) -> None:
        """A POST of the right type has its query in the body."""
        assert judge(b"POST", PATH, OURS, PATH) == Request()
        spelled = [(b"content-type", b"Application/DNS-message; charset=x")]
        assert judge(b"POST", PATH, spelled, PATH) == Request()

    def test_statuses(self) -> None:
        """Another path is 404, another method 405, another type 415."""
        text = [(b"content-type", b"text/plain")]
        assert status(judge(b"GET", b"/", OURS, PATH)) == 404
        assert status(judge(b"PUT", PATH, OURS, PATH)) == 405
        assert status(judge(b"POST", PATH, text, PATH)) == 415
        assert status(judge(b"POST", PATH, [], PATH)) == 415
