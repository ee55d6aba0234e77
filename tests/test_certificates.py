"""The throw-away authority: what it signs, and for which fault that is refused."""

import base64
import hashlib
import ipaddress
from datetime import UTC, datetime, timedelta
from unittest import TestCase

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from OpenSSL import crypto

from dotproxy.lab.certificates import Authority, Issued, Leaf, pin, self_signed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NAMED = Leaf(names=("dns.example",))


def read(pem: bytes) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(pem)


def fault(issued: Issued, root: bytes) -> str:
    """Return what OpenSSL finds wrong with a chain at `NOW`: "" for nothing."""
    leaf, *others = map(crypto.X509.from_cryptography, read(issued.chain_pem))
    store = crypto.X509Store()
    store.add_cert(crypto.load_certificate(crypto.FILETYPE_PEM, root))
    store.set_time(NOW)
    try:
        crypto.X509StoreContext(store, leaf, others).verify_certificate()
    except crypto.X509StoreContextError as refusal:
        return str(refusal)
    return ""


def is_accepted(issued: Issued, root: bytes, identity: str) -> bool:
    """Tell whether a strict verifier takes a chain for a name or an address."""
    leaf, *others = read(issued.chain_pem)
    policy = PolicyBuilder().store(Store(read(root))).time(NOW)
    subject: x509.DNSName | x509.IPAddress = x509.DNSName(identity)
    if not identity[-1].isalpha():
        subject = x509.IPAddress(ipaddress.ip_address(identity))
    try:
        policy.build_server_verifier(subject).verify(leaf, others)
    except VerificationError:
        return False
    return True


