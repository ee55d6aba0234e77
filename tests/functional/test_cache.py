"""What the proxy remembers: while it runs, in bad times, and over a restart."""

import os
import re
import time
from stat import S_IMODE
from unittest import TestCase

from tests.functional.clients import Answer, dig, dnsperf
from tests.functional.peers import NAME, count_queries, start_unbound
from tests.functional.processes import Stage, eventually
from tests.functional.proxy import FOREGROUND, Proxy, run_in_vain, start_proxy

STALE, STALE_NXDOMAIN = 3, 19
"""INFO-CODEs "Stale Answer" and "Stale NXDOMAIN Answer" (RFC 8914 4.4, 4.20)."""

TTL = 60
"""Seconds that unbound gives to what the zone has."""

QUESTIONS = ("www.lab.example A", "mx.lab.example AAAA", "nope.lab.example A")


def ttls(answer: Answer) -> set[int]:
    """Return the TTLs of all records."""
    return {int(ttl) for ttl in re.findall(r"^\S+\s+(\d+)\s+IN\s", answer.text, re.M)}


class CacheTests(TestCase):
    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.unbound = start_unbound(self.stage)

    def start(self, *settings: str) -> Proxy:
        """Start a proxy in front of unbound, with these lines in [cache]."""
        file = self.stage.folder / "dotproxy.toml"
        upstream = (
            'address = "127.0.0.1"',
            f"port = {self.unbound.port}",
            f'server_name = "{NAME}"',
            f'ca_file = "{self.unbound.certificates.ca_file}"',
        )
        lines = ("[[upstream]]", *upstream, "[cache]", *settings)
        file.write_text("\n".join(lines))
        self.proxy = start_proxy(self.stage, "--config", str(file))
        return self.proxy

    def ask(self, *words: str) -> Answer:
        return dig(self.proxy.port, *words)

    def ask_until(self, status: str, *words: str) -> Answer:
        """Ask again and again until the answer has this status, and return it."""
        answers: list[Answer] = []

        def come() -> bool:
            answers.append(self.ask(*words))
            return answers[-1].status == status

        self.assertTrue(eventually(come), answers[-1].text)
        return answers[-1]


class FreshTests(CacheTests):
    def test_counts_down(self) -> None:
        """The upstream is asked once, and the TTL counts down from what it said."""
        self.start()
        self.assertEqual(ttls(self.ask("www.lab.example")), {TTL})
        time.sleep(1.1)
        for way in ("+notcp", "+tcp"):
            answer = self.ask(way, "wWw.lab.example")
            self.assertEqual(answer.values, ["A 192.0.2.1", "A 192.0.2.2"])
            self.assertEqual(answer.question, "wWw.lab.example.")
            [ttl] = ttls(answer)
            self.assertTrue(TTL - 10 < ttl < TTL, ttl)
        self.assertEqual(count_queries(self.unbound), 1)

    def test_over(self) -> None:
        """When it is over the upstream is asked again."""
        self.start("max_ttl = 1")
        for _ in range(2):
            self.assertEqual(self.ask("www.lab.example").status, "NOERROR")
            time.sleep(1.1)
        self.assertEqual(count_queries(self.unbound), 2)

    def test_no_name(self) -> None:
        """That there is no such name is remembered too, with the SOA that says so."""
        self.start()
        for _ in range(3):
            answer = self.ask("nope.lab.example")
            self.assertEqual(answer.status, "NXDOMAIN")
            self.assertIn(" SOA ", answer.records("AUTHORITY")[0])
        self.assertEqual(count_queries(self.unbound), 1)

    def test_size(self) -> None:
        """What came whole over TCP is cut for a datagram, and the other way round."""
        self.start()
        words = ("big.lab.example", "TXT")
        for _ in range(2):
            whole = self.ask("+tcp", *words)
            self.assertEqual(len(whole.values), 16)
            self.assertNotIn("tc", whole.flags)
            part = self.ask("+notcp", "+ignore", *words)
            self.assertIn("tc", part.flags)
            self.assertLessEqual(part.size, 1232)
        self.assertEqual(count_queries(self.unbound), 1)

    def test_load(self) -> None:
        """Under load each question leaves once, and every client is answered."""
        port = self.start().port
        load = dnsperf(self.stage, port, QUESTIONS, 1)
        self.assertEqual(load.lost, 0)
        self.assertGreater(load.sent, 5000)
        self.assertEqual(set(load.rcodes), {"NOERROR", "NXDOMAIN"})
        self.assertEqual(count_queries(self.unbound), len(QUESTIONS))

    def test_none(self) -> None:
        """Without a cache the upstream is asked each time."""
        self.proxy = start_proxy(self.stage, *self.unbound.flags, "--cache-size", "0")
        for _ in range(3):
            self.assertEqual(self.ask("www.lab.example").status, "NOERROR")
        self.assertEqual(count_queries(self.unbound), 3)


