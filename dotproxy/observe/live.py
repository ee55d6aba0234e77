"""Queries as they come, for one who looks.  Nothing is kept for those who do not."""

from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.web.server import Request
from zope.interface import implementer

from dotproxy.config.query_log import USUAL_FIELDS
from dotproxy.journal import question
from dotproxy.journal.create import failed_in
from dotproxy.journal.journal import Journal
from dotproxy.journal.lines import json_form, text_form
from dotproxy.journal.note import Note
from dotproxy.journal.wanted import read_wanted
from dotproxy.journal.worker import Worker

MOST_READERS = 10
"""Readers of the journal at a time: each looks at every query."""

MOST_LINES = 200
"""Lines of one batch that are shown, some 2,000 a second: nobody reads faster."""


@implementer(IPushProducer)
class Watch:
    """Show queries to whoever asked for them, as long as both are there.

    What is too much, or is not read, is left out, and a line says how much that was.
    """

    def __init__(self, journal: Journal, words: Mapping[str, str]) -> None:
        """Read what is wanted; raises ValueError."""
        self._journal = journal
        self._wanted = read_wanted(words)
        self._json = words.get("json", "") not in ("", "0", "false")
        made = json_form if self._json else text_form
        self._form = made(USUAL_FIELDS, journal.privacy)
        self._worker = Worker(self._read, failed_in(journal.reactor))
        self._left_out = self._told = 0
        self._unread = False
        self._request: Request | None = None
        if len(journal) >= MOST_READERS:
            raise ValueError(f"{MOST_READERS} look on already")

    def follow(self, request: Request, gone: Deferred[None]) -> None:
        """Begin, and go on until `gone`, or until the journal ends."""
        self._request = request
        request.registerProducer(self, True)
        # Nothing yet but the header: whoever asked learns that it begins.
        request.write(b"")
        self._journal.enter(self)
        gone.addErrback(lambda _: self._leave())

    def offer(self, notes: list[Note]) -> None:
        """See `Reader`."""
        self._worker.offer(notes)

    def stop(self) -> Deferred[None]:
        """Say that it is the end."""
        request, self._request = self._request, None
        if request is not None:
            request.unregisterProducer()
            request.finish()
        return self._worker.stop(self._forget)

    def pauseProducing(self) -> None:
        """Leave out what comes: what came before was not read."""
        self._unread = True

    def resumeProducing(self) -> None:
        """Show what comes."""
        self._unread = False

    def stopProducing(self) -> None:
        """Leave it to `gone`."""
        self._unread = True

    def _leave(self) -> None:
        if self._request is not None:
            self._request = None
            self._journal.leave(self)
            self._worker.stop(self._forget)

    def _forget(self) -> None:
        """Keep nothing of what was seen, unless others read on."""
        if not self._journal:
            self._journal.privacy.forget()
            question.forget()

    def _read(self, notes: list[Note]) -> None:
        """Choose and write, in a thread of its own."""
        wanted = list(filter(self._wanted.admits, notes))
        lines = b"".join(map(self._form, wanted[:MOST_LINES]))
        if wanted:
            show = self._journal.reactor.callFromThread
            show(self._show, lines, len(wanted))

    def _show(self, lines: bytes, many: int) -> None:
        if self._request is None:
            return
        if self._unread:
            self._left_out += many
            return
        self._left_out += max(many - MOST_LINES, 0)
        lost = self._left_out + self._worker.lost
        if lost > self._told:
            lines += self._said(lost - self._told)
            self._told = lost
        self._request.write(lines)

    def _said(self, lost: int) -> bytes:
        told = f'{{"left_out":{lost}}}' if self._json else f"# {lost} are left out"
        return f"{told}\n".encode()
