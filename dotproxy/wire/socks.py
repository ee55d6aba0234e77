"""SOCKS5, from the client's side: what to say to a proxy until it has connected us.

The sources are RFC 1928, and RFC 1929 for the user and the password.
"""

from ipaddress import ip_address
from typing import NamedTuple

from dotproxy.wire.vector import write_vector

LONGEST_WORD = 255
"""Octets of a user, and of a password: their lengths have one (RFC 1929 section 2)."""

NO_LOGIN, PASSWORD = 0, 2
"""Methods to say who one is (RFC 1928 section 3)."""

_VERSION, _LOGIN_VERSION = b"\5", b"\1"

_CONNECT = b"\5\1\0"
"""The request for a TCP connection, up to the address (RFC 1928 section 4)."""

_KINDS = {4: b"\1", 6: b"\4"}

_SIZES = {1: 4, 4: 16}
"""Octets of an address, by its kind (RFC 1928 section 5)."""

_NAME = 3

_PORT = 2

_FIXED = 4
"""Octets of a reply up to the address."""

_REASONS = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "command not supported",
    8: "address type not supported",
}
"""Why there is no connection (RFC 1928 section 6)."""

ORIGINS = (3, 4, 5, 6)
"""Those among them that are no fault of the proxy's."""


class SocksError(Exception):
    """There will be no connection; `proxy` says whether that is due to the proxy,
    and not to who was to be connected to."""

    def __init__(self, what: str, proxy: bool = True) -> None:
        super().__init__(what)
        self.proxy = proxy


class Login(NamedTuple):
    """Who we are to a proxy."""

    user: str
    password: str


class Negotiation:
    """What is said to a proxy, step by step, for a connection to one address and port.

    Send what `begin` returns, and whatever `feed` returns, until `connected`; `rest`
    has what the other end said by then.  An address is sent, never a name: who looked
    it up has judged it.
    """

    def __init__(self, address: str, port: int, login: Login | None = None) -> None:
        ip = ip_address(address)
        self._request = (
            _CONNECT + _KINDS[ip.version] + ip.packed + port.to_bytes(_PORT, "big")
        )
        self._login = login
        self._step = self._method
        self._heard = b""
        self.connected = False

    @property
    def asked(self) -> bool:
        """Whether the proxy took us in, and was asked to connect us."""
        return self._step == self._reply

    @property
    def rest(self) -> bytes:
        """What came behind the last reply that was read."""
        return self._heard

    def begin(self) -> bytes:
        """Return the first words: how we can say who we are.

        Without a login no other way is offered; with one nothing but that.
        """
        method = NO_LOGIN if self._login is None else PASSWORD
        return _VERSION + write_vector(bytes((method,)), 1)

    def feed(self, octets: bytes) -> bytes:
        """Take what the proxy says; return what to say now, which may be nothing.

        Raises SocksError if it refuses, or says what it must not.
        """
        self._heard += octets
        said = b""
        while not self.connected:
            before = self._heard
            said += self._step()
            if self._heard == before:
                break
        return said

    def _method(self) -> bytes:
        """Hear how we are to say who we are (RFC 1928 section 3)."""
        if not self._starts_with(_VERSION) or len(self._heard) < 2:
            return b""
        method = self._take(2)[1]
        if self._login is None and method == NO_LOGIN:
            self._step = self._reply
            return self._request
        if self._login is not None and method == PASSWORD:
            self._step = self._welcome
            return _LOGIN_VERSION + b"".join(
                write_vector(word.encode(), 1) for word in self._login
            )
        lacks = "wants a user and a password" if self._login is None else "takes none"
        raise SocksError(f"{lacks}, or another login (method {method})")

    def _welcome(self) -> bytes:
        """Hear whether the login is good (RFC 1929 section 2)."""
        if len(self._heard) < 2:
            return b""
        # Some say 5 for the version, which is not worth a connection.
        if self._take(2)[1]:
            raise SocksError("refuses the user or the password")
        self._step = self._reply
        return self._request

    def _reply(self) -> bytes:
        """Hear whether there is a connection (RFC 1928 section 6)."""
        heard = self._heard
        if not self._starts_with(_VERSION) or len(heard) < 2:
            return b""
        if code := heard[1]:
            reason = _REASONS.get(code, f"reply {code}")
            raise SocksError(f"says {reason}", proxy=code not in ORIGINS)
        size = self._reply_size()
        if size and len(heard) >= size:
            self._take(size)
            self.connected = True
        return b""

    def _reply_size(self) -> int:
        """Return how long the reply is, or 0 if that is not known yet."""
        heard = self._heard
        if len(heard) <= _FIXED:
            return 0
        kind = heard[_FIXED - 1]
        size = 1 + heard[_FIXED] if kind == _NAME else _SIZES.get(kind)
        if size is None:
            raise SocksError(f"speaks of an address of kind {kind}")
        return _FIXED + size + _PORT

    def _starts_with(self, version: bytes) -> bool:
        """Whether this is the version, or nothing yet; SocksError for another."""
        if self._heard and not self._heard.startswith(version):
            raise SocksError("does not speak SOCKS5")
        return bool(self._heard)

    def _take(self, size: int) -> bytes:
        taken, self._heard = self._heard[:size], self._heard[size:]
        return taken
