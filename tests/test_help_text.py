"""The text of --help."""

from unittest import TestCase

from dotproxy.cli.help_text import WIDTH, help_text, laid_out


class Explained:
    synopsis = "dotproxy sing SONG"
    longdesc = "Sing.  " * 20
    docs = {  # noqa: RUF012
        "loud": "Sing so that all can hear it,\n        in this house and the next.",
        "file": "Take the notes from there.",
    }


class HelpTests(TestCase):
    def test_text(self) -> None:
        """It has the synopsis, the purpose, and each flag with what it takes."""
        lines = help_text(Explained(), {"file": "FILE", "loud": ""}).splitlines()
        assert lines[0] == "Usage: dotproxy sing SONG"
        assert "  --file=FILE         Take the notes from there." in lines
        assert lines[-1] == (
            "  --loud              Sing so that all can hear it, in this house and the"
            " next."
        )

    def test_width(self) -> None:
        """No line is wider than a terminal."""
        text = help_text(Explained(), {"file": "FILE", "loud": ""})
        assert max(map(len, text.splitlines())) <= WIDTH

    def test_long_term(self) -> None:
        """What is too long for its column still stands apart from its meaning."""
        line = laid_out("--a-flag-with-a-long-name", "Mean it.")
        assert line == "  --a-flag-with-a-long-name Mean it."
