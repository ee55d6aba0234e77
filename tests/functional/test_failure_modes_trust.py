"""Situations 17 to 21: who an upstream is, and what the log says when it is not."""

import re
import ssl
import time
from collections.abc import Sequence
from unittest import TestCase

from tests.functional.clients import dig
from tests.functional.peers import NAME, Certificates
from tests.functional.processes import Stage, eventually
from tests.functional.proxy import start_proxy
from tests.functional.resuming import Resuming, connect_twice
from tests.functional.scene import NO_CACHE, Scene

WRONG_PIN = f"sha256//{'A' * 43}="

PAUSE = 0.6
"""Seconds after which an upstream that is down is tried again."""

DESCRIBED = r"subject .*, names .*, issuer .*, valid \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d"
"""What an admin has to know about a certificate."""


class TrustTests(TestCase):
    def start(self, *flags: str) -> Scene:
        return Scene.create(self.addCleanup, *NO_CACHE, *flags)

    def assert_refused(self, scene: Scene, fault: str) -> str:
        """Ask often enough for two attempts; return the one line in the log."""
        before, queries = len(scene.proxy.process.output), scene.lab.queries
        # What is open was good when it was made.
        scene.lab.have(fault, "reset-after=0")
        for pause in (0, PAUSE):
            time.sleep(pause)
            answer = scene.ask()
            self.assertEqual(answer.status, "SERVFAIL", answer.text)
            self.assertEqual(answer.explanations, {23})
        self.assertEqual(scene.lab.queries, queries)
        output = scene.proxy.process.output[before:]
        [line] = [it for it in output.splitlines() if "is down" in it]
        return line

    def assert_recovers(self, scene: Scene) -> None:
        scene.lab.have()
        self.assertTrue(eventually(lambda: scene.ask().status == "NOERROR"))

    def test_f17_refused(self) -> None:
        """Who is not the upstream that was meant is asked nothing; the log says once
        what is wrong with whose certificate."""
        scene = self.start()
        for fault, words in (
            ("expired", "certificate expired"),
            ("wrong-name", "certificate is not for dns.lab.example"),
            ("self-signed", "certificate self-signed"),
            ("untrusted", "certificate signed by"),
        ):
            with self.subTest(fault=fault):
                line = self.assert_refused(scene, fault)
                self.assertIn(words, line)
                self.assertRegex(line, DESCRIBED)
        self.assert_recovers(scene)
        self.assertEqual(scene.logged("answers again"), 1)

    def test_f18_new_key(self) -> None:
        """A key that is not pinned is refused; a pin pasted from the log lets it in."""
        scene = self.start("--pin", WRONG_PIN)
        line = self.assert_refused(scene, "unsolicited")
        pins = re.findall(r"sha256//\S{44}", line)
        self.assertEqual(len(pins), 2, line)
        scene.lab.have()
        for pin in pins:
            pinned = start_proxy(scene.stage, *scene.lab.flags, "--pin", pin)
            self.assertEqual(dig(pinned.port, "www.lab.example").status, "NOERROR")

    def test_f18_backup(self) -> None:
        """Where a pin matches that is not the first one all is well, and the log warns
        once, with the pins seen."""
        leaf, root = self.pins()
        scene = self.start("--pin", leaf, "--pin", root)
        self.assertEqual(scene.ask().status, "NOERROR")
        self.assertEqual(scene.logged("backup pin"), 0)
        for _ in range(2):
            scene.lab.have("new-key", "reset-after=0")
            scene.lab.have("new-key")
            self.assertEqual(scene.ask().status, "NOERROR")
        self.assertEqual(scene.logged("has a backup pin"), 1)
        [line] = [
            it for it in scene.proxy.process.output.splitlines() if "backup" in it
        ]
        seen = re.findall(r"sha256//\S{44}", line)
        self.assertNotEqual(seen[0], leaf)
        self.assertEqual(seen[1:], [root])

    def pins(self) -> Sequence[str]:
        """Return the pins of the lab, as a log has them."""
        scene = self.start("--pin", WRONG_PIN)
        self.assertEqual(scene.ask().status, "SERVFAIL")
        line = scene.proxy.process.wait_for("pins seen: (.*)")[1]
        return re.findall(r"sha256//\S{44}", line)

    def test_f20_clock(self) -> None:
        """A certificate of the future is refused, and the log says what time it is
        here: most often that is what is wrong."""
        line = self.assert_refused(self.start(), "not-yet-valid")
        self.assertIn("certificate not yet valid", line)
        now = time.strftime("%Y-%m-%d", time.gmtime())
        self.assertIn(f"the system clock is {now}", line)
        self.assertRegex(line, DESCRIBED)

    def test_f21_no_exception(self) -> None:
        """No name leaves by another way, not those that look for captive portals."""
        scene = self.start()
        for count, name in enumerate(
            ("connectivitycheck.gstatic.com", "captive.apple.com"), start=1
        ):
            self.assertEqual(scene.ask(name).status, "NXDOMAIN")
            self.assertEqual(scene.lab.queries, count)


class ResumptionTests(TestCase):
    def test_f19_never_resumed(self) -> None:
        """Each connection is verified anew, though the server would resume it."""
        stage = Stage.create(self.addCleanup)
        certificates = Certificates.create(stage.folder)
        ca_file = str(certificates.ca_file)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            server = Resuming(certificates, version)
            server.start(self.addCleanup)
            connect_twice(server, ca_file, NAME)
            self.assertEqual([it for _, it in server.sessions], [False, True])
            spec = f"tls://127.0.0.1:{server.port}#{NAME}"
            flags = ("--upstream", spec, "--ca-file", ca_file, *NO_CACHE)
            proxy = start_proxy(stage, *flags)
            for _ in range(3):
                self.assertEqual(dig(proxy.port, "www.lab.example").status, "NOERROR")
            resumed = [it for _, it in server.sessions[2:]]
            self.assertGreaterEqual(len(resumed), 3)
            self.assertFalse(any(resumed))
