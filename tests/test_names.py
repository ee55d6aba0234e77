"""Which rule a name meets."""

import gc
from collections.abc import Sequence
from unittest import TestCase

import dns.name
from hypothesis import example, given
from hypothesis import strategies as st

from dotproxy.local.name_list import NameList, parse
from dotproxy.local.name_set import NameSet, Packing
from dotproxy.local.names import NameTable
from dotproxy.local.verdicts import Claim, Effect, Verdict

BLOCK = Verdict(0, Effect.BLOCK)
ALLOW = Verdict(1, Effect.ALLOW)
FORWARD = Verdict(2, Effect.OTHER)


def wire(name: str) -> bytes:
    return dns.name.from_text(name).to_wire()


def packed(names: Sequence[str]) -> NameSet:
    packing = Packing()
    for name in names:
        packing.add(wire(name))
    return packing.names()


def on(verdict: Verdict, *names: str) -> Claim:
    return Claim(verdict, packed(names))


def under(verdict: Verdict, *names: str) -> Claim:
    return Claim(verdict, packed(names), below=True)


def obvious(claims: Sequence[Claim], name: bytes) -> Verdict | None:
    """Match slowly: all claims, for the name and then for each suffix."""
    labels = dns.name.from_wire(name, 0)[0].labels
    for depth in range(len(labels)):
        suffix = dns.name.Name(labels[depth:]).to_wire()
        met = [
            (claim.below, order, claim.verdict)
            for order, claim in enumerate(claims)
            if suffix in set(claim.names) and (claim.below or not depth)
        ]
        allowed = any(verdict.effect is Effect.ALLOW for *_, verdict in met)
        left = [
            each for each in met if not (allowed and each[2].effect is Effect.BLOCK)
        ]
        if left:
            return sorted(left, key=lambda each: each[:2])[0][2]
    return None


NAMES = st.lists(st.sampled_from(["a", "b", "aa", "a-b"]), max_size=4).map(
    lambda labels: ".".join(labels) + "."
)
CLAIMS = st.lists(
    st.builds(
        lambda effect, names, below: (effect, packed(names), below),
        st.sampled_from(Effect),
        st.lists(NAMES, max_size=6),
        st.booleans(),
    ),
    max_size=8,
).map(
    lambda drawn: [
        Claim(Verdict(rule, effect), names, below)
        for rule, (effect, names, below) in enumerate(drawn)
    ]
)
ODD = st.lists(st.binary(min_size=1, max_size=9), max_size=5).map(
    lambda labels: dns.name.Name([*labels, b""]).to_wire()
)


