"""What people see of what was found."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from unittest import TestCase

from msgspec.structs import replace
from rich.console import Console

from dotproxy.cli.check.findings import (
    Answers,
    Certificate,
    Encryption,
    Identity,
    Report,
    Server,
    Status,
    UpstreamFindings,
)
from dotproxy.cli.check.table import draw

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)

PIN = f"sha256//{'A' * 43}="

CERTIFICATE = Certificate(
    role="server",
    subject="dns.example",
    names=("dns.example", "192.0.2.1"),
    not_before=NOW - timedelta(days=1),
    not_after=NOW + timedelta(days=50, hours=3),
    pin=PIN,
    pinned=False,
)

ANSWERS = Answers(
    rcode="NOERROR", rtt_ms=12.34, padded_to=468, edns_size=1232, keepalive_s=12.5,
    out_of_order=True, in_flight=32, authenticates=True, refuses_bogus=True,
    resumption=True,
)  # fmt: skip

GOOD = Server(
    "192.0.2.1",
    "IPv4",
    Status.GOOD,
    connect_ms=3.04,
    handshake_ms=4.0,
    encryption=Encryption("TLS 1.3", "TLS_AES_256_GCM_SHA384", "dot"),
    identity=Identity(True, "name", "dns.example", "dns.example", ""),
    chain=(CERTIFICATE,),
    answers=ANSWERS,
)


def seen(*servers: Server, width: int = 80, terminal: bool = False) -> str:
    """Return what is printed of these addresses of one upstream."""
    status = Status.GOOD if servers[0].status is Status.GOOD else Status.WRONG
    upstream = UpstreamFindings(
        "tls://192.0.2.1:853#dns.example", "strict", "configuration",
        status=status, servers=list(servers),
    )  # fmt: skip
    return printed(Report("0", NOW, status, [upstream]), width, terminal)


def printed(report: Report, width: int = 80, terminal: bool = False) -> str:
    text = StringIO()
    console = Console(file=text, width=width, force_terminal=terminal, highlight=False)
    draw(report, console)
    return "\n".join(map(str.rstrip, text.getvalue().splitlines()))


class TableTests(TestCase):
    def assert_line(self, expected: str, text: str) -> None:
        self.assertIn(expected, text.splitlines())

    def test_whole(self) -> None:
        """All that was found is there, in few lines that fit 80 columns."""
        assert (
            seen(GOOD)
            == f"""\
tls://192.0.2.1:853#dns.example  good
  profile     strict
  addresses   from the configuration

  address       TCP     TLS      RTT
  192.0.2.1  3.0 ms  4.0 ms  12.3 ms  good

  192.0.2.1
  identity    verified as dns.example
  encryption  TLS 1.3, TLS_AES_256_GCM_SHA384, ALPN dot, resumption offered
  chain       server 'dns.example' for dns.example, 192.0.2.1, until 2026-08-20
              (in 50 days)
  pins        {PIN} server
  answers     NOERROR, padded to 468, EDNS 1232
  keepalive   12.5 s
  pipelining  bears 32 at once, answers out of order
  DNSSEC      validates, and refuses what is forged

