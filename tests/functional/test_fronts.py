"""Somebody before us who says who the client is: HAProxy and nginx."""

import base64
import subprocess
from pathlib import Path

import dns.message
import dns.rcode

from tests.functional.clients import Answer, connect, dig, kdig
from tests.functional.processes import PATIENCE, Process, eventually, free_port, program
from tests.functional.test_encrypted_clients import NAME, EncryptedTests

ALLOWED, DENIED = "127.0.0.7", "127.0.0.8"
"""Where clients ask from: this one may, that one may not."""

FRONT = "127.0.0.2"
"""Where HAProxy and nginx connect from, and nobody else."""

CONFIG = """\
listen = ["127.0.0.1:{port}", "tls://127.0.0.1:{tls_port}",
          "https://127.0.0.1:{https_port}/dns-query", "http://127.0.0.1:{http_port}/dns-query"]

[certificate]
chain = "chain.pem"
key = "key.pem"

[access]
allow = ["127.0.0.1", "{allowed}"]

[clients]
{key} = ["{front}"]

[query_log]
format = "text"
file = "queries.log"
fields = ["client", "rcode"]
ipv4_prefix = 32
"""

HAPROXY = """\
global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 10s
    timeout server 10s
"""

LISTEN = """\
listen {name}
    bind 127.0.0.1:{port}
    server dotproxy 127.0.0.1:{behind} source {front} {send} check inter 200ms
"""

