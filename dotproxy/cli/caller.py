"""How the command reaches a proxy that runs: HTTP over its socket, or its address."""

import os
from collections.abc import Callable, Mapping
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import urlencode, urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import (
    URI,
    Agent,
    FileBodyProducer,
    ResponseFailed,
    ResponseNeverReceived,
    readBody,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IResponse
from zope.interface import implementer

from dotproxy.config.admin import usual_sockets

PATIENCE = 15.0
"""Seconds until there is an answer: long lists take some to be read."""

METRICS_PORT = 9153

TOKEN = "DOTPROXY_TOKEN"
"""The environment variable with the token: others see what a command is given."""


BROKEN_OFF = DeferredTimeoutError, ResponseNeverReceived, ResponseFailed
"""Why there is no answer, or half of one."""


class CallError(Exception):
    """It could not be asked, or refused: one line says why."""


class Shown(Protocol):
    """Show what comes; `done` fires when that is all, and is given up by cancelling."""

    def __init__(self, show: Callable[[bytes], object]) -> None:
        self._show = show
        self.done: Deferred[None] = Deferred(lambda _: self._leave())

    def dataReceived(self, data: bytes) -> None:
        """Show it; what cannot be shown is the end."""
        try:
            self._show(data)
        except OSError:
            done, self.done = self.done, Deferred()
            done.errback(Failure())
            self._leave()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Take note that this was all, however it ended."""
        if not self.done.called:
            self.done.callback(None)

    def _leave(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()


@implementer(IAgentEndpointFactory)
class Place:
    """Where a proxy listens: the path of a socket, or http://HOST:PORT."""

    def __init__(self, spelled: str, reactor: Any) -> None:
        self.spelled = spelled
        self._reactor = reactor

    @property
    def is_path(self) -> bool:
        """Whether it is the path of a socket."""
        return not self.spelled.startswith("http://")

    @property
    def base(self) -> str:
        """What URLs begin with."""
        return "http://localhost" if self.is_path else self.spelled.rstrip("/")

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """Return how to connect."""
        if self.is_path:
            return UNIXClientEndpoint(self._reactor, self.spelled)
        return HostnameEndpoint(self._reactor, uri.host, uri.port)


class Caller:
    """Ask a proxy one thing after another."""

    def __init__(self, place: Place, reactor: Any, token: str = "") -> None:
        self._place = place
        self._reactor = reactor
        self._token = token

    async def get(self, path: str, **words: str) -> bytes:
        """Return what it says.  Raises CallError."""
        query = f"?{urlencode(words)}" if words else ""
        return await self._call(b"GET", f"/{path}{query}", b"")

    async def post(self, path: str, **words: str) -> bytes:
        """Let it do something, and return what it says.  Raises CallError."""
        return await self._call(b"POST", f"/{path}", urlencode(words).encode())

    async def follow(
        self, path: str, words: Mapping[str, str], show: Callable[[bytes], object]
    ) -> None:
        """Show what it says, for as long as it speaks.  Raises CallError."""
        response = await self._ask(b"GET", f"/{path}?{urlencode(words)}", b"")
        if response.code != HTTPStatus.OK:
            raise await self._refused(response)
        shown = Shown(show)
        response.deliverBody(shown)
        await shown.done

    async def _call(self, method: bytes, path: str, form: bytes) -> bytes:
        response = await self._ask(method, path, form)
        if response.code != HTTPStatus.OK:
            raise await self._refused(response)
        return await self._body(response)

    async def _refused(self, response: IResponse) -> CallError:
        body = await self._body(response)
        return CallError(body.decode(errors="replace").strip()[:400])

    async def _body(self, response: IResponse) -> bytes:
        try:
            return await readBody(response).addTimeout(PATIENCE, self._reactor)
        except BROKEN_OFF:
            raise self._odd() from None

    def _odd(self) -> CallError:
        return CallError(f"{self._place.spelled} does not answer as a proxy does")

    async def _ask(self, method: bytes, path: str, form: bytes) -> IResponse:
        agent = Agent.usingEndpointFactory(self._reactor, self._place)
        headers = Headers({"Content-Type": ["application/x-www-form-urlencoded"]})
        if self._token:
            headers.addRawHeader("Authorization", f"Bearer {self._token}")
        url = (self._place.base + path).encode()
        try:
            asking = agent.request(method, url, headers, _producer(form))
            begun: IResponse = await asking.addTimeout(PATIENCE, self._reactor)
            return begun
        except (ConnectError, ConnectionClosed, OSError) as fault:
            reason = f"nobody answers at {self._place.spelled}: {fault}"
            raise CallError(" ".join(reason.split())) from None
        except BROKEN_OFF:
            raise self._odd() from None


def caller(admin: str, environment: Mapping[str, str], reactor: Any) -> Caller:
    """Return who asks the proxy at `admin`, or at the usual socket if that is "".

    Raises CallError if there is none.
    """
    spelled = admin or next(filter(os.path.exists, usual_sockets(environment)), "")
    if not spelled:
        tried = " or ".join(usual_sockets(environment))
        raise CallError(f"no proxy listens at {tried}: start one, or give --admin")
    return Caller(Place(spelled, reactor), reactor, environment.get(TOKEN, ""))


def admin_place(text: str) -> str:
    """Read --admin: http://HOST:PORT, HOST:PORT or the path of a socket.

    Raises ValueError.
    """
    if text.startswith(("/", "./", "../")):
        return os.path.abspath(text)
    url = text if "://" in text else f"http://{text}"
    parts = urlsplit(url)
    try:
        port = parts.port or METRICS_PORT
    except ValueError:
        port = 0
    bare = parts.scheme == "http" and parts.path in ("", "/")
    if not (bare and parts.hostname and port):
        raise ValueError(
            f"must be http://HOST:PORT such as http://127.0.0.1:{METRICS_PORT}, or the"
            " path of a socket"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"http://{host}:{port}"


def _producer(form: bytes) -> FileBodyProducer | None:
    return FileBodyProducer(BytesIO(form)) if form else None
