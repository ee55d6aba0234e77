"""Queries under way: their IDs, what answers which, and for how long one is owed."""

from random import Random
from typing import cast
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.upstream.asked import Asked
from dotproxy.upstream.pending import Pending, Sent
from dotproxy.wire.query import outgoing
from tests.connections import Scripted, Waiting, a_query, answer_to
from tests.messages import message, quick


def pending(*numbers: int) -> Pending:
    """Return a new one; with `numbers`, it draws these as IDs."""
    return Pending(cast(Random, Scripted(*numbers)) if numbers else Random(1))


def an_asked(name: str = "www.example.com", deadline: float = 5.0) -> Asked:
    """Return a query for a name, to be answered by the deadline."""
    return Waiting(a_query(name, deadline)).asked


def add(under_way: Pending, asked: Asked, now: float = 0.0) -> bytes:
    """Take a query under way; return the answer that is due."""
    return answer_to(outgoing(asked.query, under_way.add(asked, now), 0))


def ident(message: bytes) -> int:
    """Return the ID of a message."""
    return int.from_bytes(message[:2], "big")


class IdTests(TestCase):
    """Under which ID a query is under way."""

    def test_unique(self) -> None:
        """No two queries under way have the same ID (RFC 7858 section 3.3)."""
        under_way = pending(7, 7, 7, 9, 7, 9, 11)
        numbers = [under_way.add(an_asked(), 0.0) for _ in range(3)]
        assert numbers == [7, 9, 11]
        assert len(under_way) == 3

    def test_free_again(self) -> None:
        """An ID that was answered may be used again."""
        under_way = pending(7, 7)
        under_way.take(add(under_way, an_asked()))
        assert under_way.add(an_asked(), 0.0) == 7

    def test_random(self) -> None:
        """The IDs are those that chance gives, over the whole range."""
        under_way = Pending(Random(5))
        chosen = [under_way.add(an_asked(), 0.0) for _ in range(64)]
        assert len(set(chosen)) == 64
        assert chosen != sorted(chosen)
        assert min(chosen) < 0x1000
        assert max(chosen) > 0xF000

    def test_quarantine(self) -> None:
        """An ID whose answer may still come is not given to another query."""
        under_way = pending(7, 7, 8, 7)
        owed = add(under_way, an_asked())
        under_way.expire(5.0)
        assert under_way.expired == 1
        assert under_way.add(an_asked(deadline=9.0), 5.0) == 8
        assert under_way.take(owed) is None
        assert under_way.expired == 0
        assert under_way.add(an_asked(), 6.0) == 7, "its answer has come: it is free"


class OldestTests(TestCase):
    def test_oldest(self) -> None:
        """The oldest under way is the first that has no answer yet."""
        under_way = pending(1, 2)
        assert under_way.oldest is None
        owed = add(under_way, an_asked(), 1.0)
        add(under_way, an_asked(), 2.0)
        assert under_way.oldest == 1.0
        under_way.take(owed)
        assert under_way.oldest == 2.0


