"""What a rule may be."""

from typing import Any
from unittest import TestCase

import pytest

from dotproxy.config.rule import Rule, record, rule_name
from dotproxy.config.setting import ConfigError

NAMES = ("a.example",)


def fault(**settings: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        Rule(**{"names": NAMES, **settings})
    assert caught.value.path == (caught.value.subject.split(" =")[0],)
    return str(caught.value)


class RuleTests(TestCase):
    def test_defaults(self) -> None:
        """A block says that there is no such name, for a minute."""
        rule = Rule("block", NAMES)
        assert (rule.reply, rule.ttl) == ("nxdomain", 60)

    def test_spelled(self) -> None:
        """A rule is told by its action and what belongs to it."""
        assert str(Rule("block", NAMES, reply="null")) == "block (null)"
        assert str(Rule("forward", NAMES, group="lan")) == "forward (lan)"
        assert str(Rule("allow", NAMES)) == "allow"
        assert str(Rule("redirect", NAMES)) == "redirect (strip)"
        assert str(Rule("answer", NAMES, records=("A 192.0.2.1",))) == "answer"

    def test_records(self) -> None:
        """Records are there in their usual spelling, and as on the wire."""
        rule = Rule("answer", NAMES, records=("aaaa 2001:DB8:0::1", 'TXT "a b"  c'))
        assert rule.records == ("AAAA 2001:db8::1", 'TXT "a b" "c"')
        assert rule.rdatas == (
            (28, b"\x20\1\r\xb8" + bytes(11) + b"\1"),
            (16, b"\3a b\1c"),
        )

    def test_out_of_place(self) -> None:
        """A key of another action is refused: it would do nothing."""
        for settings, message in (
            (
                {"action": "allow", "reply": "null"},
                "reply = 'null' is for action block, not for allow: leave it away",
            ),
            (
                {"action": "block", "records": ["A 192.0.2.1"]},
                "records = ['A 192.0.2.1'] is for action answer, not for block:"
                " leave it away",
            ),
            (
                {"action": "forward", "group": "lan", "ttl": 5},
                "ttl = 5 is for action block or answer, not for forward: leave it away",
            ),
            (
                {"action": "answer", "records": ["A 192.0.2.1"], "group": "lan"},
                "group = 'lan' is for action forward, not for answer: leave it away",
            ),
            (
                {"action": "block", "policy": "keep-ech"},
                "policy = 'keep-ech' is for action redirect, not for block: leave it"
                " away",
            ),
            (
                {"action": "forward", "group": "lan", "private": True},
                "private = true is for action redirect, not for forward: leave it away",
            ),
        ):
            assert fault(**settings) == message

    def test_missing(self) -> None:
        """An answer needs records, a forward a group."""
        for action, key in (("answer", "records"), ("forward", "group")):
            message = f"action = '{action}' says nothing without {key}"
            assert fault(action=action) == message

    def test_alias(self) -> None:
        """Beside a CNAME there is nothing (RFC 1034 section 3.6.2)."""
        told = fault(action="answer", records=["CNAME b.example", "A 192.0.2.1"])
        assert told == (
            "records = ['CNAME b.example.', 'A 192.0.2.1'] has a CNAME,"
            " which stands alone (RFC 1034 section 3.6.2)"
        )
        Rule("answer", NAMES, records=("CNAME b.example",))

    def test_proxy_protocol(self) -> None:
        """A header is for backends only."""
        assert fault(action="redirect", proxy_protocol=True) == (
            "proxy_protocol = true is for a backend of yours: an origin would take it"
            " for TLS"
        )

    def test_backend(self) -> None:
        """A backend is an address and a port, and all that there is to know."""
        Rule("redirect", NAMES, backend="[::1]:443", proxy_protocol=True)
        told = fault(action="redirect", backend="b:443")
        assert "must be an IP address" in told
        for wrong in ("[0::1]:443", "[::1]:0"):
            told = fault(action="redirect", backend=wrong)
            assert "must be spelled [::1]:443" in told
        for settings in ({"private": True}, {"origin": "b.example"}):
            told = fault(action="redirect", backend="10.0.0.1:443", **settings)
            assert "leave origin and private away" in told

    def test_origin(self) -> None:
        """An origin is a host name."""
        assert "must be a host name" in fault(action="redirect", origin="-")


class SpellingTests(TestCase):
    def test_names(self) -> None:
        """A name is folded; a star or a dot before it takes in what is below."""
        for text, spelled in (
            ("Example.ORG.", "example.org"),
            ("*.Example.org", ".example.org"),
            (".example.org", ".example.org"),
            ("*", "."),
            (".", "."),
            ("bücher.example", "xn--bcher-kva.example"),
            ("_dns.resolver.arpa", "_dns.resolver.arpa"),
            ("1.2.0.192.in-addr.arpa", "1.2.0.192.in-addr.arpa"),
        ):
            assert rule_name(text) == spelled

    def test_no_names(self) -> None:
        """Anything else is refused: patterns, addresses, lists' own forms."""
        for text in ("", "..", "**", "*example.org", "a*.b", "192.0.2.1", "||a.b^"):
            with pytest.raises(ValueError, match="must be a name"):
                rule_name(text)

    def test_record_names(self) -> None:
        """Names in records are whole, with or without a dot at the end."""
        assert record("CNAME example.org") == record("cname example.org.")
        assert record("PTR nas.home.arpa") == "PTR nas.home.arpa."

    def test_no_records(self) -> None:
        """What is no record is refused, and so is what only a query can ask for."""
        for text in ("", "A", "A 1.2.3", "A 192.0.2.1 x", "B x", "ANY x", "OPT x"):
            with pytest.raises(ValueError, match="must be a type and what it holds"):
                record(text)
