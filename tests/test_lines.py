"""Notes as lines."""

import json
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.config.query_log import FIELDS, USUAL_FIELDS
from dotproxy.journal.lines import json_form, text_form
from dotproxy.journal.note import TCP
from dotproxy.journal.privacy import Privacy
from tests.messages import message
from tests.notes import noted

PRIVACY = Privacy((24, 56))


class TextTests(TestCase):
    def test_usual(self) -> None:
        """A line has the fields in their order, with spaces between."""
        form = text_form(USUAL_FIELDS, PRIVACY)
        assert form(noted(seconds=0.00652)) == (
            b"2026-03-01T12:00:01.582Z 192.168.1.0 udp www.lab.example A NOERROR"
            b" cache 6.5\n"
        )

    def test_all(self) -> None:
        """Every field can be had, in any order."""
        form = text_form(tuple(reversed(FIELDS)), PRIVACY)
        note = noted(rcode="NXDOMAIN", transport=TCP, client="2001:db8::7")
        end = b"NXDOMAIN IN A www.lab.example tcp 2001:db8:: 2026-03-01T12:00:01.582Z\n"
        assert form(note) == b"0.0 33 cache qr,rd,ra " + end

    def test_unknown(self) -> None:
        """What is not known is a dash, so words can be counted."""
        form = text_form(("name", "type", "source"), PRIVACY)
        assert form(noted(query=bytes(12), source="rejected")) == b"- - rejected\n"

    @given(st.binary(min_size=1, max_size=63))
    def test_injection(self, label: bytes) -> None:
        """Whatever is in a name, a line is a line, and has as many words."""
        question = bytes((len(label),)) + label + b"\0\0\1\0\1"
        note = noted(query=message(0x0100, [question]))
        line = text_form(USUAL_FIELDS, PRIVACY)(note)
        assert line.count(b"\n") == 1
        assert len(line.decode("ascii").split()) == len(USUAL_FIELDS)
        assert line.decode("ascii").rstrip("\n").isprintable()


class JsonTests(TestCase):
    def test_usual(self) -> None:
        """An object on a line, its keys in the order of the fields."""
        form = json_form(USUAL_FIELDS, PRIVACY)
        assert form(noted()) == (
            b'{"time":"2026-03-01T12:00:01.582Z","client":"192.168.1.0",'
            b'"transport":"udp","name":"www.lab.example","type":"A",'
            b'"rcode":"NOERROR","source":"cache","ms":0.0}\n'
        )

    def test_hashed(self) -> None:
        """A name that is hashed stands nowhere in the line."""
        form = json_form(FIELDS, Privacy((24, 56), b"0123456789abcdef"))
        line = form(noted())
        assert b"lab" not in line
        assert len(json.loads(line)["name"]) == 16

    @given(st.binary(min_size=1, max_size=63))
    def test_injection(self, label: bytes) -> None:
        """Whatever is in a name, it is one object, whose name is printable."""
        question = bytes((len(label),)) + label + b"\0\0\1\0\1"
        line = json_form(FIELDS, PRIVACY)(noted(query=message(0x0100, [question])))
        assert line.endswith(b"}\n")
        assert line.count(b"\n") == 1
        assert json.loads(line)["name"].isprintable()
