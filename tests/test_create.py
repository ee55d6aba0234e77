"""What [query_log] says, made."""

import json
import sys
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from unittest import mock

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.logger import LogEvent, Logger, formatEvent
from twisted.trial.unittest import TestCase

from dotproxy.config.query_log import QueryLog
from dotproxy.config.setting import ConfigError
from dotproxy.journal import create as module
from dotproxy.journal.create import check_recording, create_ranking, create_recording
from dotproxy.journal.frame_stream import START, STOP, control_frame
from dotproxy.journal.journal import Journal
from dotproxy.journal.privacy import create_privacy
from tests.notes import noted


class CreateTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        folder = mkdtemp()
        self.addCleanup(rmtree, folder)
        self.path = Path(folder, "log")

    async def logged(self, **settings: Any) -> bytes:
        """Return what is written of three queries."""
        config = QueryLog(file=str(self.path), **settings)
        journal = Journal(reactor, create_privacy(config))
        recording = create_recording(config, journal)
        journal.startService()
        journal.enter(recording)
        for name in ("a.example", "b.example", "c.example"):
            journal.add(noted(name))
        await journal.stopService()
        assert recording.lost == 0
        return self.path.read_bytes()

    async def test_text(self) -> None:
        """Text is written as it is configured."""
        said = await self.logged(format="text", fields=("name", "client"))
        assert said.splitlines() == [
            b"a.example 192.168.1.0",
            b"b.example 192.168.1.0",
            b"c.example 192.168.1.0",
        ]

    async def test_json(self) -> None:
        """So is JSON, with what is shown of clients and names."""
        said = await self.logged(format="json", ipv4_prefix=32, names="hashed")
        lines = [json.loads(line) for line in said.splitlines()]
        assert {line["client"] for line in lines} == {"192.168.1.7"}
        assert len({line["name"] for line in lines}) == 3
        assert b"example" not in said

    async def test_dnstap(self) -> None:
        """So is dnstap, between its two frames."""
        said = await self.logged(format="dnstap")
        assert said.startswith(control_frame(START))
        assert said.endswith(control_frame(STOP))
        assert said.count(b"\1a\7example\0") == 1

    async def test_share(self) -> None:
        """A small share is few lines, or none."""
        assert await self.logged(format="json", sample=1e-9) == b""

    def fault(self, **settings: Any) -> str:
        config = QueryLog(**settings)
        journal = Journal(reactor, create_privacy(config))
        with self.assertRaises(ConfigError) as caught:
            create_recording(config, journal)
        assert caught.exception.path[0] == "query_log"
        return str(caught.exception)

    def test_faults(self) -> None:
        """A file that cannot be had is a fault of one line, which names the key."""
        assert self.fault(format="json", file="/nowhere/log") == (
            "query_log.file = '/nowhere/log' cannot be written:"
            " No such file or directory; take another file"
        )

    def test_checked(self) -> None:
        """Before there is somebody to write, it is seen that all can be had; what was
        written stays."""
        nowhere = str(self.path / "nowhere")
        for fault, settings in (
            ("file", QueryLog(format="text", file=nowhere)),
            ("key_file", QueryLog(names="hashed", key_file=nowhere)),
        ):
            self.assertIn(
                fault, str(self.assertRaises(ConfigError, check_recording, settings))
            )
        check_recording(QueryLog(file=nowhere))
        self.path.write_bytes(b"line\n")
        check_recording(QueryLog(format="text", file=str(self.path)))
        assert self.path.read_bytes() == b"line\n"
        with mock.patch.dict(sys.modules, {"dotproxy.journal.dnstap": None}):
            settings = QueryLog(format="dnstap", socket="/socket")
            self.assertRaises(ConfigError, check_recording, settings)

    def test_library(self) -> None:
        """Without its library dnstap is a fault, which says what to install."""
        gone = {"dotproxy.journal.dnstap": None, "google.protobuf": None}
        with mock.patch.dict(sys.modules, gone):
            fault = self.fault(format="dnstap", file=str(self.path))
        assert fault == (
            "query_log.format = 'dnstap' takes another library:"
            " pip install 'dotproxy[dnstap]'"
        )

    async def test_trouble(self) -> None:
        """Trouble is told to the log of the program, from its own thread."""
        config = QueryLog(format="json", file="/dev/full")
        journal = Journal(reactor, create_privacy(config))
        events: list[LogEvent] = []
        self.patch(module, "log", Logger("here", observer=events.append))
        recording = create_recording(config, journal)
        recording.offer([noted()])
        recording.offer([noted()])
        await recording.stop()
        await deferLater(reactor, 0.0)
        assert (recording.written, recording.lost) == (0, 2)
        assert [formatEvent(event) for event in events] == [
            "the query log cannot be written, and is lost: No space left on device"
        ]

    async def test_bug(self) -> None:
        """A bug in another thread is logged like any."""
        journal = Journal(reactor, create_privacy(QueryLog()))
        ranking = create_ranking(journal)
        ranking.offer([noted(client=b"odd")])
        await ranking.stop()
        await deferLater(reactor, 0.0)
        assert len(self.flushLoggedErrors(ValueError)) == 1
