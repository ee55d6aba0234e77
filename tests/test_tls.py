"""Who is believed, who is not and why, and that the latter hear no query.

Each meeting is a real handshake.  OpenSSL has a clock of its own, so the certificates
are made for the day of the test.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from unittest import mock

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from OpenSSL._util import lib
from service_identity.cryptography import verify_certificate_hostname
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from dotproxy.lab.certificates import Authority, Issued, Leaf, self_signed
from dotproxy.upstream import tls
from dotproxy.upstream.connection import Connection
from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.peer_certificate import pin
from dotproxy.upstream.proof import Match
from dotproxy.upstream.tls import (
    Authenticator,
    Identity,
    Trust,
    Unverified,
)
from tests.connections import Line, Server, Trusting, a_query

NAME = "dns.lab.example"
NAMED = Leaf(names=(NAME,))
HERE = "192.0.2.1"
"""The address that is dialled; on a line in memory any will do."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime.now(UTC)

ROOT = Authority.create("root", NOW)
TRUST = Trust(server_name=NAME, roots=ROOT.pem)
ADDRESS_TRUST = Trust(roots=ROOT.pem)
NO_PIN = "A" * 43 + "="
"""A pin of nobody's key."""

QUERY = a_query()


def loaded(pem: bytes) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(pem)


def is_resumed(connection: Connection) -> bool:
    """Tell whether TLS took up an earlier session; pyOpenSSL has no word for it."""
    handle: Any = connection.transport.getHandle()
    reused: int = lib.SSL_session_reused(handle._ssl)
    return reused == 1


@implementer(IOpenSSLClientConnectionCreator)
class Resuming(Trusting):
    """An identity that takes up the session of another line, and trusts in that."""

    def __init__(self, identity: Identity, line: Line) -> None:
        super().__init__()
        self._identity = identity
        self._session = line.connection.transport.getHandle().get_session()

    def clientConnectionForTLS(self, tls: TLSMemoryBIOProtocol) -> SSL.Connection:
        handle = self._identity.clientConnectionForTLS(tls)
        handle.set_session(self._session)
        return handle


def meet(
    server: Issued | Server, trust: Trust = TRUST, now: Callable[[], float] = time.time
) -> Line:
    """Meet a server, and ask it a query the moment that the connection is ready."""
    if isinstance(server, Issued):
        server = Server(server)
    return Line(Authenticator(trust, now).expect(HERE), server, QUERY).run()


def outcome(line: Line) -> Any:
    """Return what became of a connection: itself, or a failure."""
    outcomes: list[Any] = []
    line.connection.ready.addBoth(outcomes.append)
    (outcome,) = outcomes
    return outcome


def believed(line: Line) -> Connection:
    """Check that the connection is ready, and that the query arrived."""
    connection = outcome(line)
    assert isinstance(connection, Connection), connection
    (query,) = line.listener.queries
    assert QUERY.question in query
    return connection


def refusal(line: Line, kind: type[UpstreamError] = Unverified) -> str:
    """Check that the peer is refused and heard nothing; return why."""
    failure = outcome(line)
    assert isinstance(failure, Failure), failure
    assert failure.type is kind, failure
    assert line.listener.heard == b""
    assert line.listener.lost
    return str(failure.value)


def accept(issued: Issued, trust: Trust = TRUST) -> None:
    """Check that a server with this certificate is believed, without a doubt."""
    assert believed(meet(issued, trust)).doubt == ""


def refuse(issued: Issued, trust: Trust = TRUST) -> str:
    """Check that a server with this certificate is refused; return why."""
    return refusal(meet(issued, trust))


