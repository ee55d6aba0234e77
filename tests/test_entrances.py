"""Where clients come in, and where they do instead."""

import select
import socket
from collections.abc import Callable
from errno import EMFILE
from functools import partial
from typing import Any

from msgspec.structs import replace
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from dotproxy.config.gateway import Gateway
from dotproxy.config.model import Config
from dotproxy.config.setting import ConfigError
from dotproxy.config.spelling import joined
from dotproxy.config.toml_file import DEFAULT
from dotproxy.gateway.counts import Counts
from dotproxy.gateway.create import Surroundings
from dotproxy.gateway.entrances import Entrances, Spot, spots
from dotproxy.gateway.traffic import Traffic
from dotproxy.local.redirects import Redirects
from dotproxy.server.sockets import bind_stream
from tests.hellos import server_name, stream
from tests.redirects import redirect, rules_of

HOST = "127.0.0.2"
NAME = "www.example.org"
HELLO = stream(server_name(NAME.encode()))
REQUEST = b"GET /a HTTP/1.1\r\nHost: %s\r\n\r\n" % NAME.encode()


class SpotTests(TestCase):
    def test_meets(self) -> None:
        """Only one of two can be had that are one address, or where one is all."""
        spot = Spot("127.0.0.1", 443, plain=False)
        for host in ("127.0.0.1", "0.0.0.0"):
            other = Spot(host, 443, plain=True)
            assert spot.meets(other)
            assert other.meets(spot)
        for host, port in (("127.0.0.2", 443), ("127.0.0.1", 80), ("::", 443)):
            assert not spot.meets(Spot(host, port, plain=False))
        free = Spot("127.0.0.1", 0, plain=False)
        assert not free.meets(free)


