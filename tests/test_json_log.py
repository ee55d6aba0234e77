"""The log as JSON, an object on each line."""

import json
from io import StringIO
from typing import Any
from unittest import TestCase

from twisted.logger import Logger
from twisted.python.failure import Failure

from dotproxy.json_log import JsonLog


class JsonLogTests(TestCase):
    def setUp(self) -> None:
        self.file = StringIO()
        self.observer = JsonLog(self.file)

    def written(self) -> dict[str, Any]:
        """Return what is written, which must be one line."""
        (line,) = self.file.getvalue().splitlines()
        written: dict[str, Any] = json.loads(line)
        return written

    def test_event(self) -> None:
        """An event of ours has its time, its sentence, and the fields that it names."""
        log = Logger("dotproxy.x", observer=self.observer)
        log.warn("{name} is down: {reason}", name="a\nb", reason=ValueError("no"))
        line = self.written()
        assert line.pop("time").endswith("+00:00")
        assert line == {
            "level": "warn",
            "from": "dotproxy.x",
            "message": "a\nb is down: no",
            "fields": {"name": "a\nb", "reason": "no"},
        }

    def test_foreign(self) -> None:
        """Of what others log there is the sentence only: their fields are objects."""
        Logger("twisted.x", observer=self.observer).info("{x}", x=object)
        assert "fields" not in self.written()

    def test_failure(self) -> None:
        """A failure brings its traceback, in the same line."""
        log = Logger("dotproxy.x", observer=self.observer)
        log.failure("it failed", Failure(ValueError("because")))
        assert "because" in self.written()["traceback"]

    def test_bare(self) -> None:
        """An event without anything is a line all the same."""
        self.observer({})
        line = self.written()
        assert (line["level"], line["from"]) == ("info", "")
