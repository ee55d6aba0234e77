"""The calls as resources of the web: paths, methods and headers."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from typing import Protocol as TypingProtocol

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request as HTTPRequest
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from dotproxy.observe.actions import CALLS, TEXT, Call, Fault, Reply, Run
from dotproxy.observe.guard import Call as Header
from dotproxy.observe.guard import Refusal

PATIENCE = 30
"""Seconds for which a connection may say nothing."""

LARGEST_FORM = 4096
"""Octets of a form that are read: a name has some 1,000 in any spelling."""

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""What goes with every reply."""


class Judge(TypingProtocol):
    """Who lets callers in."""

    def refusal(self, call: Header, acts: bool) -> Refusal | None:
        """Return why a call is refused; None if it is not."""


class QuietSite(Site):
    """Serve without a line in the log for each call, nor a timer for its date."""

    noisy = False
    displayTracebacks = False

    def startFactory(self) -> None:
        """Open no log."""

    def stopFactory(self) -> None:
        """Close none."""

    def log(self, request: HTTPRequest) -> None:
        """Say nothing."""


class CallResource(Resource):
    """One call, on its path."""

    log = Logger()
    isLeaf = True

    def __init__(self, call: Call, subject: Any, judge: Judge) -> None:
        super().__init__()
        self._call = call
        self._subject = subject
        self._judge = judge

    def render(self, request: Request) -> bytes | int:
        """Answer, or say why not."""
        refusal = self._refusal(request)
        if refusal is not None:
            return _write(request, _said(refusal))
        words = _words(request)
        running = maybeDeferred(self._run_for(request), self._subject, words)
        running.addErrback(self._failed)
        gone = request.notifyFinish()
        running.addCallback(_finish, request, gone)
        return NOT_DONE_YET

    def _refusal(self, request: Request) -> Refusal | None:
        methods = (b"POST",) if self._call.acts else (b"GET", b"HEAD")
        if request.method not in methods:
            request.setHeader("Allow", b", ".join(methods))
            which = methods[0].decode()
            return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"this takes {which}")
        if request.content and request.content.seek(0, 2) > LARGEST_FORM:
            return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "that is too much")
        guarded = self._call.acts or self._call.private
        return self._judge.refusal(_header(request), guarded)

    def _run_for(self, request: Request) -> Run:
        """Return what runs for who asks."""
        run, for_others = self._call.run, self._call.for_others
        if for_others is None or not self._judge.refusal(_header(request), True):
            return run
        return for_others

    def _failed(self, failure: Failure) -> Reply:
        if failure.check(Fault):
            return _said(Refusal(HTTPStatus.BAD_REQUEST, failure.getErrorMessage()))
        self.log.failure("a call could not be answered", failure)
        return _said(Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error"))


def create_site(
    subject: Any, judge: Judge, reactor: Any, calls: Mapping[str, Call] = CALLS
) -> Site:
    """Return the site that answers all calls which `judge` lets in."""
    root = Resource()
    for path, call in calls.items():
        root.putChild(path.encode(), CallResource(call, subject, judge))
    return QuietSite(root, timeout=PATIENCE, reactor=reactor)


def _header(request: Request) -> Header:
    def said(name: str) -> str:
        return request.getHeader(name) or ""

    return Header(said("host"), said("origin"), said("authorization"))


def _words(request: Request) -> Mapping[str, str]:
    return {
        key.decode(errors="replace"): values[-1].decode(errors="replace")
        for key, values in request.args.items()
    }


def _said(refusal: Refusal) -> Reply:
    return Reply(f"{refusal.reason}\n".encode(), TEXT, refusal.status)


def _finish(reply: Reply, request: Request, gone: Deferred[None]) -> None:
    if gone.called:
        return
    body = _write(request, reply)
    if reply.more is not None and request.method != b"HEAD":
        request.responseHeaders.removeHeader("Content-Length")
        reply.more(request, gone)
    else:
        request.write(body)
        request.finish()


def _write(request: Request, reply: Reply) -> bytes:
    request.setResponseCode(reply.status, reply.status.phrase.encode())
    request.setHeader("Content-Type", reply.type)
    request.setHeader("Content-Length", str(len(reply.body)))
    request.setHeader("Content-Security-Policy", reply.policy)
    for name, value in HEADERS.items():
        request.setHeader(name, value)
    return b"" if request.method == b"HEAD" else reply.body
