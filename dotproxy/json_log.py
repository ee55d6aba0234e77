"""The log as JSON, an object on each line: for containers, and who gathers their logs.

Give it to any twistd as `--logger dotproxy.json_log.observer`.
"""

import json
import sys
from datetime import UTC, datetime
from typing import TextIO

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from zope.interface import implementer

PLAIN = (str, int, float, bool, type(None))
"""What a field may hold as it is; all else is written as text."""


@implementer(ILogObserver)
class JsonLog:
    """Write each event on a line: time, level, where it comes from, what it says.

    The fields that the sentence names stand beside it, under `fields`.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __call__(self, event: LogEvent) -> None:
        self._file.write(json.dumps(_line(event), ensure_ascii=False) + "\n")
        self._file.flush()


def observer() -> JsonLog:
    """Return what writes to stdout, as twistd wants it."""
    return JsonLog(sys.stdout)


def _line(event: LogEvent) -> dict[str, object]:
    level = event.get("log_level", LogLevel.info)
    moment = datetime.fromtimestamp(event.get("log_time", 0.0), UTC)
    line: dict[str, object] = {
        "time": moment.isoformat(timespec="milliseconds"),
        "level": level.name,
        "from": event.get("log_namespace", ""),
        "message": formatEvent(event),
    }
    # Twisted's own have objects and private words, and no sentence of ours.
    if str(line["from"]).startswith("dotproxy"):
        fields = {key: _plain(it) for key, it in event.items() if _is_ours(key)}
        if fields:
            line["fields"] = fields
    if "log_failure" in event:
        line["traceback"] = event["log_failure"].getTraceback()
    return line


def _is_ours(key: str) -> bool:
    return not key.startswith("log_") and key not in (
        "format", "isError", "message", "system", "time", "failure", "why"
    )  # fmt: skip


def _plain(value: object) -> object:
    return value if isinstance(value, PLAIN) else str(value)
