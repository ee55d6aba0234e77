"""Bodies of requests that are on their way."""

from unittest import TestCase

from dotproxy.http.bodies import KEPT, MOST, Bodies
from dotproxy.http.frames import BrokenError, Error
from dotproxy.http.request import LARGEST, TOO_LARGE, UNREADABLE, Request


class BodiesTests(TestCase):
    def setUp(self) -> None:
        self.bodies = Bodies()
        self.bodies.expect(1, Request())

    def test_parts(self) -> None:
        """A body is its parts, in their order, up to what a query has at most."""
        assert self.bodies.add(1, bytes(LARGEST - 1), LARGEST)
        assert self.bodies.add(1, b"x", 9)
        assert self.bodies.end(1) == (Request(), bytes(LARGEST - 1) + b"x")
        assert not self.bodies.awaits(1)

    def test_large(self) -> None:
        """One octet more is too much, unless it was refused for another reason."""
        self.bodies.expect(3, Request(refusal=UNREADABLE))
        for stream, refusal in ((1, TOO_LARGE), (3, UNREADABLE)):
            assert self.bodies.add(stream, bytes(LARGEST), LARGEST)
            assert self.bodies.add(stream, b"x", 1)
            assert self.bodies.end(stream)[0] == Request(refusal=refusal)

    def test_endless(self) -> None:
        """There is an end to what is waited for, be it a body or padding."""
        assert self.bodies.add(1, b"", MOST)
        assert not self.bodies.add(1, b"", 1)
        self.bodies.expect(3, Request())
        assert self.bodies.add(3, bytes(MOST), MOST)
        assert not self.bodies.add(3, b"x", 1)

    def test_kept(self) -> None:
        """All unfinished bodies of a client are bounded; those that ended are free."""
        for stream in range(1, 100):
            self.bodies.expect(stream, Request())
            assert self.bodies.add(stream, bytes(LARGEST), LARGEST)
            (self.bodies.end if stream % 2 else self.bodies.forget)(stream)
        self.bodies.forget(1)
        many = KEPT // LARGEST
        for stream in range(many):
            self.bodies.expect(stream, Request())
            assert self.bodies.add(stream, bytes(LARGEST), LARGEST)
        self.bodies.expect(many, Request())
        with self.assertRaises(BrokenError) as caught:
            self.bodies.add(many, b"x", 1)
        assert caught.exception.error == Error.ENHANCE_YOUR_CALM

    def test_forget_all(self) -> None:
        """They may all be given up, and their streams are told."""
        self.bodies.expect(3, Request())
        assert self.bodies.forget_all() == [1, 3]
        assert not self.bodies.awaits(3)
