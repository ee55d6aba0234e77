"""Rules by name, as clients meet them."""

import os
from pathlib import Path
from unittest import TestCase

from tests.functional.clients import Answer, dig
from tests.functional.peers import NAME, count_queries, start_unbound
from tests.functional.processes import Stage, eventually
from tests.functional.proxy import FOREGROUND, run_in_vain, start_proxy

WAYS = ("+notcp", "+tcp")

RULES = """
[[rule]]
names = [".ads.example"]
action = "block"
[[rule]]
names = ["nodata.example"]
action = "block"
reply = "nodata"
[[rule]]
names = ["null.example"]
action = "block"
reply = "null"
[[rule]]
names = ["refused.example"]
action = "block"
reply = "refused"
[[rule]]
names = ["good.ads.example", "txt.lab.example"]
action = "allow"
[[rule]]
names = ["nas.home.arpa"]
action = "answer"
records = ["A 192.168.1.10", 'TXT "in the cellar"']
[[rule]]
names = ["1.0.0.10.in-addr.arpa"]
action = "answer"
records = ["PTR nas.home.arpa"]
[[rule]]
names = [".files.example"]
action = "answer"
records = ["CNAME www.lab.example"]
[[rule]]
names = ["www.example"]
action = "answer"
records = ["CNAME nas.home.arpa"]
[[rule]]
file = "list"
action = "block"
"""

LIST = "mx.lab.example\n0.0.0.0 www.lab.example\ntxt.lab.example\n"

SOA = "SOA"

BLOCKED, FORGED, FILTERED = 15, 4, 17
"""INFO-CODEs (RFC 8914 section 4)."""

CASES: tuple[tuple[str, str, str, list[str], set[int]], ...] = (
    ("x.ads.example", "A", "NXDOMAIN", [], {BLOCKED}),
    ("x.ads.example", "HTTPS", "NXDOMAIN", [], {BLOCKED}),
    ("nodata.example", "A", "NOERROR", [], {BLOCKED}),
    ("nodata.example", "HTTPS", "NOERROR", [], {BLOCKED}),
    ("null.example", "A", "NOERROR", ["A 0.0.0.0"], {FORGED}),
    ("null.example", "AAAA", "NOERROR", ["AAAA ::"], {FORGED}),
    ("null.example", "HTTPS", "NOERROR", [], {BLOCKED}),
    ("refused.example", "A", "REFUSED", [], {BLOCKED}),
    ("refused.example", "HTTPS", "NOERROR", [], {BLOCKED}),
    ("nas.home.arpa", "A", "NOERROR", ["A 192.168.1.10"], {FORGED}),
    ("nas.home.arpa", "TXT", "NOERROR", ['TXT "in the cellar"'], {FORGED}),
    ("nas.home.arpa", "HTTPS", "NOERROR", [], {FORGED}),
    ("1.0.0.10.in-addr.arpa", "PTR", "NOERROR", ["PTR nas.home.arpa."], {FORGED}),
    ("mx.lab.example", "A", "NXDOMAIN", [], {BLOCKED}),
    ("alias.lab.example", "A", "NXDOMAIN", [], {BLOCKED}),
    ("alias.lab.example", "HTTPS", "NXDOMAIN", [], {BLOCKED}),
    ("txt.lab.example", "TXT", "NOERROR", ['TXT "Hello from the lab."'], set()),
    ("x.files.example", "A", "NXDOMAIN", ["CNAME www.lab.example."], {BLOCKED, FORGED}),
    (
        "www.example",
        "A",
        "NOERROR",
        ["CNAME nas.home.arpa.", "A 192.168.1.10"],
        {FORGED},
    ),
    ("other.home.arpa", "A", "NXDOMAIN", [], set()),
    ("printer.local", "AAAA", "NXDOMAIN", [], set()),
    ("db.localhost", "A", "NOERROR", ["A 127.0.0.1"], set()),
    ("_dns.resolver.arpa", "SVCB", "NOERROR", [], set()),
    ("9.1.168.192.in-addr.arpa", "PTR", "NXDOMAIN", [], set()),
    ("printer", "A", "NOERROR", [], set()),
    ("x.ads.example", "ANY", "NOERROR", ['HINFO "RFC8482" ""'], set()),
)
"""Name, type, RCODE, answers, INFO-CODEs."""


class RulesCase(TestCase):
    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.list = self.write("list", LIST)

    def write(self, name: str, text: str) -> Path:
        path = self.stage.folder / name
        path.write_text(text)
        return path

    def start(self, settings: str, *flags: str) -> None:
        file = self.write("dotproxy.toml", settings)
        self.proxy = start_proxy(self.stage, "--config", str(file), *flags)

    def ask(self, *words: str) -> Answer:
        return dig(self.proxy.port, *words)