class NameTableTests(TestCase):
    @given(CLAIMS, st.lists(NAMES, min_size=1))
    def test_as_obvious(self, claims: list[Claim], names: list[str]) -> None:
        """The table says what a slow and obvious matcher says."""
        table = NameTable(claims)
        assert len(table) == len({name for claim in claims for name in claim.names})
        for name in names:
            assert table.match(wire(name)) == obvious(claims, wire(name)), name

    @given(CLAIMS, ODD)
    @example([on(BLOCK, "a.b"), on(BLOCK, "b")], b"\3\1a\xff\0")
    @example([on(BLOCK, "a.b")], b"\1\xff\1a\1b\0")
    @example([on(BLOCK, "a.b")], b"\3a\1b\0")
    def test_odd_names(self, claims: list[Claim], name: bytes) -> None:
        """No octets in a label make it match what it is not."""
        assert NameTable(claims).match(name) == obvious(claims, name)

    def test_place(self) -> None:
        """It is known where in a name the one begins that is listed."""
        table = NameTable([under(BLOCK, "example.org"), on(ALLOW, "www.example.org")])
        for name, found in (
            ("www.example.org", (ALLOW, 0)),
            ("example.org", (BLOCK, 0)),
            ("a.www.example.org", (BLOCK, 6)),
            ("example.com", None),
        ):
            assert table.find(wire(name)) == found

    def test_exact(self) -> None:
        """A name alone is met by itself, not by what is above, below or alike."""
        table = NameTable([on(BLOCK, "ads.example.org")])
        assert table.match(wire("ads.example.org")) == BLOCK
        for other in ("example.org", "x.ads.example.org", "xads.example.org", "."):
            assert table.match(wire(other)) is None

    def test_suffix(self) -> None:
        """A suffix is met by its own name and all below, at the borders of labels."""
        table = NameTable([under(BLOCK, "example.org")])
        for name in ("example.org", "a.example.org", "a.b.c.d.example.org"):
            assert table.match(wire(name)) == BLOCK
        for other in ("org", "badexample.org", "example.org.net", "."):
            assert table.match(wire(other)) is None

    def test_most_specific(self) -> None:
        """The longest suffix wins, and the name itself before any."""
        table = NameTable(
            [
                under(BLOCK, "."),
                under(FORWARD, "example.org"),
                under(BLOCK, "ads.example.org"),
                on(ALLOW, "good.ads.example.org"),
            ]
        )
        assert table.match(wire(".")) == BLOCK
        assert table.match(wire("example.net")) == BLOCK
        assert table.match(wire("www.example.org")) == FORWARD
        assert table.match(wire("x.ads.example.org")) == BLOCK
        assert table.match(wire("good.ads.example.org")) == ALLOW
        assert table.match(wire("x.good.ads.example.org")) == BLOCK

    def test_same_name(self) -> None:
        """An allow beats the block of the same name, in another list or the same."""
        claims = [on(BLOCK, "a.example", "a.example"), under(ALLOW, "a.example")]
        for order in (claims, claims[::-1]):
            table = NameTable(order)
            assert table.match(wire("a.example")) == ALLOW
            assert table.match(wire("x.a.example")) == ALLOW
            assert len(table) == 1

    def test_nothing(self) -> None:
        """Without a name there is nothing to meet."""
        for claims in ([], [on(BLOCK)], [under(ALLOW)]):
            table = NameTable(claims)
            assert table.match(wire("example.org")) is None
            assert table.match(b"\0") is None
            assert len(table) == 0

    def test_longest(self) -> None:
        """The longest names and those of most labels are found as any other."""
        long, deep = ".".join([63 * "a"] * 3 + [61 * "b"]), "a." * 127
        table = NameTable([on(BLOCK, long, deep, long), under(ALLOW, deep[2:])])
        assert len(table) == 3
        assert table.match(wire(long)) == BLOCK
        assert table.match(wire(deep)) == BLOCK
        assert table.match(b"\1b" + wire(deep)[2:]) == ALLOW

    def test_many(self) -> None:
        """Among many names each has its own verdict, and strangers have none."""
        names = [f"n{number}.example" for number in range(20_000)]
        claims = [
            on(Verdict(rule, Effect.OTHER), *names[rule::200]) for rule in range(200)
        ]
        table = NameTable([*claims, on(ALLOW, *names[:50])])
        assert len(table) == len(names)
        for number, name in enumerate(names):
            found = table.match(wire(name))
            assert found == Verdict(number % 200, Effect.OTHER)
            assert table.match(wire(f"x{name}")) is None

    def test_untracked(self) -> None:
        """More names give the collector of garbage no more to walk over."""

        def tracked(count: int) -> int:
            claims = [on(BLOCK, *(f"n{number}.example" for number in range(count)))]
            gc.collect()
            before = len(gc.get_objects())
            table = NameTable(claims)
            listed = parse([b"a.example\n"] * count, "list")
            gc.collect()
            added = len(gc.get_objects()) - before
            assert len(table) == len(listed) == count
            return added

        tracked(10)
        assert tracked(10_000) <= tracked(10) + 5


class ListedTests(TestCase):
    def test_list_to_table(self) -> None:
        """A block list and its exceptions are claims of one rule."""
        listed: NameList = parse(
            [
                b"||ads.example^",
                b"@@||good.ads.example^",
                b"one.example",
                b"ads.example",
            ],
            "list",
        )
        pardon = Verdict(0, Effect.ALLOW)
        table = NameTable(
            [
                Claim(BLOCK, listed.names),
                Claim(BLOCK, listed.suffixes, below=True),
                Claim(pardon, listed.except_names),
                Claim(pardon, listed.except_suffixes, below=True),
            ]
        )
        assert len(table) == 3
        assert table.match(wire("x.ads.example")) == BLOCK
        assert table.match(wire("x.good.ads.example")) == pardon
        assert table.match(wire("one.example")) == BLOCK
        assert table.match(wire("x.one.example")) is None
