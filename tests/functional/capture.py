"""Everything that passes over loopback, as the kernel shows it."""

import socket
import threading
import time
from collections.abc import Iterable
from itertools import groupby
from math import inf
from struct import unpack_from
from typing import NamedTuple
from unittest import SkipTest

ALL_PROTOCOLS = 0x0003
"""What to capture (ETH_P_ALL in linux/if_ether.h)."""

SO_RCVBUFFORCE = 33
"""Sets a larger buffer than the system grants to all (socket(7)): who captures may."""

BUFFER = 64 * 1024 * 1024
"""Octets that the kernel keeps while nobody reads them: others load loopback, too."""

SETTLING = 1.0
"""Seconds for the last packets to be read.  To wait for silence would be in vain where
others use loopback, too."""

LINK_HEADER = 14
"""Octets in front of an IP packet, on loopback too."""

IPV4, TCP, UDP = 0x0800, 6, 17


class Packet(NamedTuple):
    """What TCP or UDP over IPv4 carries between two ports.

    `sequence` is where the payload stands in its stream, 0 for UDP.
    """

    source: int
    destination: int
    sequence: int
    payload: bytes


class Record(NamedTuple):
    """A record of TLS: its type and version, and how many octets it holds."""

    type: int
    version: int
    length: int


class Capture:
    """Keep the packets that pass over loopback from now on, until stopped."""

    def __init__(self) -> None:
        try:
            self._socket = socket.socket(
                socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS)
            )
        except (AttributeError, PermissionError) as fault:
            raise SkipTest(f"packets cannot be captured here: {fault}") from None
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.1)
        self._seen: list[bytes] = []
        self._end = inf
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> list[Packet]:
        """Return the packets that were seen."""
        self._end = time.monotonic() + SETTLING
        self._thread.join()
        self._socket.close()
        packets = (parse_packet(frame[LINK_HEADER:]) for frame in self._seen)
        return [packet for packet in packets if packet and packet.payload]

    def _run(self) -> None:
        while time.monotonic() < self._end:
            try:
                frame, (_, protocol, direction, *_) = self._socket.recvfrom(2**17)
            except TimeoutError:
                continue
            # Loopback shows each packet twice, as it leaves and as it arrives.
            if protocol == IPV4 and direction != socket.PACKET_OUTGOING:
                self._seen.append(frame)


def parse_packet(ip: bytes) -> Packet | None:
    """Read an IPv4 packet; None if it is of neither TCP nor UDP."""
    at = (ip[0] & 0x0F) * 4
    end = int.from_bytes(ip[2:4], "big")
    source, destination, sequence = unpack_from("!HHI", ip, at)
    if ip[9] == UDP:
        return Packet(source, destination, 0, ip[at + 8 : end])
    if ip[9] == TCP:
        begin = at + (ip[at + 12] >> 4) * 4
        return Packet(source, destination, sequence, ip[begin:end])
    return None


def streams_to(port: int, packets: Iterable[Packet]) -> list[bytes]:
    """Put together what clients sent to a TCP port, a stream for each of them."""
    sent = sorted(packet for packet in packets if packet.destination == port)
    return [
        b"".join({packet.sequence: packet.payload for packet in stream}.values())
        for _, stream in groupby(sent, lambda packet: packet.source)
    ]


def parse_records(stream: bytes) -> list[Record]:
    """Cut a stream into records of TLS; AssertionError if it is anything else."""
    records = []
    at = 0
    while at < len(stream):
        record = Record(*unpack_from("!BHH", stream, at))
        assert 20 <= record.type <= 23, record
        assert record.version in (0x0301, 0x0303), record
        records.append(record)
        at += 5 + record.length
    assert at == len(stream), "the last record is cut off"
    return records
