"""Hellos that real clients encrypt for a key that only the test has."""

import re
import subprocess
import threading
from base64 import b64encode
from socket import SHUT_WR, create_connection, socket
from unittest import TestCase

from curl_cffi import Curl, CurlError, CurlOpt

from dotproxy.wire.clienthello import HelloReader
from tests.functional.chromium import browse
from tests.functional.clients import dig
from tests.functional.ech_key import EchKey
from tests.functional.ech_scene import DOH, publish, start_front, start_recorder
from tests.functional.led import NAME, on_own_machine, start_gateway
from tests.functional.origin import TlsOrigin, serve
from tests.functional.peers import start_unbound
from tests.functional.processes import Stage, eventually, free_port, program
from tests.functional.test_gateway import REDIRECT, GatewayTests

PUBLIC = "public.example"
"""The name that encrypted hellos show: in no table, and in no zone."""

OTHER = "apex.lab.example"
"""A name with the same key and the same public name."""


class ChromiumTests(TestCase):
    def test_policies(self) -> None:
        """A browser encrypts its hello, the gateway leads it where it should go, and
        the origin can open it."""
        program("chromium")
        stage = on_own_machine(Stage.create(self.addCleanup))
        key, unbound, port = EchKey.create(PUBLIC), start_unbound(stage), free_port()
        publish(unbound, key)
        trust = f"--ignore-certificate-errors-spki-list={start_front(stage)}"
        for policy, known in (("keep-ech", PUBLIC), ("address-per-name", NAME)):
            with self.subTest(policy=policy):
                recorder = start_recorder(stage, port)
                proxy = start_gateway(stage, policy, port, *unbound.flags)
                # A browser waits but some 50 ms for keys once it has an address.
                dig(53, NAME, "HTTPS", prefix=stage.prefix)
                command = browse(stage, f"https://{NAME}/", trust, doh=DOH)
                subprocess.run(command, capture_output=True)
                proxy.process.wait_for(rf"{known} to 127\.0\.0\.1:{port}: ")
                octets = bytes.fromhex(recorder.wait_for(r"hello (\w+)\n")[1])
                self.assertEqual(shown(octets), PUBLIC)
                self.assertIn(NAME.encode(), key.open(octets[5:]))
                proxy.process.stop()
                recorder.stop()


class CurlTests(GatewayTests):
    def setUp(self) -> None:
        super().setUp()
        self.key = EchKey.create(PUBLIC)
        self.origin = TlsOrigin(self.stage.folder, (PUBLIC,), self.addCleanup)
        self.unbound = start_unbound(self.stage)
        publish(self.unbound, self.key)
        self.sent: list[bytearray] = []

    def lead(self, policy: str, more: str = "") -> None:
        """Start a gateway with this policy for all names of the zone."""
        rule = f'{REDIRECT}names = [".lab.example"]\npolicy = "{policy}"'
        text = f"port = {self.origin.port}\n{more}\n{rule}\nprivate = true\n"
        self.start(text, *self.unbound.flags)

    def test_keep_ech(self) -> None:
        """What shows a public name alone goes where the names behind it lead to, with
        every octet of it, whichever of them is meant."""
        self.lead("keep-ech")
        for name in (NAME, OTHER):
            self.check(name)
        self.logged(PUBLIC, times=2)

    def test_address_per_name(self) -> None:
        """The address says which name is meant, though all show the same."""
        self.host = "0.0.0.0"
        self.lead("address-per-name", 'leases = ["127.64.0.0/16"]')
        for name in (NAME, OTHER):
            self.check(name)
            self.logged(name, times=1)

    def check(self, name: str) -> None:
        """Connect to a name by what the DNS says of it; look what the origin got."""
        heard = len(self.origin.heard)
        self.assertIn("ECH", self.curl(name))
        got, sent = self.origin.heard[heard], self.sent[-1]
        # The last alert may still be on its way.
        self.assertTrue(eventually(lambda: got == sent), (got, sent))
        octets = bytes(got)
        self.assertEqual(shown(octets), PUBLIC)
        size = int.from_bytes(octets[3:5], "big")
        self.assertIn(name.encode(), self.key.open(octets[5 : 5 + size]))

    def curl(self, name: str) -> str:
        """Ask for the name, and connect; return what went wrong.

        Something must: the origin has no key.  But it shows its certificate for the
        public name, which curl verifies before it says so.
        """
        (address,) = dig(self.proxy.port, name, "A").values
        (record,) = dig(self.proxy.port, name, "HTTPS").values
        found = re.search(r"ech=(\S+)", record)
        assert found, record
        self.assertEqual(found[1], b64encode(self.key.published).decode())
        port = self.tap(address.removeprefix("A "))
        curl = Curl()
        self.addCleanup(curl.close)
        curl.setopt(CurlOpt.URL, f"https://{name}:{port}/".encode())
        curl.setopt(CurlOpt.RESOLVE, [f"{name}:{port}:127.0.0.1"])
        curl.setopt(CurlOpt.CAINFO, str(self.origin.ca_file).encode())
        curl.setopt(CurlOpt.ECH, f"ecl:{found[1]}".encode())
        curl.setopt(CurlOpt.TIMEOUT_MS, 10_000)
        with self.assertRaises(CurlError) as caught:
            curl.perform()
        return str(caught.exception)

    def tap(self, address: str) -> int:
        """Note what clients of a port send to the gateway at an address."""

        def talk(client: socket) -> None:
            with create_connection((address, self.port), 10) as gateway:
                back = threading.Thread(target=pump, args=(gateway, client))
                back.start()
                sent = bytearray()
                self.sent.append(sent)
                pump(client, gateway, sent)
                back.join()

        return int(serve(talk, self.addCleanup).getsockname()[1])

    def logged(self, name: str, times: int) -> None:
        """Check how many connections were led to the origin for a name."""
        line = rf"{name} to 127\.0\.0\.1:{self.origin.port}: "
        self.proxy.process.wait_for(f"(?s)(?:{line}.*){{{times}}}")
        self.assertEqual(len(re.findall(line, self.proxy.process.output)), times)


def pump(source: socket, sink: socket, kept: bytearray | None = None) -> None:
    """Pass on octets to the end of them; keep them as well."""
    try:
        while octets := source.recv(65536):
            if kept is not None:
                kept += octets
            sink.sendall(octets)
        sink.shutdown(SHUT_WR)
    except OSError:
        pass


def shown(octets: bytes) -> str | None:
    """Return the name that a hello shows to everybody."""
    hello = HelloReader().feed(octets)
    assert hello is not None
    return hello.server_name
