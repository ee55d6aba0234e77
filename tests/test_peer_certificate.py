"""What a certificate says of itself."""

from datetime import UTC, datetime, timedelta
from unittest import TestCase

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from dotproxy.lab.certificates import Authority, Leaf
from dotproxy.upstream.peer_certificate import (
    LONGEST_DESCRIPTION,
    begins,
    describe,
    ends,
    pin,
    warned_from,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def odd_certificate(subject: x509.Name, *names: str) -> x509.Certificate:
    """Make a certificate with a subject and names such as no authority would sign."""
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives = x509.SubjectAlternativeName([x509.DNSName(it) for it in names])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([]))
        .not_valid_before(datetime(2026, 3, 1, tzinfo=UTC))
        .not_valid_after(datetime(2026, 6, 1, tzinfo=UTC))
        .serial_number(1)
        .public_key(key.public_key())
        .add_extension(alternatives, critical=False)
        .sign(key, hashes.SHA256())
    )


class PinTests(TestCase):
    def test_pin(self) -> None:
        """The pin that is computed is the one that the lab computed on its own."""
        root = Authority.create("root", NOW)
        issued = root.intermediate("lower").issue(Leaf(names=("dns.example",)))
        chain = x509.load_pem_x509_certificates(issued.chain_pem + root.pem)
        assert tuple(map(pin, chain)) == issued.pins


class EndTests(TestCase):
    def test_days(self) -> None:
        """A certificate says from when to when it holds."""
        certificate = odd_certificate(x509.Name([]))
        assert begins(certificate) == datetime(2026, 3, 1, tzinfo=UTC)
        assert ends(certificate) == datetime(2026, 6, 1, tzinfo=UTC)

    def test_soon(self) -> None:
        """Two weeks before its end is soon; for a short life, the last third of it."""
        assert warned_from(NOW, NOW + 90 * DAY) == NOW + 76 * DAY
        assert warned_from(NOW, NOW + 6 * DAY) == NOW + 4 * DAY


class DescribeTests(TestCase):
    def test_nameless(self) -> None:
        """A certificate for nobody is described all the same."""
        described = describe(odd_certificate(x509.Name([])))
        assert described == (
            "subject empty, names none, issuer , valid 2026-03-01 to 2026-06-01"
        )

    def test_without_names(self) -> None:
        """So is one that has no place for names, as those of authorities."""
        (root,) = x509.load_pem_x509_certificates(Authority.create("root", NOW).pem)
        assert describe(root).startswith("subject CN=root, names none, issuer CN=root,")

    def test_one_line(self) -> None:
        """Whoever made the certificate, its description is one line of plain text."""
        subject = x509.Name.from_rfc4514_string("CN=a\n2026-03-01 all is well")
        described = describe(odd_certificate(subject, "b\x1b[2Jc.example"))
        assert described.isprintable()
        assert "names b?[2Jc.example, issuer" in described

    def test_bounded(self) -> None:
        """A certificate with thousands of names does not fill the log with them."""
        names = [f"n{number}.example" for number in range(5000)]
        for many in (names, ["x" * 5000], ["n0.example", "x" * 5000]):
            described = describe(odd_certificate(x509.Name([]), *many))
            assert described.startswith("subject empty, names ")
            assert ("n0.example" in described) is (many[0] == "n0.example")
            assert described.endswith(" ...")
            assert len(described) <= LONGEST_DESCRIPTION == 400
