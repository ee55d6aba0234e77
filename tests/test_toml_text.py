"""A file of TOML: its text, and what that says."""

from unittest import TestCase

from dotproxy.config.toml_text import parse, read
from tests.clients import file_of
from tests.test_upstream import fault


class TextTests(TestCase):
    def test_read(self) -> None:
        """A file that says nothing, and one that is not UTF-8, are told apart."""
        assert (
            read(file_of("gr\u00fcn = 1".encode(), self.addCleanup)) == "gr\u00fcn = 1"
        )
        path = file_of(b'a = 1\nb = "\xff"', self.addCleanup)
        assert str(fault(read, path)) == f"{path}:2: text must be UTF-8"
        missing = fault(read, "/nowhere")
        assert str(missing) == "'/nowhere' cannot be read: No such file or directory"

    def test_parse(self) -> None:
        """What is no TOML has a line and a column."""
        assert parse("file", "a.b = 1") == {"a": {"b": 1}}
        assert str(fault(parse, "file", "a = 1\nb = ]")) == (
            "file:2:5: not TOML: Invalid value"
        )