class StaleTests(CacheTests):
    """The only upstream goes away when an answer has just ended."""

    def start_and_ask(self, *settings: str) -> None:
        self.start("max_ttl = 1", *settings)
        self.assertEqual(self.ask("www.lab.example").explanations, set())
        self.assertEqual(self.ask("nope.lab.example").explanations, set())
        time.sleep(2.1)

    def assert_stale(self, within: float) -> None:
        begin = time.monotonic()
        answer = self.ask("www.lab.example")
        self.assertLess(time.monotonic() - begin, within)
        self.assertEqual(answer.status, "NOERROR")
        self.assertEqual(answer.values, ["A 192.0.2.1", "A 192.0.2.2"])
        self.assertEqual(answer.explanations, {STALE})
        self.assertEqual(ttls(answer), {30})

    def is_fresh(self) -> bool:
        answer = self.ask("www.lab.example")
        return answer.status == "NOERROR" and not answer.explanations

    def test_killed(self) -> None:
        """When it is dead clients get the stale answer, until it is back."""
        self.start_and_ask()
        self.unbound.process.kill()
        for _ in range(3):
            self.assert_stale(within=2)
        answer = self.ask("nope.lab.example")
        self.assertEqual(answer.status, "NXDOMAIN")
        self.assertEqual(answer.explanations, {STALE_NXDOMAIN})
        self.assertEqual(self.ask("mx.lab.example").status, "SERVFAIL")
        self.unbound.process.start()
        self.assertTrue(eventually(self.is_fresh))

    def test_silent(self) -> None:
        """When it is silent clients wait for as long as is configured."""
        self.start_and_ask("stale_client_timeout = 0.6")
        self.unbound.process.suspend()
        begin = time.monotonic()
        self.assert_stale(within=2)
        self.assertGreater(time.monotonic() - begin, 0.5)
        self.unbound.process.resume()
        self.assertTrue(eventually(self.is_fresh))

    def test_switched_off(self) -> None:
        """Without stale answers there is a failure, and its reason."""
        self.start_and_ask("serve_stale = false")
        self.unbound.process.kill()
        answer = self.ask("www.lab.example")
        self.assertEqual(answer.status, "SERVFAIL")
        self.assertTrue(answer.explanations & {22, 23}, answer.text)


class RestartTests(CacheTests):
    """The proxy ends, and comes back when its upstream is gone."""

    def setUp(self) -> None:
        super().setUp()
        self.file = self.stage.folder / "kept"
        self.start('file = "kept"')
        self.assertEqual(self.ask("www.lab.example").status, "NOERROR")

    def stop(self) -> None:
        self.proxy.process.stop()
        self.assertNotIn("Traceback", self.proxy.process.output)

    def restart(self) -> None:
        self.proxy.process.start()
        self.proxy.process.wait_for("serves 127")

    def test_fresh(self) -> None:
        """What it knew it still knows, and the TTL has counted on."""
        self.stop()
        self.assertEqual(S_IMODE(self.file.stat().st_mode), 0o600)
        self.unbound.process.kill()
        self.restart()
        answer = self.ask_until("NOERROR", "www.lab.example")
        self.assertEqual(answer.values, ["A 192.0.2.1", "A 192.0.2.2"])
        self.assertEqual(answer.explanations, set())
        [ttl] = ttls(answer)
        self.assertTrue(TTL - 30 < ttl <= TTL, ttl)

    def test_stale(self) -> None:
        """What has ended meanwhile serves as stale."""
        self.stop()
        then = time.time() - 1000
        os.utime(self.file, (then, then))
        self.unbound.process.kill()
        self.restart()
        answer = self.ask_until("NOERROR", "www.lab.example")
        self.assertEqual(answer.explanations, {STALE})
        self.assertEqual(ttls(answer), {30})

    def test_damaged(self) -> None:
        """A file that is damaged is told in one line; the proxy serves without it."""
        self.stop()
        content = bytearray(self.file.read_bytes())
        content[20] ^= 1
        self.file.write_bytes(content)
        self.restart()
        self.proxy.process.wait_for(f"cache file {self.file} cannot be read: .*damaged")
        self.assertEqual(self.file.read_bytes(), content)
        self.assertEqual(self.ask("www.lab.example").status, "NOERROR")
        self.assertEqual(count_queries(self.unbound), 2)

    def test_crash(self) -> None:
        """A crash leaves the file of the last time whole."""
        self.stop()
        before = self.file.read_bytes()
        self.restart()
        self.assertEqual(self.ask("mx.lab.example").status, "NOERROR")
        self.proxy.process.kill()
        self.assertEqual(self.file.read_bytes(), before)


class FaultTests(CacheTests):
    def test_unwritable(self) -> None:
        """A file that cannot be written is told in one line, and ends nothing."""
        missing = self.stage.folder / "missing" / "kept"
        self.start(f'file = "{missing}"')
        self.assertEqual(self.ask("www.lab.example").status, "NOERROR")
        self.proxy.process.stop()
        output = self.proxy.process.output
        self.assertIn(f"cache file {missing} cannot be written: ", output)
        self.assertIn("Server Shut Down.", output)
        self.assertNotIn("Traceback", output)

    def test_flag(self) -> None:
        """A size that is none is one line, and nothing is served."""
        done = run_in_vain(self.stage, *FOREGROUND, "dotproxy", "--cache-size", "32M")
        self.assertEqual(done.returncode, 1)
        rule = "must be a whole number from 0 to 1099511627776"
        self.assertEqual(done.stderr, f"dotproxy: --cache-size '32M' {rule}\n")
