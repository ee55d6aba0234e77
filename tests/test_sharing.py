"""From what is configured of a shared cache to somebody who can be asked."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from twisted.internet.endpoints import HostnameEndpoint, TCP6ClientEndpoint
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.config.caching import Caching
from dotproxy.config.model import DEFAULT_LISTEN, Config, ConfigError, Upstream
from dotproxy.config.shared_cache import Place, Shared
from dotproxy.lab.certificates import Authority
from dotproxy.sharing import (
    CONNECT_TIMEOUT,
    _endpoint,
    connector,
    origins_of,
    secret_of,
    sharing_of,
)
from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.tls import Trust
from dotproxy.wire.resp import command
from tests.fake_redis import Wire

ONE = Upstream(("192.0.2.1",), server_name="one.example")
TWO = Upstream(("192.0.2.2",), server_name="two.example")
HOME = Upstream(("10.0.0.1",), cleartext=True, group="home", port=53)

SECRET = "0123456789abcdef"


def origin(*upstreams: Upstream, group: str = "default", **trust: Any) -> bytes:
    """Return what stands for upstreams that must all show the same."""
    trusts = [Trust(each.server_name, **trust) for each in upstreams]
    return origins_of(upstreams, trusts)[group]


class FilesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.reactor = MemoryReactorClock()

    def file(self, content: bytes) -> str:
        path = self.folder / "file"
        path.write_bytes(content)
        return str(path)

    def fault(self, **settings: str) -> str:
        shared = Shared(**settings)
        with pytest.raises(ConfigError) as caught:
            sharing_of(self.config(shared), [Trust("one.example")], self.reactor)
        return str(caught.value)

    def config(self, shared: Shared) -> Config:
        return Config(DEFAULT_LISTEN, (ONE,), cache=Caching(shared=shared))


class SharingTests(FilesTests):
    def test_none(self) -> None:
        """Who configures no shared cache has none."""
        trusts = [Trust("one.example")]
        assert sharing_of(self.config(Shared()), trusts, self.reactor) is None

    def test_some(self) -> None:
        """One that is configured goes by its place, and nothing is connected yet."""
        shared = Shared(
            url="redis://:it@127.0.0.1", secret_file=self.file(SECRET.encode())
        )
        trusts = [Trust("one.example")]
        sharing = sharing_of(self.config(shared), trusts, self.reactor)
        assert sharing is not None
        assert sharing.store.name == "redis://127.0.0.1:6379/0"
        assert sharing.secret == SECRET.encode()
        assert sharing.origins == {"default": origin(ONE)}
        assert self.reactor.tcpClients == []

    def test_secret(self) -> None:
        """A secret is what stands in its file, but for the end of the line."""
        url = "redis://127.0.0.1"
        file = self.file(f"{SECRET}\n".encode())
        assert secret_of(Shared(url=url, secret_file=file)) == SECRET.encode()
        assert secret_of(Shared(url=url)) == b""

    def test_faults(self) -> None:
        """A file that is no good is one line, which says what to do."""
        url, secure = "redis://127.0.0.1", "rediss://127.0.0.1"
        missing = str(self.folder / "missing")
        for key in ("secret_file", "password_file"):
            said = self.fault(**{"url": url, key: missing})
            assert said == f"{key} {missing} cannot be read: No such file or directory"
        said = self.fault(url=url, secret_file=self.file(b"short"))
        assert "must hold 16 characters or more: try openssl rand" in said
        for content in (b"\n", b"two\nlines", b"\xff\xfe"):
            said = self.fault(url=url, password_file=self.file(content))
            assert "must hold one line of text" in said
        said = self.fault(url=secure, ca_file=self.file(b"-----BEGIN"))
        assert "holds no certificate that can be read" in said


class OriginTests(SynchronousTestCase):
    def test_same(self) -> None:
        """Nodes that ask the same servers share, in whatever order they name them."""
        assert origin(ONE, TWO) == origin(TWO, ONE)
        assert origin(replace(ONE, max_in_flight=7)) == origin(ONE)

    def test_others(self) -> None:
        """Who asks others, or lets them show less, shares nothing with these."""
        origins = [
            origin(ONE),
            origin(TWO),
            origin(ONE, TWO),
            origin(replace(ONE, port=8853)),
            origin(replace(ONE, addresses=("192.0.2.9",))),
            origin(ONE, pins=frozenset({"pin"})),
            origin(ONE, roots=b"roots"),
            origin(ONE, strict=False),
            origin(HOME, group="home"),
            origin(replace(HOME, group="other"), group="other"),
        ]
        assert len(set(origins)) == len(origins)


class ConnectorTests(FilesTests):
    def test_login(self) -> None:
        """The password comes from the URL or from its file."""
        for shared in (
            Shared(url="redis://node:it@127.0.0.1:7000"),
            Shared(url="redis://node@127.0.0.1:7000", password_file=self.file(b"it\n")),
        ):
            connecting = connector(shared, self.reactor)()
            host, port, factory, *_ = self.reactor.tcpClients.pop()
            assert (host, port) == ("127.0.0.1", 7000)
            wire = Wire()
            protocol = factory.buildProtocol(None)
            protocol.makeConnection(wire)
            assert wire.value() == command(b"AUTH", b"node", b"it")
            protocol.dataReceived(b"+OK\r\n+PONG\r\n")
            self.successResultOf(connecting).abort()

    def test_over_tls(self) -> None:
        """Over TLS nothing leaves in clear."""
        roots = Authority.create("authority", datetime.now(UTC)).pem
        shared = Shared(url="rediss://:it@127.0.0.1", ca_file=self.file(roots))
        connector(shared, self.reactor)()
        wire = Wire()
        self.reactor.tcpClients[0][2].buildProtocol(None).makeConnection(wire)
        assert wire.value()[:3] == b"\x16\x03\x01"
        assert b"AUTH" not in wire.value()

    def test_silent(self) -> None:
        """A server that is silent is given up."""
        connecting = connector(Shared(url="redis://127.0.0.1"), self.reactor)()
        self.reactor.advance(CONNECT_TIMEOUT)
        failure = self.failureResultOf(connecting, UpstreamError)
        assert failure.getErrorMessage() == "no connection within 3 s"

    def test_endpoints(self) -> None:
        """Names are looked up, addresses are not."""
        named = _endpoint(Place("cache.example.net", 6379), self.reactor)
        assert isinstance(named, HostnameEndpoint)
        address = _endpoint(Place("fd00::1", 6379), self.reactor)
        assert isinstance(address, TCP6ClientEndpoint)
