"""Situations 22 to 28: sizes, options, flags, and what is remembered for how long."""

import socket
import time
from collections.abc import Iterable
from unittest import TestCase

import dns.message

from tests.functional.clients import Answer, dig, kdig
from tests.functional.crowd import query
from tests.functional.processes import PATIENCE, eventually
from tests.functional.scene import NO_CACHE, Scene
from tests.functional.standing import standing
from tests.long import long

CACHED_ERROR = 13
"""INFO-CODE "Cached Error" (RFC 8914 section 4.14)."""


def ttls(records: Iterable[str], text: str) -> set[int]:
    """Return the TTLs that an answer has for these owners."""
    owners = {record.split()[0] for record in records}
    lines = (line.split() for line in text.splitlines() if not line.startswith(";"))
    return {int(words[1]) for words in lines if len(words) > 4 and words[0] in owners}


class SizeTests(TestCase):
    BIG = ("big.lab.example", "TXT")

    def test_f22_larger_than_the_client_takes(self) -> None:
        """What is too large is cut behind a whole record, with TC; over TCP the client
        gets all of it, and the upstream is asked once."""
        scene = Scene.create(self.addCleanup)
        for words, limit in ((["+noedns"], 512), (["+bufsize=900"], 900)):
            part = scene.ask(self.BIG[0], "TXT", "+ignore", "+notcp", *words)
            self.assertIn("tc", part.flags)
            self.assertLessEqual(part.size, limit)
            self.assertEqual(part.question, "big.lab.example.")
            self.assertEqual(bool(part.edns), "+noedns" not in words)
        whole = scene.ask(self.BIG[0], "TXT")
        self.assertTrue(whole.over_tcp)
        self.assertEqual(len(whole.values), 16)
        self.assertEqual(scene.lab.queries, 1)

    def test_f23_cut_by_the_upstream(self) -> None:
        """What comes cut short goes on as such, over UDP and TCP; nobody asks again for
        it, and it is not kept."""
        scene = Scene.create(self.addCleanup)
        scene.lab.have("truncated@www.lab.example")
        for count, way in enumerate(("+notcp", "+tcp", "+tcp"), start=1):
            answer = scene.ask("www.lab.example", way, "+ignore")
            self.assertIn("tc", answer.flags)
            self.assertEqual(answer.status, "NOERROR")
            self.assertEqual(scene.lab.queries, count)


class HopTests(TestCase):
    """What is between two neighbours, and what is for all."""

    def test_f24_options(self) -> None:
        """A client without EDNS gets none, and one with it ours, without options: not
        the upstream's, which had padding and more."""
        scene = Scene.create(self.addCleanup)
        for _ in range(2):
            self.assertEqual(scene.ask("www.lab.example", "+noedns").edns, [])
            options = ("+padding=128", "+cookie", "+subnet=192.0.2.0/24")
            answer = kdig(scene.proxy.port, *options, "www.lab.example")
            [fixed_part] = answer.edns
            self.assertIn("Version: 0; flags: ; UDP size: 1232 B", fixed_part)

    def test_f25_flags(self) -> None:
        """Whatever was asked before: AD for those that set AD or DO, signatures with
        DO, what is forged with CD, and never AA."""
        for _ in range(2):
            self.assertEqual(self.ask("forged", "+cdflag").status, "NOERROR")
            self.assertEqual(self.ask("forged", "+nocdflag").status, "SERVFAIL")
            for words, count, authentic in (
                (["+adflag", "+nodnssec"], 1, True),
                (["+noadflag", "+dnssec"], 2, True),
                (["+noadflag", "+nodnssec"], 1, False),
            ):
                answer = self.ask("good", *words)
                self.assertEqual(len(answer.values), count)
                self.assertEqual("ad" in answer.flags, authentic)
                self.assertNotIn("aa", answer.flags)

    def ask(self, name: str, *words: str) -> Answer:
        [unbound, *_] = standing()
        return dig(unbound.proxy.port, *words, f"{name}.signed.example")


class MemoryTests(TestCase):
    def test_f26_no_such_name(self) -> None:
        """That there is no such name is kept with its SOA, whose TTL counts down."""
        scene = Scene.create(self.addCleanup)
        first = scene.ask("nope.lab.example")
        time.sleep(1.1)
        second = scene.ask("nope.lab.example")
        found: list[int] = []
        for answer in (first, second):
            self.assertEqual(answer.status, "NXDOMAIN")
            [soa] = answer.records("AUTHORITY")
            self.assertIn(" SOA ", soa)
            found += ttls([soa], answer.text)
        self.assertLess(found[1], found[0])
        self.assertLessEqual(found[0], 60)
        self.assertEqual(scene.lab.queries, 1)

    def test_f26_failure(self) -> None:
        """A failure is kept for a moment, and no longer."""
        scene = Scene.create(self.addCleanup)
        scene.lab.have("rcode=SERVFAIL@bad.lab.example")
        self.assertEqual(scene.ask("bad.lab.example").explanations, set())
        self.assertEqual(scene.ask("bad.lab.example").explanations, {CACHED_ERROR})
        self.assertEqual(scene.lab.queries, 1)
        scene.lab.have()
        asked_anew = eventually(
            lambda: scene.ask("bad.lab.example").status != "SERVFAIL"
        )
        self.assertTrue(asked_anew)
        self.assertEqual(scene.lab.queries, 2)

    @long
    def test_f27_bounds(self) -> None:
        """However many names are asked for, the cache stays within its size, so some
        must be asked again; what it has stays within its bounds for TTLs."""
        config = "[cache]\nsize = 65536\nmax_ttl = 7\n"
        scene = Scene.create(self.addCleanup, config=config)
        scene.ask()
        answer = scene.ask()
        [ttl] = ttls(answer.records("ANSWER"), answer.text)
        self.assertLessEqual(ttl, 7)
        names = [f"{'x' * 60}.n{number}.lab.example" for number in range(1000)]
        for _ in range(2):
            self.assertEqual(len(scene.ask_all(names)), len(names))
        # With some 400 octets for each there is room for 160.
        self.assertGreater(scene.lab.queries, 1 + len(names) + 500)

    def test_f28_herd(self) -> None:
        """However many ask for a name at once, it is asked once, and all are answered;
        those who leave take nothing from the others."""
        scene = Scene.create(self.addCleanup, *NO_CACHE)
        scene.lab.have("delay=0.5@mx.lab.example")
        leaving = socket.socket(type=socket.SOCK_DGRAM)
        leaving.sendto(query("mx.lab.example"), ("127.0.0.1", scene.proxy.port))
        leaving.close()
        clients = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(100)]
        for number, client in enumerate(clients):
            self.addCleanup(client.close)
            client.settimeout(PATIENCE)
            client.connect(("127.0.0.1", scene.proxy.port))
            client.send(query("mX.lab.example", number=number))
        for number, client in enumerate(clients):
            reply = dns.message.from_wire(client.recv(4096))
            self.assertEqual(reply.id, number)
            self.assertEqual(reply.answer[0][0].to_text(), "192.0.2.25")
        self.assertEqual(scene.lab.queries, 1)