class TakeTests(TestCase):
    """Which query a message answers."""

    def test_answer(self) -> None:
        """The answer leads to its query, and when that was sent; it is done then."""
        under_way, asked = pending(), an_asked()
        answer = add(under_way, asked, 2.5)
        assert len(under_way) == 1
        assert under_way.take(answer) == Sent(asked, 2.5)
        assert len(under_way) == 0
        assert not under_way
        assert (under_way.late, under_way.faulty) == (0, 0)

    @quick
    @given(st.permutations(range(6)))
    def test_any_order(self, order: list[int]) -> None:
        """Answers come in any order, and each leads to its own query."""
        under_way = pending()
        queries = [an_asked() for _ in order]
        answers = [add(under_way, asked) for asked in queries]
        for place in order:
            assert under_way.take(answers[place]) == Sent(queries[place], 0.0)
        assert under_way.faulty == 0

    def test_case_of_the_name(self) -> None:
        """The server may spell the name in its own way, but not the type."""
        under_way, asked = pending(), an_asked("www.Example.com")
        answer = add(under_way, asked)
        spelled = answer.replace(b"\3www\7Example", b"\3WWW\7eXample")
        assert spelled != answer
        assert under_way.take(spelled) == Sent(asked, 0.0)

    def test_type_in_other_case(self) -> None:
        """Type 97 is not type 65 in lower case: only names are folded."""
        under_way, asked = pending(), Waiting(a_query(rdtype="HTTPS")).asked
        good = add(under_way, asked)
        bad = good.replace(b"\0\0A\0\1", b"\0\0a\0\1")
        assert bad != good
        assert under_way.take(bad) is None
        assert under_way.faulty == 1
        assert under_way.take(good) == Sent(asked, 0.0)

    def test_error_without_question(self) -> None:
        """An error may leave the question away; the ID tells whose it is."""
        under_way = pending()
        first, second = an_asked("a.example"), an_asked("b.example")
        add(under_way, first)
        answer = add(under_way, second)
        error = answer[:2] + message(0x8181)[2:]
        assert under_way.take(error) == Sent(second, 0.0)
        assert under_way.unanswered() == [first]

    def test_ignored(self) -> None:
        """What does not answer the question is counted and ignored."""
        asked = an_asked("www.example.com")
        for name, spoil in {
            "wrong ID": lambda it: bytes((it[0] ^ 1,)) + it[1:],
            "wrong name": lambda it: it.replace(b"\3www", b"\3ftp"),
            "longer name": lambda it: it.replace(b"\3www", b"\4wwww"),
            "wrong type": lambda it: it.replace(b"\0\0\1\0\1", b"\0\0\x1c\0\1"),
            "wrong class": lambda it: it.replace(b"\0\0\1\0\1", b"\0\0\1\0\3"),
            "a query": lambda it: it[:2] + b"\x01\x00" + it[4:],
            "no question": lambda it: it[:4] + bytes(8),
            "two questions": lambda it: it[:5] + b"\2" + it[6:] + asked.query.question,
            "cut in the question": lambda it: it[:20],
            "cut in the header": lambda it: it[:11],
            "two octets": lambda it: it[:2],
            "nothing": lambda it: b"",
        }.items():
            under_way = pending(0)
            good = add(under_way, asked)
            bad = spoil(good)
            assert bad != good, name
            assert under_way.take(bad) is None, name
            assert under_way.faulty == 1, name
            assert len(under_way) == 1, name
            assert under_way.take(good) == Sent(asked, 0.0), name

    def test_duplicate(self) -> None:
        """The first answer counts; the second one is a fault."""
        under_way, asked = pending(), an_asked()
        answer = add(under_way, asked)
        assert under_way.take(answer) == Sent(asked, 0.0)
        assert under_way.take(answer) is None
        assert under_way.faulty == 1

    def test_unsolicited(self) -> None:
        """A message that nobody asked for is counted and ignored."""
        under_way = pending()
        assert under_way.take(answer_to(outgoing(a_query(), 5, 0))) is None
        assert (under_way.late, under_way.faulty) == (0, 1)

    def test_unanswered(self) -> None:
        """Those that wait for an answer are told, the oldest first."""
        under_way = pending(9, 7, 8)
        first, second, third = an_asked(), an_asked(), an_asked()
        add(under_way, first, 1.0)
        answer = add(under_way, second, 2.0)
        add(under_way, third, 3.0)
        under_way.take(answer)
        assert under_way.unanswered() == [first, third]


