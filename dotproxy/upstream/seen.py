"""What a trace is shown of upstreams: whom, and the very octets."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dns.rcode

from dotproxy.upstream.asked import Server
from dotproxy.wire.answer import Answer
from dotproxy.wire.trace import Trace

if TYPE_CHECKING:
    from dotproxy.upstream.connection import Connection


def candidates(at_once: Sequence[Server], later: Sequence[Server]) -> str:
    """Say who is asked at once, who after those, and how each of them fares."""
    if not at_once:
        return "all are down, and none may be tried yet"
    first = " and ".join(map(_fares, at_once))
    return ", then ".join((first, *map(_fares, later)))


def rcode_of(answer: Answer) -> str:
    """Return what an answer says, and that it was cut short, if it was."""
    rcode = dns.rcode.to_text(dns.rcode.Rcode.make(answer.rcode))
    return f"{rcode}, cut short," if answer.truncated else rcode


def _fares(server: Server) -> str:
    health = server.health
    if health.down:
        return f"{server.name} (down: {health.reason})"
    usual = f", usually {health.usual * 1000:.0f} ms" if health.usual else ""
    return f"{server.name} (up{usual})"


def note_sent(trace: Trace, connection: "Connection", message: bytes) -> None:
    """Note the octets that leave, and by which connection."""
    peer, tls = connection.transport.getPeer(), connection.transport.getHandle()
    trace.note(
        "sent",
        "to {address} port {port}, {tls}, open for {age} s, with {others} more"
        " under way, {size} octets: {octets}",
        address=peer.host,
        port=peer.port,
        tls=tls.get_protocol_version_name(),
        age=round(connection.last_used - connection.since, 3),
        others=len(connection.pending) - 1,
        size=len(message),
        octets=message,
    )


def note_sent_in_clear(
    trace: Trace, server: tuple[str, int], transport: str, message: bytes
) -> None:
    """Note the octets that leave for anybody to read."""
    trace.note(
        "sent",
        "to {address} port {port} in clear over {transport}, {size} octets: {octets}",
        address=server[0],
        port=server[1],
        transport=transport,
        size=len(message),
        octets=message,
    )


def note_arrived(trace: Trace, message: bytes) -> None:
    """Note the octets of an answer."""
    trace.note("arrived", "{size} octets: {octets}", size=len(message), octets=message)
