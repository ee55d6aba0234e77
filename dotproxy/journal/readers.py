"""Those who read along for as long as the program runs: what writes, what counts."""

from twisted.internet.defer import Deferred

from dotproxy.journal.note import Note
from dotproxy.journal.privacy import Privacy
from dotproxy.journal.question import question_in
from dotproxy.journal.recorder import Recorder
from dotproxy.journal.top import Top
from dotproxy.journal.worker import Failed, Worker


class Recording:
    """The query log: what is offered is written, or counted as lost."""

    def __init__(self, recorder: Recorder, failed: Failed) -> None:
        self._recorder = recorder
        self._worker = Worker(recorder.read, failed)
        self.offer = self._worker.offer

    @property
    def written(self) -> int:
        """Count the queries that were written."""
        return self._recorder.written

    @property
    def lost(self) -> int:
        """Count those that were not: the disk was full, or too slow."""
        return self._recorder.lost + self._worker.lost

    def reopen(self) -> None:
        """Open the file again, once what was offered before is written."""
        self._worker.order(self._recorder.reopen)

    def stop(self) -> Deferred[None]:
        """Write what was offered, and end."""
        return self._worker.stop(self._recorder.close)


class Ranking:
    """The names that are asked for most often, and the clients that ask most."""

    def __init__(self, top: tuple[Top, Top], privacy: Privacy, failed: Failed) -> None:
        self.names, self.clients = top
        self._privacy = privacy
        self._worker = Worker(self.read, failed)
        self.offer = self._worker.offer

    def read(self, notes: list[Note]) -> None:
        """Count some."""
        for note in notes:
            name = question_in(note.query).name
            if name:
                self.names.add(self._privacy.shown(name))
            self.clients.add(self._privacy.spelled(note.client))

    def stop(self) -> Deferred[None]:
        """Count what was offered, and end."""
        return self._worker.stop(lambda: None)
