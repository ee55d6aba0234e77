"""The sockets that somebody bound for us."""

import contextlib
import fcntl
import os
import socket
from itertools import count

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.config.model import DEFAULT_LISTEN, Config, ConfigError, Listen
from dotproxy.server.inherited import inherit, listening
from dotproxy.server.listeners import Bound
from dotproxy.server.sockets import IP_PKTINFO, Sockets, bind

LOOPBACK = "127.0.0.1"
CONFIG = Config(DEFAULT_LISTEN, (), lab=True)
DESCRIPTORS = count(300, 10)
"""The first one of each test: a socket that is forgotten closes its own."""


class InheritTests(SynchronousTestCase):
    """The test is the service manager; its descriptors begin beyond those in use."""

    def setUp(self) -> None:
        self.first = self.next = next(DESCRIPTORS)

    def hand_over(self, *handed: socket.socket) -> None:
        """Put sockets where the process looks for them, and close the others."""
        for each in handed:
            fcntl.fcntl(each.fileno(), fcntl.F_DUPFD, self.next)
            self.addCleanup(self.close, self.next)
            self.next += 1
            each.close()

    def close(self, number: int) -> None:
        """Close a descriptor, unless its socket was closed."""
        with contextlib.suppress(OSError):
            os.close(number)

    def plain(self, kind: socket.SocketKind, host: str = LOOPBACK) -> socket.socket:
        made = socket.socket(socket.AF_INET, kind)
        made.bind((host, 0))
        return made

    def inherit(self, *names: str) -> Bound:
        numbers = range(self.first, self.next)
        inherited = inherit(numbers, names or ["dns"] * len(numbers))
        for sockets in inherited.values():
            self.addCleanup(sockets.close)
        return inherited

    def fault(self, *names: str) -> str:
        with self.assertRaises(ConfigError) as caught:
            self.inherit(*names)
        return str(caught.exception)

    def test_pairs(self) -> None:
        """Sockets are found by their addresses, in whatever order they come."""
        one, two = bind(LOOPBACK, 0), bind("127.0.0.2", 0)
        wanted = {Listen(*one.udp.getsockname()), Listen(*two.udp.getsockname())}
        self.hand_over(one.tcp, two.udp, two.tcp, one.udp)
        inherited = self.inherit()
        assert set(inherited) == wanted
        for listen, sockets in inherited.items():
            assert sockets.udp.type == socket.SOCK_DGRAM
            assert sockets.tcp.type == socket.SOCK_STREAM
            for each in sockets:
                assert each.getsockname() == (listen.host, listen.port)

    def test_options(self) -> None:
        """They do not block, go to no child, and say which address was asked."""
        tcp = self.plain(socket.SOCK_STREAM, "0.0.0.0")
        tcp.listen()
        udp = socket.socket(type=socket.SOCK_DGRAM)
        udp.bind(tcp.getsockname())
        self.hand_over(udp, tcp)
        ((listen, sockets),) = self.inherit().items()
        assert listen.host == "0.0.0.0"
        for each in sockets:
            assert not each.getblocking()
            assert not each.get_inheritable()
        assert sockets.udp.getsockopt(socket.IPPROTO_IP, IP_PKTINFO) == 1
        with socket.create_connection((LOOPBACK, listen.port), 5):
            sockets.tcp.accept()[0].close()

    def test_buffer(self) -> None:
        """A buffer that is small grows; a TCP client's stays bounded."""
        bound = bind(LOOPBACK, 0)
        default = socket.socket(type=socket.SOCK_DGRAM)
        self.addCleanup(default.close)
        usual = default.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        bound.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.hand_over(*bound)
        (sockets,) = self.inherit().values()
        size = sockets.udp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        assert size >= usual

    def test_ipv6(self) -> None:
        """All IPv6 addresses are served without IPv4 clients, or it is a fault."""
        made = []
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            made.append(socket.socket(socket.AF_INET6, kind))
            made[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            made[-1].bind(("::", made[0].getsockname()[1]))
        made[1].listen()
        self.hand_over(*made)
        assert "takes IPv4 clients, too: BindIPv6Only=ipv6-only" in self.fault()

    def test_ipv6_only(self) -> None:
        """An IPv6 address is adopted like another."""
        for host in ("::", "::1"):
            self.hand_over(*bind(host, 0))
        assert [listen.host for listen in self.inherit()] == ["::", "::1"]

    def test_none(self) -> None:
        """Where nothing is handed over there is nothing."""
        assert self.inherit() == {}

    def test_names(self) -> None:
        """No name, the unit's or `dns` is served; another one is a fault."""
        self.hand_over(*bind(LOOPBACK, 0))
        fault = self.fault("dns", "http")
        assert fault == ("LISTEN_FDNAMES http is not served: FileDescriptorName=dns is")

    def test_unit_name(self) -> None:
        """The name of the unit stands where nobody gave another."""
        self.hand_over(*bind(LOOPBACK, 0))
        assert len(self.inherit("dotproxy.socket", "unknown")) == 1

    def test_udp_alone(self) -> None:
        """An address needs both: the fault says which line is missing."""
        udp = self.plain(socket.SOCK_DGRAM)
        where = "{}:{}".format(*udp.getsockname())
        self.hand_over(udp)
        assert self.fault() == (
            f"inherited socket: {where} lacks TCP: ListenStream={where}"
        )

    def test_tcp_alone(self) -> None:
        """So it is without UDP."""
        tcp = self.plain(socket.SOCK_STREAM)
        where = "{}:{}".format(*tcp.getsockname())
        tcp.listen()
        self.hand_over(tcp)
        assert f"{where} lacks UDP: ListenDatagram={where}" in self.fault()

    def test_not_listening(self) -> None:
        """A TCP socket must listen; a connection is no such thing."""
        self.hand_over(self.plain(socket.SOCK_STREAM))
        assert "must listen: Accept=no" in self.fault()

    def test_other_family(self) -> None:
        """A socket of another family is none for us."""
        self.hand_over(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        assert f"descriptor {self.first} must be for UDP or TCP" in self.fault()

    def test_no_socket(self) -> None:
        """A descriptor that is not open is a fault."""
        self.next += 1
        assert f"descriptor {self.first} is no socket: " in self.fault()


class ListeningTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.sockets = bind(LOOPBACK, 0)
        self.addCleanup(self.sockets.close)
        self.listen = Listen(*self.sockets.udp.getsockname())
        self.inherited: dict[Listen, Sockets] = {self.listen: self.sockets}

    def test_nothing_inherited(self) -> None:
        """Without inherited sockets all is as configured."""
        assert listening(CONFIG, {}) is CONFIG

    def test_default(self) -> None:
        """Who names no address serves those that are inherited, and no other."""
        assert listening(CONFIG, self.inherited).listen == (self.listen,)

    def test_more(self) -> None:
        """Who names them may name others, too."""
        config = replace(CONFIG, listen=(Listen("::1", 0), self.listen))
        assert listening(config, self.inherited) is config

    def test_less(self) -> None:
        """Who leaves one away hears of it: its clients would wait for nobody."""
        with self.assertRaises(ConfigError) as caught:
            listening(replace(CONFIG, listen=(Listen("::1", 0),)), self.inherited)
        assert str(caught.exception) == (
            f"listen lacks {self.listen}, which the service manager has bound for us:"
            " name it too, or take it out of the socket unit"
        )
