"""DNS over TLS towards the clients: kdig, openssl, and files that change."""

import os
import re
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from unittest import TestCase

from dotproxy.lab.certificates import Authority, Issued, Leaf
from tests.functional.clients import Answer, dig, kdig
from tests.functional.processes import PATIENCE, Stage, eventually, free_port, program
from tests.functional.proxy import TWISTD, Proxy, run_in_vain, start_twistd

NAME = "dns.example"


class EncryptedTests(TestCase):
    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.authority = Authority.create("authority of a test", datetime.now(UTC))
        self.ca_file = self.stage.folder / "ca.pem"
        self.ca_file.write_bytes(self.authority.pem)
        self.port, self.tls_port = free_port(), free_port()
        self.show(self.authority.issue(Leaf((NAME,), ("127.0.0.1",))))
        self.configure(f"127.0.0.1:{self.port}", f"tls://127.0.0.1:{self.tls_port}")

    def show(self, issued: Issued) -> None:
        """Put this certificate in place of the one before, as certbot does."""
        folder = self.stage.folder
        for name, content in (("chain", issued.chain_pem), ("key", issued.key_pem)):
            (folder / "new").write_bytes(content)
            (folder / "new").chmod(0o600)
            os.replace(folder / "new", folder / f"{name}.pem")

    def configure(self, *listen: str) -> None:
        self.file.write_text(
            f"listen = {list(listen)}\n"
            '[certificate]\nchain = "chain.pem"\nkey = "key.pem"\n'
        )

    @property
    def file(self) -> Path:
        return self.stage.folder / "dotproxy.toml"

    @property
    def words(self) -> tuple[str, ...]:
        return "dotproxy", "--config", str(self.file), "--upstream", "lab"

    def start(self) -> Proxy:
        return start_twistd(self.stage, *self.words)

    def ask(self, *words: str, name: str = NAME) -> Answer:
        trust = (f"+tls-ca={self.ca_file}", f"+tls-hostname={name}")
        return kdig(self.tls_port, "+tls", *trust, *words)

    def assert_served(self, name: str) -> None:
        """A client that insists on this name gets its answer."""
        answer = self.ask("www.lab.example", name=name)
        self.assertEqual(answer.status, "NOERROR")

    def openssl(self, *words: str) -> str:
        """Shake hands, and return what OpenSSL has to say of it."""
        server = ("s_client", "-connect", f"127.0.0.1:{self.tls_port}")
        done = subprocess.run(
            [program("openssl"), *server, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.stdout + done.stderr


class KdigTests(EncryptedTests):
    def test_answers(self) -> None:
        """kdig verifies us and pads, and so do we; but not in clear."""
        proxy = self.start()
        answer = self.ask("+padding", "www.lab.example")
        self.assertEqual(answer.status, "NOERROR")
        self.assertEqual(answer.values, ["A 192.0.2.1", "A 192.0.2.2"])
        self.assertIn("PADDING", "".join(answer.edns))
        self.assertEqual(answer.size, 468)
        large = self.ask("+padding", "big.lab.example", "TXT")
        self.assertEqual(large.size % 468, 0)
        self.assertNotIn(
            "PADDING", "".join(self.ask("+nopadding", "www.lab.example").edns)
        )
        clear = kdig(self.port, "+tcp", "+padding", "www.lab.example")
        self.assertNotIn("PADDING", "".join(clear.edns))
        self.assertEqual(dig(self.port, "www.lab.example").status, "NOERROR")
        self.assertNotIn("Traceback", proxy.process.output)

    def test_keepalive(self) -> None:
        """Who asks how long the connection may idle is told the time in force."""
        self.start()
        for told in (
            kdig(self.port, "+tcp", "+ednsopt=11", "www.lab.example"),
            self.ask("+ednsopt=11", "www.lab.example"),
        ):
            self.assertIn("Option (11): 0064", "".join(told.edns))
        unasked = kdig(self.port, "+tcp", "+edns", "www.lab.example")
        self.assertNotIn("Option", "".join(unasked.edns))


class DiscoveryTests(EncryptedTests):
    """Clients that know our address find out where we are encrypted (RFC 9462)."""

    def designated(self) -> list[str]:
        answer = kdig(self.port, "_dns.resolver.arpa", "SVCB")
        self.assertEqual(answer.status, "NOERROR")
        return answer.values

    def test_served(self) -> None:
        """What is served is said, and nothing once it is not."""
        proxy = self.start()
        hint = f"SVCB 1 {NAME}. alpn=dot port={self.tls_port} ipv4hint=127.0.0.1"
        self.assertEqual(self.designated(), [hint])
        self.configure(f"127.0.0.1:{self.port}")
        proxy.process.hang_up()
        self.assertTrue(eventually(lambda: "reloaded" in proxy.process.output))
        self.assertEqual(self.designated(), [])


class HandshakeTests(EncryptedTests):
    def test_protocol(self) -> None:
        """ALPN is `dot`; sessions are resumed; TLS 1.1 is refused."""
        proxy = self.start()
        trust = ("-CAfile", str(self.ca_file), "-verify_hostname", NAME)
        said = self.openssl("-alpn", "dot", *trust)
        self.assertIn("ALPN protocol: dot", said)
        self.assertIn("Verify return code: 0 (ok)", said)
        self.assertIn("no application protocol", self.openssl("-alpn", "h2"))
        ticket = str(self.stage.folder / "ticket")
        self.assertIn("New, TLSv1.2", self.openssl("-tls1_2", "-sess_out", ticket))
        self.assertIn("Reused, TLSv1.2", self.openssl("-tls1_2", "-sess_in", ticket))
        self.assertRegex(self.openssl("-tls1_1"), "protocol version|no protocols")
        self.assertNotIn("Traceback", proxy.process.output)


class FilesTests(EncryptedTests):
    """The files of the certificate, at the start and later."""

    def test_start(self) -> None:
        """Files that are no good are one line and exit status 1; nothing is bound."""
        folder = self.stage.folder
        key, chain = folder / "key.pem", folder / "chain.pem"
        other = self.authority.issue(Leaf((NAME,)))
        faults = (
            (lambda: key.chmod(0o644), "is open to everybody \\(mode 644\\): chmod o="),
            (lambda: key.write_bytes(other.key_pem), "is not the key of the first"),
            (lambda: key.write_bytes(b""), "holds no private key"),
            (lambda: key.unlink(), "cannot be read: No such file or directory"),
            (lambda: chain.write_bytes(b"none"), "holds no certificate"),
        )
        for spoil, rule in faults:
            spoil()
            done = run_in_vain(self.stage, TWISTD, "-n", "--pidfile=", *self.words)
            with self.subTest(rule=rule):
                self.assertEqual(done.returncode, 1)
                lines = done.stderr.strip().splitlines()
                self.assertEqual(len(lines), 1, done.stderr)
                self.assertRegex(lines[0], rf"\Adotproxy: certificate: .*{rule}")
            key.unlink(missing_ok=True)
            self.show(self.authority.issue(Leaf((NAME,))))

    def test_reload(self) -> None:
        """At SIGHUP a new certificate is shown, and a faulty one is not."""
        proxy = self.start()
        self.show(self.authority.issue(Leaf(("new.example",))))
        self.hang_up(proxy, r"(?<!not )reloaded, ")
        self.assert_served("new.example")
        (self.stage.folder / "chain.pem").write_text("none")
        self.hang_up(proxy, "not reloaded, all stays as it is: certificate: chain = ")
        self.assert_served("new.example")

    def test_renewed(self) -> None:
        """One that is renewed is shown some seconds later, and nobody says so."""
        proxy = self.start()
        self.show(self.authority.issue(Leaf(("new.example",))))
        seen = eventually(lambda: "certificate renewed" in proxy.process.output, 15)
        self.assertTrue(seen, proxy.process.output)
        self.assert_served("new.example")

    def test_added(self) -> None:
        """A listener over TLS comes and goes at a reload, as others do."""
        self.configure(f"127.0.0.1:{self.port}")
        proxy = self.start()
        self.configure(f"127.0.0.1:{self.port}", f"tls://127.0.0.1:{self.tls_port}")
        self.hang_up(proxy, rf"reloaded, .*tls://127\.0\.0\.1:{self.tls_port}")
        self.assertEqual(self.ask("www.lab.example").status, "NOERROR")
        self.configure(f"127.0.0.1:{self.port}")
        self.hang_up(proxy, r"reloaded, listen changed; serves 127[^t]*asks")
        self.assertIn("refused", self.openssl().lower())
        self.assertNotIn("Traceback", proxy.process.output)

    def hang_up(self, proxy: Proxy, expected: str) -> None:
        before = len(re.findall(expected, proxy.process.output))
        os.kill(proxy.process.pid, signal.SIGHUP)
        self.assertTrue(
            eventually(
                lambda: len(re.findall(expected, proxy.process.output)) > before
            ),
            proxy.process.output,
        )