class NameTests(SynchronousTestCase):
    def test_right_name(self) -> None:
        """A chain to a trusted root and a certificate for the name is believed."""
        accept(ROOT.issue(NAMED))
        accept(ROOT.intermediate("lower").issue(NAMED))

    def test_case(self) -> None:
        """Names are the same in whatever case."""
        accept(ROOT.issue(Leaf(names=("DNS.Lab.example",))))

    def test_wrong_name(self) -> None:
        """A certificate for another name is refused, and both names are said."""
        reason = refuse(ROOT.issue(Leaf(names=("b.example", "c.example"))))
        today = f"{NOW - HOUR:%Y-%m-%d} to {NOW + DAY:%Y-%m-%d}"
        assert reason == (
            "certificate is not for dns.lab.example: subject CN=dotproxy lab,"
            f" names b.example, c.example, issuer CN=root, valid {today}"
        )

    def test_no_alternative_name(self) -> None:
        """A name that stands in the subject only is no name (RFC 9525 section 2)."""
        reason = refuse(ROOT.issue(Leaf(common_name=NAME)))
        assert f"subject CN={NAME}, names none, issuer" in reason

    def test_address_for_a_name(self) -> None:
        """Where a name is expected, the address that was dialled does not do."""
        reason = refuse(ROOT.issue(Leaf(addresses=(HERE,))))
        assert reason.startswith(f"certificate is not for {NAME}: ")
        assert f"names {HERE}," in reason

    def test_wildcard(self) -> None:
        """A wildcard stands for the whole first label (RFC 9525 section 6.3)."""
        accept(ROOT.issue(Leaf(names=("*.lab.example",))))

    def test_wildcard_misuse(self) -> None:
        """A wildcard stands for nothing else; a right name beside it is no excuse."""
        for name in (
            "*",
            "*.*.example",
            "dns.*.example",
            "*.example",
            "d*.lab.example",
        ):
            reason = refuse(ROOT.issue(Leaf(names=(name,))))
            assert reason.startswith(f"certificate is not for {NAME}: "), name
        mixed = ROOT.issue(Leaf(names=("*.*.example", NAME)))
        assert f"names *.*.example, {NAME}," in refuse(mixed)

    def test_fault_in_the_check(self) -> None:
        """If the comparison itself breaks, that is a refusal."""
        broken = mock.Mock(side_effect=RuntimeError("broken"))
        self.patch(tls, "verify_certificate_hostname", broken)
        reason = refuse(ROOT.issue(NAMED))
        assert reason == "the certificate cannot be checked: RuntimeError('broken')"
        assert broken.called


class AddressTests(SynchronousTestCase):
    """Without a name and without pins, the address has to be proven."""

    def test_right_address(self) -> None:
        """A certificate for the address that was dialled is believed."""
        issued = ROOT.issue(Leaf(addresses=("192.0.2.9", HERE)))
        accept(issued, ADDRESS_TRUST)

    def test_ipv6(self) -> None:
        """An IPv6 address is compared as a number, not as a text."""
        issued = ROOT.issue(Leaf(addresses=("2001:db8::1",)))
        authenticator = Authenticator(ADDRESS_TRUST, time.time)
        identity = authenticator.expect("2001:DB8:0::1")
        believed(Line(identity, Server(issued), QUERY).run())
        identity = authenticator.expect("2001:db8::2")
        refusal(Line(identity, Server(issued), QUERY).run())

    def test_wrong_address(self) -> None:
        """A certificate for another address is refused."""
        issued = ROOT.issue(Leaf(addresses=("192.0.2.2",)))
        reason = refuse(issued, ADDRESS_TRUST)
        assert reason.startswith(f"certificate is not for {HERE}: ")
        assert "names 192.0.2.2," in reason

    def test_address_as_a_name(self) -> None:
        """An address that is written down as a name is none (RFC 5280 4.2.1.6)."""
        assert HERE in refuse(ROOT.issue(Leaf(names=(HERE,))), ADDRESS_TRUST)


