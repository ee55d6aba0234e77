"""Nodes that share a cache in a real redis-server, whatever becomes of that."""

import re
import threading
import time
from collections.abc import Callable
from unittest import TestCase
from urllib.request import Request, urlopen

from dotproxy.lab.zone import ORIGIN
from dotproxy.local.seal import PREFIX
from tests.functional.clients import Load, dig, dnsperf
from tests.functional.peers import NAME, count_queries, start_unbound
from tests.functional.processes import Stage, eventually, free_port
from tests.functional.proxy import FOREGROUND, Proxy, run_in_vain, start_proxy
from tests.functional.redis import Redis
from tests.long import long

TOKEN = "0123456789abcdef"

SECRET = "a secret of the whole fleet"

PATIENT = "timeout = 0.1"
"""A busy machine is no reason to do without."""

KEYS = b"return table.concat(redis.call('KEYS', '*'), ' ')"
"""A script: all keys, in one value."""

ADDRESSES = ["A 192.0.2.1", "A 192.0.2.2"]
"""What www.lab.example has."""


class Node:
    """One proxy of a fleet, and what it counts."""

    def __init__(self, proxy: Proxy, metrics: int) -> None:
        self.proxy = proxy
        self._metrics = metrics
        self.asked = 0

    def count(self, metric: str) -> int:
        """Return one number of those about the shared cache."""
        with urlopen(f"http://127.0.0.1:{self._metrics}/metrics") as page:
            text = page.read().decode()
        match = re.search(rf"^dotproxy_shared_cache_{metric} (\S+)$", text, re.M)
        assert match, text
        return int(float(match[1]))

    def lookups(self, result: str) -> int:
        """Return how many look-ups ended so."""
        return self.count(f'lookups_total{{result="{result}"}}')

    @property
    def uses_it(self) -> bool:
        """Whether the shared cache is in use."""
        return self.count("up") == 1

    def comes_to_use_it(self) -> bool:
        """Ask for something that nobody knows, which makes it try; say if it worked."""
        if not self.uses_it:
            self.asked += 1
            dig(self.proxy.port, f"new{self.asked}.lab.example")
        return self.uses_it

    def flush(self) -> None:
        """Let it forget all that it has learned."""
        page = f"http://127.0.0.1:{self._metrics}/flush"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        urlopen(Request(page, b"", headers)).close()

    def values(self, *words: str) -> list[str]:
        """Ask for something that there must be."""
        answer = dig(self.proxy.port, *words)
        assert answer.status == "NOERROR", answer.text
        return answer.values

    def ttl(self, name: str) -> int:
        """Return the TTL of a name's address."""
        match = re.search(r"\t(\d+)\tIN\tA", dig(self.proxy.port, name).text)
        assert match
        return int(match[1])


class SharedCacheTests(TestCase):
    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.unbound = start_unbound(self.stage)
        self.nodes = 0

    def lines(self, *settings: str, metrics: int = 9153) -> str:
        """Return a configuration with these lines in [cache.shared]."""
        upstream = (
            'address = "127.0.0.1"',
            f"port = {self.unbound.port}",
            f'server_name = "{NAME}"',
            f'ca_file = "{self.unbound.certificates.ca_file}"',
        )
        shown = ("[admin]", f'listen = "127.0.0.1:{metrics}"', f'token = "{TOKEN}"')
        return "\n".join(
            ("[[upstream]]", *upstream, "[cache.shared]", *settings, *shown)
        )

    def start(self, *settings: str) -> Node:
        """Start a node; its first query lets it connect, and is not looked up."""
        metrics = free_port()
        self.nodes += 1
        file = self.stage.folder / f"node{self.nodes}.toml"
        file.write_text(self.lines(*settings, metrics=metrics))
        node = Node(start_proxy(self.stage, "--config", str(file)), metrics)
        node.values(f"mx.{ORIGIN}")
        return node

    def join(self, redis: Redis, *settings: str) -> Node:
        """Start a node, and wait until it uses the shared cache."""
        node = self.start(f'url = "redis://127.0.0.1:{redis.port}"', *settings)
        self.assert_used(node)
        return node

    def assert_used(self, node: Node) -> None:
        """Assert that a node uses the shared cache, after some attempts."""
        self.assertTrue(eventually(node.comes_to_use_it), node.proxy.process.output)

    def assert_left_out(self, node: Node, reason: str) -> None:
        """Assert that a node says why it does without, and answers."""
        node.proxy.process.wait_for(f"is left aside: .*{reason}")
        self.assertFalse(node.uses_it)
        self.assertEqual(node.values("www.lab.example"), ADDRESSES)
        self.assertNotIn("Traceback", node.proxy.process.output)


