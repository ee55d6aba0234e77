"""How the lab shakes hands: which certificate, for which faults, and which TLS."""

from datetime import UTC, datetime
from unittest import TestCase

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from dotproxy.lab.certificates import Authority, Issued, Leaf
from dotproxy.lab.server_tls import NAMES, OLD, ServerTLS, spoiled

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def leaf(issued: Issued) -> x509.Certificate:
    return x509.load_pem_x509_certificates(issued.chain_pem)[0]


def is_issued_by(issued: Issued, authority: Authority) -> bool:
    try:
        leaf(issued).verify_directly_issued_by(authority.chain[0])
    except (ValueError, InvalidSignature):
        return False
    return True


class SpoiledTests(TestCase):
    def setUp(self) -> None:
        self.authority = Authority.create("root", NOW)
        self.good = self.authority.issue(Leaf(("dns.example",), ("127.0.0.1",)))

    def spoiled(self, *faults: str) -> Issued:
        return spoiled(self.good, frozenset(faults))

    def test_good(self) -> None:
        """Without a fault of the certificate it is the good one, key and all."""
        assert self.spoiled() is self.good
        assert self.spoiled(OLD) is self.good

    def test_new_key(self) -> None:
        """A new key is all that is new about it."""
        renewed = self.spoiled("new-key")
        assert renewed.pins[0] != self.good.pins[0]
        assert renewed.pins[1:] == self.good.pins[1:]
        assert renewed.leaf == self.good.leaf
        assert is_issued_by(renewed, self.authority)

    def test_times(self) -> None:
        """One is over, one has not begun; both are signed as they should be."""
        expired, early = self.spoiled("expired"), self.spoiled("not-yet-valid")
        assert leaf(expired).not_valid_after_utc < NOW
        assert leaf(expired).not_valid_before_utc < leaf(expired).not_valid_after_utc
        assert leaf(early).not_valid_before_utc > NOW
        assert is_issued_by(expired, self.authority)
        assert is_issued_by(early, self.authority)

    def test_signers(self) -> None:
        """Others sign what is not to be trusted."""
        for fault in ("untrusted", "self-signed"):
            assert not is_issued_by(self.spoiled(fault), self.authority)
        alone = leaf(self.spoiled("self-signed"))
        assert alone.issuer == alone.subject
        other = leaf(self.spoiled("untrusted"))
        assert other.issuer not in (other.subject, self.authority.chain[0].subject)

    def test_combined(self) -> None:
        """Faults of a certificate combine."""
        wrong = self.spoiled("expired", "wrong-name", "self-signed")
        names = leaf(wrong).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        assert names.value.get_values_for_type(x509.DNSName) == ["wrong.example"]
        assert names.value.get_values_for_type(x509.IPAddress) == []
        assert leaf(wrong).not_valid_after_utc < NOW
        assert leaf(wrong).issuer == leaf(wrong).subject


class ServerTLSTests(TestCase):
    def test_kept(self) -> None:
        """What was made for some faults is used again; faults of others are none."""
        issued = Authority.create("root", NOW).issue(Leaf(("dns.example",)))
        tls = ServerTLS(issued)
        assert "swallow" not in NAMES
        assert tls.context(["swallow"]) is tls.context([])
        assert tls.context(["new-key", "stall"]) is tls.context(["new-key"])
        assert tls.context(["new-key"]) is not tls.context([])
