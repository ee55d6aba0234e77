"""The gateway between real TLS clients and a real origin."""

import hashlib
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path
from unittest import TestCase

from tests.functional.clients import Answer, dig
from tests.functional.origin import BODY, TlsOrigin, serve
from tests.functional.peers import start_unbound
from tests.functional.processes import Stage, eventually, free_port, program
from tests.functional.proxy import Proxy, start_proxy
from tests.functional.socks import NOT_ALLOWED, REFUSED, SocksProxy
from tests.hellos import server_name, stream

NAME = "www.origin.example"

REDIRECT = '[[rule]]\naction = "redirect"\n'

HOST = "127.0.0.2"
"""Where the gateway listens; origins are at 127.0.0.1."""

BAD_REQUEST = b"HTTP/1.1 400 Bad Request"

LARGE = 100 * 2**20
"""Octets of a transfer that no relay should hold in memory."""


class GatewayTests(TestCase):
    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.port = free_port()
        self.host = HOST

    def start(self, text: str, *flags: str) -> Proxy:
        """Start a proxy with a gateway and this text behind the table's beginning."""
        file = self.stage.folder / "dotproxy.toml"
        file.write_text(f'[gateway]\nlisten = ["{self.host}:{self.port}"]\n{text}')
        upstream = flags or ("--upstream", "lab")
        self.proxy = start_proxy(self.stage, "--config", str(file), *upstream)
        return self.proxy

    def route(self, port: int, name: str = NAME, more: str = "") -> str:
        backend = f'backend = "127.0.0.1:{port}"'
        return f'{more}\n{REDIRECT}names = ["{name}"]\n{backend}\n'

    def connect(self) -> socket.socket:
        client = socket.create_connection((self.host, self.port), timeout=10)
        self.addCleanup(client.close)
        return client

    def rest(self, client: socket.socket) -> bytes:
        """Return all that still comes, to the end or the reset."""
        heard = b""
        try:
            while data := client.recv(65536):
                heard += data
        except ConnectionResetError:
            pass
        return heard


