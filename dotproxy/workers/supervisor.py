"""Who looks after the workers, and serves nothing itself."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

import msgspec
from twisted.application.service import MultiService
from twisted.internet.defer import (
    Deferred,
    DeferredList,
    DeferredLock,
    gatherResults,
    succeed,
)
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.protocols.amp import Command

from dotproxy import __version__
from dotproxy.clock import uptime
from dotproxy.config.changes import changes, keep_lasting
from dotproxy.config.model import Config, ConfigError, Listen
from dotproxy.observe.actions import Reloaded, Reply, Words
from dotproxy.observe.status import Status
from dotproxy.server.listeners import Opened
from dotproxy.workers import bound
from dotproxy.workers.calls import Replies
from dotproxy.workers.commands import Ask, Learned, Refused, Reopen, words_of
from dotproxy.workers.rolling import Source, roll
from dotproxy.workers.seat import Seat
from dotproxy.workers.share import number_of, share_of
from dotproxy.workers.statuses import together, worker_status
from dotproxy.workers.tally import Tally, tally_metrics
from dotproxy.workers.totals import Totals
from dotproxy.workers.viewers import Viewers

LOOK = 5.0
"""Seconds after which each worker is to show that it lives."""

PATIENCE = 10.0
"""Seconds that a worker has to answer a call, for all would wait for it."""

BEHIND = 1.0
"""Seconds that those who learned something wait until the others have read it."""


class Supervisor(MultiService):
    """Keep workers at work, which share what is `opened`, and speak for all of them.

    `on_ready` is called once all serve.
    """

    log = Logger()

    def __init__(
        self,
        config: Config,
        opened: Mapping[Listen, Opened],
        source: Source,
        reactor: Any,
    ) -> None:
        super().__init__()
        self.config = config
        self.generation = 0
        self.on_ready: Callable[[], object] = lambda: None
        self.seats = [
            Seat(number, self, reactor) for number in range(1, number_of(config) + 1)
        ]
        self._bound = opened
        self._source = source
        self._reactor = reactor
        self._reloading = DeferredLock()
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor
        self._totals = Totals()
        self._started_at = uptime()
        self._ready = False
        self._paused_until = 0.0
        self.viewers = Viewers(self._tell_all, reactor)
        self._reloads = self._reloads_failed = self._passed = self._dropped = 0

    @property
    def paused(self) -> float:
        """Seconds for which the rules still step aside; 0 if they hold."""
        left: float = self._paused_until - self._reactor.seconds()
        return max(left, 0.0)

    @property
    def summary(self) -> str:
        """Say where it serves, and by how many."""
        serving = sum(seat.serves for seat in self.seats)
        where = ", ".join(bound.addresses(self._bound))
        return f"serves {where} by {serving} of {len(self.seats)} workers"

    def startService(self) -> None:
        """Start all workers."""
        super().startService()
        for seat in self.seats:
            seat.start()
        self._looking.start(LOOK, now=False)

    def stopService(self) -> Deferred[None]:
        """Have all workers answer what was asked, and end."""
        self._looking.stop()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self.viewers.stop()
        await gatherResults([seat.stop() for seat in self.seats])
        for opened in self._bound.values():
            opened.close()
        await super().stopService()

    def descriptors(self) -> Sequence[int]:
        """Return the sockets that every worker inherits."""
        return bound.descriptors(self._bound)

    def orders(self, number: int) -> bytes:
        """Return the configuration of one worker."""
        share = share_of(self.config, tuple(self._bound), number)
        return msgspec.json.encode(share)

    def seated(self, seat: Seat) -> None:
        """Have it show what others look at; say so once all serve, for the first
        time."""
        self.viewers.seated(partial(_tell, seat))
        if not self._ready and all(each.serves for each in self.seats):
            self._ready = True
            said = self.summary
            self.log.info("dotproxy {version} {said}", version=__version__, said=said)
            self.on_ready()

    def left(self, seat: Seat) -> None:
        """Keep what a worker had counted."""
        self._totals.end(seat.number)

    def learned(self, seat: Seat, batch: Mapping[str, Any]) -> Deferred[Any]:
        """Let the others have what one learned; who is behind is not waited for."""
        self._dropped += batch["dropped"]
        if batch["generation"] != self.generation:
            return succeed(None)
        self._passed += 1
        others = [each for each in self._serving() if each is not seat]
        telling = [other.tell(Learned, **batch) for other in others]
        for each in telling:
            each.addTimeout(BEHIND, self._reactor)
        return DeferredList(telling, consumeErrors=True)

    def seen(self, viewer: int, lines: bytes) -> Deferred[None]:
        """Let one who looks on have what a worker shows."""
        return self.viewers.seen(viewer, lines)

    async def ask(self, call: str, words: Words) -> Replies:
        """Ask all who serve; who ends meanwhile, or is too slow, says nothing."""
        asked = {seat.number: self._ask(seat, call, words) for seat in self._serving()}
        replies: dict[int, Reply] = {}
        for number, asking in asked.items():
            reply = await asking
            if reply is not None:
                replies[number] = reply
        return replies

    async def flush(self, words: Words) -> Replies:
        """Have all forget, and what is on its way between them as well."""
        self.generation += 1
        return await self.ask("flush", words)

    async def pause(self, seconds: int) -> None:
        """Have the rules step aside everywhere, and where a worker begins later."""
        self._paused_until = self._reactor.seconds() + seconds
        self.generation += 1
        starting = [each for each in self.seats if each.linked and not each.serves]
        words = {"seconds": str(seconds)}
        for seat in starting:
            # It was told before how long that is, and is not waited for.
            self._ask(seat, "pause", words)
        await self.ask("pause", words)

    def reopen(self) -> None:
        """Have all open their file of the query log again."""
        self._tell_all(Reopen)

    def reload_or_complain(self) -> Deferred[None]:
        """Reload, as a signal asks for it: only the log hears what came of it."""

        async def reload() -> None:
            with suppress(ConfigError):
                await self.reload_aloud()

        return Deferred.fromCoroutine(reload())

    async def reload_aloud(self) -> Reloaded:
        """Reload, one worker after another, and let the log hear what came of it.

        Raises ConfigError if it has a fault, and then nothing has changed.
        """
        await self._reloading.acquire()
        try:
            outcome = await self._reload()
        except ConfigError as fault:
            self._reloads_failed += 1
            self.log.error("not reloaded, all stays as it is: {fault}", fault=fault)
            raise
        finally:
            self._reloading.release()
        self._reloads += 1
        self.log.info(
            "all workers reloaded, {changed} changed; {summary}",
            changed=", ".join(outcome.changed) or "nothing",
            summary=self.summary,
        )
        if outcome.takes_restart:
            names = ", ".join(outcome.takes_restart)
            self.log.warn("{names} takes a restart, and stays till then", names=names)
        return outcome

    async def _reload(self) -> Reloaded:
        """Read and check first; if the first worker refuses all the same, it stays as
        it is, and so do the others."""
        wanted, before = self._source.read(), self.config
        config = keep_lasting(before, wanted)
        self._source.check(config)
        self.config = config
        self.generation += 1
        try:
            told = await roll(self.seats, self.orders, self.generation)
        except Refused as fault:
            self.config = before
            raise ConfigError("a worker", f"refused: {fault}") from None
        lasting = changes(config, wanted)
        if told is None:
            return Reloaded(changes(before, config), lasting, False)
        return Reloaded(told.changed, lasting, told.cache_emptied)

    def exposition(self, replies: Replies) -> bytes:
        """Return the metrics of all, and those of the workers themselves."""
        texts = {number: reply.body.decode() for number, reply in replies.items()}
        return self._totals.exposition(texts, tally_metrics(self._tally))

    def status(self, replies: Replies) -> Status:
        """Return how all fare."""
        said = {
            number: msgspec.json.decode(reply.body, type=Status)
            for number, reply in replies.items()
        }
        workers = [worker_status(seat, said.get(seat.number)) for seat in self.seats]
        return msgspec.structs.replace(
            together(list(said.values()), workers),
            uptime_s=uptime() - self._started_at,
            reloads=self._reloads,
            reloads_failed=self._reloads_failed,
        )

    def _ask(self, seat: Seat, call: str, words: Words) -> Deferred[Reply | None]:
        asking = seat.tell(
            Ask, call=call, words=words_of(words), generation=self.generation
        )
        asking.addTimeout(PATIENCE, self._reactor)
        return asking.addCallbacks(_reply, lambda _: None)

    def _tell_all(self, command: type[Command], **words: object) -> None:
        for seat in self._serving():
            _tell(seat, command, **words)

    def _serving(self) -> list[Seat]:
        return [seat for seat in self.seats if seat.serves]

    def _look(self) -> None:
        for seat in self.seats:
            seat.look()

    @property
    def _tally(self) -> Tally:
        return Tally(
            reloads=self._reloads,
            reloads_failed=self._reloads_failed,
            serving=len(self._serving()),
            again=sum(max(seat.begun - 1, 0) for seat in self.seats),
            messages=self._passed,
            dropped=self._dropped,
        )


def _tell(seat: Seat, command: type[Command], **words: object) -> None:
    """Have a worker do something; whether it did is not waited for."""
    seat.tell(command, **words).addErrback(lambda _: None)


def _reply(said: Mapping[str, Any]) -> Reply:
    return Reply(said["body"], said["type"], HTTPStatus(said["status"]))
