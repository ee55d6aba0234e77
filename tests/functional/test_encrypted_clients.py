"""DNS over TLS towards the clients: kdig, openssl, and files that change."""

import base64
import os
import re
import signal
import ssl
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from socket import create_connection, socket
from unittest import TestCase

import dns.message
import hpack
from cryptography import x509

from dotproxy.lab.certificates import Authority, Issued, Leaf, pin
from tests.functional.chromium import browse
from tests.functional.clients import Answer, connect, dig, kdig
from tests.functional.origin import BODY, REPLY, serve
from tests.functional.processes import PATIENCE, Stage, eventually, free_port, program
from tests.functional.proxy import TWISTD, Proxy, run_in_vain, start_twistd

NAME = "dns.example"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Write a frame of HTTP/2 (RFC 9113 section 4.1)."""
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags))
    return head + stream.to_bytes(4, "big") + payload


ASKED = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    + frame(4, 0, 0)
    + frame(
        1,
        5,
        1,
        hpack.Encoder().encode(
            [
                (":method", "GET"),
                (":scheme", "https"),
                (":authority", NAME),
                (
                    ":path",
                    "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwNsYWIHZXhhbXBsZQAAAQAB",
                ),
            ]
        ),
    )
)
"""What a client of HTTP/2 says that asks for www.lab.example."""


class EncryptedTests(TestCase):
    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.authority = Authority.create("authority of a test", datetime.now(UTC))
        self.ca_file = self.stage.folder / "ca.pem"
        self.ca_file.write_bytes(self.authority.pem)
        self.port, self.tls_port = free_port(), free_port()
        self.https_port = free_port()
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
    def chain(self) -> Path:
        return self.stage.folder / "chain.pem"

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


class HttpsTests(EncryptedTests):
    """DNS over HTTPS (RFC 8484): kdig and curl, HTTP/1.1 and HTTP/2."""

    QUERY = dns.message.make_query("www.lab.example", "A", id=0, use_edns=0).to_wire()

    TYPE = ("-H", "content-type: application/dns-message")

    def setUp(self) -> None:
        super().setUp()
        url = f"https://127.0.0.1:{self.https_port}/dns-query"
        self.configure(f"127.0.0.1:{self.port}", url)
        self.body = self.stage.folder / "body"
        self.body.write_bytes(self.QUERY)
        self.proxy = self.start()

    def tearDown(self) -> None:
        self.assertNotIn("Traceback", self.proxy.process.output)

    def curl(self, *words: str, query: str = "", path: str = "/dns-query") -> str:
        """Make a request, and return its head and its body."""
        url = f"https://{NAME}:{self.https_port}{path}{query}"
        there = ("--resolve", f"{NAME}:{self.https_port}:127.0.0.1")
        trust = ("--cacert", str(self.ca_file))
        command = [program("curl"), "-si", *trust, *there, *words, url]
        return subprocess.run(
            command, capture_output=True, timeout=PATIENCE, check=True
        ).stdout.decode("latin-1")

    def status(self, *words: str, query: str = "", path: str = "/dns-query") -> int:
        text = self.curl(*words, query=query, path=path)
        # What comes before is "100 Continue".
        return int(re.findall(r"(?m)^HTTP/\S+ (\d+)", text)[-1])

    def parameter(self) -> str:
        coded = base64.urlsafe_b64encode(self.QUERY).decode().rstrip("=")
        return f"?dns={coded}"

    def post(self, *words: str) -> tuple[str, ...]:
        return (*self.TYPE, "--data-binary", f"@{self.body}", *words)

    def test_kdig(self) -> None:
        """kdig gets its answer by GET and by POST, and padded."""
        trust = (f"+tls-ca={self.ca_file}", f"+tls-hostname={NAME}")
        for way in ("+https-get", "+nohttps-get"):
            answer = kdig(
                self.https_port, "+https=/dns-query", way, *trust, "www.lab.example"
            )
            self.assertEqual(answer.values, ["A 192.0.2.1", "A 192.0.2.2"])
            self.assertEqual(answer.size, 468)

    def test_curl(self) -> None:
        """Both versions and both methods work, and say how long the answer holds."""
        for version in ("--http1.1", "--http2"):
            for words, query in (((), self.parameter()), (self.post(), "")):
                head, _, body = self.curl(version, *words, query=query).partition(
                    "\r\n\r\n"
                )
                self.assertRegex(head, r"\AHTTP/(1\.1|2) 200")
                self.assertRegex(head, r"(?i)content-type: application/dns-message")
                self.assertRegex(head, r"(?i)cache-control: max-age=(300|29\d)\b")
                answer = dns.message.from_wire(body.encode("latin-1"))
                self.assertEqual(len(answer.answer[0]), 2)

    def test_doh_url(self) -> None:
        """curl resolves by us: nobody listens there, but it knows the address."""
        url = f"https://{NAME}:{self.https_port}/dns-query"
        there = ("--resolve", f"{NAME}:{self.https_port}:127.0.0.1")
        trust = ("--doh-insecure", "--doh-url", url, "--max-time", "2", "-v")
        done = subprocess.run(
            [program("curl"), *trust, *there, "http://www.lab.example:1/"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        self.assertIn("192.0.2.1", done.stderr)

    def test_faults(self) -> None:
        """What is wrong with a request is said by its status."""
        large = self.stage.folder / "large"
        large.write_bytes(bytes(9000))
        octets = ("--data-binary", f"@{large}")
        for version in ("--http1.1", "--http2"):
            for status, words, query in (
                (400, (), ""),
                (400, (), "?dns=!!"),
                (400, (), "?dns=AAAA"),
                (400, (), self.parameter() + "="),
                (400, (), f"{self.parameter()}&dns=AAAA"),
                (405, ("-X", "PUT"), self.parameter()),
                (415, ("-d", "x"), ""),
                (413, (*self.TYPE, *octets), ""),
                (413, (*self.TYPE, *octets, "-H", "transfer-encoding: chunked"), ""),
            ):
                with self.subTest(version=version, status=status, query=query):
                    self.assertEqual(self.status(version, *words, query=query), status)
            self.assertEqual(
                self.status(version, query=self.parameter(), path="/other"), 404
            )

    def test_discovery(self) -> None:
        """Clients are told of it, with the template of its path."""
        (said,) = kdig(self.port, "_dns.resolver.arpa", "SVCB").values
        self.assertIn("alpn=h2,http/1.1", said)
        self.assertIn("/dns-query{?dns}", said)

    def connect_h2(self) -> ssl.SSLSocket:
        """Begin HTTP/2, for frames that no client of good will sends."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        context.set_alpn_protocols(["h2"])
        made = context.wrap_socket(connect(self.https_port), server_hostname=NAME)
        self.addCleanup(made.close)
        made.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0))
        return made

    def assert_hung_up(self, client: ssl.SSLSocket) -> None:
        """The other side ends the connection, and serves others."""
        with suppress(OSError):
            while client.recv(65536):
                pass
        self.assertEqual(self.status("--http2", query=self.parameter()), 200)

    def test_rapid_reset(self) -> None:
        """Who begins streams and takes them back without an end is hung up on."""
        client = self.connect_h2()
        path = f"/dns-query{self.parameter()}".encode()
        head = b"\x82\x87\x04" + bytes((len(path),)) + path + b"\x41\x01a"
        with suppress(OSError):
            for stream in range(1, 10_001, 2):
                reset = frame(3, 0, stream, bytes(4))
                client.sendall(frame(1, 0x05, stream, head) + reset)
        self.assert_hung_up(client)

    def test_continuation_flood(self) -> None:
        """Who goes on with a head without an end is hung up on."""
        client = self.connect_h2()
        with suppress(OSError):
            client.sendall(frame(1, 0, 1, b"\x82"))
            for _ in range(1000):
                client.sendall(frame(9, 0, 1, b"\0\1x\x7f\x81\x7f" + b"y" * 256))
        self.assert_hung_up(client)

    def test_behind_proxy(self) -> None:
        """Over plain HTTP, for a proxy that has the certificate, it is the same."""
        port = free_port()
        here = f"127.0.0.1:{free_port()}"
        self.configure(here, f"http://127.0.0.1:{port}/dns-query")
        self.start()
        url = f"http://127.0.0.1:{port}/dns-query{self.parameter()}"
        for version in ("--http1.1", "--http2-prior-knowledge"):
            command = [program("curl"), "-sf", version, url]
            done = subprocess.run(command, capture_output=True, timeout=PATIENCE)
            answer = dns.message.from_wire(done.stdout)
            self.assertEqual(len(answer.answer[0]), 2)

    def test_many(self) -> None:
        """Many requests on one connection are all answered, fifty at a time."""
        urls = self.stage.folder / "urls"
        url = f"https://{NAME}:{self.https_port}/dns-query{self.parameter()}"
        urls.write_text("".join(f'url="{url}"\noutput=/dev/null\n' * 2500))
        words = ("-Z", "--parallel-max", "50", "--http2", "-K", str(urls))
        text = self.curl(*words, "-w", "\n%{http_code}\n", query=self.parameter())
        self.assertEqual(len(re.findall(r"(?m)^200$", text)), 2501)


