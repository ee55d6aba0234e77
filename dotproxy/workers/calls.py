"""What callers can ask of all workers: the same calls, answered for all of them."""

from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any
from typing import Protocol as TypingProtocol

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from twisted.internet.defer import Deferred

from dotproxy.config.model import Config, ConfigError
from dotproxy.observe.actions import (
    CALLS,
    TEXT,
    Call,
    Fault,
    Flushed,
    Paused,
    Reloaded,
    Reply,
    Words,
    as_json,
    seconds_of,
    written_page,
)
from dotproxy.observe.status import Status, public
from dotproxy.workers.viewers import Viewers

Replies = Mapping[int, Reply]
"""What workers said, by their numbers."""


class Speaker(TypingProtocol):
    """Who speaks for all workers."""

    config: Config
    viewers: Viewers

    async def ask(self, call: str, words: Words) -> Replies:
        """Ask all who serve."""

    async def flush(self, words: Words) -> Replies:
        """Have all forget, and those as well who learned meanwhile."""

    async def pause(self, seconds: int) -> None:
        """Have the rules step aside everywhere; 0 lets them hold again."""

    async def reload_aloud(self) -> Reloaded:
        """Reload; raises ConfigError, and then nothing has changed."""

    def exposition(self, replies: Replies) -> bytes:
        """Return the metrics of all."""

    def status(self, replies: Replies) -> Status:
        """Return how all fare."""


Run = Callable[[Speaker, Words], Coroutine[Deferred[Any], Any, Reply]]
"""What answers a call."""


async def page(speaker: Speaker, words: Words) -> Reply:
    """Return the page for browsers, about all together."""
    replies = await speaker.ask("status", words)
    if not replies:
        return NOBODY
    acts = bool(speaker.config.admin.token)
    return await written_page(speaker.status(replies), acts)


async def public_page(speaker: Speaker, words: Words) -> Reply:
    """Return the page without what is asked and who asks."""
    replies = await speaker.ask("status", words)
    if not replies:
        return NOBODY
    acts = bool(speaker.config.admin.token)
    return await written_page(public(speaker.status(replies)), acts)


async def metrics(speaker: Speaker, words: Words) -> Reply:
    """Return the metrics of all together."""
    replies = await speaker.ask("metrics", words)
    return Reply(speaker.exposition(replies), CONTENT_TYPE_LATEST)


async def status(speaker: Speaker, words: Words) -> Reply:
    """Return how all together fare."""
    replies = await speaker.ask("status", words)
    return as_json(speaker.status(replies)) if replies else NOBODY


async def public_status(speaker: Speaker, words: Words) -> Reply:
    """Return how all fare, and not what is asked nor who asks."""
    replies = await speaker.ask("status", words)
    return as_json(public(speaker.status(replies))) if replies else NOBODY


async def readiness(speaker: Speaker, words: Words) -> Reply:
    """Say whether answers can be hoped for: of any worker."""
    replies = (await speaker.ask("readyz", words)).values()
    return min(replies, key=lambda reply: reply.status, default=NOBODY)


async def explanation(speaker: Speaker, words: Words) -> Reply:
    """Say what becomes of a question, as the first worker sees it."""
    replies = await speaker.ask("explain", words)
    return next(iter(replies.values()), NOBODY)


async def trace(speaker: Speaker, words: Words) -> Reply:
    """Have all ask for a name now, and show the way that the first one's query took."""
    replies = await speaker.ask("trace", words)
    return next(iter(replies.values()), NOBODY)


async def flush(speaker: Speaker, words: Words) -> Reply:
    """Forget everywhere; what one had learned the others had, too, so the most that one
    forgot is said."""
    replies = await speaker.flush(words)
    for reply in replies.values():
        if reply.status != HTTPStatus.OK:
            return reply
    if not replies:
        return NOBODY
    return as_json(Flushed(max(map(_forgotten, replies.values()))))


async def pause(speaker: Speaker, words: Words) -> Reply:
    """Let the rules step aside everywhere."""
    seconds = seconds_of(words)
    await speaker.pause(seconds)
    return as_json(Paused(seconds))


async def log(speaker: Speaker, words: Words) -> Reply:
    """Show the queries of all workers as they come."""
    try:
        follow = speaker.viewers.begin(words)
    except ValueError as fault:
        raise Fault(str(fault)) from None
    return Reply(b"", TEXT, more=follow)


async def reload(speaker: Speaker, words: Words) -> Reply:
    """Read the configuration again, for all."""
    try:
        return as_json(await speaker.reload_aloud())
    except ConfigError as fault:
        raise Fault(f"not reloaded, all stays as it is: {fault}") from None


def merged_calls() -> Mapping[str, Call]:
    """Return the calls by their paths, for a `Speaker`."""
    return {
        path: call if path in BY_OURSELVES else _merged(path, call)
        for path, call in CALLS.items()
    }


BY_OURSELVES = ("page.css", "page.js", "healthz")
"""Calls that are not about a worker: the supervisor answers them as one alone does."""

NOBODY = Reply(b"no worker serves\n", TEXT, HTTPStatus.SERVICE_UNAVAILABLE)


def _merged(path: str, call: Call) -> Call:
    others = call.for_others and FOR_OTHERS[path]
    return call._replace(run=FOR_ALL[path], for_others=others)


def _forgotten(reply: Reply) -> int:
    return msgspec.json.decode(reply.body, type=Flushed).forgotten


def _running(run: Run) -> Callable[[Speaker, Words], Deferred[Reply]]:
    return lambda speaker, words: Deferred.fromCoroutine(run(speaker, words))


FOR_ALL = {
    "": _running(page),
    "metrics": _running(metrics),
    "status": _running(status),
    "readyz": _running(readiness),
    "explain": _running(explanation),
    "log": _running(log),
    "trace": _running(trace),
    "flush": _running(flush),
    "pause": _running(pause),
    "reload": _running(reload),
}
"""Calls that all workers answer together."""

FOR_OTHERS = {"": _running(public_page), "status": _running(public_status)}
"""What runs in place of some for those who could not change anything."""
