"""A UNIX socket where somebody reads dnstap."""

import socket
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from threading import Thread
from unittest import TestCase, mock

from dotproxy.journal import dnstap_socket as module
from dotproxy.journal.dnstap_socket import FIRST_PAUSE, LONGEST_PAUSE, DnstapSocket
from dotproxy.journal.frame_stream import (
    ACCEPT,
    FINISH,
    READY,
    START,
    STOP,
    control_frame,
    data_frame,
)
from tests.words import Time

OPENING = control_frame(READY), control_frame(ACCEPT), control_frame(START)


class SocketTests(TestCase):
    """The reader is a thread that expects some octets, and answers others."""

    def setUp(self) -> None:
        folder = mkdtemp()
        self.addCleanup(rmtree, folder)
        self.path = str(Path(folder, "socket"))
        self.time = Time()
        self.sink = DnstapSocket(self.path, self.time)
        self.addCleanup(self.sink.close)
        self.heard = b""
        patience = mock.patch.object(module, "PATIENCE", 0.2)
        patience.start()
        self.addCleanup(patience.stop)

    def read(self, *words: bytes) -> Thread:
        """Let one in who says these words, each when something was heard, and leaves
        when the other does."""
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(self.path)
        listening.listen(1)

        def run() -> None:
            stream, _ = listening.accept()
            stream.settimeout(5)
            with listening, stream:
                for word in words:
                    self.heard += stream.recv(65536)
                    stream.sendall(word)
                while more := stream.recv(65536):
                    self.heard += more
                    if more.endswith(control_frame(STOP)):
                        stream.sendall(control_frame(FINISH))
            Path(self.path).unlink(missing_ok=True)

        thread = Thread(target=run, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 5)
        # First, so that the thread comes to its end.
        self.addCleanup(self.sink.close)
        return thread

    def fault(self) -> str:
        with self.assertRaises(OSError) as caught:
            self.sink.write(b"lost")
        return str(caught.exception)

    def test_words(self) -> None:
        """Both say hello, data follows, and both say goodbye."""
        thread = self.read(control_frame(ACCEPT))
        self.sink.write(data_frame(b"1"))
        self.sink.write(data_frame(b"2"))
        self.sink.tidy()
        self.sink.close()
        thread.join(5)
        ready, _, start = OPENING
        frames = data_frame(b"1") + data_frame(b"2")
        assert self.heard == ready + start + frames + control_frame(STOP)

    def test_nobody(self) -> None:
        """Where nobody reads it is tried again after a pause, which grows; between,
        what is written is lost at once."""
        place = f"nobody reads at {self.path}"
        assert self.fault().startswith(f"{place}: ")
        assert self.fault() == place
        self.time.now += FIRST_PAUSE
        assert self.fault().startswith(f"{place}: ")
        self.time.now += FIRST_PAUSE
        assert self.fault() == place
        for _ in range(10):
            self.time.now += LONGEST_PAUSE
            assert self.fault().startswith(f"{place}: ")

    def test_asked_for(self) -> None:
        """Who says that it be opened again need not wait."""
        self.fault()
        self.read(control_frame(ACCEPT))
        self.sink.reopen()
        self.sink.write(data_frame(b"1"))

    def test_refused(self) -> None:
        """Who does not take dnstap, or is silent, is no reader."""
        other = b"\0\0\0\0\0\0\0\x0d\0\0\0\1\0\0\0\1\0\0\0\1x"
        for words in ((other,), (control_frame(FINISH),), (b"",), (b"\0\0\0\1" * 2,)):
            thread = self.read(*words)
            assert "nobody reads at" in self.fault()
            thread.join(5)
            self.time.now += LONGEST_PAUSE

    def test_gone(self) -> None:
        """When a reader is gone what is written is lost, and the next one is told from
        the beginning."""
        thread = self.read(control_frame(ACCEPT))
        self.sink.write(data_frame(b"1"))
        assert self.sink._stream is not None
        self.sink._stream.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        self.fault()
        self.heard = b""
        self.time.now += FIRST_PAUSE
        thread = self.read(control_frame(ACCEPT))
        self.sink.write(data_frame(b"2"))
        self.sink.close()
        thread.join(5)
        ready, _, start = OPENING
        assert self.heard == ready + start + data_frame(b"2") + control_frame(STOP)

    def test_stuck(self) -> None:
        """Who takes nothing for too long is given up."""
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        listening.bind(self.path)
        listening.listen(1)
        with mock.patch.object(module, "_hear"):
            self.assertRaises(TimeoutError, self.sink.write, bytes(2**23))
        assert self.fault() == f"nobody reads at {self.path}"
