"""The table of targets: what each is called, what it checks, and where it begins."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from fuzz import datagrams, https, kept, seeds, streams, upstream, wire


class Target(NamedTuple):
    """A function that takes octets and raises, and inputs to begin with."""

    fuzz: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]


TARGETS = {
    "query": Target(wire.fuzz_query, seeds.queries),
    "answer": Target(
        wire.fuzz_answer, lambda: (answer for _, answer in seeds.answers())
    ),
    "reply": Target(wire.fuzz_reply, seeds.with_answers),
    "edns": Target(wire.fuzz_edns, seeds.options),
    "records": Target(wire.fuzz_records, seeds.records),
    "http": Target(wire.fuzz_http, seeds.requests),
    "socks": Target(wire.fuzz_socks, seeds.proxies),
    "frames": Target(wire.fuzz_frames, seeds.streams),
    "replies": Target(wire.fuzz_replies, seeds.replies),
    "sealed": Target(kept.fuzz_sealed, seeds.sealed),
    "cache": Target(kept.fuzz_cache, lambda: seeds.with_answers(b"\0\x3c\0")),
    "snapshot": Target(kept.fuzz_snapshot, seeds.snapshots),
    "stream": Target(streams.fuzz_stream, seeds.clients),
    "h2": Target(https.fuzz_h2, seeds.clients_of_h2),
    "h1": Target(https.fuzz_h1, seeds.clients_of_h1),
    "datagram": Target(datagrams.fuzz_datagram, seeds.clients),
    "connection": Target(upstream.fuzz_connection, seeds.upstreams),
    "upstream": Target(upstream.fuzz_upstream, seeds.upstreams),
    "lookup": Target(upstream.fuzz_lookup, seeds.lookups),
}
