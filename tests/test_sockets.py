"""The sockets that clients reach."""

import errno
import socket
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from dotproxy.server.sockets import ListenError, Sockets, bind
from tests.functional.processes import free_port

LOOPBACK = "127.0.0.1"


class SocketsTests(SynchronousTestCase):
    def bound(self, host: str = LOOPBACK, port: int = 0) -> Sockets:
        sockets = bind(host, port)
        self.addCleanup(sockets.close)
        return sockets

    def bound_ipv6(self) -> Sockets:
        """Bind all IPv6 addresses: these could be had for IPv4 clients, too."""
        try:
            return self.bound("::")
        except ListenError as fault:
            if fault.absent:
                raise SkipTest("this machine has no IPv6") from None
            raise

    def fault(self, host: str, port: int) -> ListenError:
        with self.assertRaises(ListenError) as caught:
            bind(host, port)
        return caught.exception

    def taken(self, kind: socket.SocketKind) -> int:
        """Take a port for UDP or TCP and return it."""
        other = socket.socket(socket.AF_INET, kind)
        self.addCleanup(other.close)
        other.bind((LOOPBACK, 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        port: int = other.getsockname()[1]
        return port

    def test_both(self) -> None:
        """UDP and TCP have the same address and port."""
        sockets = self.bound()
        host, port = sockets.udp.getsockname()
        assert (host, port) == sockets.tcp.getsockname()
        assert host == LOOPBACK
        assert port
        assert sockets.address == f"127.0.0.1:{port}"

    def test_ready(self) -> None:
        """TCP clients are let in, datagrams are kept, and neither socket blocks."""
        sockets = self.bound()
        where = sockets.udp.getsockname()
        with socket.create_connection(where, 5):
            sockets.tcp.accept()[0].close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"hello", where)
        assert sockets.udp.recv(9) == b"hello"
        self.assertRaises(BlockingIOError, sockets.udp.recv, 9)
        self.assertRaises(BlockingIOError, sockets.tcp.accept)

    def test_ipv6(self) -> None:
        """An IPv6 address is written in brackets and takes IPv6 clients only."""
        sockets = self.bound_ipv6()
        port = sockets.udp.getsockname()[1]
        assert sockets.address == f"[::]:{port}"
        for each in sockets:
            assert each.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1

    def test_side_by_side(self) -> None:
        """Both families may have the same port, each its own sockets."""
        self.bound_ipv6()
        port = free_port()
        assert self.bound("::", port).address == f"[::]:{port}"
        assert self.bound(LOOPBACK, port).address == f"127.0.0.1:{port}"

    def test_restart(self) -> None:
        """Connections of the last run do not keep a new one from its port."""
        sockets = bind(LOOPBACK, 0)
        where = sockets.tcp.getsockname()
        with socket.create_connection(where, 5) as client:
            # Who closes first remembers the connection for a minute (TIME_WAIT).
            sockets.tcp.accept()[0].close()
            assert client.recv(1) == b""
        sockets.close()
        assert self.bound(*where).tcp.getsockname() == where

    def test_udp_taken(self) -> None:
        """A port that another has for UDP is a fault that says so."""
        port = self.taken(socket.SOCK_DGRAM)
        fault = self.fault(LOOPBACK, port)
        assert str(fault) == (
            f"listen 127.0.0.1:{port} (UDP): already in use:"
            " stop the other program or take another port"
        )
        assert not fault.absent

    def test_twice(self) -> None:
        """Two of us cannot have the same port, not even for UDP."""
        sockets = self.bound()
        fault = self.fault(*sockets.udp.getsockname())
        assert f"listen {sockets.address} (UDP): already in use" in str(fault)

    def test_tcp_taken(self) -> None:
        """If TCP cannot be had, UDP is given back."""
        port = self.taken(socket.SOCK_STREAM)
        assert f"127.0.0.1:{port} (TCP): already in use" in str(
            self.fault(LOOPBACK, port)
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((LOOPBACK, port))

    def test_free_for_both(self) -> None:
        """A free port is free for UDP and TCP: one that is not is passed over."""
        ours = {self.taken(socket.SOCK_STREAM)}

        class Unlucky(socket.socket):
            """A socket for which the system first chooses a port that TCP has not."""

            def bind(self, where: tuple[str, int]) -> None:
                if self.type == socket.SOCK_DGRAM and not where[1] and ours:
                    where = (where[0], ours.pop())
                super().bind(where)

        self.patch(socket, "socket", Unlucky)
        sockets = self.bound()
        assert sockets.udp.getsockname() == sockets.tcp.getsockname()
        assert not ours

    def test_no_such_address(self) -> None:
        """An address of another machine is absent here (RFC 5737: 192.0.2.1)."""
        fault = self.fault("192.0.2.1", 0)
        assert (
            str(fault) == "listen 192.0.2.1:0 (UDP): this machine has no such address"
        )
        assert fault.absent

    def test_no_such_family(self) -> None:
        """A machine without IPv6 has none of its addresses."""

        def without_ipv6(family: int, kind: int) -> socket.socket:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported")

        self.patch(socket, "socket", without_ipv6)
        fault = self.fault("::1", 53)
        assert str(fault) == (
            "listen [::1]:53 (UDP): this machine has no such address family"
        )
        assert fault.absent


class AdviceTests(SynchronousTestCase):
    def advice(self, fault: OSError) -> str:
        return str(ListenError("127.0.0.1:53 (UDP)", fault))

    def test_rights(self) -> None:
        """Who may not use a port hears what it takes."""
        assert self.advice(PermissionError(errno.EACCES, "Permission denied")) == (
            "listen 127.0.0.1:53 (UDP): not allowed:"
            " ports below 1024 need root or CAP_NET_BIND_SERVICE"
        )

    def test_rare_faults(self) -> None:
        """Other faults are told in the system's words, or in Python's."""
        rare = OSError(errno.ENOBUFS, "No buffer space available")
        assert self.advice(rare) == (
            "listen 127.0.0.1:53 (UDP): No buffer space available"
        )
        assert self.advice(OSError("odd")) == "listen 127.0.0.1:53 (UDP): odd"