class EntrancesTests(TestCase):
    """Real sockets, an origin that never says anything."""

    timeout = 10

    def setUp(self) -> None:
        self.origin = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.origin.close)
        self.origin.setblocking(False)
        backend = joined(*self.origin.getsockname())
        self.table = Redirects(rules_of(redirect(NAME, backend=backend)))
        self.created = 0
        self.entrances = Entrances(bind_stream, self.create, reactor)
        self.entrances.startService()
        self.addCleanup(self.entrances.stopService)

    def create(self, counts: Counts) -> Traffic:
        self.created += 1
        resolve: Any = Deferred
        others = Surroundings(self.table, resolve, lambda _: 100, counts)
        return Traffic(DEFAULT, others, reactor)

    def serve(self, *listen: str, **settings: Any) -> None:
        config = configured(*listen, **settings)
        self.entrances.serve(config, self.entrances.bind(config))

    def places(self) -> list[tuple[str, int]]:
        found = (each.rpartition(":") for each in self.entrances.addresses)
        return [(host, int(port)) for host, _, port in found]

    def connect(self, place: tuple[str, int]) -> socket.socket:
        client = socket.create_connection(place, timeout=5)
        self.addCleanup(client.close)
        client.setblocking(False)
        return client

    async def heard(self, client: socket.socket) -> bytes:
        """Return what a client hears until its connection ends."""
        heard = bytearray()

        def ended() -> bool:
            try:
                data = client.recv(65536)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                return True
            heard.extend(data)
            return not data

        await until(ended)
        return bytes(heard)

    async def relayed(self, client: socket.socket) -> socket.socket:
        """Say hello, and return the connection on which the origin has heard it."""
        client.sendall(HELLO)
        await until(partial(readable, self.origin))
        accepted = self.origin.accept()[0]
        self.addCleanup(accepted.close)
        await until(partial(readable, accepted))
        assert accepted.recv(65536) == HELLO
        return accepted

    def test_none(self) -> None:
        """Where there is no address there is no traffic, and nothing to drain."""
        self.serve()
        assert (self.entrances.addresses, self.created) == ([], 0)
        assert self.successResultOf(self.entrances.drain()) is None

    async def test_first(self) -> None:
        """The first address may come later than the start."""
        self.serve()
        self.serve(f"{HOST}:0")
        await self.relayed(self.connect(*self.places()))

    async def test_stays(self) -> None:
        """An address that stays is the same socket, and goes by what is new."""
        self.serve(f"{HOST}:0")
        before = self.places()
        client = self.connect(before[0])
        origin = await self.relayed(client)
        self.serve(f"{HOST}:0", "127.0.0.3:0", allow=("192.0.2.1",))
        assert self.places()[:1] == before
        assert self.created == 1
        for place in self.places():
            assert await self.heard(self.connect(place)) == b""
        assert self.entrances.counts.results == {"denied": 2}
        origin.sendall(b"still here")
        origin.close()
        client.shutdown(socket.SHUT_WR)
        assert await self.heard(client) == b"still here"

    async def test_removed(self) -> None:
        """Nobody comes in any more where it is removed; who did goes on."""
        self.serve(f"{HOST}:0")
        (place,) = self.places()
        client = self.connect(place)
        origin = await self.relayed(client)
        self.serve()
        assert self.entrances.addresses == []
        await deferLater(reactor, 0.001)
        with self.assertRaises(ConnectionRefusedError):
            self.connect(place)
        origin.sendall(b"still here")
        origin.close()
        client.shutdown(socket.SHUT_WR)
        assert await self.heard(client) == b"still here"

    async def test_all_or_nothing(self) -> None:
        """Where one address cannot be had, no other is, and all stays as it was."""
        self.serve(f"{HOST}:0")
        before = self.places()
        bound: list[socket.socket] = []

        def bind(host: str, port: int) -> socket.socket:
            bound.append(bind_stream(host, port))
            return bound[-1]

        self.patch(self.entrances, "_bind", bind)
        taken = joined(*self.origin.getsockname())
        with self.assertRaises(ConfigError):
            self.serve("127.0.0.3:0", taken)
        assert self.places() == before
        assert [each.fileno() for each in bound] == [-1]

    async def test_overlap(self) -> None:
        """An address that overlaps one of ours is told to take two reloads."""
        free = bind_stream(HOST, 0)
        port = free.getsockname()[1]
        free.close()
        self.serve(f"{HOST}:{port}")
        with self.assertRaises(ConfigError) as caught:
            self.serve(f"0.0.0.0:{port}")
        told = str(caught.exception)
        assert told.startswith(f"listen 0.0.0.0:{port} meets {HOST}:{port}, which is")

    def test_no_copies(self) -> None:
        """Where there is no room for the copy of a socket, none is left."""
        bound: list[socket.socket] = []

        class Single(socket.socket):
            def dup(self) -> socket.socket:
                raise OSError(EMFILE, "Too many open files")

        def bind(host: str, port: int) -> socket.socket:
            bound.append(Single())
            return bound[-1]

        entrances = Entrances(bind, self.create, reactor)
        with self.assertRaises(ConfigError) as caught:
            entrances.bind(configured(f"{HOST}:443"))
        assert str(caught.exception) == f"listen {HOST}:443 Too many open files"
        assert bound[0].fileno() == -1

    async def test_plain(self) -> None:
        """Who speaks plain HTTP is sent to HTTPS, within the same limits."""
        self.serve(f"{HOST}:0", redirect_http=("127.0.0.3:0",), max_per_client=1)
        tls, plain = self.places()
        client = self.connect(plain)
        client.sendall(REQUEST)
        heard = await self.heard(client)
        assert heard.startswith(b"HTTP/1.1 301 ")
        assert b"\r\nLocation: https://www.example.org/a\r\n" in heard
        client.close()
        await until(lambda: not self.entrances.counts.open)
        await self.relayed(self.connect(tls))
        assert await self.heard(self.connect(plain)) == b""
        assert self.entrances.counts.results == {"redirected": 1, "too_many": 1}

    async def test_drain(self) -> None:
        """At the end nobody comes in, and who is there is broken off in the end."""
        self.serve(f"{HOST}:0", drain_timeout=0.05)
        client = self.connect(*self.places())
        await self.relayed(client)
        idle = self.connect(*self.places())
        await until(lambda: self.entrances.counts.open == 2)
        drained = self.entrances.drain()
        assert self.entrances.stopService() is drained
        await deferLater(reactor, 0.001)
        with self.assertRaises(ConnectionRefusedError):
            self.connect(*self.places())
        assert await self.heard(idle) == b""
        await drained
        assert await self.heard(client) == b""
        assert self.entrances.counts.results == {"client_gone": 1, "stopped": 1}

    def test_never_started(self) -> None:
        """What was bound and never served is closed at the end."""
        entrances = Entrances(bind_stream, self.create, reactor)
        config = configured(f"{HOST}:0")
        entrances.serve(config, entrances.bind(config))
        host, _, port = entrances.addresses[0].rpartition(":")
        self.successResultOf(entrances.stopService())
        bind_stream(host, int(port)).close()


def readable(one: socket.socket) -> bool:
    return bool(select.select([one], [], [], 0)[0])


async def until(happened: Callable[[], object]) -> None:
    while not happened():
        await deferLater(reactor, 0.001)


def configured(*listen: str, **settings: Any) -> Config:
    return replace(DEFAULT, gateway=Gateway(listen, **settings))


class SpotsTests(TestCase):
    def test_spots(self) -> None:
        """What is configured for TLS and for HTTP is what is served."""
        gateway = Gateway(("127.0.0.1:443",), redirect_http=("[::1]:80",))
        tls, plain = spots(gateway)
        assert (tls, plain) == (("127.0.0.1", 443, False), ("::1", 80, True))
