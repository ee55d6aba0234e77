"""Situations 10, 11, 16: the machine sleeps, its clock is set, its network changes."""

import re
import time
from glob import glob
from unittest import SkipTest, TestCase

from tests.functional.clients import Answer, dig
from tests.functional.network import LOST, Cable
from tests.functional.peers import LATER, NAME, start_unbound
from tests.functional.processes import Stage, eventually, free_port
from tests.functional.proxy import Proxy, start_proxy, start_twistd
from tests.functional.scene import NO_CACHE, Scene
from tests.functional.told_lab import told_lab

NAP = 2.3
"""Seconds after which a machine must have slept, not been busy."""

HEALED = 5.0
"""Seconds after which a network that is back is used at the latest."""

LIBRARY = "/usr/lib/*/faketime/libfaketime.so.1"
"""Where Debian has what lies to a process about the time."""


class SleepTests(TestCase):
    def test_f10_sleep(self) -> None:
        """Who was asleep trusts no connection any more: what was under way is asked
        again, over another.  What was known is still known."""
        scene = Scene.create(self.addCleanup, "--timeout", "10")
        scene.lab.have("swallow-after=1,connections=1")
        self.assertEqual(scene.ask("www.lab.example").status, "NOERROR")
        asking = scene.ask_later("mx.lab.example")
        self.assertTrue(eventually(lambda: scene.lab.queries == 2))
        scene.proxy.process.suspend()
        time.sleep(NAP)
        scene.proxy.process.resume()
        self.assertEqual(asking().status, "NOERROR")
        self.assertEqual(scene.ask("www.lab.example").status, "NOERROR")
        self.assertEqual((scene.lab.connections, scene.lab.queries), (2, 3))
        self.assertEqual(scene.logged("is down"), 0)


class ClockTests(TestCase):
    def setUp(self) -> None:
        found = glob(LIBRARY)
        if not found:
            raise SkipTest("faketime is missing: apt install faketime")
        self.stage = Stage.create(self.addCleanup)
        self.time = self.stage.folder / "time"
        self.environment = {
            "LD_PRELOAD": found[0],
            "FAKETIME_TIMESTAMP_FILE": str(self.time),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def start(self, *flags: str) -> Proxy:
        listen = ("--listen", f"127.0.0.1:{free_port()}")
        words = ("dotproxy", *listen, *flags)
        return start_twistd(self.stage, *words, environment=self.environment)

    def hour(self, proxy: Proxy) -> int:
        """Return the hour of the day that the log has, which is the proxy's own."""
        proxy.process.hang_up()
        said = r"T(\d\d):\d\d:\d\d.*reloaded"
        before = len(re.findall(said, proxy.process.output))
        self.assertTrue(
            eventually(lambda: len(re.findall(said, proxy.process.output)) > before)
        )
        return int(re.findall(said, proxy.process.output)[-1])

    def test_f10_clock_set_back(self) -> None:
        """When the clock is set back by an hour, all goes on as if it had not been:
        time-outs, what is kept, and new connections."""
        lab = told_lab()
        lab.begin()
        self.addCleanup(lab.have)
        self.time.write_text("+0\n")
        proxy = self.start(*lab.flags, "--timeout", "1")
        before = self.hour(proxy)
        self.assertEqual(dig(proxy.port, "www.lab.example").status, "NOERROR")
        lab.have("swallow@lost.lab.example")
        self.time.write_text("-1h\n")
        self.assertEqual(dig(proxy.port, "lost.lab.example").status, "SERVFAIL")
        self.assertEqual(dig(proxy.port, "www.lab.example").status, "NOERROR")
        self.assertEqual(lab.queries, 2)
        lab.have("reset-after=0")
        lab.have()
        self.assertEqual(dig(proxy.port, "mx.lab.example").status, "NOERROR")
        self.assertEqual(lab.connections, 2)
        self.assertEqual((before - self.hour(proxy)) % 24, 1)


class CableTests(TestCase):
    """An upstream on another machine."""

    def setUp(self) -> None:
        self.cable = Cable.create(Stage.create(self.addCleanup))
        self.unbound = start_unbound(self.cable.far.stage, LATER)

    def start(self, *flags: str) -> None:
        self.proxy = start_proxy(self.cable.near.stage, *NO_CACHE, *flags)

    def ask(self) -> Answer:
        prefix = self.cable.near.stage.prefix
        return dig(self.proxy.port, "www.lab.example", prefix=prefix)

    def answers(self) -> bool:
        return self.ask().status == "NOERROR"

    def test_f11_unplugged(self) -> None:
        """Without a network clients hear so at once; when it is back they are served,
        and nobody has to restart anything."""
        self.start(*self.unbound.flags, "--timeout", "2")
        self.assertTrue(self.answers())
        self.cable.pull()
        for _ in range(3):
            answer = self.ask()
            self.assertEqual(answer.status, "SERVFAIL")
            self.assertTrue(answer.explanations & {22, 23}, answer.text)
        self.cable.plug_in()
        self.assertTrue(eventually(self.answers, HEALED))
        self.assertLessEqual(self.proxy.process.output.count("is down"), 3)

    def test_f11_other_address(self) -> None:
        """When the machine has another address the old connections are dead, and no
        client notices more than a pause."""
        self.start(*self.unbound.flags)
        self.assertTrue(self.answers())
        self.cable.move()
        self.assertTrue(self.answers())
        before = self.cable.near.dials
        self.assertTrue(self.answers())
        self.assertEqual(self.cable.near.dials, before)

    def test_f16_one_family_lost(self) -> None:
        """Where IPv6 leads nowhere IPv4 is dialled soon, and first from then on."""
        self.cable.lose_ipv6()
        file = self.cable.near.stage.folder / "dotproxy.toml"
        file.write_text(
            "[[upstream]]\n"
            f'addresses = ["{LOST}", "{LATER}"]\n'
            f"port = {self.unbound.port}\n"
            f'server_name = "{NAME}"\n'
            f'ca_file = "{self.unbound.certificates.ca_file}"\n'
        )
        self.start("--config", str(file))
        begin = time.monotonic()
        self.assertTrue(self.answers())
        self.assertGreater(time.monotonic() - begin, 0.2)
        self.assertGreaterEqual(self.cable.near.dials, 2)
        self.assertTrue(eventually(self.dials_once))

    def dials_once(self) -> bool:
        """Whether one dial is enough for a new connection."""
        self.unbound.process.kill()
        self.unbound.process.start()
        self.unbound.process.wait_for("start of service")
        before = self.cable.near.dials
        self.assertTrue(self.answers())
        return self.cable.near.dials == before + 1
