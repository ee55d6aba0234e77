"""What a server has shown."""

from datetime import UTC, datetime, timedelta
from unittest import TestCase

from cryptography.x509 import load_pem_x509_certificates

from dotproxy.lab.certificates import Authority, Leaf
from dotproxy.upstream.proof import proof_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class ProofTests(TestCase):
    def test_chain(self) -> None:
        """The first end of a chain counts, wherever on it; the keys are in order."""
        root = Authority.create("root", NOW)
        leaf = Leaf(("dns.example",), not_before=NOW - HOUR, not_after=NOW + 2 * HOUR)
        issued = root.issue(leaf)
        chain = load_pem_x509_certificates(issued.chain_pem + root.pem)
        for certificates in (chain, chain[::-1]):
            proof = proof_of(certificates, 5.0)
            assert proof.at == 5.0
            assert proof.expires == (NOW + 2 * HOUR).timestamp()
            assert proof.expires_soon == (NOW + HOUR).timestamp()
            assert proof.match is None
        proof = proof_of(chain, 5.0)
        assert proof.pins == issued.pins
        leaf_pin, root_pin = issued.pins
        seen = f"pins seen: sha256//{leaf_pin}, sha256//{root_pin}"
        assert proof.pins_seen == seen