class ChainTests(SynchronousTestCase):
    def test_self_signed(self) -> None:
        """Who vouches for itself is refused."""
        reason = refuse(self_signed(NAMED, NOW))
        assert reason.startswith("certificate self-signed: subject CN=dotproxy lab,")

    def test_other_authority(self) -> None:
        """Another authority is not trusted, though it calls itself the same."""
        reason = refuse(Authority.create("root", NOW).issue(NAMED))
        assert reason.startswith(
            "certificate signed by an authority that is not trusted: "
        )

    def test_other_root_shown(self) -> None:
        """A root does not become trusted by being shown."""
        other = Authority.create("other", NOW)
        issued = other.issue(NAMED)
        shown = replace(issued, chain_pem=issued.chain_pem + other.pem)
        assert refuse(shown).startswith(
            "certificate signed by a root that is not trusted: subject CN=other,"
        )

    def test_missing_intermediate(self) -> None:
        """A leaf without its intermediate leads to no root."""
        issued = ROOT.intermediate("lower").issue(NAMED)
        (leaf, _) = loaded(issued.chain_pem)
        alone = replace(issued, chain_pem=leaf.public_bytes(Encoding.PEM))
        assert "not trusted: subject CN=dotproxy lab" in refuse(alone)

    def test_no_authority(self) -> None:
        """What a mere server signed is refused, though the signatures are right."""
        issued = ROOT.intermediate("server", is_ca=False).issue(NAMED)
        assert refuse(issued).startswith(
            "certificate signed by a certificate that is no authority: "
        )

    def test_forged(self) -> None:
        """A signature that is wrong is refused, in OpenSSL's number if we know none."""
        issued = ROOT.issue(NAMED)
        forged = bytearray(loaded(issued.chain_pem)[0].public_bytes(Encoding.DER))
        forged[-1] ^= 1
        leaf = x509.load_der_x509_certificate(bytes(forged))
        shown = replace(issued, chain_pem=leaf.public_bytes(Encoding.PEM))
        assert refuse(shown).startswith(
            "certificate refused by OpenSSL (error 7): subject CN=dotproxy lab,"
        )

    def test_old_tls(self) -> None:
        """Before TLS 1.2 nothing is said at all (RFC 9325 section 3.1.1)."""
        server = Server(ROOT.issue(NAMED)).speak_up_to(SSL.TLS1_1_VERSION)
        reason = refusal(meet(server), UpstreamError)
        assert reason == "no TLS: tlsv1 alert protocol version"

    def test_tls_1_2(self) -> None:
        """TLS 1.2 is as good, and the checks are the same."""
        server = Server(ROOT.issue(NAMED)).speak_up_to(SSL.TLS1_2_VERSION)
        believed(meet(server))
        refusal(meet(server, replace(TRUST, server_name="b.example")))


class DateTests(SynchronousTestCase):
    def test_end(self) -> None:
        """It is known when the first certificate of the chain ends."""
        leaf = replace(NAMED, not_after=NOW + HOUR)
        connection = believed(meet(ROOT.issue(leaf), now=NOW.timestamp))
        assert connection.proof
        assert connection.proof.expires == int((NOW + HOUR).timestamp())
        assert connection.proof.at == NOW.timestamp()

    def test_expired(self) -> None:
        """A certificate that has expired is refused, and the system clock is said."""
        leaf = replace(NAMED, not_before=NOW - DAY, not_after=NOW - HOUR)
        reason = refusal(meet(ROOT.issue(leaf), now=NOW.timestamp))
        assert reason.startswith(
            f"certificate expired, the system clock is {NOW:%Y-%m-%d %H:%M} UTC:"
            " subject CN=dotproxy lab,"
        )
        assert f" to {NOW - HOUR:%Y-%m-%d}" in reason

    def test_expired_for_openssl(self) -> None:
        """A clock of ours that is slow does not bring a certificate back to life."""
        leaf = replace(NAMED, not_before=NOW - DAY, not_after=NOW - HOUR)
        line = meet(ROOT.issue(leaf), now=(NOW - 2 * HOUR).timestamp)
        assert refusal(line).startswith("certificate expired, ")

    def test_not_yet_valid(self) -> None:
        """A certificate of the future is refused, and the system clock is said.

        Most often it is the system's clock that is wrong.
        """
        leaf = replace(NAMED, not_before=NOW + DAY, not_after=NOW + 2 * DAY)
        reason = refusal(meet(ROOT.issue(leaf), now=NOW.timestamp))
        assert reason.startswith(
            f"certificate not yet valid, the system clock is {NOW:%Y-%m-%d %H:%M} UTC:"
            " subject CN=dotproxy lab,"
        )

    def test_expired_intermediate(self) -> None:
        """A good leaf under an authority that has expired is refused."""
        earlier = replace(ROOT, now=NOW - 10 * DAY)
        expired = replace(earlier.intermediate("expired"), now=NOW)
        reason = refuse(expired.issue(NAMED))
        assert reason.startswith("certificate expired, ")
        assert "UTC: subject CN=expired," in reason

    def test_own_clock_for_the_chain(self) -> None:
        """It counts for every certificate of the chain."""
        earlier = replace(ROOT, now=NOW - DAY + 2 * HOUR)
        short = replace(earlier.intermediate("short"), now=NOW)
        issued = short.issue(NAMED)
        believed(meet(issued, now=(NOW + HOUR).timestamp))
        reason = refusal(meet(issued, now=(NOW + 3 * HOUR).timestamp))
        assert "UTC: subject CN=short," in reason

    def test_own_clock(self) -> None:
        """The time that was given counts too, whatever OpenSSL takes it to be."""
        issued = ROOT.issue(NAMED)
        for past in (DAY + HOUR, -2 * HOUR):
            shifted = NOW + past
            line = meet(issued, now=shifted.timestamp)
            assert refusal(line).startswith(
                "certificate not valid now,"
                f" the system clock is {shifted:%Y-%m-%d %H:%M} UTC: subject CN="
            )

    def test_bounds(self) -> None:
        """The first and the last second of the validity belong to it."""
        issued = ROOT.issue(NAMED)
        (leaf,) = loaded(issued.chain_pem)
        first, last = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        for moment in (first, last):
            believed(meet(issued, now=moment.timestamp))
        second = timedelta(seconds=1)
        for moment in (first - second, last + second):
            refusal(meet(issued, now=moment.timestamp))

    def test_broken_clock(self) -> None:
        """Without a time that makes sense nobody is believed."""
        line = meet(ROOT.issue(NAMED), now=lambda: float("nan"))
        assert refusal(line).startswith("the certificate cannot be checked: ")


