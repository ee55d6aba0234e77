"""Notes as dnstap: every octet."""

from unittest import TestCase

from dotproxy import __version__
from dotproxy.journal.dnstap import dnstap_class, dnstap_form
from dotproxy.journal.note import DOH, DOT, TCP
from dotproxy.journal.privacy import Privacy
from tests.notes import noted

FORM = dnstap_form(Privacy((24, 56)), b"here")


def field(number: int, octets: bytes) -> bytes:
    """Write a field of octets, fewer than 128."""
    return bytes((number << 3 | 2, len(octets))) + octets


def frames(octets: bytes) -> list[bytes]:
    """Take frames of data apart."""
    found = []
    while octets:
        size = int.from_bytes(octets[:4])
        found.append(octets[4 : 4 + size])
        octets = octets[4 + size :]
    return found


class DnstapTests(TestCase):
    def test_octets(self) -> None:
        """The fields have the numbers and types of the schema."""
        note = noted(at=300.5, seconds=0.25, query=b"Q", reply=b"R")
        asked, answered = frames(FORM(note))
        us = field(1, b"here") + field(2, b"dotproxy " + __version__.encode())
        when = b"\x40\xac\x02\x4d" + (250_000_000).to_bytes(4, "little")
        who = b"\x10\x01\x18\x01" + field(4, b"\xc0\xa8\x01\x00")
        inner = b"\x08\x05" + who + when + field(10, b"Q")
        assert asked == us + field(14, inner) + b"\x78\x01"
        then = b"\x60\xac\x02\x6d" + (500_000_000).to_bytes(4, "little")
        inner = b"\x08\x06" + who + when + then + field(14, b"R")
        assert answered == us + field(14, inner) + b"\x78\x01"

    def test_transports(self) -> None:
        """IPv6, TCP and TLS have their numbers, and addresses are shortened."""
        made = dnstap_class()
        for transport, number in ((TCP, 2), (DOT, 3), (DOH, 4)):
            octets = FORM(noted(transport=transport, client="2001:db8:1:2ff::7"))
            for frame in frames(octets):
                message = made.FromString(frame).message
                assert (message.socket_family, message.socket_protocol) == (2, number)
                address = bytes.fromhex("20010db8000102000000000000000000")
                assert message.query_address == address

    def test_moment(self) -> None:
        """What is just below a second does not become a billion nanoseconds."""
        asked, _ = frames(FORM(noted(at=299.9999999)))
        message = dnstap_class().FromString(asked).message
        assert (message.query_time_sec, message.query_time_nsec) == (300, 0)