class TlsTests(GatewayTests):
    def setUp(self) -> None:
        super().setUp()
        names = (NAME, "dns.lab.example")
        self.origin = TlsOrigin(self.stage.folder, names, self.addCleanup)

    def curl(
        self, name: str = NAME, port: int = 443
    ) -> subprocess.CompletedProcess[str]:
        """Fetch a page by way of the gateway, and verify the origin's certificate."""
        return subprocess.run(
            [
                *(program("curl"), "--silent", "--show-error", "--max-time", "10"),
                *("--cacert", str(self.origin.ca_file)),
                *("--connect-to", f"::{self.host}:{self.port}"),
                f"https://{name}:{port}/",
            ],
            capture_output=True,
            text=True,
        )

    def test_curl(self) -> None:
        """curl sees the origin's own certificate, and gets its page."""
        self.start(self.route(self.origin.port))
        got = self.curl()
        self.assertEqual((got.stdout, got.stderr), (BODY.decode(), ""))
        line = self.proxy.process.wait_for(rf"127\.0\.0\.0 {NAME} to .* octets up.*")[0]
        self.assertRegex(line, rf"{NAME} to 127\.0\.0\.1:{self.origin.port}: ")

    def test_other_name(self) -> None:
        """A name that is not in the table is refused, with the alert that says so."""
        self.start(self.route(self.origin.port))
        got = self.curl("other.example")
        self.assertIn("unrecognized name", got.stderr)
        self.assertEqual(self.origin.heard, [])

    def test_openssl(self) -> None:
        """So is a client that names nobody."""
        self.start(self.route(self.origin.port))
        got = subprocess.run(
            [
                *(program("openssl"), "s_client", "-noservername"),
                *("-connect", f"{self.host}:{self.port}"),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        self.assertIn("alert number 109", got.stderr)

    def test_every_octet(self) -> None:
        """The origin receives the octets that the client sent, however they are cut."""
        self.start(self.route(self.origin.port))
        context = ssl.create_default_context(cafile=self.origin.ca_file)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname=NAME)
        client = self.connect()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sent = bytearray()

        def send(octets: bytes, size: int) -> None:
            sent.extend(octets)
            for at in range(0, len(octets), size):
                client.sendall(octets[at : at + size])
                time.sleep(0.002)

        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            send(outgoing.read(), 7)
        while not _shaken(tls):
            incoming.write(client.recv(65536))
        tls.write(b"GET / HTTP/1.1\r\n\r\n")
        send(outgoing.read(), 50)
        self.rest(client)
        self.assertEqual(bytes(self.origin.heard[0]), bytes(sent))

    def test_looked_up(self) -> None:
        """A name is looked up at the upstream; where it leads to is judged then."""
        unbound = start_unbound(self.stage)
        more = f'port = {self.origin.port}\n{REDIRECT}names = [".lab.example"]\n'
        proxy = self.start(more + "private = true\n", *unbound.flags)
        self.assertEqual(self.curl("dns.lab.example").stdout, BODY.decode())
        self.assertNotEqual(self.curl("nope.lab.example").returncode, 0)
        proxy.process.wait_for(r"no_address \(.*NXDOMAIN")
        proxy.process.stop()
        proxy = self.start(more, *unbound.flags)
        self.assertNotEqual(self.curl("dns.lab.example").returncode, 0)
        proxy.process.wait_for(r"address_refused \(127\.0\.0\.1 is not public")

    def socks(self, login: bytes | None = None) -> SocksProxy:
        place = ("127.0.0.1", self.origin.port)
        return SocksProxy(place, self.addCleanup, login)

    def start_behind(self, proxy: SocksProxy, more: str = "") -> None:
        """Start with a proxy on the way; the lab says that the name is at 127.0.0.1."""
        unbound = start_unbound(self.stage)
        rule = f'{REDIRECT}names = [".lab.example"]\nprivate = true\n'
        text = f'socks5 = "127.0.0.1:{proxy.port}"\nport = 8443\n{more}\n'
        self.start(f"{text}{rule}", *unbound.flags)

    def test_socks(self) -> None:
        """Origins are connected to by the proxy, which hears an address that was
        judged, and no name."""
        proxy = self.socks()
        self.start_behind(proxy)
        self.assertEqual(self.curl("dns.lab.example").stdout, BODY.decode())
        self.assertEqual(proxy.asked, [bytes((127, 0, 0, 1)) + (8443).to_bytes(2)])
        self.proxy.process.wait_for(r"dns\.lab\.example to 127\.0\.0\.1:8443: done")

    def test_socks_refuses(self) -> None:
        """What the proxy says against it is in the log, and whose fault it is."""
        proxy = self.socks()
        self.start_behind(proxy)
        for reply, told in (
            (NOT_ALLOWED, "proxy_failed .*says not allowed by its rules"),
            (REFUSED, "unreachable .*says connection refused"),
        ):
            proxy.reply = reply
            self.assertNotEqual(self.curl("dns.lab.example").returncode, 0)
            self.proxy.process.wait_for(told)

    def test_socks_login(self) -> None:
        """The login that is configured is told to the proxy, and to nobody else."""
        proxy = self.socks(b"me:open sesame")
        login = 'socks5_user = "me"\nsocks5_password = '
        self.start_behind(proxy, f'{login}"open sesame"')
        self.assertEqual(self.curl("dns.lab.example").stdout, BODY.decode())
        file = self.stage.folder / "dotproxy.toml"
        file.write_text(file.read_text().replace("open sesame", "close sesame"))
        self.proxy.process.hang_up()
        self.proxy.process.wait_for("reloaded, gateway.socks5_password changed")
        self.assertNotEqual(self.curl("dns.lab.example").returncode, 0)
        self.proxy.process.wait_for("proxy_failed .*refuses the user or the password")
        self.assertEqual(proxy.logins, [b"me:open sesame", b"me:close sesame"])
        self.assertNotIn("sesame", self.proxy.process.output)

    def test_socks_gone(self) -> None:
        """Without the proxy there is no way round it; backends need none."""
        proxy = self.socks()
        proxy.port = free_port()
        backend = self.route(self.origin.port)
        self.start_behind(proxy)
        file = self.stage.folder / "dotproxy.toml"
        file.write_text(file.read_text() + backend)
        self.proxy.process.hang_up()
        self.proxy.process.wait_for("reloaded, rule changed")
        self.assertNotEqual(self.curl("dns.lab.example").returncode, 0)
        self.proxy.process.wait_for("proxy_failed .*cannot be reached: .*refused")
        self.assertEqual(self.curl().stdout, BODY.decode())

    def test_socks_silent(self) -> None:
        """A proxy that takes the call and says nothing is to blame."""
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        proxy = self.socks()
        proxy.port = silent.getsockname()[1]
        self.start_behind(proxy, "connect_timeout = 1")
        self.assertNotEqual(self.curl("dns.lab.example").returncode, 0)
        self.proxy.process.wait_for("proxy_failed .*no connection in time")

    def test_source_gone(self) -> None:
        """A source that this machine does not have is told at the start, and where a
        connection fails for it."""
        more = 'sources = ["192.0.2.77"]'
        proxy = self.start(self.route(self.origin.port, more=more))
        missing = "192.0.2.77 .Cannot assign requested address"
        proxy.process.wait_for(f"can leave from these sources, .*: {missing}")
        self.assertNotEqual(self.curl().returncode, 0)
        proxy.process.wait_for("unreachable .*cannot leave from 192.0.2.77: Cannot")

    def test_loop(self) -> None:
        """A gateway that is led to itself refuses, once, and goes on."""
        unbound = start_unbound(self.stage)
        self.host = "127.0.0.1"
        rule = f'{REDIRECT}names = ["dns.lab.example"]\nprivate = true\n'
        proxy = self.start(rule, *unbound.flags)
        self.assertNotEqual(self.curl("dns.lab.example").returncode, 0)
        proxy.process.wait_for("is the relay itself")
        self.assertEqual(proxy.process.output.count("dns.lab.example to"), 1)


class RedirectTests(GatewayTests):
    """Clients that are led by the DNS."""

    def ask(self, kind: str, *words: str, name: str = "www.lab.example") -> Answer:
        return dig(self.proxy.port, name, kind, *words)

    def redirect(self, *names: str, more: str = "") -> str:
        return f"{REDIRECT}names = {list(names)}\n{more}\n"

    def test_strip(self) -> None:
        """All that shows a way shows the one through the gateway, in an instant."""
        self.start(self.redirect(".lab.example"))
        for kind, values in (
            ("A", [f"A {HOST}"]),
            ("AAAA", []),
            ("HTTPS", ['HTTPS 1 . alpn="h2"']),
            ("SVCB", []),
        ):
            for words in ((), ("+tcp",), ("+dnssec",)):
                answer = self.ask(kind, *words)
                self.assertEqual((answer.status, answer.values), ("NOERROR", values))
                self.assertEqual(answer.explanations, {4})
                self.assertNotIn("ad", answer.flags)
                self.assertEqual(bool(answer.records("AUTHORITY")), not values)
        answer = self.ask("TXT", name="txt.lab.example")
        self.assertEqual(answer.values, ['TXT "Hello from the lab."'])
        self.assertEqual(answer.explanations, set())

    def test_reload(self) -> None:
        """Another table holds at once, for the DNS and for the relay."""
        origin = TlsOrigin(self.stage.folder, (NAME,), self.addCleanup)
        rule = self.redirect(NAME, more=f'backend = "127.0.0.1:{origin.port}"')
        self.start(self.redirect("other.example"))
        self.assertNotEqual(self.ask("A", name=NAME).values, [f"A {HOST}"])
        file = self.stage.folder / "dotproxy.toml"
        head, _, _ = file.read_text().partition("[[rule]]")
        file.write_text(f"{head}idle_timeout = 3\n{rule}")
        self.proxy.process.hang_up()
        self.proxy.process.wait_for("reloaded, rule, gateway.idle_timeout changed")
        self.assertEqual(self.ask("A", name=NAME).values, [f"A {HOST}"])
        self.assertEqual(self.fetch(NAME, origin, HOST), BODY.decode())
        self.assertEqual(self.ask("A", name="other.example").values, [])

    def test_first(self) -> None:
        """A gateway may come by a reload, move by another, and go by a third."""
        origin = TlsOrigin(self.stage.folder, (NAME,), self.addCleanup)
        file = self.stage.folder / "dotproxy.toml"
        file.write_text("")
        self.proxy = start_proxy(self.stage, "--config", str(file), "--upstream", "lab")
        rule = self.redirect(NAME, more=f'backend = "127.0.0.1:{origin.port}"')
        process = self.proxy.process
        for host in (HOST, "127.0.0.3"):
            listen = f'[gateway]\nlisten = ["{host}:{self.port}"]\n'
            file.write_text(listen + rule)
            process.hang_up()
            process.wait_for(rf"relays TLS on {host}:{self.port}")
            self.assertEqual(self.ask("A", name=NAME).values, [f"A {host}"])
            self.assertEqual(self.fetch(NAME, origin, host), BODY.decode())
        taken = socket.create_server(("127.0.0.4", 0))
        self.addCleanup(taken.close)
        port = taken.getsockname()[1]
        file.write_text(f'[gateway]\nlisten = ["127.0.0.4:{port}"]\n{rule}')
        process.hang_up()
        process.wait_for(f"not reloaded, .*: listen 127.0.0.4:{port} .*already in use")
        self.assertEqual(self.fetch(NAME, origin, "127.0.0.3"), BODY.decode())
        self.assertIn("Failed to connect", self.fetch(NAME, origin, HOST))
        file.write_text("")
        process.hang_up()
        process.wait_for("reloaded, rule, gateway.listen changed")
        # The reactor closes what is left a turn after that is told.
        gone = "127.0.0.3"
        self.assertTrue(
            eventually(lambda: "Failed to connect" in self.fetch(NAME, origin, gone))
        )

    def test_keep_ech(self) -> None:
        """ECH stays, and what its hellos show leads to who can read them."""
        shown = "cloudflare-ech.com"
        origin = TlsOrigin(self.stage.folder, (shown,), self.addCleanup)
        policy = 'policy = "keep-ech"\nprivate = true'
        rule = self.redirect(".lab.example", more=policy)
        unbound = start_unbound(self.stage)
        self.start(f"port = {origin.port}\n{rule}", *unbound.flags)
        self.assertIn("unrecognized name", self.fetch(shown, origin, HOST))
        self.assertEqual(self.ask("A", name="apex.lab.example").values, [f"A {HOST}"])
        for name in ("ech.lab.example", "apex.lab.example"):
            answer = self.ask("HTTPS", "+dnssec", name=name)
            (value,) = answer.values
            self.assertRegex(value, rf'^HTTPS 1 \. alpn="h2" ipv4hint={HOST} ech=\S+=$')
            self.assertEqual(answer.explanations, {4})
        self.assertEqual(self.fetch(shown, origin, HOST), BODY.decode())
        line = self.proxy.process.wait_for(rf"{shown} to .* octets up.*")[0]
        self.assertIn(f"{shown} to 127.0.0.1:{origin.port}: ", line)
        unbound.process.stop()
        answer = self.ask("HTTPS", name="new.lab.example")
        self.assertEqual((answer.status, answer.values), ("NOERROR", []))

    def test_address_per_name(self) -> None:
        """The address that a client reached says which name it means, whatever its
        hello shows; and a name keeps its address over a restart."""
        shown, name, other = "cloudflare-ech.com", "ech.lab.example", "odd.lab.example"
        origin = TlsOrigin(self.stage.folder, (shown, name), self.addCleanup)
        policy = 'policy = "address-per-name"\nprivate = true'
        rule = self.redirect(".lab.example", more=policy)
        unbound = start_unbound(self.stage)
        self.host = "0.0.0.0"
        leases = f'leases = ["127.64.0.0/16"]\nport = {origin.port}'
        text = f'{leases}\n[cache]\nfile = "cache"\n{rule}'
        self.start(text, *unbound.flags)
        self.assertEqual(self.ask("A", name="made.up.lab.example").status, "NXDOMAIN")
        self.assertEqual(self.look_up(other), "127.64.0.1")
        self.assertEqual(self.look_up(name), "127.64.0.2")
        self.assertEqual(self.ask("AAAA", name=name).values, [])
        (value,) = self.ask("HTTPS", name=name).values
        self.assertRegex(
            value, r'^HTTPS 1 \. alpn="h2" ipv4hint=127\.64\.0\.2 ech=\S+$'
        )
        self.proxy.process.stop()
        self.start(text, *unbound.flags)
        for server in (shown, name):
            got = self.fetch(server, origin, self.look_up(name))
            self.assertEqual(got, BODY.decode())
        self.proxy.process.wait_for(rf"{name} to 127\.0\.0\.1:{origin.port}: ")
        self.assertEqual(self.look_up("unknown.lab.example"), "127.64.0.3")
        self.assertEqual(self.look_up(other), "127.64.0.1")
        self.assertNotEqual(self.fetch(name, origin, "127.64.0.1"), BODY.decode())
        self.proxy.process.wait_for(rf"{other} to -: no_address")
        self.assertIn("=127.64.0.2 ", self.ask("HTTPS", name=name).values[0])
        file = self.stage.folder / "dotproxy.toml"
        file.write_text(file.read_text().replace("127.64.", "127.65."))
        self.proxy.process.hang_up()
        self.proxy.process.wait_for("reloaded, gateway.leases changed")
        self.assertIn("=127.65.0.2 ", self.ask("HTTPS", name=name).values[0])
        self.assertEqual(self.fetch(shown, origin, self.look_up(name)), BODY.decode())

    def look_up(self, name: str) -> str:
        """Return the address that the DNS has for a name."""
        (value,) = self.ask("A", name=name).values
        return value.removeprefix("A ")

    def fetch(self, name: str, origin: TlsOrigin, address: str) -> str:
        """Fetch a page from the gateway at an address; return what went wrong, too."""
        got = subprocess.run(
            [
                *(program("curl"), "--silent", "--show-error", "--max-time", "10"),
                *("--cacert", str(origin.ca_file)),
                *("--connect-to", f"::{address}:{self.port}", f"https://{name}/"),
            ],
            capture_output=True,
            text=True,
        )
        return got.stdout + got.stderr


class HttpTests(GatewayTests):
    """Clients that speak plain HTTP."""

    def test_redirected(self) -> None:
        """curl is sent from HTTP to HTTPS, and gets the page there."""
        origin = TlsOrigin(self.stage.folder, (NAME,), self.addCleanup)
        port = free_port()
        more = f'redirect_http = ["{HOST}:{port}"]'
        self.start(self.route(origin.port, more=more))
        got = self.curl(
            *("--location", "--cacert", str(origin.ca_file)),
            *("--connect-to", f"{NAME}:80:{HOST}:{port}"),
            *("--connect-to", f"{NAME}:443:{HOST}:{self.port}"),
            f"http://{NAME}/a?b",
        )
        self.assertEqual(got, BODY.decode())
        self.proxy.process.wait_for(rf"127\.0\.0\.0 {NAME} by HTTP: redirected")

    def test_nothing_else(self) -> None:
        """Other hosts and other words get a status, and no way anywhere."""
        port = free_port()
        self.start(self.route(1, more=f'redirect_http = ["{HOST}:{port}"]'))
        place = ("--connect-to", f"::{HOST}:{port}", "--write-out", "%{http_code}")
        self.assertEqual(self.curl(*place, "http://other.example/"), "404")
        self.assertEqual(self.curl(*place, "http://192.0.2.1/"), "400")
        strange = ("-H", "Host: a b", "http://www.origin.example/")
        self.assertEqual(self.curl(*place, *strange), "400")
        self.port = port
        client = self.connect()
        client.sendall(stream(server_name(NAME.encode())))
        self.assertEqual(self.rest(client).partition(b"\r\n")[0], BAD_REQUEST)

    def curl(self, *words: str) -> str:
        """Return what curl says, on either channel."""
        flags = ("--silent", "--show-error", "--max-time", "10")
        got = subprocess.run(
            [program("curl"), *flags, *words], capture_output=True, text=True
        )
        return got.stdout + got.stderr


class PlainTests(GatewayTests):
    """What needs no TLS behind the hello: the relay cannot tell."""

    def hello(self) -> bytes:
        return stream(server_name(NAME.encode()))

    def test_half_closed(self) -> None:
        """A client may close its side, and still gets what the origin has to say."""
        heard = bytearray()

        def talk(client: socket.socket) -> None:
            while data := client.recv(65536):
                heard.extend(data)
            client.sendall(b"so much: %d" % len(heard))

        self.start(self.route(serve(talk, self.addCleanup).getsockname()[1]))
        client = self.connect()
        client.sendall(self.hello() + bytes(1_000_000))
        # The hello must have an origin first: to leave before is to leave.
        time.sleep(0.2)
        client.shutdown(socket.SHUT_WR)
        size = len(self.hello()) + 1_000_000
        self.assertEqual(self.rest(client), b"so much: %d" % size)

    def test_reset(self) -> None:
        """Where the origin breaks off, the client sees no proper end."""

        def talk(client: socket.socket) -> None:
            client.recv(65536)
            linger = b"\1\0\0\0\0\0\0\0"
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

        self.start(self.route(serve(talk, self.addCleanup).getsockname()[1]))
        client = self.connect()
        client.sendall(self.hello())
        with self.assertRaises(ConnectionResetError):
            client.recv(1)

    def test_origin_refuses(self) -> None:
        """Where there is no origin, the client's connection is closed."""
        proxy = self.start(self.route(free_port()))
        client = self.connect()
        client.sendall(self.hello())
        self.assertEqual(self.rest(client), b"")
        proxy.process.wait_for("unreachable .*refused")

    def test_strangers(self) -> None:
        """Who speaks no TLS gets nothing, and the connection is closed."""
        self.start(self.route(free_port()))
        for octets in (b"GET / HTTP/1.1\r\n\r\n", b"\x80\x2e\1\3\1", bytes(99)):
            client = self.connect()
            client.sendall(octets)
            self.assertEqual(self.rest(client), b"", octets)

    def test_slow(self) -> None:
        """A hello must be there in time, however busily it trickles in."""
        self.start(self.route(free_port(), more="hello_timeout = 1"))
        client = self.connect()
        began = time.monotonic()
        try:
            for octet in self.hello():
                client.sendall(bytes((octet,)))
                time.sleep(0.1)
        except OSError:
            pass
        self.assertLess(time.monotonic() - began, 5)
        self.proxy.process.wait_for("slow_hello")

    def test_crowd(self) -> None:
        """Many who say nothing keep nobody out but themselves, and are let go."""
        more = "hello_timeout = 1\nmax_per_client = 300\nnew_per_second = 100000"
        self.start(self.route(free_port(), more=more))
        crowd = [self.connect() for _ in range(400)]
        for client in crowd[:300:50]:
            client.settimeout(5)
            self.assertEqual(self.rest(client), b"")
        for client in crowd:
            client.close()
        process = self.proxy.process
        self.assertTrue(eventually(lambda: process.output.count("slow_hello") == 300))

    def test_turned_away(self) -> None:
        """A flood of clients that are not let in is one line in the log."""
        self.start(self.route(free_port(), more='allow = ["192.0.2.1"]'))
        for _ in range(50):
            self.assertEqual(self.rest(self.connect()), b"")
        process = self.proxy.process
        process.wait_for(r"127\.0\.0\.0 is turned away: denied")
        process.stop()
        self.assertEqual(process.output.count("is turned away"), 1)
        self.assertRegex(process.output, "turned away .*: 49 denied")

    def test_stopped(self) -> None:
        """At the end a relay may go on for a while, and is broken then."""

        def talk(client: socket.socket) -> None:
            client.recv(65536)
            while True:
                client.sendall(b"tick")
                time.sleep(0.05)

        port = serve(talk, self.addCleanup).getsockname()[1]
        proxy = self.start(self.route(port, more="drain_timeout = 1"))
        client = self.connect()
        client.sendall(self.hello())
        self.assertEqual(client.recv(4), b"tick")
        began = time.monotonic()
        stopping = threading.Thread(target=proxy.process.stop)
        stopping.start()
        with self.assertRaises(ConnectionResetError):
            while client.recv(4):
                pass
        self.assertGreater(time.monotonic() - began, 0.9)
        stopping.join()
        self.assertRegex(proxy.process.output, f"{NAME} to .*: stopped, ")

    def test_large(self) -> None:
        """A slow client of a fast origin takes no memory, and gets every octet."""
        piece = bytes(range(256)) * 256
        digest = hashlib.sha256()
        for _ in range(LARGE // len(piece)):
            digest.update(piece)

        def talk(client: socket.socket) -> None:
            client.recv(65536)
            for _ in range(LARGE // len(piece)):
                client.sendall(piece)

        self.start(self.route(serve(talk, self.addCleanup).getsockname()[1]))
        client = self.connect()
        before = self.memory()
        client.sendall(self.hello())
        # The origin fills whatever there is to be filled.
        time.sleep(0.5)
        stalled = self.memory()
        heard = hashlib.sha256()
        while data := client.recv(2**20):
            heard.update(data)
        self.assertEqual(heard.hexdigest(), digest.hexdigest())
        self.assertLess(max(stalled, self.memory()) - before, 8 * 2**20)

    def memory(self) -> int:
        """Return how many octets the proxy had at most so far."""
        status = Path(f"/proc/{self.proxy.process.pid}/status").read_text()
        (line,) = [each for each in status.splitlines() if each.startswith("VmHWM")]
        return int(line.split()[1]) * 1024


def _shaken(tls: ssl.SSLObject) -> bool:
    """Whether the handshake is complete."""
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True
