"""Datagrams a batch at a time: recvmmsg and sendmmsg of Linux, by way of ctypes.

A system call for each datagram is most of the work of a hit.  Python knows no other,
so the structures of the C library are laid out here by hand, once: pointers never
change afterwards, only lengths do.  Addresses stay the octets that they are.
"""

import ctypes
import errno
import socket
import sys
from collections.abc import Callable, Iterable
from itertools import islice
from struct import Struct

from dotproxy.server.datagrams import (
    ANY_INTERFACE,
    BATCH,
    IP_ASKED,
    IPV6_ASKED,
    LARGEST,
    Client,
    Late,
    own_address,
)
from dotproxy.wire.edns import UDP_PAYLOAD

NAME, CONTROL, REPLY = 32, 64, UDP_PAYLOAD
"""Octets of room for an address, for ancillary data, and for a reply."""

_IOVEC = Struct("@PN")
_HEADER = Struct("@PIPNPNi0PI0P")
"""struct mmsghdr: name, its length, iovec, how many, control, its length, flags, and
the length of the message."""
_CONTROL = Struct("@Nii")
"""struct cmsghdr: its length, level and type."""

_PORT = Struct("!2xH")
"""The beginning of struct sockaddr_in and sockaddr_in6: family, and the port."""
_IP_HOST, _IPV6_HOST = slice(4, 8), slice(8, 24)
"""Where the address stands in them."""

_LENGTH = Struct("@N")
_LENGTHS = Struct("@" + "56xI4x" * BATCH)
"""The length of each message, out of all headers at once."""


