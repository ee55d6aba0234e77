"""A client that asks all the time, and counts what becomes of it."""

import socket
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

import dns.message
import dns.rcode

PAUSE = 0.008
"""Seconds between two queries: more than 100 of them in a second."""

PATIENCE = 3.0
"""Seconds that the last replies may take."""

LARGEST = 4096
"""Octets of a reply that are read."""


class Steady:
    """Ask a port of 127.0.0.1 over UDP for as long as the context lasts.

    Then `sent` is how many queries were sent, `lost` how many got no reply, and
    `rcodes` counts the replies.
    """

    def __init__(self, port: int, name: str = "www.lab.example") -> None:
        self.sent = 0
        self.rcodes: Counter[str] = Counter()
        self._wire = dns.message.make_query(name, "A", use_edns=0).to_wire()[2:]
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._socket.settimeout(PAUSE)
        self._waiting: set[bytes] = set()
        self._ending = False
        self._thread = threading.Thread(target=self._run)

    @property
    def lost(self) -> int:
        """Count the queries that wait for a reply."""
        return len(self._waiting)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending = True
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._ending:
            self._ask()
            end = time.monotonic() + PAUSE
            while time.monotonic() < end:
                self._listen()
        end = time.monotonic() + PATIENCE
        while self._waiting and time.monotonic() < end:
            self._listen()

    def _ask(self) -> None:
        number = self.sent.to_bytes(2, "big")
        self.sent += 1
        self._waiting.add(number)
        self._socket.send(number + self._wire)

    def _listen(self) -> None:
        try:
            reply = self._socket.recv(LARGEST)
        except (TimeoutError, ConnectionRefusedError):
            return
        if reply[:2] in self._waiting:
            self._waiting.remove(reply[:2])
            self.rcodes[dns.rcode.to_text(dns.message.from_wire(reply).rcode())] += 1
