"""What upstreams say, held against the rules."""

from unittest import TestCase

import dns.message
import pytest

from dotproxy.local.networks import octets
from dotproxy.local.screen import is_private, targets, without_private
from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.message import FormatError
from tests.messages import BACK, EXAMPLE, message, record
from tests.words import BOGUS, answering, asking

PRIVATE = (
    *("10.1.2.3", "127.0.0.1", "192.168.0.1", "172.20.0.1", "169.254.169.254"),
    *("100.64.0.1", "0.0.0.0", "::", "::1", "fd00::1", "fe80::1"),
    *("::ffff:192.168.0.1", "64:ff9b::c0a8:1"),
)

PUBLIC = (
    *("192.0.2.1", "9.9.9.9", "172.32.0.1", "2001:db8::1", "2620:fe::fe"),
    *("64:ff9b::909:909", "::ffff:9.9.9.9", "64:ff9b:1::1"),
)

SIGNED = "8 2 300 20300101000000 20200101000000 1 example.com. c2lnbmVk"


Said = tuple[list[str], list[str], list[int]]


def said(answer: Answer) -> Said:
    """Return types and data of the answers and authorities, and INFO-CODEs."""
    read = dns.message.from_wire(answer.body, one_rr_per_rrset=True)
    answers, authorities = (
        [rrset.to_text().split(maxsplit=3)[3] for rrset in section]
        for section in read.sections[1:3]
    )
    options = answer.opt.options if answer.opt else ()
    return (
        answers,
        authorities,
        [int.from_bytes(value[:2], "big") for _, value in options],
    )


class PrivateTests(TestCase):
    def test_addresses(self) -> None:
        """Private are addresses that no public name has, however they are dressed."""
        for text, private in (
            *((text, True) for text in PRIVATE),
            *((text, False) for text in PUBLIC),
        ):
            address = octets(text)
            assert address is not None
            assert is_private(address) == private, text

    def test_none(self) -> None:
        """What is no address is not private."""
        assert not is_private(b"")
        assert not is_private(b"\x7f\0\0")


class WithoutPrivateTests(TestCase):
    def check(
        self, *answers: str, kind: str = "A"
    ) -> tuple[list[str], list[str], list[int]]:
        query = asking("example.com", kind)
        answer = answering(query, *answers, options=BOGUS)
        return said(without_private(query.question, answer))

    def test_public(self) -> None:
        """An answer without any stays the same object."""
        query = asking()
        answer = answering(
            query,
            "@ 60 CNAME a.example.",
            "a.example. 60 A 192.0.2.1",
            "@ 9 TXT 10.1.1.1",
        )
        assert without_private(query.question, answer) is answer

    def test_some(self) -> None:
        """Private ones go, with the signature; others stay, and it is told."""
        left = self.check(
            "@ 60 A 192.168.0.1", "@ 60 A 192.0.2.1", f"@ 60 RRSIG A {SIGNED}"
        )
        assert left == (["A 192.0.2.1"], [], [6, 4])

    def test_all(self) -> None:
        """Where none is left there is nothing of the type, with a SOA."""
        for kind, address in (("A", "10.0.0.1"), ("AAAA", "fd00::1")):
            answers, [soa], codes = self.check(
                "@ 60 CNAME a.example.", f"a.example. 60 {kind} {address}", kind=kind
            )
            assert (answers, codes) == ([], [17])
            assert soa.startswith("SOA example.com. nobody.invalid.")
            assert soa.endswith(" 60")

    def test_hints(self) -> None:
        """Private hints go, and out of what is mandatory; the rest stays."""
        for hints, kept in (
            ("ipv4hint=10.0.0.1", ""),
            ("ipv4hint=10.0.0.1,192.0.2.1", ' ipv4hint="192.0.2.1"'),
            ("ipv4hint=192.0.2.1 ipv6hint=fd00::1", ' ipv4hint="192.0.2.1"'),
            ("mandatory=ipv6hint ipv6hint=::1", ""),
        ):
            for kind in ("HTTPS", "SVCB"):
                line = f"@ 60 {kind} 1 . alpn=h2 {hints}"
                answers, _, codes = self.check(line, kind=kind)
                assert answers == [f'{kind} 1 . alpn="h2"{kept}']
                assert codes == [6, 4]

    def test_malformed_hints(self) -> None:
        """A binding that cannot be read goes: a client might read it after all."""
        query = asking("example.com", "HTTPS")
        bad = record(BACK, 65, b"\0\1\0\0\4\0\3\x0a\0\0")
        wire = message(0x8180, [query.question], [bad])
        left = without_private(query.question, parse_answer(wire))
        assert (said(left)[0], said(left)[2]) == ([], [17])

    def test_additional(self) -> None:
        """Addresses beside the answer go as well."""
        query = asking("example.com", "MX")
        mail = record(BACK, 15, b"\0\12\4mail\xc0\x0c")
        sections = (
            [query.question],
            [mail],
            [],
            [record(b"\4mail\xc0\x0c", 1, b"\x0a\0\0\1")],
        )
        left = without_private(query.question, parse_answer(message(0x8180, *sections)))
        assert said(left)[0] == ["MX 10 mail.example.com."]
        assert len(left.records) == 1

    def test_unreadable(self) -> None:
        """An answer that would have to be edited and cannot be raises FormatError."""
        private, bad = record(BACK, 1, b"\x0a\0\0\1"), record(BACK, 15, b"\0\1\xc0\xff")
        public = record(BACK, 1, b"\x09\x09\x09\x09")
        wire = message(0x8180, [EXAMPLE], [private, public, bad])
        with pytest.raises(FormatError):
            without_private(EXAMPLE, parse_answer(wire))


class TargetsTests(TestCase):
    def test_all(self) -> None:
        """CNAMEs lead on, and so do bindings of either mode, but not to themselves."""
        answer = answering(
            asking("example.com", "HTTPS"),
            "@ 60 CNAME A.example.",
            "a.example. 60 HTTPS 0 b.example.",
            "a.example. 60 HTTPS 1 . alpn=h2",
            "a.example. 60 SVCB 1 C.example. alpn=h2",
            "a.example. 60 MX 10 d.example.",
            authority=("@ 60 CNAME e.example.",),
        )
        names = [b"\1" + letter + b"\7example\0" for letter in (b"a", b"b", b"c")]
        assert list(targets(answer)) == names

    def test_unreadable(self) -> None:
        """A name that runs off its record, or has no end, raises FormatError."""
        for rdata in (b"\3ab", b"\xc0\xff", b""):
            wire = message(0x8180, [EXAMPLE], [record(BACK, 5, rdata)])
            with pytest.raises(FormatError):
                list(targets(parse_answer(wire)))
