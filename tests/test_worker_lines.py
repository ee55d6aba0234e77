"""The lines of a worker in the supervisor's log."""

from unittest import TestCase

from twisted.logger import LogLevel, capturedLogs, formatEvent

from dotproxy.workers.commands import LOG
from dotproxy.workers.lines import Lines


class LinesTests(TestCase):
    def said(self, *fed: tuple[int, bytes]) -> list[tuple[str, str, str]]:
        """Return level, source and text of what was logged."""
        lines = Lines(2)
        with capturedLogs() as logged:
            for descriptor, octets in fed:
                lines.feed(descriptor, octets)
        return [
            (it["log_level"].name, it["log_namespace"], formatEvent(it))
            for it in logged
        ]

    def test_log(self) -> None:
        """An event keeps its level and its source, however its line is cut."""
        line = b'{"level": "error", "from": "dotproxy.x", "message": "{all} lost"}\n'
        for cut in range(len(line)):
            said = self.said((LOG, line[:cut]), (LOG, line[cut:]))
            assert said == [("error", "dotproxy.x", "worker 2: {all} lost")]

    def test_traceback(self) -> None:
        """A traceback follows."""
        line = b'{"level": "critical", "message": "oh", "traceback": "Tr"}\n'
        assert self.said((LOG, line))[0][2] == "worker 2: oh\nTr"

    def test_others(self) -> None:
        """What is no event is a warning as it stands; outputs are not mixed."""
        said = self.said((LOG, b"[1"), (2, b"no mem\xff\n"), (LOG, b"]\n"))
        warn = LogLevel.warn.name
        assert [each[0] for each in said] == [warn, warn]
        assert [each[2] for each in said] == ["worker 2: no mem\ufffd", "worker 2: [1]"]
