"""The fields of a line: what can be chosen, and where it is read."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import dns.flags
import dns.rcode

from dotproxy.config.query_log import FIELDS
from dotproxy.journal.note import Note
from dotproxy.journal.privacy import Privacy
from dotproxy.journal.question import question_in
from dotproxy.wire.message import RCODE

Value = str | int | float

Read = Callable[[Note, Privacy], Value]

RCODES = tuple(dns.rcode.to_text(dns.rcode.Rcode(code)) for code in range(RCODE + 1))


def _time(note: Note, privacy: Privacy) -> str:
    moment = datetime.fromtimestamp(note.at, UTC)
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


def _flags(note: Note, privacy: Privacy) -> str:
    return dns.flags.to_text(int.from_bytes(note.reply[2:4])).lower()


READ: Mapping[str, Read] = {
    "time": _time,
    "client": lambda note, privacy: privacy.spelled(note.client),
    "transport": lambda note, privacy: note.transport,
    "name": lambda note, privacy: privacy.shown(question_in(note.query).name),
    "type": lambda note, privacy: question_in(note.query).type,
    "class": lambda note, privacy: question_in(note.query).rdclass,
    "rcode": lambda note, privacy: RCODES[note.reply[3] & RCODE],
    "flags": _flags,
    "source": lambda note, privacy: note.source,
    "size": lambda note, privacy: len(note.reply),
    "ms": lambda note, privacy: round(note.seconds * 1000, 1),
}
assert tuple(READ) == FIELDS


def reads(names: tuple[str, ...]) -> dict[str, Read]:
    """Return what reads these fields, in the order of the names."""
    return {name: READ[name] for name in names}