class ActionTests(RulesCase):
    def test_all(self) -> None:
        """Every action gives what it should, over UDP and TCP, again and again."""
        self.start(RULES, "--upstream", "lab")
        for name, kind, status, values, codes in CASES:
            for way in (*WAYS, *WAYS):
                answer = self.ask(way, name, kind)
                with self.subTest(name=name, kind=kind, way=way):
                    self.assertEqual(answer.status, status, answer.text)
                    self.assertEqual(answer.values, values, answer.text)
                    self.assertEqual(answer.explanations, codes, answer.text)
                    self.assertNotIn("ad", answer.flags)
                    soa = [line.split()[2] for line in answer.records("AUTHORITY")]
                    there = bool(values) and status == "NOERROR"
                    expected = [] if there or status == "REFUSED" else [SOA]
                    self.assertEqual(soa, expected, answer.text)

    def test_update(self) -> None:
        """A registration is refused and does not leave."""
        self.start("", "--upstream", "lab")
        answer = self.ask("+opcode=5", "home.arpa", "SOA")
        self.assertIn("status: REFUSED", answer.text)


class ChangeTests(RulesCase):
    def test_changed(self) -> None:
        """A list that changes takes effect, for what is remembered as well."""
        self.start(RULES, "--upstream", "lab")
        self.assertEqual(self.ask("mx.lab.example").status, "NXDOMAIN")
        self.assertEqual(self.ask("slow.lab.example").status, "NOERROR")
        self.write("list", "slow.lab.example\n")

        def changed() -> bool:
            return self.ask("slow.lab.example").status == "NXDOMAIN"

        self.assertTrue(eventually(changed))
        self.assertEqual(self.ask("mx.lab.example").values, ["A 192.0.2.25"])
        alias = self.ask("alias.lab.example").values
        self.assertIn("CNAME www.lab.example.", alias)

    def test_gone(self) -> None:
        """A list that is gone stays in force, with a warning."""
        self.start(RULES, "--upstream", "lab")
        os.unlink(self.list)
        self.proxy.process.wait_for("the list stays as it was: .*list")
        self.assertEqual(self.ask("mx.lab.example").status, "NXDOMAIN")

    def test_bad_lines(self) -> None:
        """Bad lines are left out with one warning, the others hold."""
        self.write("list", "mx.lab.example\n? ?\n")
        self.start(RULES, "--upstream", "lab")
        self.proxy.process.wait_for("1 bad line left out; .*list: line 2")
        self.assertEqual(self.ask("mx.lab.example").status, "NXDOMAIN")

    def test_missing(self) -> None:
        """Without a list that is named nothing starts: that would block nothing."""
        self.list.unlink()
        file = self.write("dotproxy.toml", RULES)
        done = run_in_vain(self.stage, *FOREGROUND, "dotproxy", "--config", str(file))
        self.assertEqual(done.returncode, 1)
        self.assertIn("rule 10: file = 'list' cannot be read", done.stderr)


class UnboundTests(RulesCase):
    def start_before(self, settings: str) -> None:
        """Start in front of an unbound, whose zone has 127.0.0.1 in it."""
        self.unbound = start_unbound(self.stage)
        self.start(settings, *self.unbound.flags)

    def test_rebinding(self) -> None:
        """A private address from outside is taken out, where that is wanted."""
        self.start_before("[rebinding]\nprotect = true")
        for way in WAYS:
            answer = self.ask(way, NAME)
            self.assertEqual((answer.status, answer.values), ("NOERROR", []))
            self.assertEqual(answer.explanations, {FILTERED})
            self.assertEqual(len(answer.records("AUTHORITY")), 1)
        self.assertEqual(self.ask("www.lab.example").explanations, set())
        self.assertEqual(count_queries(self.unbound), 2)

    def test_allowed(self) -> None:
        """By default it stays, and so it does for names that are listed."""
        self.start_before(f"[rebinding]\nprotect = true\nallow = ['{NAME}']")
        self.assertEqual(self.ask(NAME).values, ["A 127.0.0.1"])

    def test_hosts(self) -> None:
        """Machines of a hosts file are answered in both directions."""
        self.write("hosts", "192.168.1.10 nas.home.arpa nas\nfd00::10 nas\n")
        self.start_before("[hosts]\nfiles = ['hosts']")
        self.assertEqual(self.ask("nas").values, ["A 192.168.1.10"])
        self.assertEqual(self.ask("nas", "AAAA").values, ["AAAA fd00::10"])
        self.assertEqual(self.ask("nas", "HTTPS").status, "NOERROR")
        pointers = self.ask("-x", "192.168.1.10").values
        self.assertEqual(pointers, ["PTR nas.home.arpa."])
        self.assertEqual(count_queries(self.unbound), 0)

    def test_kept(self) -> None:
        """What the cache kept over a restart is held against the rules of today."""
        cache = "[cache]\nfile = 'cache'\n"
        self.start_before(cache)
        self.assertEqual(self.ask("alias.lab.example").status, "NOERROR")
        self.assertEqual(self.ask("mail.lab.example", "MX").status, "NOERROR")
        self.proxy.process.stop()
        block = "[[rule]]\nnames = ['www.lab.example']\naction = 'block'\n"
        self.start(cache + block, *self.unbound.flags)
        self.assertEqual(self.ask("alias.lab.example").status, "NXDOMAIN")
        self.assertEqual(self.ask("mail.lab.example", "MX").status, "NOERROR")
        self.assertEqual(count_queries(self.unbound), 3)
