"""The certificate that clients are shown, as it is configured."""

from unittest import TestCase

from dotproxy.config.certificate import Certificate
from tests.test_upstream import fault


class CertificateTests(TestCase):
    def test_faults(self) -> None:
        """Both are paths, and neither may be missing."""
        for chain, key, text in (
            ("", "key.pem", "chain = '' must be a path"),
            ("chain.pem", "", "key = '' must be a path"),
            ("a\0b", "key.pem", "chain = 'a\\x00b' must be a path"),
            ("chain.pem", 3, "key = 3 must be a string"),
        ):
            with self.subTest(text=text):
                self.assertEqual(str(fault(Certificate, chain, key)), text)
