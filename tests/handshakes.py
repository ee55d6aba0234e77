"""Handshakes in memory: a client of OpenSSL's, and whatever serves it."""

from collections.abc import Sequence
from contextlib import suppress

from OpenSSL import SSL

RECORDS = 1 << 16
"""Octets to read of what one side has to say: all of it."""


def client(
    alpn: Sequence[bytes] = (b"dot",),
    name: bytes = b"",
    highest: int = SSL.TLS1_3_VERSION,
) -> SSL.Connection:
    """Make a client that trusts everybody."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    # What is too old for us has to be allowed here, to be refused there.
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_max_proto_version(highest)
    if alpn:
        context.set_alpn_protos(list(alpn))
    made = SSL.Connection(context, None)
    if name:
        made.set_tlsext_host_name(name)
    made.set_connect_state()
    return made


def again(before: SSL.Connection) -> SSL.Connection:
    """Make a client that shows the ticket which another was given."""
    made = SSL.Connection(before.get_context(), None)
    session = before.get_session()
    assert session is not None
    made.set_session(session)
    made.set_connect_state()
    return made


def shake(one: SSL.Connection, other: SSL.Connection) -> None:
    """Let both shake hands, as far as they come; SSL.Error if one will not."""
    for _ in range(3):
        for talker, listener in ((one, other), (other, one)):
            try:
                talker.do_handshake()
            except SSL.WantReadError:
                pass
            finally:
                move(talker, listener)


def move(talker: SSL.Connection, listener: SSL.Connection) -> None:
    """Carry over what one side has to say."""
    with suppress(SSL.WantReadError):
        listener.bio_write(talker.bio_read(RECORDS))
