"""Situations 12 to 15: nobody can be asked, not yet, or only by asking ourselves."""

from threading import Timer
from unittest import TestCase

from tests.functional.clients import dig
from tests.functional.looping import start_looping
from tests.functional.network import NEAR, Machine
from tests.functional.peers import NAME, Peer, count_queries, start_nsd, start_unbound
from tests.functional.processes import Process, Stage, eventually, free_port
from tests.functional.proxy import ENVIRONMENT, FOREGROUND, run_in_vain, start_twistd
from tests.functional.scene import NO_CACHE, Scene, ask_all

RETURN = 5.0
"""Seconds after which an upstream that is there is used at the latest."""


def by_name(peer: Peer, *resolvers: Peer) -> str:
    """Return what a file says to have an upstream whose address must be looked up."""
    return (
        "[[upstream]]\n"
        f'server_name = "{NAME}"\n'
        f"port = {peer.port}\n"
        f'ca_file = "{peer.certificates.ca_file}"\n'
        f"bootstrap = {[f'127.0.0.1:{it.plain}' for it in resolvers]}\n"
    )


class AllDownTests(TestCase):
    def test_f12_refused(self) -> None:
        """With all upstreams down everybody hears so, in time, and why."""
        scene = Scene.create(self.addCleanup, *NO_CACHE)
        scene.lab.have("refuse")
        for _ in range(2):
            replies = scene.ask_all(f"n{number}.lab.example" for number in range(200))
            self.assertEqual(len(replies), 200)
            for reply in replies.values():
                self.assertEqual(reply.rcode, "SERVFAIL")
                [error] = reply.message.extended_errors()
                self.assertIn(error.code, (22, 23))
        self.assertEqual(scene.logged("is down"), 1)
        scene.lab.have()
        back = eventually(lambda: scene.ask().status == "NOERROR", RETURN)
        self.assertTrue(back)

    def test_f12_no_stampede(self) -> None:
        """However many ask, one connection at a time is tried."""
        scene = Scene.create(self.addCleanup, *NO_CACHE, "--timeout", "1")
        scene.lab.have("stall-handshake")
        replies = scene.ask_all(f"n{number}.lab.example" for number in range(300))
        self.assertEqual({reply.rcode for reply in replies.values()}, {"SERVFAIL"})
        self.assertLess(scene.lab.connections, 10)

    def test_f12_stale(self) -> None:
        """What has ended not long ago is served for want of better."""
        short = "[cache]\nmax_ttl = 1\nstale_client_timeout = 0.2\n"
        scene = Scene.create(self.addCleanup, config=short)
        self.assertEqual(scene.ask().explanations, set())
        scene.lab.have("refuse", "reset-after=0")
        self.assertTrue(eventually(lambda: scene.ask().explanations == {3}, RETURN))
        self.assertEqual(scene.ask().status, "NOERROR")


class StartTests(TestCase):
    """When it starts its upstream is slow, or not there."""

    def test_f13_slow_connection(self) -> None:
        """The first query waits for a connection that takes longer than an answer
        may, and is asked just once."""
        scene = Scene.create(self.addCleanup, *NO_CACHE)
        scene.lab.have("drop-syn")
        relief = Timer(1.7, scene.lab.have)
        relief.start()
        self.addCleanup(relief.join)
        answer = scene.ask("www.lab.example", "+time=6")
        self.assertEqual(answer.status, "NOERROR", answer.text)
        self.assertEqual(scene.lab.queries, 1)

    def test_f14_no_upstream(self) -> None:
        """It starts and serves without an upstream, and asks it once it is there."""
        stage = Stage.create(self.addCleanup)
        unbound = start_unbound(stage)
        unbound.process.kill()
        listen = ("--listen", f"127.0.0.1:{free_port()}")
        proxy = start_twistd(stage, "dotproxy", *listen, *unbound.flags)
        self.assertEqual(dig(proxy.port, "www.lab.example").status, "SERVFAIL")
        unbound.process.start()
        self.assert_comes_up(proxy.port)

    def test_f14_no_address(self) -> None:
        """So it does when nobody can tell where the upstream is."""
        stage = Stage.create(self.addCleanup)
        nsd = start_nsd(stage)
        nsd.process.kill()
        file = stage.folder / "dotproxy.toml"
        file.write_text(by_name(nsd, nsd))
        listen = ("--listen", f"127.0.0.1:{free_port()}", "--config", str(file))
        proxy = start_twistd(stage, "dotproxy", *listen, *NO_CACHE)
        self.assertEqual(dig(proxy.port, "www.lab.example").status, "SERVFAIL")
        self.assertTrue(proxy.process.running)
        nsd.process.start()
        self.assert_comes_up(proxy.port)

    def assert_comes_up(self, port: int) -> None:
        def up() -> bool:
            return dig(port, "www.lab.example").status == "NOERROR"

        self.assertTrue(eventually(up, RETURN))


