"""Where connections of HTTP begin: which version, and what they share."""

from dotproxy.http.blocks import Blocks
from dotproxy.http.frames import PREFACE
from dotproxy.http.h1 import HTTP1
from dotproxy.http.h2 import HTTP2
from dotproxy.http.responses import Heads
from dotproxy.http.senders import NOBODY, Senders

H2 = b"h2"

PROTOCOLS = (H2, b"http/1.1")
"""What is spoken, as ALPN calls it (RFC 9113 section 3.1), the best first."""

TELLING = 3
"""Octets of the preface that no request of HTTP/1.1 begins with."""


class Front:
    """Serve queries at one `path`; with `proxied` to proxies that are believed."""

    def __init__(self, path: bytes, proxied: bool = False) -> None:
        self._path = path
        self._proxied = proxied
        self._blocks = Blocks(path)
        self._heads = Heads()

    def begin(self, octets: bytes, protocol: bytes | None) -> HTTP1 | HTTP2 | None:
        """Return how a client speaks, by the protocol agreed upon.

        Where nothing was agreed upon, its first octets tell, or None if they are too
        few: so it is with a proxy before us.
        """
        telling = PREFACE[:TELLING]
        if not protocol and len(octets) < TELLING and telling.startswith(octets):
            return None
        senders = Senders(believed=True) if self._proxied else NOBODY
        if protocol == H2 or (not protocol and octets.startswith(telling)):
            return HTTP2(self._blocks, self._heads, senders)
        return HTTP1(self._path, senders)


class Opening:
    """One client of a front, until its first octets tell how it speaks."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._before = b""

    def begin(self, octets: bytes, protocol: bytes | None) -> HTTP1 | HTTP2 | None:
        """Return how the client speaks, fed with all that came before these octets."""
        speech = self._front.begin(self._before + octets, protocol)
        if speech is None:
            self._before += octets
        elif self._before:
            speech.feed(self._before)
        return speech