NGINX = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 100; }}
http {{
  access_log off;
  client_body_temp_path {folder}/bodies;
  proxy_temp_path {folder}/proxied;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream dotproxy {{ server 127.0.0.1:{behind}; keepalive 4; }}
  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {folder}/chain.pem;
    ssl_certificate_key {folder}/key.pem;
    location /dns-query {{
      proxy_pass http://dotproxy;
      proxy_bind {front};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
"""

QUERY = dns.message.make_query("www.lab.example", "A", id=0).to_wire()


class FrontTests(EncryptedTests):
    KEY = ""

    def setUp(self) -> None:
        super().setUp()
        self.http_port = free_port()
        self.folder: Path = self.stage.folder
        words = {"key": self.KEY, "allowed": ALLOWED, "front": FRONT}
        ports = {"tls_port": self.tls_port, "https_port": self.https_port}
        words |= {"http_port": str(self.http_port)}
        self.file.write_text(CONFIG.format(port=self.port, **ports, **words))
        self.proxy = self.start()

    def tearDown(self) -> None:
        self.assertNotIn("Traceback", self.proxy.process.output)

    def logged(self) -> list[str]:
        """Return the lines of the query log."""
        log = self.folder / "queries.log"
        return log.read_text().splitlines() if log.exists() else []

    def assert_logged(self, *lines: str) -> None:
        """The query log soon says this and nothing else."""
        self.assertTrue(eventually(lambda: self.logged() == [*lines]), self.logged())

    def http(self, url: str, source: str, *words: str) -> dns.message.Message:
        """Ask by curl from an address of ours."""
        coded = base64.urlsafe_b64encode(QUERY).decode().rstrip("=")
        there = ("--resolve", f"{NAME}:{url.split(':')[2].split('/')[0]}:127.0.0.1")
        trust = ("-sf", "--cacert", str(self.ca_file), "--interface", source, *there)
        command = [program("curl"), *trust, *words, f"{url}?dns={coded}"]
        done = subprocess.run(
            command, capture_output=True, timeout=PATIENCE, check=True
        ).stdout
        return dns.message.from_wire(done)

    def status(self, url: str, source: str, *words: str) -> str:
        """Ask by curl, and return the RCODE."""
        return str(dns.rcode.to_text(self.http(url, source, *words).rcode()))


class HAProxyTests(FrontTests):
    """A load balancer with the PROXY protocol."""

    KEY = "proxy_protocol"

    def start_haproxy(self, send: str) -> dict[str, int]:
        """Start it before all of our ports; return its own, by their names."""
        behind = {
            "tcp": self.port,
            "tls": self.tls_port,
            "https": self.https_port,
            "http": self.http_port,
        }
        ports = {name: free_port() for name in behind}
        text = HAPROXY + "".join(
            LISTEN.format(
                name=name, port=ports[name], behind=behind[name], front=FRONT, send=send
            )
            for name in behind
        )
        config = self.folder / "haproxy.cfg"
        config.write_text(text)
        self.haproxy = Process(self.stage, [program("haproxy"), "-f", str(config)])
        self.assertTrue(eventually(lambda: _listens(ports["http"])))
        return ports

    def over_tls(self, port: int, source: str) -> Answer:
        trust = (f"+tls-ca={self.ca_file}", f"+tls-hostname={NAME}", "-b", source)
        return kdig(port, "+tls", *trust, "www.lab.example")

    def check(self, send: str) -> None:
        ports = self.start_haproxy(send)
        for source, status in ((ALLOWED, "NOERROR"), (DENIED, "REFUSED")):
            asked = ("+tcp", "-b", source, "www.lab.example")
            self.assertEqual(dig(ports["tcp"], *asked).status, status)
            self.assertEqual(self.over_tls(ports["tls"], source).status, status)
            url = f"https://{NAME}:{ports['https']}/dns-query"
            self.assertEqual(self.status(url, source), status)
            url = f"http://{NAME}:{ports['http']}/dns-query"
            self.assertEqual(self.status(url, source), status)
        self.assert_logged(*[f"{ALLOWED} NOERROR"] * 4, *[f"{DENIED} REFUSED"] * 4)
        self.assertTrue(self.haproxy.running)
        self.assertNotIn("DOWN", self.haproxy.output)
        self.assertNotIn("did not begin", self.proxy.process.output)

    def test_version_1(self) -> None:
        """With send-proxy its clients are told apart, over all that is a stream."""
        self.check("send-proxy")

    def test_version_2(self) -> None:
        """With send-proxy-v2 as well, and what else that may tell is passed over."""
        self.check("send-proxy-v2 proxy-v2-options unique-id,crc32c,ssl,cert-cn")

    def test_without(self) -> None:
        """Without a header it is closed, and the log says why."""
        ports = self.start_haproxy("")
        with connect(ports["tcp"]) as client:
            client.sendall(b"\0\x1d" + QUERY)
            self.assertEqual(client.recv(100), b"")
        self.proxy.process.wait_for(
            rf"load balancer of \[clients\] proxy_protocol .*{FRONT}: no PROXY header"
        )

    def test_spoofed(self) -> None:
        """From a client itself a header is no header, and no query either."""
        header = f"PROXY TCP4 {ALLOWED} 127.0.0.1 1 {self.port}\r\n".encode()
        with connect(self.port) as client:
            client.sendall(header + len(QUERY).to_bytes(2, "big") + QUERY)
            self.assertEqual(client.recv(100), b"")
        self.assertEqual(self.logged(), [])


class NginxTests(FrontTests):
    """A reverse proxy that has the certificate, and says who asks."""

    KEY = "trusted_proxies"

    def start_nginx(self) -> str:
        """Start it, and return where it answers."""
        config, port = self.folder / "nginx.conf", free_port()
        places = {"folder": self.folder, "front": FRONT}
        config.write_text(NGINX.format(port=port, behind=self.http_port, **places))
        words = ["-e", "stderr", "-p", str(self.folder), "-c", str(config)]
        Process(self.stage, [program("nginx"), *words]).wait_for("OS: ")
        return f"https://{NAME}:{port}/dns-query"

    def test_clients(self) -> None:
        """Its clients are told apart, over both versions and connections that last."""
        url = self.start_nginx()
        for version in ("--http1.1", "--http2"):
            self.assertEqual(self.status(url, ALLOWED, version), "NOERROR")
            self.assertEqual(self.status(url, DENIED, version), "REFUSED")
        self.assert_logged(*[f"{ALLOWED} NOERROR", f"{DENIED} REFUSED"] * 2)

    def test_spoofed(self) -> None:
        """What a client says of itself counts neither through nginx nor without it."""
        url = self.start_nginx()
        claims = (f"X-Forwarded-For: {ALLOWED}", f"Forwarded: for={ALLOWED}")
        claimed = [word for claim in claims for word in ("-H", claim)]
        self.assertEqual(self.status(url, DENIED, *claimed), "REFUSED")
        straight = f"http://{NAME}:{self.http_port}/dns-query"
        self.assertEqual(self.status(straight, DENIED, *claimed), "REFUSED")
        claimed = ["-H", f"X-Forwarded-For: {DENIED}"]
        self.assertEqual(self.status(straight, ALLOWED, *claimed), "NOERROR")
        self.assert_logged(*[f"{DENIED} REFUSED"] * 2, f"{ALLOWED} NOERROR")


def _listens(port: int) -> bool:
    try:
        connect(port).close()
    except OSError:
        return False
    return True