class GoodTests(TestCase):
    def setUp(self) -> None:
        self.root = Authority.create("root", NOW)

    def test_name(self) -> None:
        """A leaf is good for its names and for no other."""
        issued = self.root.issue(Leaf(names=("dns.example", "b.example")))
        assert is_accepted(issued, self.root.pem, "dns.example")
        assert is_accepted(issued, self.root.pem, "b.example")
        assert not is_accepted(issued, self.root.pem, "c.example")

    def test_address(self) -> None:
        """A leaf is good for its addresses and for no other."""
        issued = self.root.issue(Leaf(addresses=("192.0.2.1", "2001:db8::1")))
        assert is_accepted(issued, self.root.pem, "192.0.2.1")
        assert is_accepted(issued, self.root.pem, "2001:db8::1")
        assert not is_accepted(issued, self.root.pem, "192.0.2.2")

    def test_wildcard(self) -> None:
        """One wildcard stands for one label; two of them are written, not believed."""
        one = self.root.issue(Leaf(names=("*.b.example",)))
        two = self.root.issue(Leaf(names=("*.*.example",)))
        assert is_accepted(one, self.root.pem, "a.b.example")
        assert not is_accepted(two, self.root.pem, "a.b.example")
        assert b"*.*.example" in read(two.chain_pem)[0].public_bytes(Encoding.DER)

    def test_intermediates(self) -> None:
        """A chain is sent leaf first, with each intermediate, without the root."""
        upper = self.root.intermediate("upper")
        issued = upper.intermediate("lower").issue(NAMED)
        names = [it.subject.rfc4514_string() for it in read(issued.chain_pem)]
        assert names == ["CN=dotproxy lab", "CN=lower", "CN=upper"]
        assert is_accepted(issued, self.root.pem, "dns.example")

    def test_intermediate_as_trust_anchor(self) -> None:
        """The certificate of an authority is its own, not that of its root."""
        lower = self.root.intermediate("lower")
        (own,) = read(lower.pem)
        assert own.subject.rfc4514_string() == "CN=lower"

    def test_key(self) -> None:
        """The key is that of the leaf, and it is EC P-256."""
        issued = self.root.intermediate("lower").issue(NAMED)
        key = load_pem_private_key(issued.key_pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert key.curve.name == "secp256r1"
        assert key.public_key() == read(issued.chain_pem)[0].public_key()

    def test_lifetime(self) -> None:
        """A certificate is valid from an hour ago for a day to come."""
        (leaf,) = read(self.root.issue(NAMED).chain_pem)
        assert leaf.not_valid_before_utc == NOW - timedelta(hours=1)
        assert leaf.not_valid_after_utc == NOW + DAY


class PinTests(TestCase):
    def test_pin(self) -> None:
        """A pin is the SHA-256 of the DER SubjectPublicKeyInfo in base64."""
        (certificate,) = read(Authority.create("root", NOW).pem)
        spki = certificate.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        assert spki in certificate.tbs_certificate_bytes
        assert base64.b64decode(pin(certificate)) == hashlib.sha256(spki).digest()

    def test_whole_chain(self) -> None:
        """The pins go from the leaf to the root, which is not in the chain."""
        root = Authority.create("root", NOW)
        issued = root.intermediate("lower").issue(NAMED)
        certificates = read(issued.chain_pem) + read(root.pem)
        assert issued.pins == tuple(map(pin, certificates))
        assert len(set(issued.pins)) == 3

    def test_directly_under_the_root(self) -> None:
        """Without intermediates there are two pins."""
        root = Authority.create("root", NOW)
        issued = root.issue(NAMED)
        assert issued.pins == tuple(map(pin, read(issued.chain_pem) + read(root.pem)))

    def test_self_signed(self) -> None:
        """A self-signed leaf has its own pin only."""
        issued = self_signed(NAMED, NOW)
        assert issued.pins == tuple(map(pin, read(issued.chain_pem)))
        assert len(issued.pins) == 1


class BadTests(TestCase):
    def setUp(self) -> None:
        self.root = Authority.create("root", NOW)

    def test_nothing_wrong(self) -> None:
        """A leaf that no fault was asked for has none."""
        assert fault(self.root.issue(NAMED), self.root.pem) == ""
        assert fault(self.root.intermediate("lower").issue(NAMED), self.root.pem) == ""

    def test_no_alternative_name(self) -> None:
        """Without names and addresses, the extension is not there at all."""
        (leaf,) = read(self.root.issue(Leaf(common_name="dns.example")).chain_pem)
        assert leaf.subject.rfc4514_string() == "CN=dns.example"
        found = {type(it.value) for it in leaf.extensions}
        assert x509.BasicConstraints in found
        assert x509.SubjectAlternativeName not in found

    def test_expired(self) -> None:
        """A leaf whose time is over is refused for that."""
        leaf = Leaf(("dns.example",), not_before=NOW - 3 * DAY, not_after=NOW - DAY)
        assert fault(self.root.issue(leaf), self.root.pem) == "certificate has expired"

    def test_not_yet_valid(self) -> None:
        """A leaf whose time is to come is refused for that."""
        leaf = Leaf(("dns.example",), not_before=NOW + DAY, not_after=NOW + 3 * DAY)
        found = fault(self.root.issue(leaf), self.root.pem)
        assert found.startswith("certificate is not yet valid")

    def test_self_signed(self) -> None:
        """A leaf that signed itself is refused by all who do not know it."""
        issued = self_signed(NAMED, NOW)
        assert fault(issued, self.root.pem).startswith("self-signed certificate")
        (leaf,) = read(issued.chain_pem)
        leaf.verify_directly_issued_by(leaf)

    def test_other_authority(self) -> None:
        """A leaf of another authority is refused, though the name be the same."""
        issued = Authority.create("root", NOW).issue(NAMED)
        assert fault(issued, self.root.pem) == "unable to get local issuer certificate"

    def test_no_authority(self) -> None:
        """What a mere server signed is refused, though the signatures are right."""
        issued = self.root.intermediate("server", is_ca=False).issue(NAMED)
        assert fault(issued, self.root.pem) == "invalid CA certificate"
        leaf, server = read(issued.chain_pem)
        leaf.verify_directly_issued_by(server)
        server.verify_directly_issued_by(read(self.root.pem)[0])
