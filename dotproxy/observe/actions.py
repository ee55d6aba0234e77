"""What callers can ask for: each call is given words, and gives a reply."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from importlib.resources import files
from time import time
from typing import Any, NamedTuple

import dns.exception
import dns.rcode
import dns.rdatatype
import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from twisted.internet.defer import Deferred, succeed
from twisted.web.server import Request

from dotproxy.config.model import ConfigError
from dotproxy.observe.explained import explained
from dotproxy.observe.live import Watch
from dotproxy.observe.metrics import exposition
from dotproxy.observe.status import Status, public, status_of
from dotproxy.observe.subject import Subject, can_answer
from dotproxy.observe.traced import trace
from dotproxy.pause import LONGEST
from dotproxy.wire.dotted import ALLOWED, read_name
from dotproxy.wire.message import FormatError

JSON, TEXT = "application/json", "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"

PAUSE = "300"
"""Seconds of a pause that names none."""

Words = Mapping[str, str]
"""What the caller said: the query of the URL, or the form of a POST."""


class Reply(NamedTuple):
    """What a caller gets."""

    body: bytes
    type: str = JSON
    status: HTTPStatus = HTTPStatus.OK
    more: Callable[[Request, Deferred[None]], None] | None = None
    """Writes what follows, and ends it, unless the caller is gone before."""
    policy: str = "default-src 'none'; frame-ancestors 'none'"
    """What a browser may load and do because of it (Content-Security-Policy)."""


Run = Callable[[Any, Words], Deferred[Reply]]
"""What a call does, with who is looked at: a `Subject`, or who speaks for several."""


class Fault(Exception):
    """The caller said something that cannot be done: one line says what."""


class Call(NamedTuple):
    """One thing to ask for, and whether it changes anything."""

    run: Run
    acts: bool = False
    private: bool = False
    """Whether it is only for those who could change things, too."""
    for_others: Run | None = None
    """What runs in its place for those who could not."""


class Flushed(msgspec.Struct, frozen=True):
    """How many answers were forgotten."""

    forgotten: int


class Paused(msgspec.Struct, frozen=True):
    """For how long the rules are paused; 0 if they hold."""

    rules_paused_s: int


class Reloaded(msgspec.Struct, frozen=True):
    """What came of a reload: see `Reloaded` of the proxy."""

    changed: tuple[str, ...]
    takes_restart: tuple[str, ...]
    cache_emptied: bool


def as_json(value: msgspec.Struct) -> Reply:
    """Write a reply, with a line's end for those who look at it in a shell."""
    return Reply(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def page(subject: Subject, words: Words) -> Deferred[Reply]:
    """Return the page for browsers."""
    return written_page(status_of(subject), bool(subject.core.config.admin.token))


def public_page(subject: Subject, words: Words) -> Deferred[Reply]:
    """Return the page without what is asked and who asks."""
    acts = bool(subject.core.config.admin.token)
    return written_page(public(status_of(subject)), acts)


def written_page(status: Status, acts: bool) -> Deferred[Reply]:
    """Write the page about a status; `acts` says whether a token is configured.

    What writes it is imported then.
    """
    from dotproxy.observe.page.document import POLICY, document

    writing = document(status, acts, time())
    return writing.addCallback(lambda body: Reply(body, HTML, policy=POLICY))


def part(name: str, kind: str) -> Call:
    """Return the call for a file that belongs to the page."""

    def read(subject: Subject, words: Words) -> Deferred[Reply]:
        found = files("dotproxy.observe.page") / name
        return succeed(Reply(found.read_bytes(), kind))

    return Call(read)


def metrics(subject: Subject, words: Words) -> Deferred[Reply]:
    """Return all metrics for Prometheus."""
    return succeed(Reply(exposition(subject), CONTENT_TYPE_LATEST))


def status(subject: Subject, words: Words) -> Deferred[Reply]:
    """Return how the proxy fares."""
    return succeed(as_json(status_of(subject)))


def public_status(subject: Subject, words: Words) -> Deferred[Reply]:
    """Return how the proxy fares, and not what is asked nor who asks."""
    return succeed(as_json(public(status_of(subject))))


def health(subject: Subject, words: Words) -> Deferred[Reply]:
    """Say that the program lives: that is all that a reply means."""
    return succeed(Reply(b"alive\n", TEXT))


def readiness(subject: Subject, words: Words) -> Deferred[Reply]:
    """Say whether answers can be hoped for."""
    if can_answer(subject):
        return succeed(Reply(b"ready\n", TEXT))
    unready = HTTPStatus.SERVICE_UNAVAILABLE
    return succeed(Reply(b"every upstream is down\n", TEXT, unready))


def flush(subject: Subject, words: Words) -> Deferred[Reply]:
    """Forget a name, with all below it if `subtree`, or everything."""
    name = _name(words["name"]) if words.get("name") else None
    subtree = words.get("subtree", "") not in ("", "0", "false")
    if subject.core.shared is not None:
        subject.core.shared.seal.forget()
    return succeed(as_json(Flushed(subject.factory.flush(name, subtree))))


def pause(subject: Subject, words: Words) -> Deferred[Reply]:
    """Let the rules step aside for some seconds; 0 lets them hold again."""
    seconds = seconds_of(words)
    subject.pause.hold(seconds)
    return succeed(as_json(Paused(seconds)))


def seconds_of(words: Words) -> int:
    """Return how long a pause is to be; raises Fault."""
    said = words.get("seconds", PAUSE)
    if not (
        said.isascii() and said.isdigit() and len(said) < 9 and int(said) <= LONGEST
    ):
        raise Fault(f"seconds {said[:20]!a} must be a number from 0 to {LONGEST}")
    return int(said)


def reload(subject: Subject, words: Words) -> Deferred[Reply]:
    """Read the configuration again."""
    try:
        outcome = subject.reload_aloud()
    except ConfigError as fault:
        raise Fault(f"not reloaded, all stays as it is: {fault}") from None
    changed = Reloaded(outcome.changed, outcome.lasting, outcome.emptied)
    return succeed(as_json(changed))


def explanation(subject: Subject, words: Words) -> Deferred[Reply]:
    """Say what becomes of a question."""
    return explained(subject, *_asked_for(words)).addCallback(as_json)


def tracing(subject: Subject, words: Words) -> Deferred[Reply]:
    """Ask for a name as a client does, and say what each stage did about it."""
    return trace(subject, *_asked_for(words)).addCallback(as_json)


def log(subject: Subject, words: Words) -> Deferred[Reply]:
    """Show queries as they come, a line for each, until the caller has enough."""
    try:
        watch = Watch(subject.journal, words)
    except ValueError as fault:
        raise Fault(str(fault)) from None
    return succeed(Reply(b"", TEXT, more=watch.follow))


CALLS: Mapping[str, Call] = {
    "": Call(page, for_others=public_page),
    "page.css": part("page.css", "text/css; charset=utf-8"),
    "page.js": part("page.js", "text/javascript; charset=utf-8"),
    "metrics": Call(metrics),
    "status": Call(status, for_others=public_status),
    "healthz": Call(health),
    "readyz": Call(readiness),
    # It tells what is in the cache, and so what others have asked for.
    "explain": Call(explanation, private=True),
    "log": Call(log, private=True),
    "trace": Call(tracing, acts=True),
    "flush": Call(flush, acts=True),
    "pause": Call(pause, acts=True),
    "reload": Call(reload, acts=True),
}
"""Everything that can be asked for, by its path."""


def _asked_for(words: Words) -> tuple[bytes, int]:
    """Return the name and the type that a caller wonders about."""
    if not words.get("name"):
        raise Fault("which name?  Give name=, and perhaps type=")
    return _name(words["name"]), _type(words.get("type", "A"))


def _name(text: str) -> bytes:
    try:
        return b"\0" if text == "." else read_name(text)
    except FormatError:
        raise Fault(f"{text[:60]!a} is no name: {ALLOWED}") from None


def _type(text: str) -> int:
    try:
        return int(dns.rdatatype.from_text(text))
    except (dns.exception.DNSException, ValueError):
        raise Fault(f"{text[:60]!a} is no type of records") from None