class Batch:
    """The same as `Datagrams`, in fewer system calls.

    What `reply` is given leaves with the next `flush`.
    """

    def __init__(self, bound: socket.socket) -> None:
        self._fd = bound.fileno()
        self.unsent = 0
        """Replies that the system refused to send."""
        self._own = own_address(bound)
        self._ipv6 = bound.family == socket.AF_INET6
        self._recvmmsg, self._sendmmsg = _system_calls()
        self._received = memoryview(bytearray(BATCH * LARGEST))
        self._replies = memoryview(bytearray(BATCH * REPLY))
        self._names = memoryview(bytearray(BATCH * NAME))
        self._controls = memoryview(bytearray(BATCH * CONTROL))
        self._vectors = memoryview(bytearray(2 * BATCH * _IOVEC.size))
        self._incoming = memoryview(bytearray(BATCH * _HEADER.size))
        self._outgoing = memoryview(bytearray(BATCH * _HEADER.size))
        self._control_size = _control_size(bound)
        host = _IPV6_HOST if self._ipv6 else _IP_HOST
        names = (self._names[place * NAME :] for place in range(BATCH))
        self._hosts = [name[host] for name in names]
        self._templates = [self._lay_out(place) for place in range(BATCH)]
        self._in, self._out = _pointer(self._incoming), _pointer(self._outgoing)
        self._staged = 0

    def receive(self) -> list[bytes]:
        """Return what has come, at most a batch."""
        count = self._recvmmsg(self._fd, self._in, BATCH, 0, None)
        if count <= 0:
            # Nothing is there, or a client's machine refused an earlier reply.
            return []
        lengths = _LENGTHS.unpack_from(self._incoming)
        received = self._received
        return [
            bytes(received[place * LARGEST : place * LARGEST + lengths[place]])
            for place in range(count)
        ]

    def client(self, place: int) -> Client:
        """Return who sent the message at this place, as the system wrote it down."""
        name, control = place * NAME, place * CONTROL
        return Client(
            bytes(self._names[name : name + NAME]),
            bytes(self._controls[control : control + self._control_size]),
        )

    def source(self, place: int) -> bytes:
        """Return the octets of the address that the message at this place came from."""
        return bytes(self._hosts[place])

    def host(self, client: Client) -> bytes:
        """Return the octets of a client's address."""
        octets: bytes = client.address[_IPV6_HOST if self._ipv6 else _IP_HOST]
        return octets

    def answerable(self, place: int) -> bool:
        """Whether a reply may go there: not to port 0, nor to this very socket."""
        (port,) = _PORT.unpack_from(self._names, place * NAME)
        if port != self._own.port:
            return bool(port)
        address, control = self.client(place)
        asked = control[_CONTROL.size :][IPV6_ASKED if self._ipv6 else IP_ASKED]
        host = address[_IPV6_HOST if self._ipv6 else _IP_HOST]
        return not self._own.is_source(host, asked)

    def reply(self, place: int, message: bytes) -> None:
        """Answer the message at this place of the last batch, at the next flush."""
        at, size = place * REPLY, len(message)
        if size > REPLY:
            # None is so long; and if it were, it must not take another's room.
            self.unsent += 1
            return
        self._replies[at : at + size] = message
        _LENGTH.pack_into(self._vectors, (2 * place + 1) * _IOVEC.size + 8, size)
        start = self._staged * _HEADER.size
        self._outgoing[start : start + _HEADER.size] = self._templates[place]
        self._staged += 1
        if self._control_size and not self._ipv6:
            data = place * CONTROL + _CONTROL.size
            self._controls[data : data + 4] = ANY_INTERFACE

    def flush(self) -> None:
        """Send what was staged; one that is refused does not hold up the others."""
        first, staged = 0, self._staged
        self._staged = 0
        while first < staged:
            header = self._out + first * _HEADER.size
            sent = self._sendmmsg(self._fd, header, staged - first, 0)
            if sent < 0:
                self.unsent += 1
            first += max(sent, 1)

    def send(self, late: Iterable[Late]) -> None:
        """Send replies that are late; not in the middle of a batch."""
        waiting = iter(late)
        while batch := list(islice(waiting, BATCH)):
            for place, (message, client) in enumerate(batch):
                name, control = place * NAME, place * CONTROL
                self._names[name : name + NAME] = client.address
                self._controls[control : control + self._control_size] = client.asked
                self.reply(place, message)
            self.flush()

    def _lay_out(self, place: int) -> bytes:
        """Set the pointers of one message; return its header for sending."""
        incoming, outgoing = (2 * place) * _IOVEC.size, (2 * place + 1) * _IOVEC.size
        received = _pointer(self._received) + place * LARGEST
        _IOVEC.pack_into(self._vectors, incoming, received, LARGEST)
        _IOVEC.pack_into(
            self._vectors, outgoing, _pointer(self._replies) + place * REPLY, 0
        )
        name = _pointer(self._names) + place * NAME, 28 if self._ipv6 else 16
        control = _pointer(self._controls) + place * CONTROL, self._control_size
        vectors = _pointer(self._vectors)
        header = (*name, vectors + incoming, 1, *control, 0, 0)
        _HEADER.pack_into(self._incoming, place * _HEADER.size, *header)
        return _HEADER.pack(*name, vectors + outgoing, 1, *control, 0, 0)


def can_batch(bound: socket.socket) -> bool:
    """Whether this system has the calls, and lays its structures out as here.

    A filter of system calls may forbid them, so one is tried: it must find nothing.
    """
    if sys.platform != "linux" or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    try:
        receive, _ = _system_calls()
    except AttributeError:
        return False
    nothing = receive(bound.fileno(), None, 0, socket.MSG_DONTWAIT, None)
    return nothing == 0 or ctypes.get_errno() == errno.EAGAIN


def _system_calls() -> tuple[Callable[..., int], Callable[..., int]]:
    """Return recvmmsg and sendmmsg, which take whole pointers and not C's int."""
    library = ctypes.CDLL(None, use_errno=True)
    pointer, number = ctypes.c_void_p, ctypes.c_int
    library.recvmmsg.argtypes = (number, pointer, ctypes.c_uint, number, pointer)
    library.sendmmsg.argtypes = (number, pointer, ctypes.c_uint, number)
    return library.recvmmsg, library.sendmmsg


def _pointer(memory: memoryview) -> int:
    """Return where this memory lies; the caller keeps it alive, and its size."""
    return ctypes.addressof((ctypes.c_char * len(memory)).from_buffer(memory))


def _control_size(bound: socket.socket) -> int:
    """Return the octets that tell which address was asked; 0 if there is just one."""
    host = bound.getsockname()[0]
    sizes = {"0.0.0.0": socket.CMSG_SPACE(12), "::": socket.CMSG_SPACE(20)}
    return sizes.get(host, 0)
