"""A connection of HTTP/1.1, as its server: octets in, queries and octets out.

It is h11 that reads, one request after another, whatever comes at once (RFC 9112).
"""

import re
from collections import deque
from http import HTTPStatus

import h11

from dotproxy.http.request import (
    LARGEST,
    MEDIA_TYPE,
    TOO_LARGE,
    UNREADABLE,
    Refusal,
    Request,
    judge,
)
from dotproxy.http.responses import refusal_body, refusal_fields
from dotproxy.http.senders import NOBODY, Senders, forwarded_for
from dotproxy.wire.freshness import freshness

LONGEST_HEAD = 16_384
"""Octets of a head, before it is whole."""

ABSOLUTE = re.compile(rb"^https?://[^/?]*", re.IGNORECASE)
"""What a target may begin with, if only for proxies (RFC 9112 section 3.2.2)."""

SAID_TWICE = Refusal(HTTPStatus.BAD_REQUEST, "a body ends in one way, and not in two")

LENGTHS = {b"content-length", b"transfer-encoding"}
"""What says where a body ends.  With both of them a proxy before us may see another
request than we do (RFC 9112 section 6.1)."""


class HTTP1:
    """One client; see `Speech` for what is called from outside.

    `wishes` holds one query at most: the next is read when it has its answer.
    """

    def __init__(self, path: bytes, senders: Senders = NOBODY) -> None:
        self.wishes: deque[tuple[bytes, int]] = deque()
        self.over = self.full = False
        self.senders = senders
        self._path = path
        self._client = h11.Connection(h11.SERVER, LONGEST_HEAD)
        self._request = Request()
        self._body = bytearray()
        self._number = 0
        self._unsent: list[bytes] = []

    @property
    def held(self) -> int:
        """Nothing waits for room: HTTP/1.1 leaves that to TCP."""
        return 0

    def feed(self, octets: bytes) -> None:
        """Read what came; there may be a wish then, or something to send."""
        if not self.over:
            self._client.receive_data(octets)
            self._listen()

    def say(self, number: int, reply: bytes) -> None:
        """Answer the query, and read the next."""
        fields = [
            (b"content-type", MEDIA_TYPE),
            (b"content-length", b"%d" % len(reply)),
            (b"cache-control", b"max-age=%d" % freshness(reply)),
        ]
        self._respond(HTTPStatus.OK, fields, reply)
        self._listen()

    def refuse(self, number: int, refusal: Refusal) -> None:
        """Say why there is no answer, and read the next."""
        self._refuse(refusal)
        self._listen()

    def thin_out(self) -> None:
        """Let it wait: there is one."""

    def farewell(self) -> None:
        """Take no more: whoever is answered after this is told so by the close."""
        self.over = True

    def take(self) -> bytes:
        """Return what is to be sent."""
        unsent = b"".join(self._unsent)
        self._unsent.clear()
        return unsent

    def _listen(self) -> None:
        """Read until a request is whole, or what there is has been read."""
        while not (self.over or self.wishes):
            try:
                event = self._client.next_event()
            except h11.RemoteProtocolError as fault:
                self._give_up(Refusal(HTTPStatus(fault.error_status_hint), str(fault)))
                return
            # What comes before the query has its answer h11 would keep without end.
            self.full = event is h11.PAUSED
            if event in (h11.NEED_DATA, h11.PAUSED):
                self._continue()
                return
            self._event(event)

    def _event(self, event: object) -> None:
        if isinstance(event, h11.Request):
            fields = [*event.headers]
            target = ABSOLUTE.sub(b"", event.target)
            request = judge(event.method, target, fields, self._path)
            self._request = request._replace(forwarded=forwarded_for(fields))
            self._body.clear()
            if {name for name, _ in fields} >= LENGTHS:
                self._give_up(SAID_TWICE)
        elif isinstance(event, h11.Data):
            self._add(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            self._asked()
        else:
            self.over = True

    def _continue(self) -> None:
        """Let the body come, for which a client asks us to ask (RFC 9110 10.1.1)."""
        if self._client.they_are_waiting_for_100_continue:
            if self._request.refusal:
                self._give_up(self._request.refusal)
                return
            going = h11.InformationalResponse(status_code=100, headers=[])
            self._unsent.append(self._client.send(going) or b"")

    def _add(self, part: bytes) -> None:
        if len(self._body) + len(part) > LARGEST:
            self._give_up(TOO_LARGE)
        else:
            self._body += part

    def _asked(self) -> None:
        message, refusal, _, forwarded = self._request
        message = message or bytes(self._body)
        if refusal is None and not message:
            refusal = UNREADABLE
        if refusal is not None:
            self._refuse(refusal)
        else:
            self._number += 1
            self.senders.add(self._number, forwarded, ())
            self.wishes.append((message, self._number))

    def _give_up(self, refusal: Refusal) -> None:
        """Say why, and read no more: there is no telling what would come next."""
        if self._client.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._refuse(refusal, (b"connection", b"close"))
        self.over = True

    def _refuse(self, refusal: Refusal, *more: tuple[bytes, bytes]) -> None:
        fields = [(name, value) for _, name, value in refusal_fields(refusal)]
        self._respond(refusal.status, [*fields, *more], refusal_body(refusal))

    def _respond(
        self, status: HTTPStatus, fields: list[tuple[bytes, bytes]], body: bytes
    ) -> None:
        head = h11.Response(status_code=status, headers=fields, reason=status.phrase)
        whole = h11.Data(data=body)
        for event in (head, whole, h11.EndOfMessage()):
            self._unsent.append(self._client.send(event) or b"")
        if h11.MUST_CLOSE in self._client.states.values():
            self.over = True
        elif self._client.their_state is h11.DONE:
            self._client.start_next_cycle()
