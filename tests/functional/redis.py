"""A real redis-server: on a port of its own, in a folder of its own, and forgetful."""

import socket
from datetime import UTC, datetime
from pathlib import Path

from dotproxy.lab.certificates import Authority, Leaf
from dotproxy.wire.resp import Replies, Reply, command
from tests.functional.processes import PATIENCE, Process, Stage, free_port, program

NAME = "cache.lab.example"
"""What its certificate is for, beside 127.0.0.1."""


class Redis:
    """One that serves on `port` of 127.0.0.1, over TLS if `encrypted`."""

    def __init__(self, stage: Stage, *words: str, encrypted: bool = False) -> None:
        self.port = free_port()
        self.ca_file = stage.folder / "redis-ca.pem"
        port = str(self.port)
        listening: tuple[str, ...] = ("--port", port)
        if encrypted:
            listening = ("--port", "0", "--tls-port", port, *self._certified(stage))
        settled = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        command = [program("redis-server"), *listening, *settled]
        folder = ("--dir", str(stage.folder))
        self.process = Process(stage, [*command, *folder, *words])
        self.process.wait_for("Ready to accept connections")

    def say(self, *words: bytes) -> Reply:
        """Give it one command in clear; return its reply."""
        replies = Replies()
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as wire:
            wire.sendall(command(*words))
            while not (found := replies.feed(wire.recv(2**16))):
                continue
        return found[0]

    def _certified(self, stage: Stage) -> tuple[str, ...]:
        authority = Authority.create("authority of a cache", datetime.now(UTC))
        issued = authority.issue(Leaf((NAME,), ("127.0.0.1",), NAME))
        chain, key = stage.folder / "redis.pem", stage.folder / "redis.key"
        _write(self.ca_file, authority.pem)
        _write(chain, issued.chain_pem)
        _write(key, issued.key_pem)
        files = ("--tls-cert-file", str(chain), "--tls-key-file", str(key))
        return (*files, "--tls-auth-clients", "no")


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
