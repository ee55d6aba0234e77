"""What we show to clients over TLS, read out of files."""

import os
from pathlib import Path
from unittest import TestCase

from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from dotproxy.config.setting import ConfigError
from dotproxy.lab.certificates import Authority
from dotproxy.server.credentials import read_credentials
from tests.clients import BROKEN_PEM
from tests.credentials import AUTHORITY, folder_of, issue, write

PKCS8 = (Encoding.PEM, PrivateFormat.PKCS8)


class CredentialsTests(TestCase):
    def setUp(self) -> None:
        self.folder = folder_of(self.addCleanup)
        self.issued = issue("DNS.example", "*.example.net")
        self.files = write(self.folder, self.issued)

    def fault(self) -> str:
        with self.assertRaises(ConfigError) as caught:
            read_credentials([self.files])
        assert caught.exception.path == ("certificate",)
        return str(caught.exception)

    def test_good(self) -> None:
        """The chain, the key of its first certificate, and the names of that."""
        (found,) = read_credentials([self.files])
        assert len(found.chain) == 1
        assert found.chain[0].public_key() == found.key.public_key()
        assert found.names == ["dns.example", "*.example.net"]

    def test_chain(self) -> None:
        """Certificates between ours and the root are shown, too."""
        between: Authority = AUTHORITY.intermediate("between")
        (found,) = read_credentials(
            [write(self.folder, between.issue(self.issued.leaf))]
        )
        assert found.chain[1:] == between.chain[:1]

    def test_nameless(self) -> None:
        """A certificate without names is for whoever asks for none."""
        authority = AUTHORITY.intermediate("nameless")
        issued = self.issued
        Path(self.files.chain).write_bytes(authority.pem)
        key = authority.key.private_bytes(*PKCS8, NoEncryption())
        Path(self.files.key).write_bytes(key)
        (found,) = read_credentials([self.files])
        assert found.names == []
        assert issued.leaf.names

    def test_missing(self) -> None:
        """A file that is not there is named, with the reason."""
        os.unlink(self.files.key)
        rule = f"key = {self.files.key!r} cannot be read: No such file or directory"
        assert self.fault() == f"certificate: {rule}"
        os.unlink(self.files.chain)
        rule = f"chain = {self.files.chain!r} cannot be read: No such file or directory"
        assert self.fault() == f"certificate: {rule}"

    def test_pipe(self) -> None:
        """Nobody waits for what comes out of a pipe."""
        os.unlink(self.files.chain)
        os.mkfifo(self.files.chain)
        assert self.fault().endswith("dns.pem' must be a plain file")

    def test_no_certificate(self) -> None:
        """What holds no certificate, or a broken one, is told."""
        for content in (b"", b"hello", BROKEN_PEM, self.issued.key_pem):
            Path(self.files.chain).write_bytes(content)
            assert self.fault().endswith(
                "dns.pem' holds no certificate that can be read: name a PEM file"
            )

    def test_no_key(self) -> None:
        """So is what holds no key."""
        for content in (b"", self.issued.chain_pem):
            Path(self.files.key).write_bytes(content)
            assert self.fault().endswith(
                "dns.key' holds no private key that can be read: name a PEM file"
            )

    def test_passphrase(self) -> None:
        """Nobody is there to enter a passphrase."""
        key = load_pem_private_key(self.issued.key_pem, None)
        locked = key.private_bytes(*PKCS8, BestAvailableEncryption(b"secret"))
        Path(self.files.key).write_bytes(locked)
        assert self.fault().endswith(
            "has a passphrase, which nobody could enter: take it off"
        )

    def test_kind(self) -> None:
        """A key that cannot sign is none for a server."""
        key = x25519.X25519PrivateKey.generate()
        Path(self.files.key).write_bytes(key.private_bytes(*PKCS8, NoEncryption()))
        assert self.fault().endswith("must be an RSA, EC or Ed25519 key")

    def test_mismatch(self) -> None:
        """A key of another certificate is refused."""
        Path(self.files.key).write_bytes(issue("dns.example").key_pem)
        assert self.fault().endswith(
            f"is not the key of the first certificate in {self.files.chain}"
        )

    def test_open_key(self) -> None:
        """A key is not for everybody's eyes; a group may have it."""
        for mode in (0o604, 0o666, 0o602):
            os.chmod(self.files.key, mode)
            assert self.fault().endswith(
                f"is open to everybody (mode {mode:o}): chmod o= it"
            )
        os.chmod(self.files.key, 0o640)
        assert read_credentials([self.files])
