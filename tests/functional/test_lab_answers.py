"""What dig and kdig get from a proxy whose upstream is the lab."""

from unittest import TestCase

from tests.functional.clients import Answer, dig, kdig
from tests.functional.standing import lab_proxy


def ask(*words: str) -> Answer:
    return dig(lab_proxy().port, *words)


class RecordTests(TestCase):
    """What is asked for comes, over UDP and over TCP."""

    def assert_values(self, name: str, rdtype: str, *values: str) -> None:
        for way in ("+notcp", "+tcp"):
            answer = ask(way, f"{name}.lab.example", rdtype)
            self.assertEqual(answer.status, "NOERROR")
            self.assertEqual(answer.over_tcp, way == "+tcp")
            self.assertEqual(answer.flags, {"qr", "rd", "ra"})
            self.assertEqual(answer.values, list(values))

    def test_addresses(self) -> None:
        """A name has all its IPv4 and IPv6 addresses."""
        self.assert_values("www", "A", "A 192.0.2.1", "A 192.0.2.2")
        self.assert_values("www", "AAAA", "AAAA 2001:db8::1")

    def test_https(self) -> None:
        """An HTTPS record comes with all its parameters."""
        parameters = 'alpn="h2,h3" ipv4hint=192.0.2.1 ipv6hint=2001:db8::1'
        self.assert_values("www", "HTTPS", f"HTTPS 1 . {parameters}")

    def test_alias(self) -> None:
        """An alias comes with what it leads to."""
        target = "CNAME www.lab.example."
        self.assert_values("alias", "A", target, "A 192.0.2.1", "A 192.0.2.2")

    def test_mail(self) -> None:
        """A mail host comes with its addresses in the additional section."""
        self.assert_values("mail", "MX", "MX 10 mx.lab.example.")
        self.assertEqual(
            ask("mail.lab.example", "MX").records("ADDITIONAL"),
            ["mx.lab.example. IN A 192.0.2.25", "mx.lab.example. IN AAAA 2001:db8::25"],
        )

    def test_text(self) -> None:
        """A text comes as it is."""
        self.assert_values("txt", "TXT", 'TXT "Hello from the lab."')

    def test_slow(self) -> None:
        """An answer that takes the upstream a second is waited for."""
        answer = ask("slow.lab.example")
        self.assertEqual(answer.values, ["A 192.0.2.60"])

    def test_no_name(self) -> None:
        """A name that does not exist has the SOA that says for how long it does not."""
        answer = ask("nope.lab.example")
        self.assertEqual(answer.status, "NXDOMAIN")
        self.assertEqual(answer.values, [])
        [soa] = answer.records("AUTHORITY")
        self.assertTrue(soa.startswith("lab.example. IN SOA ns.lab.example. "), soa)

    def test_no_record(self) -> None:
        """A name without a record of the type has the SOA as well."""
        answer = ask("txt.lab.example", "A")
        self.assertEqual(answer.status, "NOERROR")
        self.assertEqual(answer.values, [])
        self.assertIn(" SOA ", answer.records("AUTHORITY")[0])


class SizeTests(TestCase):
    """What is too large for a datagram."""

    def test_retry(self) -> None:
        """A client that retries over TCP, as dig does by itself, gets all of it."""
        answer = ask("big.lab.example", "TXT")
        self.assertTrue(answer.over_tcp)
        self.assertNotIn("tc", answer.flags)
        self.assertEqual(len(answer.values), 16)
        self.assertGreater(answer.size, 3000)

    def test_truncated(self) -> None:
        """A datagram has TC, whole records, and no more than the client takes."""
        for words, limit in (
            (["+noedns"], 512),
            (["+bufsize=700"], 700),
            (["+bufsize=4096"], 1232),
        ):
            answer = ask("+ignore", *words, "big.lab.example", "TXT")
            self.assertFalse(answer.over_tcp)
            self.assertIn("tc", answer.flags)
            self.assertLessEqual(answer.size, limit)
            whole = ask("+tcp", "big.lab.example", "TXT").values
            self.assertLess(len(answer.values), 16)
            self.assertLess(set(answer.values), set(whole))
            self.assertGreater(answer.size, limit - 210)


class OptionTests(TestCase):
    """EDNS is between two neighbours: the client's ends here, the upstream's too."""

    def test_no_options(self) -> None:
        """Options that a client sends come back from nobody."""
        options = ("+padding=128", "+cookie", "+subnet=192.0.2.0/24")
        for way in ("+notcp", "+tcp"):
            answer = kdig(lab_proxy().port, way, *options, "www.lab.example")
            [fixed_part] = answer.edns
            self.assertIn("Version: 0; flags: ; UDP size: 1232 B", fixed_part)
            self.assertEqual(len(answer.values), 2)

    def test_no_edns(self) -> None:
        """A client without EDNS gets an answer without it."""
        for way in ("+notcp", "+tcp"):
            answer = ask(way, "+noedns", "www.lab.example")
            self.assertEqual(answer.edns, [])
            self.assertEqual(answer.size, 65)

    def test_version(self) -> None:
        """A later version of EDNS is BADVERS, with the version that we know."""
        answer = ask("+edns=1", "+noednsnegotiation", "www.lab.example")
        self.assertEqual(answer.status, "BADVERS")
        self.assertIn("version: 0", answer.edns[0])

    def test_signatures(self) -> None:
        """DO comes back if the client set it, and only then."""
        self.assertIn("flags: do;", ask("+dnssec", "www.lab.example").edns[0])
        self.assertIn("flags:;", ask("+nodnssec", "www.lab.example").edns[0])


class HeaderTests(TestCase):
    """The header and the question are the client's own."""

    def test_spelling(self) -> None:
        """The name comes back as the client spelled it."""
        name = "wWw.LaB.eXaMpLe."
        answer = ask(name)
        self.assertEqual(answer.question, name)
        for record in answer.records("ANSWER"):
            self.assertTrue(record.startswith(name), record)

    def test_flags(self) -> None:
        """RD and CD are as the client set them; AD is not, for nobody validated."""
        answer = ask("+norecurse", "+cdflag", "+adflag", "www.lab.example")
        self.assertEqual(answer.flags, {"qr", "ra", "cd"})
        self.assertEqual(len(answer.values), 2)

    def test_refused(self) -> None:
        """Transfers and the CHAOS class are not forwarded."""
        self.assertIn("Transfer failed", ask("lab.example", "AXFR").text)
        answer = ask("version.bind", "CH", "TXT")
        self.assertEqual(answer.status, "REFUSED")
        self.assertEqual(answer.explanations, {21})
