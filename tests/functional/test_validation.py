"""What a validating upstream says about signatures, and which client hears it."""

from unittest import TestCase

from tests.functional.clients import Answer, dig
from tests.functional.standing import standing

BOGUS = 6
"""INFO-CODE "DNSSEC Bogus" (RFC 8914 section 4.7)."""


def ask(name: str, *words: str) -> Answer:
    [unbound, *_] = standing()
    return dig(unbound.proxy.port, *words, f"{name}.signed.example")


class ValidationTests(TestCase):
    def test_authentic(self) -> None:
        """AD is for clients that set AD or DO, and for no others (RFC 6840 5.8)."""
        for words, told in (
            (["+adflag", "+nodnssec"], True),
            (["+noadflag", "+dnssec"], True),
            (["+noadflag", "+nodnssec"], False),
        ):
            with self.subTest(words=words):
                answer = ask("good", *words)
                self.assertEqual(answer.status, "NOERROR")
                self.assertEqual("ad" in answer.flags, told)

    def test_signatures(self) -> None:
        """Signatures come with DO, and not without."""
        address = "A 192.0.2.7"
        self.assertEqual(ask("good", "+nodnssec").values, [address])
        [first, second] = ask("good", "+dnssec").values
        self.assertEqual(first, address)
        self.assertTrue(second.startswith("RRSIG A 13 3 300 "), second)

    def test_forged(self) -> None:
        """A forged record is a failure, and the upstream's reason is handed on."""
        answer = ask("forged")
        self.assertEqual(answer.status, "SERVFAIL")
        self.assertEqual(answer.values, [])
        self.assertEqual(answer.explanations, {BOGUS})

    def test_unchecked(self) -> None:
        """With CD a client gets the forged record, and judges for itself."""
        answer = ask("forged", "+cdflag")
        self.assertEqual(answer.status, "NOERROR")
        self.assertEqual(answer.values, ["A 192.0.2.9"])
        self.assertIn("cd", answer.flags)
        self.assertNotIn("ad", answer.flags)
