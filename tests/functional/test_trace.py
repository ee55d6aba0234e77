"""The way of a name through a real proxy, as its log tells it."""

import json
import re
import socket
from collections.abc import Mapping, Sequence
from typing import Any
from unittest import TestCase

import dns.message

from tests.functional.processes import (
    PATIENCE,
    Process,
    Stage,
    eventually,
    free_port,
)
from tests.functional.proxy import FOREGROUND, Proxy, run_in_vain, start_proxy
from tests.functional.told_lab import told_lab

Steps = list[Mapping[str, Any]]

NAME = "www.lab.example"

ASKED = ["received", "rules", "cache"]
"""The stages that every query goes through, in this order."""

CHOSEN = ["group", "strategy", "ask"]

MISS = [*ASKED, *CHOSEN, "connection", "sent", "arrived", "learned", "reply"]
"""The stages of the first query, for which a connection is made."""


class TraceTests(TestCase):
    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.lab = told_lab()
        self.lab.begin()

    def start(self, *flags: str, config: str = "") -> Proxy:
        """Start a proxy that traces the names of the lab."""
        file = self.stage.folder / "dotproxy.toml"
        file.write_text(config)
        flags = ("--trace", ".lab.example", "--log-format", "json", *flags)
        return start_proxy(self.stage, "--config", str(file), *flags, *self.lab.flags)

    def send(self, proxy: Proxy, name: str = NAME) -> tuple[socket.socket, bytes]:
        """Send a query of our own by a socket that waits for the reply."""
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.settimeout(PATIENCE)
        message = dns.message.make_query(name, "A", use_edns=0).to_wire()
        client.sendto(message, ("127.0.0.1", proxy.port))
        return client, message

    def ask(self, proxy: Proxy, name: str = NAME) -> tuple[bytes, bytes]:
        """Return a query and its reply."""
        client, message = self.send(proxy, name)
        return message, client.recv(4096)

    def way(self, process: Process, number: int = 1, name: str = NAME) -> Steps:
        """Return the steps of a query, once its reply has left."""

        def steps() -> Steps:
            lines = map(json.loads, re.findall("^{.*}$", process.output, re.M))
            told = [it["fields"] for it in lines if it["from"] == "dotproxy.trace"]
            return [it for it in told if it.get("trace") == number]

        assert eventually(lambda: "reply" in stages(steps())), process.output
        way = steps()
        assert {step["name"] for step in way} == {name}
        times = [step["ms"] for step in way]
        assert times == sorted(times)
        return way

    def test_miss(self) -> None:
        """A first query is followed to the upstream and back, octet by octet."""
        proxy = self.start()
        message, reply = self.ask(proxy)
        way = self.way(proxy.process)
        assert stages(way) == MISS
        received, sent, arrived, replied = (
            bytes.fromhex(step["octets"]) for step in way if "octets" in step
        )
        assert (received, replied) == (message, reply)
        query, answer = map(dns.message.from_wire, (sent, arrived))
        assert query.question == dns.message.from_wire(message).question
        assert (answer.id, answer.question) == (query.id, query.question)
        assert len(sent) == 128, "it is padded"
        assert answer.answer == dns.message.from_wire(reply).answer
        assert said(way, "sent", "tls", "address", "port") == [
            *("TLSv1.3", "127.0.0.1", self.lab.port),
        ]
        assert said(way, "learned", "learned") == ["NOERROR, 2 records, kept for 300 s"]
        assert said(way, "received", "client", "transport") == ["127.0.0.1", "udp"]

    def test_hit(self) -> None:
        """Each query is followed, also those that others would have found ready."""
        proxy = self.start()
        for _ in range(3):
            message, reply = self.ask(proxy)
        way = self.way(proxy.process, 3)
        assert stages(way) == [*ASKED, "reply"]
        assert said(way, "cache", "kept")[0].startswith("a hit, ")
        assert said(way, "received", "octets") == [message.hex()]
        assert said(way, "reply", "octets", "source") == [reply.hex(), "cache"]

    def test_others(self) -> None:
        """What is not traced is not told, though its log says that others are."""
        proxy = self.start()
        self.ask(proxy, "www.elsewhere.example")
        self.ask(proxy)
        self.way(proxy.process)
        assert "elsewhere" not in proxy.process.output
        assert "the queries for .lab.example are logged" in proxy.process.output

    def test_blocked(self) -> None:
        """A blocked name has its rule, and nobody is asked."""
        rule = '[[rule]]\nnames = [".lab.example"]\naction = "block"\n'
        proxy = self.start(config=rule)
        _, reply = self.ask(proxy)
        way = self.way(proxy.process)
        assert stages(way) == ["received", "rules", "local", "reply"]
        expected = "rule 1, block (nxdomain), by lab.example"
        assert said(way, "rules", "rule") == [expected]
        assert said(way, "reply", "octets") == [reply.hex()]

    def test_stale(self) -> None:
        """Where the upstream fails, what is kept serves, and the way says why."""
        proxy = self.start(config="[cache]\nmax_ttl = 1\n")
        self.ask(proxy)
        self.lab.have("rcode=SERVFAIL")

        def over() -> bool:
            _, reply = self.ask(proxy)
            asked.append(reply)
            return b"no fresh answer" in reply

        asked: list[bytes] = [b""]
        assert eventually(over)
        way = self.way(proxy.process, len(asked))
        assert stages(way)[-3:] == ["learned", "stale", "reply"]
        assert said(way, "cache", "kept")[0].startswith("a miss, what is kept ended ")
        assert said(way, "answer", "rcode") == ["SERVFAIL"]
        assert said(way, "reply", "octets", "source") == [asked[-1].hex(), "stale"]

    def test_together(self) -> None:
        """Who asks the same while another's answer is on its way waits with it."""
        proxy = self.start()
        self.lab.have("delay=0.4")
        (first, _), (second, _) = self.send(proxy), self.send(proxy)
        for client in (first, second):
            client.recv(4096)
        assert "sent" in stages(self.way(proxy.process, 1))
        way = self.way(proxy.process, 2)
        assert stages(way) == [*ASKED, "coalesce", "reply"]

    def test_failover(self) -> None:
        """An upstream out of reach is named, and who is asked in its place."""
        dead = free_port()
        proxy = self.start("--upstream", f"tls://127.0.0.1:{dead}#dead.example")
        self.ask(proxy)
        way = self.way(proxy.process)
        asked = [step["upstream"] for step in way if step["stage"] == "ask"]
        assert asked == ["dead.example", "dns.lab.example"]
        [error] = said(way, "answer", "error")
        assert error.startswith("dead.example: 127.0.0.1: ")
        reasons = [step["reason"] for step in way if step["stage"] == "ask"]
        assert reasons == ["which comes first", "since another did not help"]
        assert stages(way)[-3:] == ["arrived", "learned", "reply"]

    def test_retry(self) -> None:
        """A query that was on a connection when it was lost is seen to leave again."""
        proxy = self.start()
        self.lab.have("half-answer,connections=1")
        self.ask(proxy)
        way = self.way(proxy.process)
        assert stages(way) == [
            *(ASKED + CHOSEN),
            *("connection", "sent", "connection", "retry", "connection", "sent"),
            *("arrived", "learned", "reply"),
        ]
        first, second = (step["octets"] for step in way if step["stage"] == "sent")
        assert first[4:] == second[4:], "but for its ID it is the same"

    def test_reload(self) -> None:
        """After a reload the names are traced as before."""
        proxy = self.start()
        proxy.process.hang_up()
        proxy.process.wait_for("reloaded, nothing changed")
        self.ask(proxy)
        assert stages(self.way(proxy.process)) == MISS

    def test_no_name(self) -> None:
        """What is no name is refused before anything is bound."""
        outcome = run_in_vain(self.stage, *FOREGROUND, "dotproxy", "--trace", "a..b")
        assert outcome.returncode == 1
        assert outcome.stderr.startswith("dotproxy: --trace 'a..b' must be a name ")


def stages(way: Steps) -> list[str]:
    """Return the stages of a way, in their order."""
    return [step["stage"] for step in way]


def said(way: Steps, stage: str, *fields: str) -> Sequence[Any]:
    """Return what a stage said, the first time that it said anything."""
    step = next(each for each in way if each["stage"] == stage)
    return [step[field] for field in fields]
