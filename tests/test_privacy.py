"""What is shown of clients and names."""

from hashlib import blake2b
from ipaddress import ip_address, ip_network
from os import unlink
from tempfile import NamedTemporaryFile
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.config.query_log import QueryLog
from dotproxy.config.setting import ConfigError
from dotproxy.journal.privacy import Privacy, address_of, create_privacy

KEY = b"0123456789abcdef"


class ClientTests(TestCase):
    def test_shortened(self) -> None:
        """A client is its network, however its address is at hand."""
        privacy = Privacy((24, 56))
        for client, shown in (
            ("192.0.2.77", "192.0.2.0"),
            (bytes((192, 0, 2, 77)), "192.0.2.0"),
            ("2001:db8:1:2ff::7", "2001:db8:1:200::"),
            ("fe80::1%eth0", "fe80::"),
            ("::ffff:192.0.2.77", "192.0.2.0"),
        ):
            assert privacy.spelled(client) == shown

    def test_whole(self) -> None:
        """With all bits it is the whole address, with none nothing."""
        assert Privacy((32, 128)).spelled("192.0.2.77") == "192.0.2.77"
        assert Privacy((32, 128)).spelled("2001:db8::7") == "2001:db8::7"
        assert Privacy((0, 0)).spelled("192.0.2.77") == "0.0.0.0"

    @given(st.ip_addresses(), st.integers(0, 32), st.integers(0, 128))
    def test_networks(self, address: object, four: int, six: int) -> None:
        """It is the first address of the network that has so many bits."""
        whole = address_of(str(address))
        bits = four if whole.version == 4 else six
        network = ip_network(f"{whole}/{bits}", strict=False)
        shown = Privacy((four, six)).network(str(address))
        assert shown == network.network_address == ip_address(shown.packed)


class NameTests(TestCase):
    def test_plain(self) -> None:
        """Without a key a name is a name."""
        assert Privacy((24, 56)).shown("www.example") == "www.example"

    def test_hashed(self) -> None:
        """With a key it is 16 digits, the same for the same name and key."""
        expected = blake2b(b"www.example", key=KEY, digest_size=8).hexdigest()
        assert len(expected) == 16
        assert Privacy((24, 56), KEY).shown("www.example") == expected
        assert Privacy((24, 56), KEY).shown("ftp.example") != expected
        assert Privacy((24, 56), KEY + b"x").shown("www.example") != expected

    def key_file(self, octets: bytes) -> QueryLog:
        with NamedTemporaryFile(delete=False) as file:
            file.write(octets)
        self.addCleanup(unlink, file.name)
        return QueryLog(names="hashed", key_file=file.name)

    def test_keys(self) -> None:
        """The key is that of the file, or another at each start."""
        settings = self.key_file(KEY)
        assert create_privacy(settings).shown("a") == Privacy((24, 56), KEY).shown("a")
        own = QueryLog(names="hashed")
        assert create_privacy(own).shown("a") != create_privacy(own).shown("a")
        assert create_privacy(QueryLog()).shown("a") == "a"

    def test_faults(self) -> None:
        """A key that is no good, or cannot be read, is a fault of its setting."""
        gone = QueryLog(names="hashed", key_file="/nowhere")
        for settings, rule in (
            (self.key_file(bytes(15)), "must be a file of 16 to 64 random octets"),
            (self.key_file(bytes(65)), "must be a file of 16 to 64 random octets"),
            (gone, "cannot be read: No such file or directory"),
        ):
            with self.assertRaises(ConfigError) as caught:
                create_privacy(settings)
            assert str(caught.exception) == (
                f"query_log.key_file = '{settings.key_file}' {rule}"
            )
