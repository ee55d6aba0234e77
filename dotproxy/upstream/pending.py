"""The queries under way on one connection, by ID."""

from random import Random
from typing import NamedTuple

from dotproxy.upstream.asked import Asked
from dotproxy.wire.message import HEADER, NOERROR, QR, RCODE, fold


class Sent(NamedTuple):
    """A query under way, and when it was sent."""

    asked: Asked
    at: float


class Pending:
    """Give out IDs, and find what a message answers.  Times are of one clock."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._sent: dict[int, Sent] = {}
        self._expired: dict[int, float] = {}
        """The IDs that are set aside, and when they were sent."""
        self._unanswered_since: float | None = None
        self.late = 0
        """Answers that came after the deadline."""
        self.faulty = 0
        """Messages that answered nothing that was asked."""

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def oldest(self) -> float | None:
        """When the oldest query under way was sent; None if there is none."""
        return next((sent.at for sent in self._sent.values()), None)

    @property
    def expired(self) -> int:
        """Count the IDs that are set aside."""
        return len(self._expired)

    def add(self, asked: Asked, now: float) -> int:
        """Take a query under way, and return an ID that no other has."""
        number = self._random.getrandbits(16)
        while number in self._sent or number in self._expired:
            number = self._random.getrandbits(16)
        self._sent[number] = Sent(asked, now)
        if self._unanswered_since is None:
            self._unanswered_since = now
        return number

    def take(self, message: bytes) -> Sent | None:
        """Return the query that a message answers; it is under way no more.

        None if it answers none: it came too late, or is counted as faulty.
        """
        number = int.from_bytes(message[:2], "big")
        sent = self._sent.get(number)
        if sent is not None and _replies_to(message, sent.asked.query.question):
            del self._sent[number]
            self._heard_of(sent.at)
            return sent
        if number in self._expired and _is_response(message):
            self._heard_of(self._expired.pop(number))
            self.late += 1
        else:
            self.faulty += 1
        return None

    def lag(self, now: float) -> float:
        """Return how far the server is behind: for how long nothing is answered.

        It counts from when the youngest query was sent that has an answer, or the
        oldest under way.  So a single slow name is no lag where others are answered;
        and neither later queries, nor deadlines, nor octets that never become a
        message, nor answers to what was asked long ago put off that it is noticed.
        """
        return 0.0 if self._unanswered_since is None else now - self._unanswered_since

    def expire(self, now: float) -> list[Asked]:
        """Let go of the queries whose deadline has passed, and return them.

        Their IDs are set aside: an answer may still come, and must not be taken for
        another's.
        """
        over = [n for n, sent in self._sent.items() if sent.asked.query.deadline <= now]
        self._expired.update((number, self._sent[number].at) for number in over)
        return [self._sent.pop(number).asked for number in over]

    def unanswered(self) -> list[Asked]:
        """Return the queries under way, the oldest first."""
        return [sent.asked for sent in self._sent.values()]

    def _heard_of(self, sent_at: float) -> None:
        """Note that a query sent then has its answer."""
        since = self._unanswered_since
        if self._sent and since is not None:
            self._unanswered_since = max(since, sent_at)
        else:
            self._unanswered_since = None


def _is_response(message: bytes) -> bool:
    return len(message) >= HEADER.size and message[2] & QR != 0


def _replies_to(message: bytes, question: bytes) -> bool:
    """Whether a message answers this question (RFC 7858 section 3.3).

    An error may leave the question away; then the ID must do.
    """
    if not _is_response(message):
        return False
    if message[4:6] == b"\0\0":
        return message[3] & RCODE != NOERROR
    repeated = message[HEADER.size : HEADER.size + len(question)]
    return message[4:6] == b"\0\1" and (
        repeated == question or fold(repeated) == fold(question)
    )