class LoopTests(TestCase):
    """Whom we ask asks us."""

    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.file = self.stage.folder / "dotproxy.toml"
        self.port = free_port()

    def start(self, text: str) -> None:
        self.file.write_text(f'listen = ["127.0.0.1:{self.port}"]\n{text}')
        words = ("dotproxy", "--config", str(self.file), *NO_CACHE)
        self.process = start_twistd(self.stage, *words).process

    def test_f15_configured(self) -> None:
        """An upstream, or a resolver, that is our own listener is refused."""
        listen = ("dotproxy", "--listen", f"0.0.0.0:{self.port}")
        done = run_in_vain(
            self.stage, *FOREGROUND, *listen, "--upstream", f"127.0.0.1:{self.port}"
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("would ask our own listener 0.0.0.0:", done.stderr)

    def test_f15_own_address(self) -> None:
        """So is one by any other address that the machine has."""
        machine = Machine.create(self.stage)
        machine.ip("address", "add", f"{NEAR}/32", "dev", "lo")
        self.file.write_text(
            'listen = ["0.0.0.0:53"]\n'
            f'[[upstream]]\nserver_name = "{NAME}"\nbootstrap = ["{NEAR}"]\n'
        )
        words = [*FOREGROUND, "dotproxy", "--config", str(self.file)]
        process = Process(machine.stage, words, ENVIRONMENT)
        process.wait_for(f"{NAME}:853 would ask our own listener 0.0.0.0:53")
        self.assertTrue(eventually(lambda: not process.running))

    def test_f15_lookup(self) -> None:
        """A lookup that comes back to us fails at once, and the log says so once; the
        next resolver is asked, and all is well."""
        looping, nsd = start_looping(self.stage, self.port), start_nsd(self.stage)
        self.start(by_name(nsd, looping, nsd))
        answer = dig(self.port, "www.lab.example")
        self.assertEqual(answer.status, "NOERROR", answer.text)
        self.assertEqual(self.process.output.count("came back to us"), 1)

    def test_f15_only_lookup(self) -> None:
        """With no other resolver clients are told, every time, and the log once."""
        looping = start_looping(self.stage, self.port)
        self.start(by_name(looping, looping))
        for _ in range(3):
            answer = dig(self.port, "www.lab.example", "+time=6")
            self.assertEqual(answer.status, "SERVFAIL", answer.text)
        self.assertEqual(self.process.output.count("came back to us"), 1)
        self.assertIn(f"127.0.0.1:{looping.plain}", self.process.output)

    def test_f15_upstream(self) -> None:
        """A query that comes back joins itself: it goes round a few times, not for
        ever, and its clients are told in time."""
        looping = start_looping(self.stage, self.port)
        self.start(
            '[forward]\ntimeout = 1\n[[upstream]]\naddress = "127.0.0.1"\n'
            f'port = {looping.port}\nserver_name = "{NAME}"\n'
            f'ca_file = "{looping.certificates.ca_file}"\n'
        )
        replies = ask_all(self.port, [f"n{number}.example" for number in range(20)])
        self.assertEqual([it.rcode for it in replies.values()], ["SERVFAIL"] * 20)
        self.assertLess(count_queries(looping), 20 * 16)
