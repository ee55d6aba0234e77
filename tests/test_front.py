"""Where connections of HTTP begin."""

from unittest import TestCase

from dotproxy.http.frames import PREFACE
from dotproxy.http.front import Front, Opening
from dotproxy.http.h1 import HTTP1
from dotproxy.http.h2 import HTTP2
from tests.test_request import PATH


class FrontTests(TestCase):
    def test_agreed(self) -> None:
        """What was agreed upon is spoken, whatever the first octets are."""
        front = Front(PATH)
        assert isinstance(front.begin(b"P", b"h2"), HTTP2)
        assert isinstance(front.begin(PREFACE, b"http/1.1"), HTTP1)

    def test_first_octets(self) -> None:
        """Where nothing was, they tell."""
        front = Front(PATH)
        assert isinstance(front.begin(PREFACE, None), HTTP2)
        assert isinstance(front.begin(b"POST / HTTP/1.1", None), HTTP1)

    def test_pieces(self) -> None:
        """They may come one by one: what came is not lost."""
        for octets, expected in ((PREFACE, HTTP2), (b"PUT / HTTP/1.1", HTTP1)):
            opening = Opening(Front(PATH))
            for at in range(len(octets)):
                speech = opening.begin(octets[at : at + 1], None)
                if speech:
                    break
            assert isinstance(speech, expected)
            speech.feed(octets[at:])
            assert not speech.over
