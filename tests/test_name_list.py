"""Lists out of files, as they are published."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import TestCase

import dns.name

from dotproxy.local.name_list import (
    FAULTS,
    ListFile,
    NameList,
    fingerprint,
    parse,
)
from dotproxy.local.name_set import AT_ONCE, NameSet

HOSTS = b"""\
# Title: a hosts file of advertisers
# Date: 14 March 2026

127.0.0.1 localhost
127.0.0.1 localhost.localdomain
::1 localhost ip6-localhost
fe80::1%lo0 localhost
0.0.0.0 0.0.0.0

# [Banners]
0.0.0.0 banner.example.com
0.0.0.0 ads.example.org other.example.org  # two of one house
0.0.0.0 Pixel.Example.NET
"""

ADGUARD = b"""\
[Adblock Plus 2.0]
! Title: a filter for the DNS, and some lines that are not
||ads.example.org^
||tracker.example.net^|
@@||good.tracker.example.net^
|one.example.com^
@@|two.example.com^
||metrics.example.com^$important
||cdn.example.com^$third-party
example.com##.banner
"""

PLAIN = b"""\
# names, and wild ones\r
ads.example.org\r
*.wild.example.net   # and all below\r
.dotted.example.net\r
! the end\r
"""


def spelled(names: NameSet) -> list[str]:
    return [
        dns.name.from_wire(name, 0)[0].to_text(omit_final_dot=True) for name in names
    ]


def read(octets: bytes) -> NameList:
    return parse(octets.splitlines(keepends=True), "list.txt")


class ParseTests(TestCase):
    def test_hosts(self) -> None:
        """A hosts file lists names alone, but for those of the machine itself."""
        listed = read(HOSTS)
        assert spelled(listed.names) == [
            "banner.example.com",
            "ads.example.org",
            "other.example.org",
            "pixel.example.net",
        ]
        assert len(listed) == 4
        assert (listed.bad, listed.foreign, listed.faults) == (0, 0, ())

    def test_adguard(self) -> None:
        """A filter lists suffixes and exceptions; what is for browsers is counted."""
        listed = read(ADGUARD)
        assert spelled(listed.suffixes) == ["ads.example.org", "tracker.example.net"]
        assert spelled(listed.except_suffixes) == ["good.tracker.example.net"]
        assert spelled(listed.names) == ["one.example.com"]
        assert spelled(listed.except_names) == ["two.example.com"]
        assert len(listed) == 5
        assert (listed.bad, listed.foreign) == (0, 3)

    def test_plain(self) -> None:
        """Plain names and suffixes may stand in one file, with any end of line."""
        listed = read(PLAIN)
        assert spelled(listed.names) == ["ads.example.org"]
        assert spelled(listed.suffixes) == ["wild.example.net", "dotted.example.net"]
        assert (listed.bad, listed.foreign) == (0, 0)

    def test_mixed(self) -> None:
        """All forms may stand in one file."""
        listed = read(HOSTS + ADGUARD + PLAIN)
        parts = [read(HOSTS), read(ADGUARD), read(PLAIN)]
        assert len(listed) == sum(map(len, parts))
        assert list(listed.names) == [name for part in parts for name in part.names]

    def test_byte_order_mark(self) -> None:
        """A mark in front of the file is no part of the first name; later it is."""
        mark = b"\xef\xbb\xbf"
        assert spelled(read(mark + b"a.example").names) == ["a.example"]
        assert read(mark + b"# comment") == NameList()
        assert read(b"b.example\n" + mark + b"!").bad == 1

    def test_faults(self) -> None:
        """A bad line costs nothing else; the first few are named with file and line."""
        listed = read(b"a.example\n" + b"b c\n" * (FAULTS + 2) + b"d.example\n")
        assert spelled(listed.names) == ["a.example", "d.example"]
        assert listed.bad == FAULTS + 2
        assert len(listed.faults) == FAULTS
        assert listed.faults[0] == "list.txt: line 2 has no name or address in 'b'"
        assert listed.faults[-1].startswith(f"list.txt: line {FAULTS + 1} ")

    def test_many(self) -> None:
        """More names than go into one pack keep their order."""
        names = [f"n{number}.example" for number in range(AT_ONCE + 5)]
        assert spelled(read("\n".join(names).encode()).names) == names

    def test_nothing(self) -> None:
        """A file without a line is a list without a name."""
        assert read(b"") == NameList()
        assert len(read(b"")) == 0


class ListFileTests(TestCase):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "list.txt")
        self.path.write_bytes(ADGUARD)
        os.utime(self.path, ns=(1_000, 1_000))

    def test_read(self) -> None:
        """What is in the file is the list, and faults name the file."""
        self.path.write_bytes(ADGUARD + b"b c\n")
        file = ListFile.read(str(self.path))
        assert file.path == str(self.path)
        assert len(file.listed) == 5
        assert file.listed.faults == (
            f"{self.path}: line 11 has no name or address in 'b'",
        )

    def test_fingerprint(self) -> None:
        """A file that was left alone looks the same, one that was not does not."""
        read = ListFile.read(str(self.path)).fingerprint
        assert read == fingerprint(str(self.path))
        assert read[:2] == (1_000, len(ADGUARD))
        os.utime(self.path, ns=(2_000, 2_000))
        assert fingerprint(str(self.path)) != read

    def test_replaced(self) -> None:
        """A file put in another's place is another, even of the same time and size."""
        read = ListFile.read(str(self.path)).fingerprint
        other = self.path.with_name("other")
        other.write_bytes(bytes(reversed(ADGUARD)))
        os.utime(other, ns=(1_000, 1_000))
        other.replace(self.path)
        assert fingerprint(str(self.path))[:2] == read[:2]
        assert fingerprint(str(self.path)) != read

    def test_missing(self) -> None:
        """A file that is not there is an OSError, which names it."""
        missing = str(self.path) + "x"
        for look in (ListFile.read, fingerprint):
            with self.assertRaises(OSError) as caught:
                look(missing)
            assert missing in str(caught.exception)
