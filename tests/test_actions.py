"""What rules do, per action and type."""

from typing import Any
from unittest import TestCase

import dns.message
import dns.rcode
import dns.rdatatype

from dotproxy.config.rule import Rule
from dotproxy.local.actions import Ask, Each, Own, Pass, action_of, by_type
from dotproxy.wire.draft import Draft
from tests.messages import opt
from tests.words import asking, read

NAMES = (".Example.org",)

TYPES = ("A", "AAAA", "HTTPS", "SVCB", "CNAME", "MX", "TXT", "PTR", "NS", "TYPE65280")

AT = len(b"\3www")
"""Where the name of the rule begins in www.example.org."""

SOA = "example.org. 60 IN SOA example.org. nobody.invalid. 1 3600 1200 604800 60"
"""What stands under what is not there, of that name."""

Outcome = tuple[str, tuple[str, ...], int, bool]
"""RCODE, records as "TYPE data", INFO-CODE, whether there is a SOA."""

NOTHING: Outcome = ("NOERROR", (), 15, True)
NO_NAME: Outcome = ("NXDOMAIN", (), 15, True)
REFUSED: Outcome = ("REFUSED", (), 15, False)

BLOCKS: dict[str, dict[str, Outcome]] = {
    "nxdomain": dict.fromkeys(TYPES, NO_NAME),
    "nodata": dict.fromkeys(TYPES, NOTHING),
    "null": dict.fromkeys(TYPES, NOTHING)
    | {
        "A": ("NOERROR", ("A 0.0.0.0",), 4, False),
        "AAAA": ("NOERROR", ("AAAA ::",), 4, False),
    },
    "refused": dict.fromkeys(TYPES, REFUSED) | {"HTTPS": NOTHING, "SVCB": NOTHING},
}
"""What each way to block says to each type."""

RECORDS = (
    "A 192.0.2.1",
    "A 192.0.2.2",
    "AAAA 2001:db8::1",
    'TXT "in the cellar"',
    "PTR nas.home.arpa",
)

ANSWERS: dict[str, Outcome] = dict.fromkeys(TYPES, ("NOERROR", (), 4, True)) | {
    "A": ("NOERROR", ("A 192.0.2.1", "A 192.0.2.2"), 4, False),
    "AAAA": ("NOERROR", ("AAAA 2001:db8::1",), 4, False),
    "TXT": ("NOERROR", ('TXT "in the cellar"',), 4, False),
    "PTR": ("NOERROR", ("PTR nas.home.arpa.",), 4, False),
}
"""What records of our own say to each type."""


def outcome(draft: Draft | None, kind: str) -> Outcome:
    """Return what a client reads in a draft for www.example.org."""
    assert draft is not None
    reply = read(draft.reply(asking("www.Example.org", kind, opt())))
    for rrset in reply.answer:
        assert (rrset.name.to_text(), rrset.ttl) == ("www.Example.org.", 60)
    texts = [rrset.to_text().replace("E", "e") for rrset in reply.authority]
    assert texts in ([], [SOA.replace("E", "e")])
    records = tuple(
        f"{dns.rdatatype.to_text(rrset.rdtype)} {rrset[0]}" for rrset in reply.answer
    )
    [why] = reply.extended_errors()
    assert why.text is not None
    assert why.text.endswith("by rule 3")
    return dns.rcode.to_text(reply.rcode()), records, int(why.code), bool(texts)


def drafted(kind: str, **settings: Any) -> Draft | None:
    """Return what the third rule, which has these settings, drafts."""
    rule = Rule(**{"names": NAMES, **settings})
    question = asking("www.Example.org", kind).question
    return action_of(rule, 3).draft(question, AT)


class BlockTests(TestCase):
    def test_all(self) -> None:
        """Each way to block says to each type what agrees with the others."""
        for reply, types in BLOCKS.items():
            for kind, expected in types.items():
                draft = drafted(kind, action="block", reply=reply)
                assert outcome(draft, kind) == expected, (reply, kind)

    def test_ttl(self) -> None:
        """What is said holds for as long as the rule has it."""
        for reply in ("nxdomain", "null"):
            draft = drafted("A", action="block", reply=reply, ttl=5)
            assert draft is not None
            message = dns.message.from_wire(draft.body)
            [rrset] = message.answer or message.authority
            assert rrset.ttl == 5


class OwnTests(TestCase):
    def test_all(self) -> None:
        """Types that are listed are answered, of others there is nothing."""
        for kind, expected in ANSWERS.items():
            draft = drafted(kind, action="answer", records=RECORDS)
            assert outcome(draft, kind) == expected, kind

    def test_alias(self) -> None:
        """An alias answers for itself; all else is behind it, HTTPS too."""
        records = ["CNAME Nas.home.arpa"]
        draft = drafted("CNAME", action="answer", records=records)
        expected = ("NOERROR", ("CNAME Nas.home.arpa.",), 4, False)
        assert outcome(draft, "CNAME") == expected
        for kind in ("A", "HTTPS", "TXT"):
            assert drafted(kind, action="answer", records=records) is None

    def test_alias_name(self) -> None:
        """The name behind is known, folded."""
        alias = Own(by_type([(5, b"\3Nas\4home\4arpa\0")]), 60)
        assert alias.alias == b"\3nas\4home\4arpa\0"
        assert Own(by_type([(1, bytes(4))]), 60).alias is None

    def test_silent(self) -> None:
        """What comes of no rule says nothing of one."""
        question = asking().question
        for known in (1, 28):
            draft = Own(by_type([(known, bytes(4))]), 60).draft(question, 0)
            assert draft is not None
            assert (draft.code, draft.text) == (0, "")


class EachTests(TestCase):
    def test_names(self) -> None:
        """Each name has its own, however it is spelled."""
        each = Each({b"\1a\0": Own({1: [bytes(4)]}, 60), b"\1b\0": Own({}, 60)})
        for name, counts in ((b"\1A\0", (1, 0)), (b"\1b\0", (0, 1))):
            draft = each.draft(name + b"\0\1\0\1", 0)
            assert draft is not None
            message = dns.message.from_wire(draft.body)
            assert (len(message.answer), len(message.authority)) == counts


class OtherTests(TestCase):
    def test_left(self) -> None:
        """Forward and allow say nothing themselves, to any type."""
        for kind in TYPES:
            assert drafted(kind, action="forward", group="lan") is None
            assert drafted(kind, action="allow") is None

    def test_kinds(self) -> None:
        """A forward knows its group."""
        assert action_of(Rule("forward", NAMES, group="lan"), 1) == Ask("lan")
        assert action_of(Rule("allow", NAMES), 1) == Pass()