1 of 1 upstream is good."""
        )

    def test_alike(self) -> None:
        """Addresses of which the same is to be said share the lines that say it."""
        text = seen(GOOD, replace(GOOD, address="2001:db8::1", connect_ms=9.0))
        self.assert_line("  192.0.2.1, 2001:db8::1", text)
        assert text.count("identity") == 1
        self.assert_line("  2001:db8::1  9.0 ms  4.0 ms  12.3 ms  good", text)

    def test_refused(self) -> None:
        """Where the proxy would refuse, it says so and why; what was shown is there."""
        reason = "certificate is not for dns.example"
        text = seen(
            replace(
                GOOD,
                status=Status.WRONG,
                reason=reason,
                identity=Identity(False, "name", "dns.example", "", reason),
                answers=None,
            )
        )
        self.assert_line(f"  wrong       {reason}", text)
        self.assert_line("  identity    NOT verified as dns.example", text)
        assert PIN in text
        assert text.endswith("0 of 1 upstream is good.")

    def test_expired(self) -> None:
        """A certificate that has ended is told from one that soon will."""
        ends = (NOW - timedelta(days=1), NOW + timedelta(hours=5))
        chain = tuple(replace(CERTIFICATE, not_after=end) for end in ends)
        text = seen(replace(GOOD, chain=chain), width=120)
        assert "EXPIRED 2026-06-30 12:00 UTC" in text
        assert "until 2026-07-01 (in 5 hours)" in text

    def test_many_names(self) -> None:
        """Of many names some are shown, and the others counted."""
        names = tuple(f"{n}.example" for n in range(100))
        text = seen(replace(GOOD, chain=(replace(CERTIFICATE, names=names),)))
        assert "5.example and 94 more" in " ".join(text.split())

    def test_identity(self) -> None:
        """It is told what it was that fitted: a wildcard, a pin, or both."""
        wildcard = Identity(True, "name", "dns.example", "*.example", "")
        by_pin = Identity(True, "pin", "", "", "")
        pinned = (replace(CERTIFICATE, pinned=True),)
        pin = "by the pin of its server"
        for identity, chain, expected in (
            (wildcard, (CERTIFICATE,), "verified as dns.example, by *.example"),
            (by_pin, pinned, f"verified {pin}"),
            (wildcard, pinned, f"verified as dns.example, by *.example, {pin}"),
            (
                Identity(False, "name", "a.example", "a.example", "expired"),
                (CERTIFICATE,),
                "NOT verified as a.example, though the name fits",
            ),
        ):
            text = seen(replace(GOOD, identity=identity, chain=chain))
            self.assert_line(f"  identity    {expected}", text)

    def test_answers(self) -> None:
        """What a server does not do is said as plainly as what it does."""
        text = seen(replace(GOOD, answers=Answers("REFUSED", idle_waited_s=3.0)))
        for expected in (
            "  answers     REFUSED, not padded, no EDNS",
            "  keepalive   not said",
            "  pipelining  not known, order not known",
            "  idle        still open after 3 s",
            "  DNSSEC      not known",
        ):
            self.assert_line(expected, text)

    def test_idle(self) -> None:
        """The idle time-out is told if it was seen."""
        answers = replace(ANSWERS, idle_waited_s=9.5, idle_closed_s=9.5)
        text = seen(replace(GOOD, answers=answers))
        self.assert_line("  idle        closed by the server after 9.5 s", text)

    def test_validation(self) -> None:
        """A server that hands out what is forged is shamed."""
        for found, expected in (
            (Answers(authenticates=False), "does not say that it validates"),
            (Answers(authenticates=True), "validates"),
            (Answers(authenticates=True, refuses_bogus=False), "validates, BUT"),
        ):
            text = seen(replace(GOOD, answers=found))
            assert f"  DNSSEC      {expected}" in text

    def test_unreached(self) -> None:
        """An address without a way there is no fault, and is told apart."""
        reason = "this machine has no route there"
        far = Server("2001:db8::1", "IPv6", Status.UNREACHED, reason)
        text = seen(GOOD, far)
        self.assert_line(f"  no route    {reason}", text)
        self.assert_line("  2001:db8::1       -       -        -  unreached", text)

    def test_not_found(self) -> None:
        """An upstream without an address has its reason, and no table."""
        upstream = UpstreamFindings(
            "tls://dns.example:853", "strict", "bootstrap", reason="no address"
        )
        text = printed(Report("0", NOW, Status.WRONG, [upstream]))
        self.assert_line("  addresses   none", text)
        self.assert_line("  wrong       no address", text)

    def test_bootstrap(self) -> None:
        """Where addresses were asked for in clear, that is told."""
        upstream = UpstreamFindings(
            "x", "strict", "bootstrap", 1.5, Status.GOOD, servers=[GOOD]
        )
        text = printed(Report("0", NOW, Status.GOOD, [upstream, upstream]))
        self.assert_line("  addresses   by bootstrap in 1.5 ms, asked in clear", text)
        assert text.endswith("2 of 2 upstreams are good.")

    def test_stranger(self) -> None:
        """What a server calls itself is text, not markup."""
        chain = (replace(CERTIFICATE, subject="[red]x[/red]", names=()),)
        assert "server '[red]x[/red]', until" in seen(replace(GOOD, chain=chain))

    def test_width(self) -> None:
        """Nothing is wider than the terminal; a pin is in one piece on 80 columns."""
        pinned = replace(GOOD, address="2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff")
        for width in (80, 120):
            text = seen(pinned, width=width)
            assert max(map(len, text.splitlines())) <= width
            assert PIN in text

    def test_colour(self) -> None:
        """On a terminal there is colour, and without it nothing is lost."""
        assert "\x1b[32mgood" in seen(GOOD, terminal=True)
        assert "\x1b" not in seen(GOOD)
        unproven = Identity(False, "name", "a.example", "", "expired")
        text = seen(replace(GOOD, identity=unproven), terminal=True)
        assert "\x1b[31mNOT verified" in text
