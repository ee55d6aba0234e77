"""What callers can ask of all workers: the same calls, answered for all of them."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Protocol as TypingProtocol

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from twisted.internet.defer import Deferred

from dotproxy.config.model import ConfigError
from dotproxy.observe.actions import (
    CALLS,
    TEXT,
    Call,
    Fault,
    Flushed,
    Reloaded,
    Reply,
    Words,
    as_json,
    health,
)
from dotproxy.observe.status import Status

Replies = Mapping[int, Reply]
"""What workers said, by their numbers."""


class Speaker(TypingProtocol):
    """Who speaks for all workers."""

    async def ask(self, call: str, words: Words) -> Replies:
        """Ask all who serve."""

    async def flush(self, words: Words) -> Replies:
        """Have all forget, and those as well who learned meanwhile."""

    async def reload_aloud(self) -> Reloaded:
        """Reload; raises ConfigError, and then nothing has changed."""

    def exposition(self, replies: Replies) -> bytes:
        """Return the metrics of all."""

    def status(self, replies: Replies) -> Status:
        """Return how all fare."""


async def metrics(speaker: Speaker, words: Words) -> Reply:
    """Return the metrics of all together."""
    replies = await speaker.ask("metrics", words)
    return Reply(speaker.exposition(replies), CONTENT_TYPE_LATEST)


async def status(speaker: Speaker, words: Words) -> Reply:
    """Return how all together fare."""
    replies = await speaker.ask("status", words)
    return as_json(speaker.status(replies)) if replies else NOBODY


async def readiness(speaker: Speaker, words: Words) -> Reply:
    """Say whether answers can be hoped for: of any worker."""
    replies = (await speaker.ask("readyz", words)).values()
    return min(replies, key=lambda reply: reply.status, default=NOBODY)


async def explanation(speaker: Speaker, words: Words) -> Reply:
    """Say what becomes of a question, as the first worker sees it."""
    replies = await speaker.ask("explain", words)
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


async def reload(speaker: Speaker, words: Words) -> Reply:
    """Read the configuration again, for all."""
    try:
        return as_json(await speaker.reload_aloud())
    except ConfigError as fault:
        raise Fault(f"not reloaded, all stays as it is: {fault}") from None


def merged_calls() -> Mapping[str, Call]:
    """Return the calls by their paths, for a `Speaker`."""
    for_all = {
        "metrics": metrics,
        "status": status,
        "readyz": readiness,
        "explain": explanation,
        "flush": flush,
        "reload": reload,
    }
    calls = {
        path: Call(_running(run), CALLS[path].acts) for path, run in for_all.items()
    }
    return {**calls, "healthz": Call(health)}


NOBODY = Reply(b"no worker serves\n", TEXT, HTTPStatus.SERVICE_UNAVAILABLE)


def words_of(words: Words) -> bytes:
    """Write what the caller said, for a worker."""
    return json.dumps(dict(words)).encode()


def _forgotten(reply: Reply) -> int:
    return msgspec.json.decode(reply.body, type=Flushed).forgotten


def _running(run: Callable[..., object]) -> Callable[..., Deferred[Reply]]:
    return lambda speaker, words: Deferred.fromCoroutine(run(speaker, words))  # type: ignore[arg-type]
