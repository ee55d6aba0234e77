"""Hosts files."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import TestCase

import dns.message
import dns.rdatatype
import dns.reversename
import pytest

from dotproxy.local.actions import Each
from dotproxy.local.hosts import HostsFile, join_hosts
from tests.words import asking

TEXT = """\
# The machines nearby.
127.0.0.1\tlocalhost
127.0.1.1 box.home.arpa box
::1 localhost ip6-localhost ip6-loopback
192.168.1.10  NAS.home.arpa nas  # in the cellar
192.168.1.11  nas.home.arpa
fd00::10 nas.home.arpa
fe80::1%eth0 router
192.168.1.10 files.home.arpa
192.168.1.12

"""


class HostsTests(TestCase):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "hosts")

    def read(self, text: str) -> HostsFile:
        self.path.write_text(text)
        return HostsFile.read(str(self.path))

    def says(self, hosts: Each, name: str, kind: str) -> list[str] | None:
        """Return what there is of a type; None for a name that is not known."""
        question = asking(name, kind).question
        if question[:-4] not in hosts.names:
            return None
        draft = hosts.draft(question, 0)
        assert draft is not None
        message = dns.message.from_wire(draft.body)
        assert bool(message.answer) != bool(message.authority)
        return [str(rdata) for rrset in message.answer for rdata in rrset]

    def test_addresses(self) -> None:
        """A name has the addresses of all its lines, and nothing of other types."""
        hosts = join_hosts([self.read(TEXT)])
        addresses = ["192.168.1.10", "192.168.1.11"]
        assert self.says(hosts, "nas.home.arpa", "A") == addresses
        assert self.says(hosts, "nas.home.arpa", "AAAA") == ["fd00::10"]
        assert self.says(hosts, "nas.home.arpa", "HTTPS") == []
        assert self.says(hosts, "nas", "A") == ["192.168.1.10"]
        assert self.says(hosts, "router", "AAAA") == ["fe80::1"]
        assert self.says(hosts, "box", "A") == ["127.0.1.1"]

    def test_pointers(self) -> None:
        """An address points at the first name that it has."""
        hosts = join_hosts([self.read(TEXT)])
        for address, expected in (
            ("192.168.1.10", ["nas.home.arpa."]),
            ("fd00::10", ["nas.home.arpa."]),
            ("127.0.1.1", ["box.home.arpa."]),
            ("192.168.1.12", None),
            ("127.0.0.1", None),
        ):
            name = dns.reversename.from_address(address).to_text(True)
            assert self.says(hosts, name, "PTR") == expected, address

    def test_own(self) -> None:
        """Names that mean each machine itself are not told to others."""
        hosts = join_hosts([self.read(TEXT)])
        for name in ("localhost", "ip6-loopback"):
            assert self.says(hosts, name, "A") is None

    def test_several(self) -> None:
        """Files add to each other; what is said twice is said once."""
        first = self.read("192.168.1.10 nas\n")
        second = self.read("192.168.1.10 nas\n192.168.1.9 nas\n")
        hosts = join_hosts([first, second])
        assert self.says(hosts, "nas", "A") == ["192.168.1.10", "192.168.1.9"]
        assert join_hosts([]).names == {}

    def test_faults(self) -> None:
        """A bad line is named and left out, whole; the others hold."""
        file = self.read("192.168.1.10 a b..c\nx y\n192.168.1.11 \xff\n10.0.0.1 d\n")
        assert file.faults == (
            f"{self.path}: line 1 has no name in 'b..c'",
            f"{self.path}: line 2 has no address in 'x'",
        )
        assert set(join_hosts([file]).names) >= {b"\1d\0"}
        assert b"\1a\0" not in join_hosts([file]).names

    def test_changes(self) -> None:
        """A file that was written again looks different; one that is gone fails."""
        before = self.read("192.168.1.10 nas\n")
        assert HostsFile.read(str(self.path)) == before
        os.utime(self.path, (1, 1))
        assert HostsFile.read(str(self.path)).fingerprint != before.fingerprint
        self.path.unlink()
        with pytest.raises(FileNotFoundError):
            HostsFile.read(str(self.path))
