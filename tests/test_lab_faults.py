"""Every fault of the lab, as a client sees it that knows nothing of us."""

import select
import socket
import ssl
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import dns.flags
import dns.message
import dns.rcode
import pytest
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from dotproxy.lab.faults import KINDS, parse_faults
from dotproxy.lab.server import create_lab
from tests.tls_client import PATIENCE, Client, trusting

T = TypeVar("T")

BRIEF = 0.2
"""Seconds without an answer that are silence."""

SILENCE = TimeoutError


def query(name: str = "www.lab.example", number: int = 1) -> bytes:
    return dns.message.make_query(name, "A", id=number).to_wire()


def raises(expected: type[Exception], call: Callable[..., object]) -> str:
    """Call, be refused, and return why."""
    with pytest.raises(expected) as caught:
        call()
    return str(caught.value)


def was_reset(client: Client) -> bool:
    """Tell whether the connection is reset soon; Python's ssl would say EOF."""
    poll = select.poll()
    poll.register(client.tls, 0)
    return any(event & select.POLLERR for _, event in poll.poll(PATIENCE * 1000))


def silent(client: Client) -> bool:
    """Tell whether no answer comes for a while."""
    client.tls.settimeout(BRIEF)
    return bool(raises(SILENCE, lambda: client.tls.recv(1)))


class FaultTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.lab = create_lab(reactor, datetime.now(UTC))
        self.server = self.lab.server
        self.server.startService()
        self.addCleanup(self.server.stopService)

    async def seen(self, story: Callable[[], T], *faults: str) -> T:
        """Let the server have faults, and a client in a thread live its story."""
        await self.server.set_faults(parse_faults(*faults))
        return await deferToThread(story)

    def client(self, context: ssl.SSLContext | None = None) -> Client:
        context = context or trusting(self.lab.ca_pem)
        client = Client(self.server.port, context, self.lab.server_name)
        self.addCleanup(client.close)
        return client

    def asking(self, *queries: bytes) -> Client:
        client = self.client()
        client.send(*(queries or [query()]))
        return client

    def answered(self) -> bytes:
        """Ask one query over a new connection."""
        return self.asking().receive()

    def plain(self) -> socket.socket:
        """Connect, without TLS."""
        plain = socket.create_connection(("127.0.0.1", self.server.port), BRIEF)
        self.addCleanup(plain.close)
        return plain

    def refusal(self) -> str:
        """Return what a client finds wrong with the certificate."""
        return raises(ssl.SSLCertVerificationError, self.client)

    # Listening.

    async def test_refuse(self) -> None:
        """Connections are refused until they are not any more, on the same port."""
        port = self.server.port
        await self.seen(lambda: raises(ConnectionRefusedError, self.plain), "refuse")
        assert await self.seen(self.answered)
        assert self.server.port == port
        assert self.server.counts.connections == 1

    async def test_drop_syn(self) -> None:
        """Connecting times out; what came in vain is not counted."""

        def in_vain() -> None:
            for _ in range(3):
                raises(SILENCE, self.plain)

        await self.seen(in_vain, "drop-syn")
        assert self.server.counts.connections == 0
        assert await self.seen(self.answered)
        assert self.server.counts.connections == 1

    async def test_drop_syn_again(self) -> None:
        """It may come and go, also into a refusal and back."""
        for faults in (["drop-syn"], [], ["drop-syn"], ["refuse"], ["drop-syn"]):
            await self.server.set_faults(parse_faults(*faults))
        await deferToThread(raises, SILENCE, self.plain)
        assert await self.seen(self.answered)

    # Handshake.

    async def test_stall_handshake(self) -> None:
        """TCP is there, TLS is not; the next connection is well."""

        def stalled() -> None:
            with self.plain() as plain:
                plain.sendall(b"\x16\x03\x01")
                raises(SILENCE, lambda: plain.recv(1))

        await self.seen(stalled, "stall-handshake")
        assert await self.seen(self.answered)

    async def test_plaintext(self) -> None:
        """DNS is spoken without TLS, to those who try."""

        def spoken() -> bytes:
            with self.plain() as plain:
                plain.sendall(len(query()).to_bytes(2, "big") + query())
                return plain.recv(4096)[2:]

        answer = await self.seen(spoken, "plaintext")
        assert len(dns.message.from_wire(answer).answer[0]) == 2

    async def test_plain_ends(self) -> None:
        """Without TLS connections end as well, where there is a FIN by a FIN."""

        def ended() -> bytes:
            with self.plain() as plain:
                plain.settimeout(PATIENCE)
                plain.sendall(len(query()).to_bytes(2, "big") + query())
                plain.recv(4096)
                return plain.recv(1)

        for kind in ("close-after", "fin-after", "half-close-after"):
            assert await self.seen(ended, "plaintext", f"{kind}=1") == b""
        await self.seen(
            lambda: raises(ConnectionResetError, ended), "plaintext", "reset-after=1"
        )

    async def test_old_tls(self) -> None:
        """A client of today cannot agree, one of yesterday can."""
        line = await self.seen(lambda: raises(ssl.SSLError, self.client), "old-tls")
        assert "TLSV1_ALERT_PROTOCOL_VERSION" in line
        context = trusting(self.lab.ca_pem)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
        client = await deferToThread(self.client, context)
        assert client.tls.version() == "TLSv1.1"

    async def test_expired(self) -> None:
        """The certificate was good once."""
        assert "certificate has expired" in await self.seen(self.refusal, "expired")

    async def test_not_yet_valid(self) -> None:
        """The certificate will be good."""
        line = await self.seen(self.refusal, "not-yet-valid")
        assert "certificate is not yet valid" in line

    async def test_wrong_name(self) -> None:
        """The certificate is good for somebody else."""
        assert "Hostname mismatch" in await self.seen(self.refusal, "wrong-name")

    async def test_self_signed(self) -> None:
        """Nobody signed the certificate."""
        line = await self.seen(self.refusal, "self-signed")
        assert "self-signed certificate" in line

    async def test_untrusted(self) -> None:
        """Somebody signed the certificate whom the client does not know."""
        line = await self.seen(self.refusal, "untrusted")
        assert "unable to get local issuer certificate" in line

    async def test_new_key(self) -> None:
        """The certificate is good and not the one of before; then it is that again."""

        def certificate() -> bytes | None:
            return self.client().tls.getpeercert(binary_form=True)

        good = await self.seen(certificate)
        renewed = await self.seen(certificate, "new-key")
        assert renewed not in (None, good)
        assert await self.seen(certificate, "new-key") == renewed
        assert await self.seen(certificate) == good

    # Connections.

    async def test_stall(self) -> None:
        """Nothing is answered, and nothing lost: it comes when the stall ends."""
        client = await self.seen(self.asking, "stall")
        assert await deferToThread(silent, client)
        assert self.server.counts.queries == 0
        client.tls.settimeout(None)
        assert await self.seen(client.receive)

    async def test_idle_close(self) -> None:
        """An idle connection is closed by close_notify, sooner than usual."""
        began = time.monotonic()
        client = await self.seen(self.asking, "idle-close=0.1")
        assert await deferToThread(client.receive)
        assert await deferToThread(client.receive) == b""
        assert time.monotonic() - began < 9

    async def test_close_after(self) -> None:
        """After so many answers there is a close_notify, however much was asked."""
        queries = [query(number=number) for number in range(5)]
        client = await self.seen(lambda: self.asking(*queries), "close-after=2")
        answers = [await deferToThread(client.receive) for _ in range(3)]
        assert [answer[:2] for answer in answers] == [b"\0\0", b"\0\1", b""]
        assert (self.server.counts.queries, self.server.counts.answers) == (5, 2)

    async def test_close_at_once(self) -> None:
        """After no answers means: when the handshake is done."""
        for kind in ("close-after", "half-close-after"):
            client = await self.seen(self.client, f"{kind}=0")
            assert await deferToThread(client.receive) == b""
        client = await self.seen(self.client, "fin-after=0")
        await deferToThread(raises, ssl.SSLEOFError, client.receive)
        client = await self.seen(self.client, "reset-after=0")
        assert await deferToThread(was_reset, client)

    async def test_fin_after(self) -> None:
        """After so many answers the stream just ends, without a word from TLS."""
        client = await self.seen(self.asking, "fin-after=1")
        assert await deferToThread(client.receive)
        await deferToThread(raises, ssl.SSLEOFError, client.receive)

    async def test_reset_after(self) -> None:
        """After so many answers, which all arrive, there is a RST."""
        client = await self.seen(lambda: self.asking(query(), query()), "reset-after=2")
        assert await deferToThread(client.receive)
        assert await deferToThread(client.receive)
        assert await deferToThread(was_reset, client)

    async def test_half_close_after(self) -> None:
        """After so many answers the server's side is closed; it hears the client."""
        client = await self.seen(self.asking, "half-close-after=1")
        assert await deferToThread(client.receive)
        assert await deferToThread(client.receive) == b""
        await deferToThread(client.send, query())
        await self.until(lambda: self.server.counts.queries == 2)
        assert self.server.counts.answers == 1

    async def test_swallow_after(self) -> None:
        """After so many answers no more come; on the next connection they do."""
        for _ in range(2):
            client = await self.seen(
                lambda: self.asking(query(), query()), "swallow-after=1"
            )
            assert await deferToThread(client.receive)
            assert await deferToThread(silent, client)
        assert self.server.counts.queries == 4

    # Answers.

    async def test_swallow(self) -> None:
        """What was swallowed stays so; what is asked when that is over is answered."""
        client = await self.seen(self.asking, "swallow")
        assert await deferToThread(silent, client)
        client.tls.settimeout(None)
        await self.server.set_faults()
        client.send(query(number=2))
        assert (await deferToThread(client.receive))[:2] == b"\0\2"

    async def test_swallow_domain(self) -> None:
        """A fault for a domain leaves other names alone."""
        queries = (query("www.lab.example", 1), query("www.example", 2))
        client = await self.seen(lambda: self.asking(*queries), "swallow@lab.example")
        assert (await deferToThread(client.receive))[:2] == b"\0\2"
        assert await deferToThread(silent, client)

    async def test_delay(self) -> None:
        """An answer comes so much later, and holds up no other."""
        queries = (query("www.lab.example", 1), query("lab.example", 2))
        began = time.monotonic()
        client = await self.seen(
            lambda: self.asking(*queries), "delay=0.2@www.lab.example"
        )
        assert (await deferToThread(client.receive))[:2] == b"\0\2"
        assert (await deferToThread(client.receive))[:2] == b"\0\1"
        assert time.monotonic() - began >= 0.2

    async def test_out_of_order(self) -> None:
        """The last query is answered first."""
        queries = [query(number=number) for number in range(4)]
        client = await self.seen(lambda: self.asking(*queries), "out-of-order")
        numbers = [(await deferToThread(client.receive))[1] for _ in range(4)]
        assert numbers == [3, 2, 1, 0]

    async def test_trickle(self) -> None:
        """An answer comes in single octets, none of another between them."""
        client = await self.seen(
            lambda: self.asking(query(number=1), query(number=2)), "trickle=0.001"
        )
        assert len(await deferToThread(client.tls.recv, 99)) == 1
        assert len(await deferToThread(client.tls.recv, 99)) == 1
        rest = await deferToThread(client.tls.recv, 99)
        assert (len(rest), rest[0]) == (1, 0)

    async def test_half_answer(self) -> None:
        """Half of an answer arrives before the RST."""
        client = await self.seen(self.asking, "half-answer")
        size = int.from_bytes(await deferToThread(client.tls.recv, 2), "big")
        rest = await deferToThread(client.tls.recv, 4096)
        assert len(rest) + 2 == (size + 2) // 2
        assert await deferToThread(was_reset, client)
        assert self.server.counts.answers == 0

    async def test_duplicate(self) -> None:
        """The same answer comes twice."""
        client = await self.seen(self.asking, "duplicate")
        assert await deferToThread(client.receive) == await deferToThread(
            client.receive
        )

    async def test_unsolicited(self) -> None:
        """In front of the answer is one that nobody asked for."""
        client = await self.seen(self.asking, "unsolicited")
        assert (await deferToThread(client.receive))[:2] != b"\0\1"
        assert (await deferToThread(client.receive))[:2] == b"\0\1"

    async def test_wrong_id(self) -> None:
        """The answer is not to our ID."""
        assert (await self.seen(self.answered, "wrong-id"))[:2] == b"\xff\xfe"

    async def test_wrong_question(self) -> None:
        """The answer is about another name."""
        answer = await self.seen(self.answered, "wrong-question")
        assert str(dns.message.from_wire(answer).question[0].name) == "xww.lab.example."

    async def test_wrong_type(self) -> None:
        """The answer is about another type."""
        answer = await self.seen(self.answered, "wrong-type")
        assert dns.message.from_wire(answer).question[0].rdtype == dns.rdatatype.TXT

    async def test_query_echo(self) -> None:
        """What comes back is what went out."""
        assert await self.seen(self.answered, "query-echo") == query()

    async def test_rcode(self) -> None:
        """The answer is a failure."""
        answer = dns.message.from_wire(await self.seen(self.answered, "rcode=SERVFAIL"))
        assert (answer.rcode(), len(answer.question)) == (dns.rcode.SERVFAIL, 1)

    async def test_formerr(self) -> None:
        """The answer is a bare header."""
        answer = dns.message.from_wire(await self.seen(self.answered, "formerr"))
        assert (answer.rcode(), answer.question) == (dns.rcode.FORMERR, [])

    async def test_truncated(self) -> None:
        """The answer says that it is cut, over a stream that has no need to."""
        answer = dns.message.from_wire(await self.seen(self.answered, "truncated"))
        assert answer.flags & dns.flags.TC
        assert answer.answer == []

    async def test_huge(self) -> None:
        """The answer is as large as any can be."""
        answer = await self.seen(self.answered, "huge")
        assert len(answer) == 65535
        assert len(dns.message.from_wire(answer).answer[0]) == 2

    async def test_garbage(self) -> None:
        """The answer has our ID and makes no sense."""
        answer = await self.seen(self.answered, "garbage")
        assert answer[:2] == b"\0\1"
        assert answer[12:30] != query()[12:30]

    async def test_short(self) -> None:
        """The answer is less than a header, or nothing at all."""
        assert await self.seen(self.answered, "short=3") == b"\0\1\x81"
        client = await self.seen(self.asking, "short=0")
        assert await deferToThread(client.tls.recv, 99) == b"\0\0"

    async def test_unfinished(self) -> None:
        """The answer is announced to be longer than it gets."""
        client = await self.seen(self.asking, "unfinished")
        assert (await deferToThread(client.tls.recv, 4096))[:4] == b"\xff\xff\0\1"
        assert await deferToThread(silent, client)

    # All together.

    async def test_connections(self) -> None:
        """A fault for some connections is for those that come first from then on."""
        before = await self.seen(self.asking)
        assert await deferToThread(before.receive)
        first = await self.seen(self.asking, "swallow,connections=1")
        assert await deferToThread(silent, first)
        assert await deferToThread(self.answered)
        before.send(query())
        assert await deferToThread(before.receive)

    async def test_combined(self) -> None:
        """Several faults are there at once."""
        client = await self.seen(
            self.asking, "rcode=REFUSED", "wrong-id", "duplicate", "fin-after=1"
        )
        answer = await deferToThread(client.receive)
        assert (answer[:2], answer[3] & 0xF) == (b"\xff\xfe", 5)
        assert await deferToThread(client.receive) == answer
        await deferToThread(raises, ssl.SSLEOFError, client.receive)

    async def test_open_connections(self) -> None:
        """A fault takes effect on connections that are open: this one ends at once."""
        client = await self.seen(self.asking)
        assert await deferToThread(client.receive)
        await self.server.set_faults(parse_faults("close-after=1"))
        assert await deferToThread(client.receive) == b""

    async def test_counts(self) -> None:
        """What came is counted, and what was answered."""
        await self.seen(self.answered)
        await self.seen(self.asking, "swallow")
        await self.until(lambda: self.server.counts.queries == 2)
        counts = self.server.counts
        assert (counts.connections, counts.handshakes) == (2, 2)
        assert counts.answers == 1

    def test_all(self) -> None:
        """Every fault has its test here."""
        tests = {name.removeprefix("test_") for name in dir(self) if "test_" in name}
        assert {name.replace("-", "_") for name in KINDS} <= tests

    async def until(self, happened: Callable[[], bool]) -> None:
        """Let the server work until something has happened."""
        while not happened():
            await deferToThread(time.sleep, 0.01)
