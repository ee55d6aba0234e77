"""Names whose queries are traced in the log."""

import ast
from pathlib import Path

from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

import dotproxy
from dotproxy.tracing.tracing import Tracing
from tests.fakes import make_query


class TracingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        with capturedLogs() as self.events:
            self.tracing = Tracing(("one.example", ".two.example"), self.clock.seconds)

    def follow(self, name: str, client: bytes | str | None) -> list[LogEvent]:
        with capturedLogs() as events:
            query = make_query(name)
            self.tracing.follow(query, "udp", client)
            self.clock.advance(0.002)
            if query.trace is not None:
                query.trace.note("stage", "{word}", word="done")
        return list(events)

    def test_told(self) -> None:
        """That names are traced is said aloud when it begins."""
        [event] = self.events
        assert event["log_level"] is LogLevel.warn
        assert formatEvent(event) == (
            "the queries for one.example, .two.example are logged,"
            " with who asks and all that is said"
        )

    def test_names(self) -> None:
        """A name is that alone, however it is spelled; .NAME is all below it, too."""
        wanted = [
            name
            for name in (
                *("one.example", "ONE.example", "www.one.example"),
                *("two.example", "a.b.two.example", "xtwo.example", "example"),
            )
            if self.tracing.wants(make_query(name))
        ]
        assert wanted == [
            "one.example",
            "ONE.example",
            "two.example",
            "a.b.two.example",
        ]

    def test_others(self) -> None:
        """Other queries leave no trace."""
        assert self.follow("example", "192.0.2.7") == []

    def test_event(self) -> None:
        """An event has the number of its query, and what was said as fields."""
        self.follow("one.example", "192.0.2.7")
        received, done = self.follow("One.example", "::ffff:192.0.2.7")
        wire = make_query("One.example").wire.hex()
        assert formatEvent(received) == (
            "#2 one.example A +0.0 ms received: from 192.0.2.7 over udp,"
            f" {len(wire) // 2} octets: {wire}"
        )
        assert formatEvent(done) == "#2 one.example A +2.0 ms stage: done"
        assert done["log_namespace"] == "dotproxy.trace"
        assert {key: done[key] for key in ("trace", "name", "type", "ms", "word")} == {
            "trace": 2,
            "name": "one.example",
            "type": "A",
            "ms": 2.0,
            "word": "done",
        }

    def test_unknown_client(self) -> None:
        """A client without an address is said to have none."""
        [received, _] = self.follow("one.example", None)
        assert received["client"] == "an unknown address"

    def test_fields(self) -> None:
        """No stage calls a field as the head of the line does, or the log itself."""
        taken = {"trace", "name", "type", "ms", "stage", "level", "format", "failure"}
        taken |= {"why", "time", "system", "message", "isError"}
        named: set[str] = set()
        for path in Path(dotproxy.__file__).parent.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
                    "trace.note"
                ):
                    named |= {each.arg for each in node.keywords if each.arg}
        assert {"octets", "reason", "learned"} <= named
        assert not named & taken