class PinTests(SynchronousTestCase):
    """Pins beside a name: both must be right."""

    def setUp(self) -> None:
        self.issued = ROOT.intermediate("lower").issue(NAMED)

    def pinned(self, *pins: str) -> Trust:
        return replace(TRUST, pins=frozenset(pins))

    def test_anywhere_on_the_chain(self) -> None:
        """The pin may be of the leaf, of the intermediate, or of the root."""
        for each in self.issued.pins:
            accept(self.issued, self.pinned(each))

    def test_backup(self) -> None:
        """One pin that matches is enough."""
        leaf, *_ = self.issued.pins
        accept(self.issued, self.pinned(NO_PIN, leaf))

    def match(self, trust: Trust) -> Match | None:
        connection = believed(meet(self.issued, trust))
        assert connection.doubt == ""
        assert connection.proof
        assert connection.proof.pins == self.issued.pins
        return connection.proof.match

    def test_first(self) -> None:
        """It is known whether the first pin matches, or another."""
        leaf, *_ = self.issued.pins
        pinned = self.pinned(NO_PIN, leaf)
        assert self.match(TRUST) is None
        assert self.match(pinned) is Match.PRIMARY
        assert self.match(replace(pinned, first_pin=leaf)) is Match.PRIMARY
        assert self.match(replace(pinned, first_pin=NO_PIN)) is Match.BACKUP

    def test_counted(self) -> None:
        """Chains are counted by their pins, also those that are refused for them."""
        for trust in (self.pinned(NO_PIN), replace(TRUST, pins=frozenset())):
            judge = Authenticator(trust, time.time)
            outcome(Line(judge.expect(HERE), Server(self.issued), QUERY).run())
            expected = {Match.NONE: 1} if trust.pins else {}
            assert judge.pin_matches == expected

    def test_report_only(self) -> None:
        """Pins that are reported only refuse nobody, and all else is as strict."""
        reporting = replace(self.pinned(NO_PIN), report_only=True)
        assert self.match(reporting) is Match.NONE
        other = ROOT.issue(Leaf(names=("b.example",)))
        assert f"is not for {NAME}" in refuse(other, reporting)
        stranger = Authority.create("root", NOW).issue(NAMED)
        assert "not trusted" in refuse(stranger, reporting)

    def test_report_only_alone(self) -> None:
        """Where the pins alone decide, they are relied on, whatever was asked for."""
        alone = Trust(pins=frozenset({NO_PIN}), report_only=True)
        assert "no certificate has a pinned key" in refuse(self.issued, alone)

    def test_mismatch(self) -> None:
        """Keys that are not pinned are refused, and the pins seen are told."""
        reason = refuse(self.issued, self.pinned(NO_PIN))
        seen = ", ".join(f"sha256//{each}" for each in self.issued.pins)
        assert reason == f"no certificate has a pinned key; pins seen: {seen}"

    def test_good_pin_on_a_bad_chain(self) -> None:
        """The pin does not make up for a chain, a name or a date that is wrong."""
        leaf, *_ = self.issued.pins
        elsewhere = Authority.create("elsewhere", NOW).pem
        reason = refuse(self.issued, replace(self.pinned(leaf), roots=elsewhere))
        assert "not trusted" in reason
        reason = refuse(
            self.issued, replace(self.pinned(leaf), server_name="b.example")
        )
        assert reason.startswith("certificate is not for b.example: ")
        tomorrow = (NOW + DAY + HOUR).timestamp
        line = meet(self.issued, self.pinned(leaf), tomorrow)
        assert "the system clock is" in refusal(line)

    def test_not_on_the_chain(self) -> None:
        """The pin of a certificate that is shown, but vouches for nobody, is void."""
        stranger = Authority.create("stranger", NOW)
        shown = replace(self.issued, chain_pem=self.issued.chain_pem + stranger.pem)
        (pinned,) = map(pin, loaded(stranger.pem))
        accept(shown)
        assert pinned not in refuse(shown, self.pinned(pinned))


