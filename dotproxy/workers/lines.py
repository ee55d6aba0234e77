"""What a worker says on its outputs, as events of the supervisor's own log."""

import json

from twisted.logger import Logger, LogLevel

from dotproxy.workers.commands import LOG


class Lines:
    """Log the lines of a worker under its number.

    Its log comes as `JsonLog` writes it; on stderr there is what Python says
    when all else fails.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._rest: dict[int, bytes] = {}

    def feed(self, descriptor: int, octets: bytes) -> None:
        """Log every line that is whole now."""
        whole = self._rest.get(descriptor, b"") + octets
        *lines, self._rest[descriptor] = whole.split(b"\n")
        for line in lines:
            self._log(descriptor, line.decode(errors="replace"))

    def _log(self, descriptor: int, line: str) -> None:
        event = _event(line) if descriptor == LOG else {"message": line}
        level = LogLevel.lookupByName(str(event.get("level", "warn")))
        logger = Logger(str(event.get("from") or "dotproxy.worker"))
        said = str(event["message"])
        if "traceback" in event:
            said = f"{said}\n{event['traceback']}"
        logger.emit(level, "worker {worker}: {said}", worker=self._number, said=said)


def _event(line: str) -> dict[str, object]:
    """Read a line of the log; what is none is a message by itself."""
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    whole = isinstance(event, dict) and "message" in event
    return event if whole else {"message": line}