class FleetTests(SharedCacheTests):
    def test_shared(self) -> None:
        """What one node has learned the other need not ask, and its TTL counts on."""
        redis = Redis(self.stage)
        one, other = self.join(redis, PATIENT), self.join(redis, PATIENT)
        before = count_queries(self.unbound)
        self.learn(redis, one)
        time.sleep(1.1)
        self.assertEqual(other.values("WWW.lab.example"), ADDRESSES)
        self.assertLess(other.ttl("www.lab.example"), 60)
        for node in (one, other):
            self.assertEqual(
                dig(node.proxy.port, "nope.lab.example").status, "NXDOMAIN"
            )
        self.assertEqual(count_queries(self.unbound), before + 2)
        self.assertEqual(other.lookups("hit"), 2)

    @long
    def test_flush(self) -> None:
        """What a node was told to forget it does not take back from there."""
        redis = Redis(self.stage)
        one, other = self.join(redis, PATIENT), self.join(redis, PATIENT)
        self.learn(redis, one)
        before = count_queries(self.unbound)
        other.flush()
        self.assertEqual(other.values("www.lab.example"), ADDRESSES)
        self.assertEqual(count_queries(self.unbound), before + 1)
        self.assertEqual(other.lookups("hit"), 0)

    @long
    def test_garbage(self) -> None:
        """Whatever lies there, clients get what the upstream says."""
        redis = Redis(self.stage)
        node = self.join(redis, PATIENT, self.secret())
        self.learn(redis, node)
        [key] = self.keys(redis)
        value = redis.say(b"GET", key)
        assert isinstance(value, bytes)
        forged = value.replace(bytes((192, 0, 2, 1)), bytes((192, 0, 2, 66)))
        self.assertNotEqual(forged, value)
        other = self.join(redis, PATIENT, self.secret())
        for content in (forged, b"", b"\1", value[:-1], bytes(100_000)):
            redis.say(b"SET", key, content)
            fresh = self.join(redis, PATIENT, self.secret())
            self.assertEqual(fresh.values("www.lab.example"), ADDRESSES)
            self.assertEqual(fresh.lookups("hit"), 0)
        redis.say(b"SET", key, value)
        self.assertEqual(other.values("www.lab.example"), ADDRESSES)
        self.assertEqual(other.lookups("hit"), 1)

    def test_secret(self) -> None:
        """Nodes without the secret share nothing with those that have it."""
        redis = Redis(self.stage)
        node = self.join(redis, PATIENT, self.secret())
        self.learn(redis, node)
        other = self.join(redis, PATIENT)
        other.values("www.lab.example")
        self.assertEqual(other.lookups("hit"), 0)

    def learn(self, redis: Redis, node: Node) -> None:
        """Let a node learn something, and nothing else lie there."""
        redis.say(b"FLUSHALL")
        self.assertEqual(node.values("www.lab.example"), ADDRESSES)
        self.assertTrue(eventually(lambda: redis.say(b"DBSIZE") == 1))

    def secret(self) -> str:
        file = self.stage.folder / "secret"
        file.write_text(SECRET)
        return f'secret_file = "{file}"'

    def keys(self, redis: Redis) -> list[bytes]:
        found = redis.say(b"EVAL", KEYS, b"0")
        assert isinstance(found, bytes)
        keys = found.split()
        assert all(key.startswith(PREFIX) for key in keys)
        return keys


