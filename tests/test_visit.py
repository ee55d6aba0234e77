"""Replies that leave are noted, by whichever way: once, and with their source."""

from typing import Any

import dns.message
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase

from dotproxy.config.access import Access
from dotproxy.journal.journal import Journal
from dotproxy.journal.note import DOT, READY, UDP, Known, Note
from dotproxy.journal.privacy import Privacy
from dotproxy.server.visit import Visit
from tests.clients import TcpClient, query
from tests.observed import Observed
from tests.test_journal import Pile


class VisitTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.journal = Journal(self.clock, Privacy((24, 56)), lambda: 100.0)
        self.pile = Pile()
        self.journal.enter(self.pile)
        self.visit = Visit(self.journal, UDP, "192.0.2.1", b"query")

    def test_at_once(self) -> None:
        """What is there is noted as it leaves."""
        self.visit.note(b"reply", READY)
        self.journal.flush()
        expected = Note(100.0, "udp", "192.0.2.1", b"query", b"reply", "ready", 0.0)
        assert self.pile.batches == [[expected]]

    def test_late(self) -> None:
        """What is late is noted when it is there, with the source that it has then."""

        class Later:
            source = ""

        later, replying = Later(), Deferred[bytes]()
        noted = self.visit.note_late(replying, later, self.clock.seconds)
        self.clock.advance(1.5)
        self.journal.flush()
        assert self.pile.batches == []
        later.source = "upstream"
        replying.callback(b"reply")
        assert self.successResultOf(noted) == b"reply"
        self.journal.flush()
        [[note]] = self.pile.batches
        assert (note.source, note.seconds) == ("upstream", 1.5)

    def test_known(self) -> None:
        """A source that is known beforehand is just that."""
        self.visit.note(b"reply", Known("cache"))
        self.journal.flush()
        assert self.pile.batches[0][0].source == "cache"


class LeavingTests(TestCase):
    """A real proxy, over UDP and TCP."""

    timeout = 20

    def start(self, **settings: Any) -> None:
        self.observed = Observed(self, **settings)
        self.pile = Pile()
        self.observed.proxy.journal.enter(self.pile)

    def noted(self) -> list[Note]:
        self.observed.proxy.journal.flush()
        return [note for batch in self.pile.batches for note in batch]

    async def ask_by_tcp(self) -> bytes:
        endpoint = TCP4ClientEndpoint(reactor, *self.observed.place)
        client: TcpClient = await endpoint.connect(Factory.forProtocol(TcpClient))
        client.ask(query(5))
        [reply] = await client.told(1)
        client.transport.loseConnection()
        await client.gone
        return reply

    async def test_udp(self) -> None:
        """Over UDP what is asked for, made here, cached and ready is each noted once,
        with the octets that came and left."""
        self.start()
        names = "www.lab.example", "www.LAB.example", "localhost"
        replies = [await self.observed.ask(name) for name in names]
        replies.append(await self.observed.ask(names[0]))
        notes = self.noted()
        assert [note.reply for note in notes] == replies
        assert [note.query for note in notes[:3]] == [query(1, it) for it in names]
        sources = [note.source for note in notes]
        assert sources[0] == "upstream"
        # The second may turn in between.
        assert sources[1] == "cache"
        assert sources[2] == "local"
        assert sources[3] in ("ready", "cache")
        assert {note.transport for note in notes} == {"udp"}
        assert {note.client for note in notes} == {bytes((127, 0, 0, 1))}
        assert notes[0].seconds > 0 == notes[1].seconds

    async def test_ready(self) -> None:
        """What is ready is noted like all else, and so is what cannot be read."""
        self.start()
        await self.observed.ask()
        for _ in range(50):
            await self.observed.ask()
            if self.noted()[-1].source == "ready":
                break
        else:
            raise AssertionError("it is never ready")
        reply = self.noted()[-1].reply
        assert dns.message.from_wire(reply).answer
        odd = query(7) + b"\0"
        said = await self.observed._client.ask(odd, self.observed.place)
        note = self.noted()[-1]
        assert (note.query, note.reply, note.source) == (odd, said, "rejected")

    async def test_tcp(self) -> None:
        """Over TCP it is the same, each with its client."""
        self.start()
        reply = await self.ask_by_tcp()
        [note] = self.noted()
        assert (note.transport, note.client) == ("tcp", "127.0.0.1")
        assert (note.query, note.reply, note.source) == (query(5), reply, "upstream")

    async def test_encrypted(self) -> None:
        """What comes over TLS is told apart from other streams."""
        self.start()
        respond = self.observed.proxy.factory.respond
        respond(query(9, "localhost"), DOT, "192.0.2.1")
        [note] = self.noted()
        assert note[1:3] == ("dot", "192.0.2.1")
        assert note.source == "local"

    async def test_refused(self) -> None:
        """Who may not ask is noted with the refusal."""
        self.start(access=Access(allow=("192.0.2.0/24",)))
        replies = [await self.observed.ask(), await self.ask_by_tcp()]
        notes = self.noted()
        assert [note.reply for note in notes] == replies
        assert [note.transport for note in notes] == ["udp", "tcp"]
        assert {note.source for note in notes} == {"rejected"}

    async def test_nobody(self) -> None:
        """Where nobody reads, nothing is noted, and replies are the same."""
        self.start()
        journal = self.observed.proxy.journal
        journal.leave(self.pile)
        assert self.observed.proxy.factory.journal is None
        await self.observed.ask()
        await deferLater(reactor, 0.0)
        assert self.noted() == []
        assert journal._gathered == []
