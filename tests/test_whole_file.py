"""Files that are written whole or not at all."""

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from dotproxy.whole_file import write_whole


class WriteWholeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())

    def test_written(self) -> None:
        """The file holds what was written last, for nobody else to read."""
        for content in (b"one and more", b"two"):
            write_whole(self.path, content)
            assert self.path.read_bytes() == content
        assert stat.S_IMODE(self.path.stat().st_mode) == 0o600
        assert [each.name for each in self.path.parent.iterdir()].count(
            self.path.name
        ) == 1

    def test_fails(self) -> None:
        """What cannot be written leaves the file as it was."""

        def fail(_: int) -> None:
            raise OSError(28, "No space left on device")

        write_whole(self.path, b"one")
        self.patch(os, "fsync", fail)
        self.assertRaises(OSError, write_whole, self.path, b"two")
        assert self.path.read_bytes() == b"one"

    def test_left_over(self) -> None:
        """What a crash left over is in nobody's way."""
        self.path.with_name(f"{self.path.name}.new").write_bytes(b"half")
        write_whole(self.path, b"one")
        assert self.path.read_bytes() == b"one"
