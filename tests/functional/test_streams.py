"""TCP clients that do what TCP allows: many queries on end, half a goodbye."""

import socket
from unittest import TestCase

import dns.message
import dns.query

from tests.functional.clients import connect, run
from tests.functional.processes import program
from tests.functional.standing import forgetful_lab_proxy


class StreamTests(TestCase):
    def setUp(self) -> None:
        self.client = connect(forgetful_lab_proxy().port)
        self.addCleanup(self.client.close)

    def send(self, *names: str) -> dict[int, str]:
        """Send queries on end, as one segment; their IDs count from 0."""
        wires = [
            dns.message.make_query(f"{name}.lab.example", "A", id=number).to_wire(
                prepend_length=True
            )
            for number, name in enumerate(names)
        ]
        self.client.sendall(b"".join(wires))
        return dict(enumerate(names))

    def receive(self) -> dns.message.Message:
        answer, _ = dns.query.receive_tcp(self.client)
        return answer

    def test_pipelining(self) -> None:
        """Answers come as they are ready: a slow one holds nobody up."""
        asked = self.send("slow", "www", "nope", "mx")
        answers = [self.receive() for _ in asked]
        self.assertEqual(asked[answers[-1].id], "slow")
        self.assertEqual({asked[answer.id] for answer in answers}, set(asked.values()))
        for answer in answers:
            question = str(answer.question[0].name)
            self.assertEqual(question, f"{asked[answer.id]}.lab.example.")

    def test_half_closed(self) -> None:
        """A client that has closed its side gets all it asked for, then the end."""
        asked = self.send("slow", "www", "mx")
        self.client.shutdown(socket.SHUT_WR)
        answers = [self.receive() for _ in asked]
        self.assertEqual({answer.id for answer in answers}, set(asked))
        self.assertTrue(all(answer.answer for answer in answers))
        self.assertEqual(self.client.recv(1), b"")

    def test_pieces(self) -> None:
        """A query that comes octet by octet is a query."""
        query = dns.message.make_query("www.lab.example", "A")
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in query.to_wire(prepend_length=True):
            self.client.sendall(bytes((octet,)))
        self.assertEqual(self.receive().id, query.id)

    def test_many(self) -> None:
        """More queries than may be under way at once are all answered."""
        asked = self.send(*(f"n{number}" for number in range(500)))
        got = {self.receive().id for _ in asked}
        self.assertEqual(got, set(asked))

    def test_one_connection(self) -> None:
        """kdig asks again and again over one connection."""
        names = ("www.lab.example", "slow.lab.example", "nope.lab.example")
        words = (word for name in names for word in (name, "A"))
        server = ("-p", str(forgetful_lab_proxy().port), "@127.0.0.1")
        text = run([program("kdig"), *server, "+tcp", "+keepopen", *words])
        self.assertEqual(text.count("status: NOERROR"), 2, text)
        self.assertEqual(text.count("status: NXDOMAIN"), 1, text)
