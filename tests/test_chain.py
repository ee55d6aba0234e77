"""The certificates of a chain, described."""

from datetime import UTC, datetime
from unittest import TestCase

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import (
    Certificate,
    CertificateBuilder,
    Name,
    NameAttribute,
    load_pem_x509_certificates,
)
from cryptography.x509.oid import NameOID

from dotproxy.cli.check.chain import describe_chain, matching_name, printable
from dotproxy.lab.certificates import Authority, Issued, Leaf

NOW = datetime(2026, 7, 1, tzinfo=UTC)

LATER = datetime(2026, 8, 1, tzinfo=UTC)


def leaf(*names: str, addresses: tuple[str, ...] = ()) -> Certificate:
    """Make a server's certificate for these names and addresses."""
    issued = Authority.create("root", NOW).issue(Leaf(names, addresses))
    return load_pem_x509_certificates(issued.chain_pem)[0]


class ChainTests(TestCase):
    def setUp(self) -> None:
        root = Authority.create("root", NOW)
        middle = root.intermediate("middle")
        self.issued: Issued = middle.issue(
            Leaf(("dns.example",), ("192.0.2.1",), common_name="a\x1b[31mserver")
        )
        sent = load_pem_x509_certificates(self.issued.chain_pem)
        self.chain = describe_chain([*sent, root.chain[0]], {self.issued.pins[1]})

    def test_roles(self) -> None:
        """The first is the server's, the one that signed itself the root."""
        assert [it.role for it in self.chain] == ["server", "authority", "root"]

    def test_pins(self) -> None:
        """Each has its pin as --pin takes it, and those configured are marked."""
        expected = [f"sha256//{pin}" for pin in self.issued.pins]
        assert [it.pin for it in self.chain] == expected
        assert [it.pinned for it in self.chain] == [False, True, False]

    def test_names(self) -> None:
        """Names and addresses are those of the subjectAltName."""
        assert self.chain[0].names == ("dns.example", "192.0.2.1")
        assert self.chain[1].names == ()

    def test_dates(self) -> None:
        """The dates are those of the certificate, in UTC."""
        assert self.chain[0].not_before < NOW < self.chain[0].not_after
        assert self.chain[0].not_after.tzinfo is UTC

    def test_subject(self) -> None:
        """The common name stands for the subject, harmless to a terminal."""
        assert self.chain[0].subject == "a?[31mserver"
        assert self.chain[2].subject == "root"

    def test_nameless(self) -> None:
        """Without a common name the whole subject stands, which may be empty."""
        key = ec.generate_private_key(ec.SECP256R1())
        for parts, expected in (
            ([], ""),
            ([NameAttribute(NameOID.ORGANIZATION_NAME, "Example")], "O=Example"),
        ):
            name = Name(parts)
            draft = CertificateBuilder(name, name, key.public_key(), 7, NOW, LATER)
            (found,) = describe_chain([draft.sign(key, SHA256())], ())
            assert (found.subject, found.names) == (expected, ())

    def test_printable(self) -> None:
        """Only what a terminal just shows is left as it is."""
        assert printable("grün\r\n\x07\u202e") == "grün????"


class MatchTests(TestCase):
    def test_name(self) -> None:
        """The name itself fits."""
        certificate = leaf("other.example", "dns.example")
        assert matching_name(certificate, "dns.example", "name") == "dns.example"

    def test_wildcard(self) -> None:
        """It is told if a wildcard made the name fit."""
        certificate = leaf("*.example.com")
        assert matching_name(certificate, "dns.example.com", "name") == "*.example.com"

    def test_address(self) -> None:
        """An address fits as an address, not as a name."""
        certificate = leaf(addresses=("192.0.2.1",))
        assert matching_name(certificate, "192.0.2.1", "address") == "192.0.2.1"
        assert matching_name(leaf("192.0.2.1"), "192.0.2.1", "address") == ""

    def test_none(self) -> None:
        """Where nothing fits, nothing is told; nor where there are no names."""
        assert matching_name(leaf("dns.example"), "other.example", "name") == ""
        assert matching_name(leaf(), "other.example", "name") == ""