class OutageTests(SharedCacheTests):
    """The shared cache goes away while queries run."""

    def setUp(self) -> None:
        super().setUp()
        self.redis = Redis(self.stage)
        self.node = self.join(self.redis)

    def load(self, meanwhile: Callable[[], object]) -> Load:
        """Ask for names that nobody has, while something happens."""
        names = [f"n{number}.lab.example A" for number in range(50_000)]
        happening = threading.Timer(0.7, meanwhile)
        happening.start()
        load = dnsperf(self.stage, self.node.proxy.port, names, 2)
        happening.join()
        return load

    def assert_answered(self, load: Load) -> None:
        """Assert that all was answered rightly, and that the breaker has opened."""
        self.assertEqual(load.lost, 0)
        self.assertEqual(set(load.rcodes), {"NXDOMAIN"})
        self.assertGreater(self.node.lookups("miss"), 0)
        self.assertGreater(self.node.lookups("skipped"), 1)
        self.assertGreater(self.node.count("opened_total"), 0)
        self.assertFalse(self.node.uses_it)
        self.assertNotIn("Traceback", self.node.proxy.process.output)

    def test_killed(self) -> None:
        """One that dies is left at once, and taken up again when it is back."""
        self.assert_answered(self.load(self.redis.process.kill))
        self.redis.process.start()
        self.assert_used(self.node)

    def test_stalled(self) -> None:
        """One that stands still is left soon, and taken up again when it goes on."""
        self.assert_answered(self.load(self.redis.process.suspend))
        self.redis.process.resume()
        self.assert_used(self.node)


class LoginTests(SharedCacheTests):
    def test_password(self) -> None:
        """Only with the password is it used; the log has no word of it."""
        redis = Redis(self.stage, "--requirepass", "swordfish")
        url = f'url = "redis://:swordfish@127.0.0.1:{redis.port}/3"'
        node = self.start(url)
        self.assert_used(node)
        self.assertNotIn("swordfish", node.proxy.process.output)
        wrong = self.start(url.replace("swordfish", "sailfish"))
        self.assert_left_out(wrong, "AUTH has the reply WRONGPASS")
        self.assertNotIn("sailfish", wrong.proxy.process.output)

    def test_not_there(self) -> None:
        """A server that is not there is one line, and clients get their answers."""
        node = self.start(f'url = "redis://127.0.0.1:{free_port()}"')
        self.assert_left_out(node, "refused")

    def test_over_tls(self) -> None:
        """Over TLS it is used if its certificate is right, and told nothing if not."""
        redis = Redis(self.stage, encrypted=True)
        ours = f'ca_file = "{redis.ca_file}"'
        node = self.start(f'url = "rediss://127.0.0.1:{redis.port}"', ours)
        self.assert_used(node)
        other = self.start(f'url = "rediss://localhost:{redis.port}"', ours)
        self.assert_left_out(other, "certificate is not for localhost")
        untrusted = self.start(f'url = "rediss://127.0.0.1:{redis.port}"')
        self.assert_left_out(untrusted, "authority that is not trusted")


class FaultTests(SharedCacheTests):
    def test_url(self) -> None:
        """A URL that is none is one line, without the password in it."""
        file = self.stage.folder / "faulty.toml"
        file.write_text(self.lines('url = "redis://:swordfish@10.0.0.1:port"'))
        done = run_in_vain(self.stage, *FOREGROUND, "dotproxy", "--config", str(file))
        self.assertEqual(done.returncode, 1)
        [line] = done.stderr.splitlines()
        self.assertIn("url must be redis://", line)
        self.assertNotIn("swordfish", line)
