"""What is shown of clients and names: less than there is."""

from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address
from secrets import token_bytes

from dotproxy.config.query_log import HASHED, QueryLog
from dotproxy.config.setting import ConfigError, written
from dotproxy.journal.note import Client

Address = IPv4Address | IPv6Address

MOST = 4096
"""Clients, and names, whose spelling is remembered: the same come again and again."""

LEAST_KEY, MOST_KEY = 16, 64
"""Octets of a key: too many to guess, and what BLAKE2b takes (RFC 7693 2.1)."""

DIGEST = 8
"""Octets that stand for a name: two of a billion names rarely share them."""


class Privacy:
    """Shorten addresses to networks, and turn names into what only a key repeats.

    Addresses keep so many bits of IPv4 and of IPv6.  Without a `key`, of at most 64
    octets, names stay as they are.
    """

    def __init__(self, bits: tuple[int, int], key: bytes = b"") -> None:
        self._key = key
        self._masks = {4: _mask(bits[0], 32), 6: _mask(bits[1], 128)}
        self.network = lru_cache(MOST)(self._network)
        self.spelled = lru_cache(MOST)(lambda client: str(self.network(client)))
        self.shown = lru_cache(MOST)(self._shown)

    def forget(self) -> None:
        """Remember no client and no name."""
        for remembered in (self.network, self.spelled, self.shown):
            remembered.cache_clear()

    def _network(self, client: Client) -> Address:
        """Return the first address of a client's network."""
        address = address_of(client)
        number = int(address) & self._masks[address.version]
        return type(address)(number)

    def _shown(self, name: str) -> str:
        """Return what stands for a name, which is in lower case."""
        if not self._key:
            return name
        return blake2b(name.encode(), key=self._key, digest_size=DIGEST).hexdigest()


def address_of(client: Client) -> Address:
    """Return the address of a client; one of IPv4 within IPv6 is one of IPv4."""
    bare = client.partition("%")[0] if isinstance(client, str) else client
    address = ip_address(bare)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def create_privacy(settings: QueryLog) -> Privacy:
    """Return what is shown; ConfigError if the key cannot be had."""
    bits = settings.ipv4_prefix, settings.ipv6_prefix
    if settings.names != HASHED:
        return Privacy(bits)
    path = settings.key_file
    return Privacy(bits, _key(path) if path else token_bytes(MOST_KEY))


def _key(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            key = file.read(MOST_KEY + 1)
    except OSError as fault:
        rule = f"cannot be read: {fault.strerror}"
    else:
        if LEAST_KEY <= len(key) <= MOST_KEY:
            return key
        rule = f"must be a file of {LEAST_KEY} to {MOST_KEY} random octets"
    subject = f"query_log.{written('key_file', path)}"
    raise ConfigError(subject, rule, ("query_log", "key_file"))


def _mask(kept: int, bits: int) -> int:
    return (1 << bits) - (1 << bits - kept)