class PinAloneTests(SynchronousTestCase):
    """Pins without a name: the server's own key is all that counts."""

    def test_own_key(self) -> None:
        """A pinned key needs nobody to vouch for it, and no date."""
        for leaf in (Leaf(), replace(NAMED, not_after=NOW - timedelta(minutes=5))):
            issued = self_signed(leaf, NOW)
            accept(issued, Trust(pins=frozenset(issued.pins)))

    def test_other_key(self) -> None:
        """Another key is refused, whoever vouches for it."""
        trust = Trust(pins=frozenset((NO_PIN,)), roots=ROOT.pem)
        issued = ROOT.issue(replace(NAMED, addresses=(HERE,)))
        reason = refuse(issued, trust)
        own = issued.pins[0]
        assert reason == f"no certificate has a pinned key; pins seen: sha256//{own}"

    def test_key_of_an_authority(self) -> None:
        """The key of an authority proves nothing: anybody can show its certificate."""
        issued = ROOT.intermediate("lower").issue(NAMED)
        own, *above = issued.pins
        reason = refuse(issued, Trust(pins=frozenset(above)))
        assert reason.endswith(f"pins seen: sha256//{own}")

    def test_no_certificate(self) -> None:
        """A peer that shows nothing has no key that could be right."""
        identity = Authenticator(Trust(pins=frozenset("A")), time.time).expect(HERE)
        bare = mock.Mock(spec=SSL.Connection)
        bare.get_peer_certificate.return_value = None
        with self.assertRaises(Unverified) as caught:
            identity.verify(bare)
        assert str(caught.exception) == "the server showed no certificate"


class OpportunisticTests(SynchronousTestCase):
    """Encrypted at any rate: whoever answers is taken, and what is wrong is said."""

    def doubt(self, issued: Issued, now: Callable[[], float] = time.time) -> str:
        trust = replace(TRUST, strict=False)
        return believed(meet(issued, trust, now)).doubt

    def test_nothing_wrong(self) -> None:
        """A peer with everything right leaves no doubt."""
        assert self.doubt(ROOT.issue(NAMED)) == ""

    def test_wrong_name(self) -> None:
        """A wrong name passes."""
        doubt = self.doubt(ROOT.issue(Leaf(names=("b.example",))))
        assert doubt.startswith(f"certificate is not for {NAME}: ")

    def test_chain(self) -> None:
        """A chain that OpenSSL would refuse passes, with its first complaint."""
        expired = replace(NAMED, not_after=NOW - timedelta(minutes=5))
        for issued, doubt in (
            (self_signed(NAMED, NOW), "certificate self-signed: "),
            (self_signed(expired, NOW), "certificate self-signed: "),
            (ROOT.issue(expired), "certificate expired, "),
            (
                ROOT.intermediate("server", is_ca=False).issue(NAMED),
                "certificate signed by a certificate that is no authority: ",
            ),
            (
                Authority.create("other", NOW).issue(NAMED),
                "certificate signed by an authority that is not trusted: ",
            ),
        ):
            assert self.doubt(issued).startswith(doubt)

    def test_pins(self) -> None:
        """Keys that are not pinned pass."""
        issued = ROOT.issue(NAMED)
        for name in (NAME, ""):
            trust = Trust(name, frozenset((NO_PIN,)), ROOT.pem, False)
            doubt = believed(meet(issued, trust)).doubt
            assert doubt.startswith("no certificate has a pinned key; pins seen: ")

    def test_fault_in_the_check(self) -> None:
        """A check that breaks lets pass, and the fault is said."""
        doubt = self.doubt(ROOT.issue(NAMED), now=lambda: float("nan"))
        assert doubt.startswith("the certificate cannot be checked: ValueError(")

    def test_old_tls(self) -> None:
        """Old TLS does not pass: that is hardly encryption."""
        server = Server(ROOT.issue(NAMED)).speak_up_to(SSL.TLS1_1_VERSION)
        line = meet(server, replace(TRUST, strict=False))
        assert refusal(line, UpstreamError).startswith("no TLS: ")


