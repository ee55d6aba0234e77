"""Stub resolvers that insist on who we are: getdns and stubby, over TLS alone."""

import base64
import hashlib
import json
import subprocess
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate

from tests.functional.clients import Answer, dig
from tests.functional.processes import PATIENCE, Process, eventually, free_port, program
from tests.functional.test_encrypted_clients import NAME, EncryptedTests

ADDRESSES = ["192.0.2.1", "192.0.2.2"]

RESOLVED = 900
"""What getdns says of a query that has an answer."""

PADDED = 468
"""Octets to which replies are padded."""

STUBBY = """\
resolution_type: GETDNS_RESOLUTION_STUB
dns_transport_list: [GETDNS_TRANSPORT_TLS]
tls_authentication: GETDNS_AUTHENTICATION_REQUIRED
tls_query_padding_blocksize: 128
tls_ca_file: "{ca_file}"
idle_timeout: 5000
listen_addresses: [127.0.0.1@{listen}]
upstream_recursive_servers:
  - address_data: 127.0.0.1
    tls_port: {port}
    {trust}
"""

PINNED = """\
tls_pubkey_pinset:
      - digest: "sha256"
        value: {}
"""

OTHER_PIN = base64.b64encode(bytes(32)).decode()


class StubTests(EncryptedTests):
    def setUp(self) -> None:
        super().setUp()
        self.proxy = self.start()

    def tearDown(self) -> None:
        self.assertNotIn("Traceback", self.proxy.process.output)

    @property
    def pin(self) -> str:
        """The pin of our certificate (RFC 7858 section 4.2)."""
        chain = (self.stage.folder / "chain.pem").read_bytes()
        key = load_pem_x509_certificate(chain).public_key()
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(spki).digest()).decode()


class GetdnsTests(StubTests):
    def ask(self, name: str, *words: str) -> dict[str, Any] | None:
        """Ask us under a name, or none; return what getdns says, None if it fails."""
        server = f"@127.0.0.1#{self.tls_port}" + (f"~{name}" if name else "")
        trust = json.dumps({"tls_ca_file": str(self.ca_file)})
        strict = ("-s", "-L", "-m", "-P", "1", "-j", *words, server, trust)
        done = subprocess.run(
            [program("getdns_query"), *strict, "www.lab.example", "A"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode:
            return None
        said = done.stdout
        found: dict[str, Any] = json.JSONDecoder().raw_decode(said[said.index("{") :])[
            0
        ]
        return found

    def assert_resolved(self, found: dict[str, Any] | None) -> None:
        """There is an answer, in a reply that is padded."""
        assert found is not None
        self.assertEqual(found["status"], RESOLVED)
        (reply,) = found["replies_tree"]
        records = reply["answer"]
        self.assertEqual([it["rdata"]["ipv4_address"] for it in records], ADDRESSES)
        (octets,) = found["replies_full"]
        self.assertEqual(len(octets), PADDED)

    def test_name(self) -> None:
        """It asks us under our name, and under no other."""
        self.assert_resolved(self.ask(NAME))
        self.assertIsNone(self.ask("other.example"))

    def test_pin(self) -> None:
        """It asks us for the pin of our key, and for no other."""
        self.assert_resolved(self.ask("", "-K", f'pin-sha256="{self.pin}"'))
        self.assertIsNone(self.ask("", "-K", f'pin-sha256="{OTHER_PIN}"'))


class StubbyTests(StubTests):
    """stubby, as it stands between programs and us."""

    def start_stubby(self, trust: str) -> int:
        """Start it with what it has to insist on; return its port."""
        port, config = free_port(), self.stage.folder / "stubby.yml"
        words = {"ca_file": self.ca_file, "listen": port, "port": self.tls_port}
        config.write_text(STUBBY.format(trust=trust, **words))
        self.stubby = Process(self.stage, [program("stubby"), "-C", str(config), "-l"])
        self.stubby.wait_for("Starting DAEMON")
        return port

    def ask_stubby(self, port: int) -> Answer:
        return dig(port, "www.lab.example")

    def assert_served(self, trust: str) -> None:
        """It asks us, several times on one connection."""
        port = self.start_stubby(trust)
        for _ in range(5):
            answer = self.ask_stubby(port)
            self.assertEqual(answer.values, [f"A {each}" for each in ADDRESSES])
        self.assertEqual(self.stubby.output.count("Verify passed"), 1)

    def test_name(self) -> None:
        """It serves what we say under our name."""
        self.assert_served(f'tls_auth_name: "{NAME}"')

    def test_pin(self) -> None:
        """It serves what we say for the pin of our key."""
        self.assert_served(PINNED.format(self.pin))

    def test_other(self) -> None:
        """It serves nothing of ours under another name, or for another key."""
        for trust in (
            'tls_auth_name: "other.example"',
            PINNED.format(OTHER_PIN),
        ):
            port = self.start_stubby(trust)
            self.assertEqual(self.ask_stubby(port).status, "SERVFAIL")
            self.assertIn("Verify failed", self.stubby.output)

    def test_again(self) -> None:
        """When we have restarted, it comes back."""
        port = self.start_stubby(f'tls_auth_name: "{NAME}"')
        self.assertEqual(self.ask_stubby(port).status, "NOERROR")
        self.proxy.process.stop()
        self.proxy = self.start()
        back = eventually(lambda: self.ask_stubby(port).status == "NOERROR")
        self.assertTrue(back, self.stubby.output)
