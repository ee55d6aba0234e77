"""How the command reaches a proxy that runs: HTTP over its socket, or its address."""

import os
from collections.abc import Mapping
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import urlencode, urlsplit

from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.web.client import (
    URI,
    Agent,
    FileBodyProducer,
    ResponseFailed,
    ResponseNeverReceived,
    readBody,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from dotproxy.config.admin import usual_sockets

PATIENCE = 15.0
"""Seconds until there is an answer: long lists take some to be read."""

METRICS_PORT = 9153

TOKEN = "DOTPROXY_TOKEN"
"""The environment variable with the token: others see what a command is given."""


class CallError(Exception):
    """It could not be asked, or refused: one line says why."""


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

    async def _call(self, method: bytes, path: str, form: bytes) -> bytes:
        agent = Agent.usingEndpointFactory(self._reactor, self._place)
        headers = Headers({"Content-Type": ["application/x-www-form-urlencoded"]})
        if self._token:
            headers.addRawHeader("Authorization", f"Bearer {self._token}")
        url = (self._place.base + path).encode()
        try:
            asking = agent.request(method, url, headers, _producer(form))
            response = await asking.addTimeout(PATIENCE, self._reactor)
            body = await readBody(response).addTimeout(PATIENCE, self._reactor)
        except (ConnectError, ConnectionClosed, OSError) as fault:
            reason = f"nobody answers at {self._place.spelled}: {fault}"
            raise CallError(" ".join(reason.split())) from None
        except (DeferredTimeoutError, ResponseNeverReceived, ResponseFailed):
            reason = f"{self._place.spelled} does not answer as a proxy does"
            raise CallError(reason) from None
        if response.code != HTTPStatus.OK:
            raise CallError(body.decode(errors="replace").strip()[:400])
        return body


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
