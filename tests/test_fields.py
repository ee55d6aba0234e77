"""The fields of a line."""

from unittest import TestCase

from dotproxy.config.query_log import FIELDS
from dotproxy.journal.fields import READ, reads
from dotproxy.journal.privacy import Privacy
from tests.notes import noted

PRIVACY = Privacy((24, 56))


class FieldsTests(TestCase):
    def test_choice(self) -> None:
        """All that can be configured can be read, in the order that is wished."""
        assert tuple(READ) == FIELDS
        assert list(reads(("ms", "time"))) == ["ms", "time"]

    def test_time(self) -> None:
        """The time is in UTC, with milliseconds even where there are none."""
        read = READ["time"]
        assert read(noted(at=0.0), PRIVACY) == "1970-01-01T00:00:00.000Z"

    def test_rcodes(self) -> None:
        """Codes have their names, and those without one their number."""
        reply = bytes((0, 1, 0x81, 0x8B))
        assert READ["rcode"](noted(reply=reply), PRIVACY) == "DSOTYPENI"
        assert READ["rcode"](noted(reply=bytes((0, 1, 0x81, 0x8C))), PRIVACY) == "12"

    def test_flags(self) -> None:
        """Flags are those of the reply."""
        reply = bytes((0, 1, 0x87, 0xB0))
        assert READ["flags"](noted(reply=reply), PRIVACY) == "qr aa tc rd ra ad cd"
