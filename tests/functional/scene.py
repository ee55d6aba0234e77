"""One proxy, the lab that it asks, and clients that ask many things at once."""

import select
import socket
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import dns.message
import dns.rcode

from tests.functional.clients import Answer, dig
from tests.functional.processes import AtEnd, Stage
from tests.functional.proxy import Proxy, start_proxy
from tests.functional.told_lab import ToldLab, told_lab

NO_CACHE = ("--cache-size", "0")
"""Else the cache would hide what becomes of upstreams."""

LONGEST_WAIT = 15.0
"""Seconds that replies are waited for; clients of ours are told by 5."""

AT_ONCE = 200
"""Queries that are sent before their replies are looked at."""


@dataclass(frozen=True)
class Reply:
    """What a client got, and after how many seconds."""

    message: dns.message.Message
    seconds: float

    @property
    def rcode(self) -> str:
        """The RCODE by its name."""
        return dns.rcode.to_text(self.message.rcode())

    @property
    def reason(self) -> str:
        """What Extended DNS Errors say."""
        return "; ".join(error.text or "" for error in self.message.extended_errors())

    @property
    def name(self) -> str:
        """The name in the question."""
        return self.message.question[0].name.to_text(omit_final_dot=True)


@dataclass(frozen=True)
class Scene:
    """The proxy has the lab as its only upstream, and no faults at first."""

    stage: Stage
    lab: ToldLab
    proxy: Proxy

    @classmethod
    def create(cls, at_end: AtEnd, *flags: str, config: str = "") -> "Scene":
        """Start a proxy with more flags, and perhaps a file."""
        stage = Stage.create(at_end)
        lab = told_lab()
        lab.begin()
        at_end(lab.have)
        if config:
            file = stage.folder / "dotproxy.toml"
            file.write_text(config)
            flags = ("--config", str(file), *flags)
        return cls(stage, lab, start_proxy(stage, *lab.flags, *flags))

    def ask(self, name: str = "www.lab.example", *words: str) -> Answer:
        """Ask one thing by dig."""
        return dig(self.proxy.port, *words, name)

    def ask_later(self, name: str) -> Callable[[], Answer]:
        """Begin to ask one thing; what is returned waits for the answer."""
        asking = ThreadPoolExecutor(1).submit(self.ask, name)
        return asking.result

    def ask_all(self, names: Iterable[str]) -> dict[str, Reply]:
        """Ask for the addresses of all these names at once, each over UDP."""
        return ask_all(self.proxy.port, names)

    def logged(self, words: str) -> int:
        """Count the lines of the log that have these words."""
        return sum(words in line for line in self.proxy.process.output.splitlines())


def ask_all(port: int, names: Iterable[str]) -> dict[str, Reply]:
    """Ask a port of 127.0.0.1 for the addresses of names; return the replies by name.

    Each is asked once; what got no reply is missing.  AssertionError if a reply has
    another name than the query that it has the ID of.
    """
    wanted = dict(enumerate(names))
    replies: dict[str, Reply] = {}
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**22)
        begin = time.monotonic()
        for number, name in wanted.items():
            client.send(
                dns.message.make_query(name, "A", id=number, use_edns=0).to_wire()
            )
            if number % AT_ONCE == AT_ONCE - 1:
                _take(client, wanted, replies, begin, 0.0)
        end = begin + LONGEST_WAIT
        while len(replies) < len(wanted) and time.monotonic() < end:
            _take(client, wanted, replies, begin, 0.1)
    return replies


def _take(
    client: socket.socket,
    wanted: dict[int, str],
    replies: dict[str, Reply],
    begin: float,
    patience: float,
) -> None:
    while select.select([client], [], [], patience)[0]:
        message = dns.message.from_wire(client.recv(4096))
        reply = Reply(message, time.monotonic() - begin)
        assert reply.name == wanted[message.id], message
        replies[reply.name] = reply
        patience = 0.0