class HelloTests(SynchronousTestCase):
    """What the server learns from the greeting."""

    def test_name(self) -> None:
        """The name that is expected is said (RFC 6066 section 3), also with pins."""
        issued = ROOT.issue(NAMED)
        for pins in (frozenset[str](), frozenset(issued.pins)):
            line = meet(issued, replace(TRUST, pins=pins))
            handle = line.listener.transport.getHandle()
            assert handle.get_servername() == NAME.encode()

    def test_no_name(self) -> None:
        """An address is not said: SNI has no form for it."""
        issued = ROOT.issue(Leaf(addresses=(HERE,)))
        for pins in (frozenset[str](), frozenset(issued.pins)):
            line = meet(issued, Trust(pins=pins, roots=ROOT.pem))
            believed(line)
            assert line.listener.transport.getHandle().get_servername() is None

    def test_protocol(self) -> None:
        """DNS over TLS is offered, and nothing else (RFC 7858 section 7.1)."""
        server = Server(ROOT.issue(NAMED))
        line = meet(server)
        assert server.offered == [[b"dot"]]
        handle = line.connection.transport.getHandle()
        assert handle.get_alpn_proto_negotiated() == b"dot"

    def test_no_protocol(self) -> None:
        """Where what is spoken has no name, none is offered."""
        server = Server(ROOT.issue(NAMED))
        believed(meet(server, replace(TRUST, protocol=b"")))
        assert server.offered == []

    def test_forward_secrecy(self) -> None:
        """A TLS 1.2 server that knows no AEAD with forward secrecy finds no cipher."""
        for cipher in (b"AES256-GCM-SHA384", b"ECDHE-ECDSA-AES256-SHA"):
            server = Server(ROOT.issue(NAMED)).speak_up_to(SSL.TLS1_2_VERSION)
            server.context.set_cipher_list(cipher)
            reason = refusal(meet(server), UpstreamError)
            assert "handshake failure" in reason


class ResumptionTests(SynchronousTestCase):
    def test_never(self) -> None:
        """No session is resumed: the second connection is checked like the first."""
        compared = mock.Mock(wraps=verify_certificate_hostname)
        self.patch(tls, "verify_certificate_hostname", compared)
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            compared.reset_mock()
            authenticator = Authenticator(TRUST, time.time)
            server = Server(ROOT.issue(NAMED)).speak_up_to(version)
            for times in (1, 2):
                identity = authenticator.expect(HERE)
                line = Line(identity, server, QUERY).run()
                assert not is_resumed(believed(line))
                assert compared.call_count == times
            eager = Resuming(authenticator.expect(HERE), line)
            line = Line(cast(Identity, eager), server, QUERY).run()
            assert is_resumed(believed(line)), "the server would have resumed"

    def test_expired_meanwhile(self) -> None:
        """A certificate that expired between two connections is refused."""
        calendar = [NOW.timestamp()]
        authenticator = Authenticator(TRUST, lambda: calendar[-1])
        server = Server(ROOT.issue(NAMED))
        believed(Line(authenticator.expect(HERE), server, QUERY).run())
        calendar.append((NOW + 2 * DAY).timestamp())
        line = Line(authenticator.expect(HERE), server, QUERY).run()
        assert "the system clock is" in refusal(line)


