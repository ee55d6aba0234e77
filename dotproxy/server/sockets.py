"""The sockets that clients reach, bound before anything else is begun.

A fault shows while the one who started the program still looks, and before a
daemon leaves for the background; whoever binds port 53 may drop its rights after.
"""

import errno
import socket
import sys
from contextlib import suppress
from typing import NamedTuple

from dotproxy.config.setting import ConfigError
from dotproxy.config.spelling import joined

BACKLOG = 1024
"""Connections that the system keeps while nobody accepts them.  When it is full, who
comes waits for a second."""

RECEIVE_BUFFER = 2**20
"""Octets of queries that the system keeps for us, if it allows: some 1,300 of them,
for the milliseconds in which other work is done."""

STREAM_BUFFER = 64 * 1024
"""Octets that the system keeps in either direction for one TCP client.  By itself it
would let them grow to megabytes for whoever does not read; this holds any answer."""

IP_PKTINFO = 8 if sys.platform == "linux" else 26
"""The option's number, which Python does not name before 3.14 (in.h)."""

TRIES = 16
"""Times to look for a port that is free for UDP and for TCP."""

MISSING_FAMILY = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""How a system says that it has no such address: say, no IPv6."""


class ListenError(ConfigError):
    """An address cannot be listened on.

    `absent` says that this machine has no such address at all, `taken` that somebody
    has it already.
    """

    def __init__(self, where: str, fault: OSError) -> None:
        super().__init__(f"listen {where}:", _advice(fault), ("listen",))
        self.absent = fault.errno in MISSING_FAMILY
        self.taken = fault.errno == errno.EADDRINUSE


class Sockets(NamedTuple):
    """UDP and TCP on the same address and port, both bound, TCP listening."""

    udp: socket.socket
    tcp: socket.socket

    @property
    def address(self) -> str:
        """The address and port in use, as people write them."""
        host, port = self.udp.getsockname()[:2]
        return joined(host, port)

    def close(self) -> None:
        """Give both back."""
        self.udp.close()
        self.tcp.close()


def bind(host: str, port: int) -> Sockets:
    """Bind both sockets on an IP address, or neither and raise ListenError.

    Port 0 takes one that is free for both.  An IPv6 socket takes no IPv4 clients, so
    each address means just what it says.
    """
    for _ in range(0 if port else TRIES):
        with suppress(ListenError):
            return _bind(host, port)
    return _bind(host, port)


def prepare(made: socket.socket, host: str) -> None:
    """Set the options of a socket for `host`, made by us or by somebody else.

    What is larger than we need stays as it is.
    """
    if made.type == socket.SOCK_STREAM:
        # Those that are accepted have it from here.
        for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            made.setsockopt(socket.SOL_SOCKET, buffer, STREAM_BUFFER)
    else:
        if made.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < RECEIVE_BUFFER:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        _tell_which_address(made, host)
    made.setblocking(False)


def bind_stream(host: str, port: int) -> socket.socket:
    """Bind and listen for TCP alone, or raise ListenError.

    The system lets the buffers of its connections grow as they need.
    """
    return _bound(socket.SOCK_STREAM, host, port)


def _bind(host: str, port: int) -> Sockets:
    udp = _bound(socket.SOCK_DGRAM, host, port)
    try:
        tcp = _bound(socket.SOCK_STREAM, host, udp.getsockname()[1])
    except ListenError:
        udp.close()
        raise
    prepare(tcp, host)
    return Sockets(udp, tcp)


def _bound(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    stream = kind == socket.SOCK_STREAM
    try:
        made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
        try:
            if made.family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if stream:
                # A restart must not wait for the connections of the last run.
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            else:
                prepare(made, host)
            made.setblocking(False)
            made.bind((host, port))
            if stream:
                made.listen(BACKLOG)
        except OSError:
            made.close()
            raise
    except OSError as fault:
        where = f"{joined(host, port)} ({'TCP' if stream else 'UDP'})"
        raise ListenError(where, fault) from None
    return made


def _tell_which_address(made: socket.socket, host: str) -> None:
    """Have a socket for all addresses say which was asked (RFC 3542, ip(7))."""
    if host == "0.0.0.0":
        made.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    elif host == "::":
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)


def _advice(fault: OSError) -> str:
    advice = {
        errno.EADDRINUSE: "already in use: stop the other program or take another port",
        errno.EACCES: "not allowed: ports below 1024 need root or CAP_NET_BIND_SERVICE",
        errno.EADDRNOTAVAIL: "this machine has no such address",
        errno.EAFNOSUPPORT: "this machine has no such address family",
    }
    return advice.get(fault.errno or 0, fault.strerror or str(fault))