class StallTests(EncryptedTests):
    STEP = 13
    """Octets between two places where a client stops."""

    def test_everywhere(self) -> None:
        """Wherever a client stops before its first query is whole, it is hung up on."""
        url = f"https://127.0.0.1:{self.https_port}/dns-query"
        self.configure(f"127.0.0.1:{self.port}", url)
        proxy = self.start()
        _, whole = self.begin(1 << 20)
        self.assertGreater(whole, 500)
        clients = [self.begin(cut)[0] for cut in range(0, whole, self.STEP)]
        for client in clients:
            # First query in 5 s, and a second's grace for those that shook hands.
            client.settimeout(10)
            with suppress(ConnectionResetError):
                while client.recv(65536):
                    pass
        self.assertNotIn("Traceback", proxy.process.output)

    def begin(self, most: int) -> tuple[socket, int]:
        """Shake hands and ask, but send so many octets at most; return how many."""
        plain = create_connection(("127.0.0.1", self.https_port), PATIENCE)
        self.addCleanup(plain.close)
        context = ssl.create_default_context(cafile=str(self.ca_file))
        context.set_alpn_protocols(["h2"])
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname=NAME)
        sent, shaken = 0, False
        while True:
            try:
                tls.do_handshake()
                tls.write(ASKED)
                shaken = True
            except ssl.SSLWantReadError:
                pass
            octets = outgoing.read()[: most - sent]
            plain.sendall(octets)
            sent += len(octets)
            if shaken or sent >= most:
                return plain, sent
            incoming.write(plain.recv(65536))


class BrowserTests(EncryptedTests):
    """Chromium, with our template as the only place where it asks for names."""

    PAGE = "page.example"

    def test_page(self) -> None:
        """It resolves a name over HTTPS by us, and loads the page."""
        program("chromium")
        url = f"https://127.0.0.1:{self.https_port}/dns-query"
        self.configure(f"127.0.0.1:{self.port}", url)
        with self.file.open("a") as file:
            file.write(f'[[rule]]\nnames = ["{self.PAGE}"]\naction = "answer"\n')
            file.write('records = ["A 127.0.0.1"]\n')
        proxy = self.start()
        site = serve(greet, self.addCleanup).getsockname()[1]
        der = x509.load_pem_x509_certificate(self.chain.read_bytes())
        trust = f"--ignore-certificate-errors-spki-list={pin(der)}"
        command = browse(self.stage, f"http://{self.PAGE}:{site}/", trust, doh=url)
        shown = subprocess.run(command, capture_output=True, text=True).stdout
        self.assertIn(BODY.decode().strip(), shown)
        self.assertNotIn("Traceback", proxy.process.output)


def greet(client: socket) -> None:
    """Answer a request for a page."""
    client.recv(65536)
    client.sendall(REPLY % len(BODY) + BODY)


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
