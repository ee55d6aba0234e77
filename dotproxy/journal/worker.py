"""A thread that reads notes, for as long as that may take."""

import sys
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Thread

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from dotproxy.journal.note import Note

MOST_OCTETS = 16 * 2**20
"""Octets of notes that wait to be read: some 30,000 of the usual size."""

NOTE_OCTETS = 300
"""Octets that a note takes beside its query and its reply."""

TURN = 0.0005
"""Seconds that a thread has before another may go on.  By default it is 5 ms, and so
long nobody would be answered."""

GOODBYE = 1.0
"""Seconds that a thread has, at the end, to read what waits."""

Job = Callable[[], object]

Failed = Callable[[], object]
"""Hear, while an exception is at hand and in another thread, that there is one."""


class Worker:
    """Let a thread read notes in their order; those are lost for which it has no time.

    Only the reactor's thread calls it.  `failed` hears of an exception, which is a bug.
    """

    def __init__(self, read: Callable[[list[Note]], object], failed: Failed) -> None:
        self.lost = 0
        self._read = read
        self._failed = failed
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        # Each of the two is written by one thread alone.
        self._offered = self._done = 0
        # Whatever holds it up does not hold up the end of the program.
        self._thread = Thread(target=self._run, name="journal", daemon=True)

    def offer(self, notes: list[Note]) -> None:
        """Have notes read, or count them as lost."""
        if self._offered - self._done > MOST_OCTETS:
            self.lost += len(notes)
            return
        octets = sum(
            [NOTE_OCTETS + len(note.query) + len(note.reply) for note in notes]
        )
        self._offered += octets
        self.order(partial(self._take, notes, octets))

    def order(self, job: Job) -> None:
        """Have something else done, after what was offered before."""
        if self._thread.ident is None:
            # Not before: a daemon leaves its threads behind when it begins.
            self._thread.start()
            sys.setswitchinterval(TURN)
        self._jobs.put(job)

    def stop(self, last: Job) -> Deferred[None]:
        """Have one thing more done; fires when that is done, or takes too long."""
        self.order(last)
        self._jobs.put(None)
        return deferToThread(self._thread.join, GOODBYE)

    def _take(self, notes: list[Note], octets: int) -> None:
        try:
            self._read(notes)
        finally:
            self._done += octets

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:
                self._failed()
