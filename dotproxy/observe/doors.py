"""Where calls come in: a TCP address, and a UNIX socket that only its owner reaches."""

import os
import socket
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.unix import Port
from twisted.logger import Logger

from dotproxy.config.admin import AUTO, Admin, usual_sockets
from dotproxy.config.setting import ConfigError
from dotproxy.config.spelling import address_and_port, joined

BACKLOG = 16
"""Callers that the system keeps waiting: there are few."""

OWNER_ONLY = 0o600

NO_FILE = b"\0"
"""A name of a UNIX socket that is no file, whose mode Twisted lets alone."""


class Door(Service):
    """Let callers in at a socket that is bound, once there is a site."""

    log = Logger()

    def __init__(self, bound: socket.socket, reactor: Any) -> None:
        self.socket = bound
        self._reactor = reactor
        self._port: IListeningPort | None = None
        self.site: IProtocolFactory

    @property
    def private(self) -> bool:
        """Whether only the owner reaches it."""
        return self.socket.family == socket.AF_UNIX

    @property
    def place(self) -> str:
        """Where it is, as `dotproxy status --admin` takes it."""
        at = self.socket.getsockname()
        return str(at) if self.private else f"http://{joined(*at[:2])}"

    def startService(self) -> None:
        """Let callers in."""
        super().startService()
        self._port = self._adopted()
        self.log.info("status and metrics at {place}", place=self.place)

    def _adopted(self) -> IListeningPort:
        number = self.socket.fileno()
        if not self.private:
            adopt: Callable[..., IListeningPort] = self._reactor.adoptStreamPort
            return adopt(number, self.socket.family, self.site)
        private: Port = Port._fromListeningDescriptor(self._reactor, number, self.site)
        # Twisted would set the mode anew, which only the owner may, and `twistd --uid`
        # has made somebody else of us.
        path, private._bindPath = private._bindPath, NO_FILE
        private.startListening()
        private._bindPath = path
        return private

    def stopService(self) -> Deferred[None]:
        """Let nobody in any more; with that a UNIX socket is removed."""
        super().stopService()
        port, self._port = self._port, None
        if port is None:
            self.close()
            return succeed(None)
        self.socket.close()
        # The folder may be gone before us, as the user's is at the end of a session, or
        # be another's: who comes next takes over what stays.
        stopping = maybeDeferred(port.stopListening)
        return stopping.addErrback(lambda failure: failure.trap(OSError)).addCallback(
            lambda _: None
        )

    def close(self) -> None:
        """Give the socket back, and remove it from the file system."""
        if self.private and self.socket.fileno() >= 0:
            with suppress(OSError):
                os.unlink(self.place)
        self.socket.close()


def bind_doors(
    admin: Admin, environment: Mapping[str, str], reactor: Any
) -> list[Door]:
    """Bind what is configured, or nothing and raise ConfigError.

    The UNIX socket that nobody asked for is done without where there is no place for
    it.
    """
    doors = []
    if admin.listen:
        doors.append(Door(_bound_tcp(admin.listen), reactor))
    try:
        private = _private(admin.socket, environment)
    except OSError as fault:
        for door in doors:
            door.close()
        where = f"admin.socket {admin.socket}"
        rule = f"cannot be had: {fault.strerror or fault}"
        raise ConfigError(where, rule, ("admin", "socket")) from None
    return [*doors, Door(private, reactor)] if private else doors


def _bound_tcp(spelled: str) -> socket.socket:
    host, port = address_and_port(spelled)
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError as fault:
        made.close()
        rule = f"cannot be had: {fault.strerror}; take another address or port"
        raise ConfigError(f"admin {spelled}", rule, ("admin", "listen")) from None
    return made


def _private(path: str, environment: Mapping[str, str]) -> socket.socket | None:
    if path != AUTO:
        return bind_private(path) if path else None
    for usual in usual_sockets(environment):
        with suppress(OSError):
            return bind_private(usual)
    return None


def bind_private(path: str) -> socket.socket:
    """Listen at a path that only its owner may use.  Raises OSError.

    One that was left behind is taken over, one that somebody serves is not.
    """
    _remove_if_dead(path)
    made = socket.socket(socket.AF_UNIX)
    _or_close(made, lambda: made.bind(path))
    # Nobody can connect before it listens.
    _or_close(made, lambda: os.chmod(path, OWNER_ONLY))
    _or_close(made, lambda: made.listen(BACKLOG))
    made.setblocking(False)
    return made


def _or_close(made: socket.socket, step: Callable[[], object]) -> None:
    try:
        step()
    except OSError:
        made.close()
        raise


def _remove_if_dead(path: str) -> None:
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            # What is no socket is somebody's file.
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
