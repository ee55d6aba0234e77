"""What requests say of who sent them."""

from unittest import TestCase

from dotproxy.http.senders import LONGEST, MOST, NOBODY, Senders, forwarded_for

NAME = b"x-forwarded-for"


class FieldTests(TestCase):
    def test_lines(self) -> None:
        """It is one list, however many lines it has; other fields say nothing."""
        fields = [(NAME, b"a, b"), (b"forwarded", b"for=x"), (NAME, b"c")]
        assert forwarded_for(fields) == b"a, b,c"
        assert forwarded_for([(b"x-real-ip", b"a")]) == b""

    def test_long(self) -> None:
        """Of one that is too long the end is kept, from a whole entry on."""
        assert forwarded_for([(NAME, b"x" * LONGEST)]) == b"x" * LONGEST
        assert forwarded_for([(NAME, b"x" * (LONGEST + 1))]) == b""
        long = b"203.0.113.11, " + b"10.0.0.1," * 60 + b"10.0.0.2"
        kept = forwarded_for([(NAME, long)])
        assert long.endswith(kept)
        assert set(kept.split(b",")) == {b"10.0.0.1", b"10.0.0.2"}


class SendersTests(TestCase):
    def test_once(self) -> None:
        """What a request said is there once; of others nothing is known."""
        senders = Senders(believed=True)
        senders.add(1, b"a", ())
        senders.add(3, b"b", ())
        assert [senders.take(each) for each in (3, 1, 1, 5)] == [b"b", b"a", b"", b""]

    def test_bounded(self) -> None:
        """Of those that are over nothing is kept for long, of others all."""
        senders = Senders(believed=True)
        awaited = {0, 7}
        for number in range(MOST + 1):
            senders.add(number, b"%d" % number, awaited)
        kept = {number for number in range(MOST + 1) if senders.take(number)}
        assert kept == {*awaited, MOST}

    def test_nobody(self) -> None:
        """Of clients that are not believed nothing is kept."""
        NOBODY.add(1, b"a", ())
        assert NOBODY.take(1) == b""
