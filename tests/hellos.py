"""Hellos for the tests: real ones by OpenSSL, odd ones put together by hand."""

import ssl
from base64 import b64decode
from collections.abc import Iterator, Sequence

from dotproxy.wire.vector import read_sole_vector, read_vector, write_vector

Extension = tuple[int, bytes]

PUBLISHED = b64decode(
    "AEX+DQBBrAAgACCInfIgdvp+4xqPkMYvPt1Rv7zxtllWm3SjIjWxBoEgfAAEAAEAAQASY2xvdWRm"
    "bGFyZS1lY2guY29tAAA="
)
"""A list of configurations for ECH that was to be had from a large provider."""

GREASE = (0x0A0A, 0x5A5A, 0xFAFA)
"""Values that are there to be ignored (RFC 8701 section 2)."""


def openssl_hello(name: str | None = None, alpn: Sequence[str] = ()) -> bytes:
    """Return the first octets of a client of OpenSSL's."""
    context = ssl.create_default_context()
    context.check_hostname = False
    if alpn:
        context.set_alpn_protocols(list(alpn))
    sent = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return sent.read()
    raise AssertionError("a handshake takes two")


def server_name(name: bytes, kind: int = 0) -> Extension:
    """Name one server (RFC 6066 section 3)."""
    return server_names((kind, name))


def server_names(*names: tuple[int, bytes]) -> Extension:
    """Name any servers, of any kind."""
    listed = [bytes((kind,)) + write_vector(name, 2) for kind, name in names]
    return 0, write_vector(b"".join(listed), 2)


def alpn(*protocols: bytes) -> Extension:
    """Offer protocols (RFC 7301 section 3.1)."""
    listed = b"".join(write_vector(each, 1) for each in protocols)
    return 16, write_vector(listed, 2)


def versions(*offered: int) -> Extension:
    """Offer versions (RFC 8446 section 4.2.1)."""
    listed = b"".join(each.to_bytes(2, "big") for each in offered)
    return 43, write_vector(listed, 1)


def outer(payload: bytes = bytes(144)) -> Extension:
    """Hold an encrypted hello, or GREASE: they look the same (RFC 9849 section 5)."""
    suite = b"\0\1\0\1"
    parts = (b"\0", suite, b"\x2a", write_vector(bytes(32), 2))
    return 0xFE0D, b"".join(parts) + write_vector(payload, 2)


def padding(size: int) -> Extension:
    """Make a hello longer (RFC 7685)."""
    return 21, bytes(size)


def body(*extensions: Extension, **parts: bytes) -> bytes:
    """Put a hello together; `parts` are what stands in front of the extensions."""
    listed = [kind.to_bytes(2, "big") + write_vector(v, 2) for kind, v in extensions]
    behind = write_vector(b"".join(listed), 2) if extensions else b""
    return fixed(**parts) + behind


def fixed(
    version: bytes = b"\3\3",
    session: bytes = bytes(32),
    suites: bytes = b"\x0a\x0a\x13\1",
    compression: bytes = b"\0",
) -> bytes:
    """Put together what each hello has (RFC 8446 section 4.1.2)."""
    lists = write_vector(session, 1) + write_vector(suites, 2)
    return version + bytes(32) + lists + write_vector(compression, 1)


def message(content: bytes, kind: int = 1) -> bytes:
    """Make a handshake message, of a hello unless another kind is given."""
    return bytes((kind,)) + write_vector(content, 3)


def record(fragment: bytes, kind: int = 22, version: bytes = b"\3\1") -> bytes:
    """Put octets into one record."""
    return bytes((kind,)) + version + write_vector(fragment, 2)


def records(handshake: bytes, size: int = 2**14) -> bytes:
    """Put a message into records of so many octets."""
    return b"".join(map(record, pieces(handshake, size)))


def pieces(octets: bytes, size: int) -> Iterator[bytes]:
    """Cut octets into pieces of one size, but for the last."""
    return (octets[at : at + size] for at in range(0, len(octets), size))


def stream(*extensions: Extension) -> bytes:
    """Return what a client with these extensions sends, in as few records as may be."""
    return records(message(body(*extensions)))


def extensions(body: bytes) -> dict[int, bytes]:
    """Return the extensions of a hello by their numbers (RFC 8446 section 4.1.2)."""
    at = 2 + 32
    for width in (1, 2, 1):
        _, at = read_vector(body, at, width)
    return dict(pairs(read_sole_vector(body[at:], 2)))


def pairs(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Walk over numbers of two octets, and what stands behind each."""
    at = 0
    while at < len(octets):
        number = int.from_bytes(octets[at : at + 2], "big")
        value, at = read_vector(octets, at + 2, 2)
        yield number, value