class RootsTests(SynchronousTestCase):
    """Whom to trust: what is configured, or else the system."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.bundle = Path(folder.name) / "roots.pem"
        self.bundle.write_bytes(ROOT.pem)
        self.nowhere = Path(folder.name) / "missing.pem"
        self.issued = ROOT.issue(NAMED)

    def meet_by_system(self, more_roots: Path, ssl_cert_file: Path | None) -> Line:
        """Meet the server, trusting whom the system trusts."""
        self.patch(tls, "MORE_ROOTS", str(more_roots))
        file = {"SSL_CERT_FILE": str(ssl_cert_file)} if ssl_cert_file else {}
        with mock.patch.dict(os.environ, file):
            if not ssl_cert_file:
                os.environ.pop("SSL_CERT_FILE", None)
            return meet(self.issued, Trust(server_name=NAME))

    def test_several(self) -> None:
        """Each root of the file is trusted, and none besides."""
        other = Authority.create("other", NOW)
        both = replace(TRUST, roots=ROOT.pem + other.pem)
        accept(self.issued, both)
        accept(other.issue(NAMED), both)
        refuse(Authority.create("third", NOW).issue(NAMED), both)

    def test_no_certificates(self) -> None:
        """A file without certificates is an error, not an empty trust."""
        for roots in (b"", b"nonsense", ROOT.pem[:-40]):
            with self.assertRaises(ValueError):
                Authenticator(replace(TRUST, roots=roots), time.time)

    def test_system(self) -> None:
        """A root that the system does not have is not trusted."""
        line = self.meet_by_system(self.nowhere, None)
        assert "not trusted" in refusal(line)

    def test_environment(self) -> None:
        """SSL_CERT_FILE takes the place of the system's roots."""
        believed(self.meet_by_system(self.nowhere, self.bundle))

    def test_more_roots(self) -> None:
        """Where OpenSSL does not look by itself, there is one more place."""
        believed(self.meet_by_system(self.bundle, None))

    def test_environment_excludes_more_roots(self) -> None:
        """SSL_CERT_FILE is not added to: who sets it means these and no others."""
        line = self.meet_by_system(self.bundle, self.nowhere)
        assert "not trusted" in refusal(line)

    def test_pin_alone(self) -> None:
        """Where a pin is all that counts, no roots are read, not even broken ones."""
        trust = Trust(pins=frozenset(self.issued.pins[:1]), roots=b"nonsense")
        accept(self.issued, trust)


class VerifyTests(SynchronousTestCase):
    """The two checks: by OpenSSL during the handshake, and by us after it."""

    def test_openssl_alone(self) -> None:
        """OpenSSL ends the handshake over a bad chain, whatever we would say to it."""
        self.patch(Identity, "verify", lambda self, connection: "")
        assert "self-signed" in refuse(self_signed(NAMED, NOW))
        accept(ROOT.issue(Leaf(names=("b.example",))))

    def test_no_chain(self) -> None:
        """If there is no chain that was verified, that is a refusal."""
        bare = mock.Mock(spec=SSL.Connection)
        bare.get_verified_chain.return_value = None
        with self.assertRaises(Unverified) as caught:
            Authenticator(TRUST, time.time).expect(HERE).verify(bare)
        assert "no certificate that was verified" in str(caught.exception)

    def test_broken_handle(self) -> None:
        """Whatever cannot be asked for did not pass; the cause is kept."""
        with self.assertRaises(Unverified) as caught:
            Authenticator(TRUST, time.time).expect(HERE).verify(cast(Any, None))
        assert "the certificate cannot be checked: AttributeError(" in str(
            caught.exception
        )
        assert isinstance(caught.exception.__cause__, AttributeError)

    def test_refusal(self) -> None:
        """What the handshake was broken off for is known, if it was."""
        for strict, known in ((True, "certificate self-signed: "), (False, "")):
            trust = replace(TRUST, strict=strict)
            identity = Authenticator(trust, time.time).expect(HERE)
            assert identity.refusal == ""
            line = Line(identity, Server(self_signed(NAMED, NOW)), QUERY).run()
            assert isinstance(outcome(line), Failure) is strict
            assert identity.refusal.startswith(known)
            assert bool(identity.refusal) is strict

    def test_complaint_of_another(self) -> None:
        """Each connection keeps its own complaint, though they share a context."""
        authenticator = Authenticator(TRUST, time.time)
        bad, good = authenticator.expect(HERE), authenticator.expect(HERE)
        refused = Line(bad, Server(self_signed(NAMED, NOW)), QUERY).run()
        assert "self-signed" in refusal(refused)
        believed(Line(good, Server(ROOT.issue(NAMED)), QUERY).run())

    def test_cancelled(self) -> None:
        """Who hangs up during the handshake asks nothing, whoever the peer is."""
        identity = Authenticator(TRUST, time.time).expect(HERE)
        line = Line(identity, Server(ROOT.issue(NAMED)), QUERY)
        line.connection.ready.cancel()
        line.run()
        assert outcome(line).type is CancelledError
        assert line.listener.heard == b""
        assert line.listener.lost
