"""The way of one query: what each stage says of it, with the time since it came."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from twisted.internet.defer import Deferred

from dotproxy.journal.note import Sourced
from dotproxy.wire.trace import Trace


class Step(NamedTuple):
    """What one stage said: so many milliseconds after the query came.

    `says` names `fields` in braces.  Octets in these are spelled in hex.
    """

    ms: float
    stage: str
    says: str
    fields: Mapping[str, object]

    def __str__(self) -> str:
        return self.says.format(**self.fields)


class Way:
    """Tell each step of a query at once, as it is made."""

    def __init__(
        self, seconds: Callable[[], float], tell: Callable[[Step], object]
    ) -> None:
        self._seconds = seconds
        self._tell = tell
        self._came = seconds()

    def note(self, stage: str, says: str, /, **fields: object) -> None:
        """Hear what a stage does; see Trace."""
        ms = round((self._seconds() - self._came) * 1000, 3)
        self._tell(Step(ms, stage, says, {k: _spelled(v) for k, v in fields.items()}))


def note_reply(
    trace: Trace, sourced: Sourced, replying: bytes | Deferred[bytes]
) -> None:
    """Note the reply, now or when it leaves; `sourced` knows where it is from."""

    def note(reply: bytes) -> bytes:
        trace.note(
            "reply",
            "from {source}, {size} octets: {octets}",
            source=sourced.source,
            size=len(reply),
            octets=reply,
        )
        return reply

    if isinstance(replying, bytes):
        note(replying)
    else:
        replying.addCallback(note)


def _spelled(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value
