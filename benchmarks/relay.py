"""A relay that makes a TCP server seem far away: it holds back octets, both ways.

A link with a delay would take root, and would slow down all else on loopback.  This
is written on bare sockets because it shares its core with the load.
"""

import sys
from collections import deque
from contextlib import suppress
from select import select
from socket import (
    IPPROTO_TCP,
    SHUT_WR,
    TCP_NODELAY,
    TCP_QUICKACK,
    create_connection,
    create_server,
    socket,
)
from time import monotonic
from typing import NamedTuple

CHUNK = 2**16
"""Octets that are read at once."""


class End(NamedTuple):
    """What is to be known of a socket: where its octets go, and what it tells."""

    other: socket
    quick: bool
    """Whether it acknowledges at once, as if both were near.  The upstream would be
    held up by Nagle's algorithm, which public resolvers turn off."""


def relay(listening: socket, target: int, delay: float) -> None:
    """Relay to a port of 127.0.0.1, each way so many seconds late, until killed."""
    ends: dict[socket, End] = {}
    # All take as long, so what came first leaves first.
    on_the_way: deque[tuple[float, socket, bytes]] = deque()
    while True:
        wait = max(on_the_way[0][0] - monotonic(), 0) if on_the_way else None
        for source in select([listening, *ends], [], [], wait)[0]:
            if source is listening:
                ends |= connect(listening, target)
                continue
            chunk = receive(source, ends[source].quick)
            on_the_way.append((monotonic() + delay, ends[source].other, chunk))
            if not chunk:
                # Once both have said so, nothing knows them, and they are closed.
                del ends[source]
        while on_the_way and on_the_way[0][0] <= monotonic():
            _, sink, chunk = on_the_way.popleft()
            deliver(sink, chunk)


def connect(listening: socket, target: int) -> dict[socket, End]:
    """Accept a client, and connect for it."""
    near, _ = listening.accept()
    far = create_connection(("127.0.0.1", target))
    for each in (near, far):
        each.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    return {near: End(far, quick=False), far: End(near, quick=True)}


def receive(source: socket, quick: bool) -> bytes:
    """Take what has come; nothing at the end, be it an orderly one or not."""
    try:
        source.setsockopt(IPPROTO_TCP, TCP_QUICKACK, quick)
        chunk = source.recv(CHUNK)
    except OSError:
        return b""
    return chunk


def deliver(sink: socket, chunk: bytes) -> None:
    """Hand over what is due, to whoever is still there."""
    with suppress(OSError):
        if chunk:
            sink.sendall(chunk)
        else:
            sink.shutdown(SHUT_WR)


if __name__ == "__main__":
    port, target, one_way = sys.argv[1:]
    with create_server(("127.0.0.1", int(port))) as listening:
        print("relaying", flush=True)
        relay(listening, int(target), float(one_way))
