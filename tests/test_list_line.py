"""One line of a list, in any of the forms that lists have."""

from unittest import TestCase

import dns.name
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.local.list_line import Line, LineError, Meaning, read_line

EXACT, SUFFIX = Meaning.EXACT, Meaning.SUFFIX
ADS = "ads.example.org"


def wires(*names: str) -> list[bytes]:
    return [dns.name.from_text(name).to_wire() for name in names]


def read(line: str) -> tuple[Meaning, list[bytes]]:
    meaning, names = read_line(line.encode())
    return meaning, list(names)


class ReadLineTests(TestCase):
    def means(self, meaning: Meaning, *lines: str, of: tuple[str, ...] = ()) -> None:
        """Assert what lines mean, with and without an end of the line."""
        for line in lines:
            for end in ("", "\n", "\r\n", " \t\r\n"):
                assert read(line + end) == (meaning, wires(*of)), line + end

    def faulty(self, line: str | bytes, *words: str) -> None:
        """Assert that a line is refused, with these words."""
        octets = line.encode() if isinstance(line, str) else line
        with self.assertRaises(LineError) as caught:
            read_line(octets)
        for word in words:
            assert word in str(caught.exception), (octets, str(caught.exception))

    def test_exact(self) -> None:
        """A plain name stands for itself, as between a bar and a caret."""
        self.means(EXACT, ADS, f" {ADS}", f"{ADS}.", "|ads.example.org^", of=(ADS,))
        self.means(EXACT, "_x.-y-.a_b.example", of=("_x.-y-.a_b.example",))

    def test_suffix(self) -> None:
        """A dot, a star and a dot, or two bars: the name and all below it."""
        spellings = [".example.org", "*.example.org", "||example.org^"]
        self.means(SUFFIX, *spellings, of=("example.org",))
        self.means(SUFFIX, "||example.org^|", "||example.org", of=("example.org",))
        self.means(SUFFIX, "||zip^", "*.zip", ".zip.", of=("zip",))

    def test_exception(self) -> None:
        """Two at-signs in front of bars make an exception of it."""
        self.means(
            Meaning.EXCEPT_SUFFIX,
            "@@||a.example^",
            "@@||a.example^|",
            of=("a.example",),
        )
        self.means(Meaning.EXCEPT_EXACT, "@@|a.example^", of=("a.example",))

    def test_folded(self) -> None:
        """Names are in lower case, as the name that is looked up will be."""
        self.means(EXACT, "Ads.Example.ORG", "0.0.0.0 ADS.example.org", of=(ADS,))
        self.means(SUFFIX, "||ADS.Example.org^", of=(ADS,))

    def test_hosts(self) -> None:
        """An address of nowhere, or of the machine, lists the names behind it."""
        for address in ("0.0.0.0", "127.0.0.1", "::", "::1", "127.0.0.53"):
            self.means(EXACT, f"{address} {ADS}", f"{address}\t{ADS}", of=(ADS,))
        two = ("a.example", "b.example")
        self.means(EXACT, "0.0.0.0 a.example  b.example # both", of=two)
        self.means(EXACT, "0.0.0.0 localhost a.example b.example", of=two)
        self.means(EXACT, "0.0.0.0 localhost.example", of=("localhost.example",))

    def test_hosts_own(self) -> None:
        """What every hosts file says of the machine itself lists nothing."""
        self.means(
            Meaning.NOTHING,
            "localhost",
            "LocalHost",
            "localhost.",
            "localhost.localdomain",
            "127.0.0.1 localhost",
            "127.0.0.1 localhost.localdomain",
            "127.0.0.1\tLOCALHOST",
            "127.0.0.1 local",
            "255.255.255.255 broadcasthost",
            "::1 localhost ip6-localhost ip6-loopback",
            "fe80::1%lo0 localhost",
            "ff00::0 ip6-localnet",
            "ff02::3 ip6-allhosts",
            "0.0.0.0 0.0.0.0",
        )

    def test_hosts_elsewhere(self) -> None:
        """A name that leads somewhere is meant to be found, not to be listed."""
        self.means(Meaning.FOREIGN, "192.0.2.1 nas.example", "2001:db8::1 nas.example")

    def test_comments(self) -> None:
        """Comments and empty lines say nothing; a title is a comment."""
        self.means(Meaning.NOTHING, "", "#", "# ads.example.org", "! ads.example.org")
        self.means(
            Meaning.NOTHING, "#ads", "## Title", "########", "# a##b", "### 1 ###"
        )
        self.means(Meaning.NOTHING, "[Adblock Plus 2.0]", "# Ärger")

    def test_trailing_comments(self) -> None:
        """A comment may stand behind a name, in whatever words."""
        for comment in (" # why", "#why", "\t! why", " ### why", " # see a##b", " # ü"):
            self.means(EXACT, ADS + comment, "0.0.0.0 " + ADS + comment, of=(ADS,))
            self.means(SUFFIX, "||example.org^" + comment, of=("example.org",))
            self.means(SUFFIX, "*.zip" + comment, of=("zip",))

    def test_browsers(self) -> None:
        """What the DNS cannot see is for browsers: elements, paths, patterns."""
        self.means(
            Meaning.FOREIGN,
            "example.org##.banner",
            "example.org^",
            "example.org^ ! a note",
            "example.org,example.net#@#.banner",
            "example.org#?#div:has(> .ad)",
            "example.org#%#window.x = 1",
            "##.banner",
            "###banner",
            "||example.org^$important",
            "||example.org^$third-party,script",
            "@@||example.org^$generichide",
            "||example.org/banner.js",
            "||ads*.example.org^",
            "||*.example.org^",
            "|https://example.org/ad",
            "@@example.org",
            "example.org^",
            "com.example.org^",
            "ads*.example.org",
            "/banner[0-9]+/",
            "/ad banner/$image",
            "*",
        )

    def test_idna(self) -> None:
        """Names in other scripts become A-labels, as browsers do it (UTS 46)."""
        self.means(
            EXACT, "bücher.example", "BÜCHER。example", of=("xn--bcher-kva.example",)
        )
        self.means(
            EXACT, "0.0.0.0 _x.bücher.example.", of=("_x.xn--bcher-kva.example",)
        )
        self.means(SUFFIX, "||straße.example^", of=("xn--strae-oqa.example",))
        self.means(EXACT, "xn--bcher-kva.example", of=("xn--bcher-kva.example",))

    def test_faults(self) -> None:
        """What is in no form is refused, and the text shows the word at fault."""
        self.faulty("a.example b.example", "no name or address", "'a.example'")
        self.faulty("https://a.example/x", "no name or address", "'https://a.exam")
        self.faulty("address=/a.example/0.0.0.0", "no name or address")
        self.faulty("a..example", "no name in 'a..example'")
        self.faulty(".", "no name")
        self.faulty("a,b.example", "no name")
        self.faulty("0.0.0.0 good.example b=ad.example", "no name in 'b=ad.example'")
        self.faulty("192.0.2.1", "an address where a name should be: '192.0.2.1'")
        self.faulty("||192.0.2.1^", "an address where a name should be")
        self.faulty("-ü-.example", r"no name in '-\xfc-.example'", "hyphen")
        self.faulty("a\\.ü.example", "no name in")
        self.faulty(b"b\xfccher.example", "is not UTF-8")

    def test_lengths(self) -> None:
        """Labels have 63 octets and names 255 at most (RFC 1035 section 2.3.4)."""
        label = 63 * "a"
        longest = ".".join([label] * 3 + [61 * "b"])
        self.means(EXACT, f"{label}.example", of=(f"{label}.example",))
        self.means(EXACT, longest, of=(longest,))
        self.faulty(f"a{label}.example", "no name in 'aaa")
        self.faulty(f"{longest}b", "more than 255 octets")
        self.faulty(f"||{longest}b^", "more than 255 octets")
        self.faulty(256 * "ü", "more than 255 octets")

    def test_shown_briefly(self) -> None:
        """However long and odd a line is, the text about it is short, and printable."""
        for line in ("\x1b" * 9999, "\x1b" * 9999 + " x", "ü!" * 9999, "ü!" * 99):
            with self.assertRaises(LineError) as caught:
                read_line(line.encode())
            assert len(str(caught.exception)) < 400
            assert str(caught.exception).isprintable()

    @given(st.binary() | st.text(alphabet="a.|@^#! *$:01-ü\\\n").map(str.encode))
    def test_reads_or_refuses(self, octets: bytes) -> None:
        """Any octets are read or refused; what is listed is a name, folded."""
        try:
            line: Line = read_line(octets)
        except LineError:
            return
        for name in line[1]:
            parsed, used = dns.name.from_wire(name, 0)
            assert used == len(name)
            assert name == parsed.to_wire() == name.lower()
            assert len(parsed) > 1
            assert name.isascii()
