"""Who wins, where several rules claim one name."""

from unittest import TestCase

from dotproxy.local.verdicts import TAIL, Effect, Term, Terms, Verdict, winner

BLOCK = Verdict(0, Effect.BLOCK)
ALLOW = Verdict(1, Effect.ALLOW)
FORWARD = Verdict(2, Effect.OTHER)
ANSWER = Verdict(3, Effect.OTHER)


def here(*verdicts: Verdict) -> tuple[Term, ...]:
    return tuple(Term(verdict, False) for verdict in verdicts)


def below(*verdicts: Verdict) -> tuple[Term, ...]:
    return tuple(Term(verdict, True) for verdict in verdicts)


class WinnerTests(TestCase):
    def test_allow(self) -> None:
        """An allow beats a block, whichever came first, and however they reach."""
        for one, other in (here, here), (here, below), (below, here), (below, below):
            assert winner(one(BLOCK) + other(ALLOW)) == ALLOW
            assert winner(one(ALLOW) + other(BLOCK)) == ALLOW

    def test_name_alone(self) -> None:
        """A term on the name alone goes before one on all below it."""
        assert winner(below(FORWARD) + here(ANSWER)) == ANSWER
        assert winner(below(FORWARD) + here(BLOCK)) == BLOCK
        assert winner(below(ALLOW) + here(FORWARD)) == FORWARD

    def test_first(self) -> None:
        """Of the same reach the first wins."""
        assert winner(here(FORWARD, ANSWER)) == FORWARD
        assert winner(here(ANSWER, FORWARD)) == ANSWER
        assert winner(below(BLOCK, FORWARD)) == BLOCK
        assert winner(below(FORWARD, ALLOW)) == FORWARD

    def test_allow_leaves_others(self) -> None:
        """An allow takes the blocks away, and what they hid comes out."""
        assert winner(here(BLOCK, FORWARD, ALLOW)) == FORWARD
        assert winner(here(BLOCK) + below(FORWARD, ALLOW)) == FORWARD

    def test_none(self) -> None:
        """Where no term holds there is no verdict."""
        assert winner(()) is None


class TermsTests(TestCase):
    def test_tails(self) -> None:
        """Each combination has a tail of its own, of octets below 128."""
        terms = Terms()
        tails = [terms.tail(here(Verdict(i, Effect.OTHER))) for i in range(20_000)]
        assert len(set(tails)) == 20_000
        assert {len(tail) for tail in tails} == {TAIL}
        assert max(max(tail) for tail in tails) < 0x80
        assert terms.tail(here(Verdict(7, Effect.OTHER))) == tails[7]

    def test_joined(self) -> None:
        """Terms come together in their order, and those that never win are left out."""
        terms = Terms()
        block = terms.tail(here(BLOCK))
        both = terms.joined(Term(ALLOW, False), block)
        assert both == terms.tail(here(BLOCK, ALLOW))
        assert terms.joined(Term(Verdict(9, Effect.BLOCK), False), both) == both
        assert terms.joined(Term(BLOCK, True), block) == terms.tail(
            here(BLOCK) + below(BLOCK)
        )

    def test_winners(self) -> None:
        """There is a winner for each combination of which some term holds."""
        terms = Terms()
        block, mixed = terms.tail(here(BLOCK)), terms.tail(here(ANSWER) + below(ALLOW))
        assert terms.winners(lambda _: True) == {block: BLOCK, mixed: ANSWER}
        assert terms.winners(lambda term: term.below) == {mixed: ALLOW}
