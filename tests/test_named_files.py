"""Files that a configuration names."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import TestCase

import pytest

from dotproxy.config.named_files import certificate_file, list_file

CERTIFICATE = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"


class FilesTests(TestCase):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()

    def test_absolute(self) -> None:
        """The path holds wherever the process goes afterwards."""
        ca_file = self.folder / "ca.pem"
        ca_file.write_text(CERTIFICATE)
        relative = os.path.relpath(ca_file)
        self.assertFalse(os.path.isabs(relative))
        self.assertEqual(certificate_file(relative), str(ca_file))

    def test_key_file(self) -> None:
        """A PEM file may hold other things than certificates; that is told."""
        key = self.folder / "key.pem"
        key.write_text("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n")
        with pytest.raises(ValueError, match="holds no certificate"):
            certificate_file(str(key))

    def test_list(self) -> None:
        """A list is a plain file that can be read; a folder is none, and a pipe."""
        names = self.folder / "names"
        names.write_text("example.org\n")
        assert list_file(os.path.relpath(names)) == str(names)
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        for path, rule in (
            (self.folder, "must be a plain file"),
            (pipe, "must be a plain file"),
            (self.folder / "none", "cannot be read: No such file or directory"),
        ):
            with pytest.raises(ValueError, match=rule):
                list_file(str(path))