class ExpireTests(TestCase):
    """Queries whose time is over."""

    def test_deadline(self) -> None:
        """At its deadline a query is let go of, and the others go on."""
        under_way = pending()
        early, late = an_asked(deadline=2.0), an_asked(deadline=3.0)
        add(under_way, early)
        add(under_way, late)
        assert under_way.expire(1.9) == []
        assert under_way.expire(2.0) == [early]
        assert under_way.expire(2.0) == []
        assert under_way.unanswered() == [late]
        assert under_way.expired == 1

    def test_oldest_first(self) -> None:
        """Those that are let go of together come in the order they were sent."""
        under_way = pending(9, 7, 8)
        queries = [an_asked(deadline=it) for it in (3.0, 1.0, 2.0)]
        for asked in queries:
            add(under_way, asked)
        assert under_way.expire(3.0) == queries

    def test_late_answer(self) -> None:
        """An answer after the deadline is counted and dropped, once."""
        under_way = pending()
        answer = add(under_way, an_asked())
        under_way.expire(5.0)
        assert under_way.take(answer) is None
        assert (under_way.late, under_way.faulty) == (1, 0)
        assert under_way.take(answer) is None
        assert (under_way.late, under_way.faulty) == (1, 1)

    def test_no_answer(self) -> None:
        """What is no response sets no ID free: the answer may still come."""
        under_way = pending(7)
        answer = add(under_way, an_asked())
        under_way.expire(5.0)
        for noise in (answer[:2], answer[:11], answer[:2] + b"\1" + answer[3:]):
            assert ident(noise) == 7
            assert under_way.take(noise) is None
        assert (under_way.late, under_way.faulty) == (0, 3)
        assert under_way.expired == 1


class LagTests(TestCase):
    """How far the server is behind."""

    def test_nothing_owed(self) -> None:
        """Where nothing was asked, or all is answered, nothing is owed."""
        under_way = pending()
        assert under_way.lag(10.0) == 0
        under_way.take(add(under_way, an_asked(), 10.0))
        assert under_way.lag(12.0) == 0

    def test_oldest(self) -> None:
        """It counts from the oldest query; later ones do not put it off."""
        under_way = pending()
        for sent in (10.0, 10.5, 11.0, 11.5, 12.0):
            add(under_way, an_asked(), sent)
        assert under_way.lag(12.0) == 2
        assert under_way.lag(12.5) == 2.5

    def test_answered(self) -> None:
        """An answer, to whichever query, shows what the server has come to."""
        under_way = pending()
        first, second, third = (add(under_way, an_asked(), sent) for sent in (0, 1, 2))
        under_way.take(second)
        assert under_way.lag(3.0) == 2
        under_way.take(first)
        assert under_way.lag(3.0) == 2, "that was asked before"
        under_way.take(third)
        assert under_way.lag(9.0) == 0

    def test_behind(self) -> None:
        """Answers to what was asked long ago do not hide that it falls behind."""
        under_way = pending()
        answers = [add(under_way, an_asked(), float(sent)) for sent in range(10)]
        for sent, answer in enumerate(answers[:4]):
            under_way.take(answer)
            assert under_way.lag(10.0 + sent) == 10

    def test_slow_name(self) -> None:
        """One slow name among others is no lag."""
        under_way = pending()
        add(under_way, an_asked("slow.example"))
        for sent in (1.0, 2.0, 3.0):
            under_way.take(add(under_way, an_asked(), sent))
        assert under_way.lag(3.5) == 0.5

    def test_younger(self) -> None:
        """A query that was sent after the last answer counts from when it was sent."""
        under_way = pending()
        under_way.take(add(under_way, an_asked()))
        add(under_way, an_asked(), 21.0)
        assert under_way.lag(21.5) == 0.5

    def test_noise(self) -> None:
        """Messages that are no answer do not end it."""
        under_way = pending()
        add(under_way, an_asked())
        under_way.take(b"nonsense")
        assert under_way.lag(2.0) == 2

    def test_deadlines(self) -> None:
        """Nor do deadlines, nor what is asked after them."""
        under_way = pending()
        for second in range(3):
            add(under_way, an_asked(deadline=second + 1.0), float(second))
            under_way.expire(second + 1.0)
        assert len(under_way) == 0
        assert under_way.lag(3.0) == 3

    def test_late_answer(self) -> None:
        """An answer that comes too late counts as any other."""
        under_way = pending()
        add(under_way, an_asked(deadline=9.0), 0.0)
        answer = add(under_way, an_asked(deadline=1.0), 0.5)
        under_way.expire(1.0)
        under_way.take(answer)
        assert under_way.lag(1.25) == 0.75

    def test_last_late_answer(self) -> None:
        """When that was the last one owed, there is nothing left to wait for."""
        under_way = pending()
        answer = add(under_way, an_asked(deadline=1.0))
        under_way.expire(1.0)
        under_way.take(answer)
        assert under_way.lag(20.0) == 0
