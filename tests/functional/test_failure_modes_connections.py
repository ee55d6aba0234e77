"""Situations 1 to 9: what may become of connections to an upstream, and of answers."""

import socket
import time
from unittest import TestCase

import dns.message

from tests.functional.crowd import query
from tests.functional.processes import PATIENCE
from tests.functional.scene import NO_CACHE, Scene

SOON = ("--timeout", "1")
"""For what is never answered, so that nobody waits for that long."""


class ConnectionTests(TestCase):
    """Connections that end, or seem to go on."""

    def start(self, *flags: str) -> Scene:
        return Scene.create(self.addCleanup, *NO_CACHE, *flags)

    def assert_answered(self, scene: Scene, name: str = "www.lab.example") -> None:
        answer = scene.ask(name)
        self.assertEqual(answer.status, "NOERROR", answer.text)

    def test_f01_idle_close(self) -> None:
        """A connection that idled is closed, and that is no failure: the next query
        makes another."""
        scene = self.start()
        # Longer than the handshake takes on a machine that is busy.
        scene.lab.have("idle-close=1")
        for _ in range(2):
            self.assert_answered(scene)
            time.sleep(1.5)
        self.assertEqual((scene.lab.connections, scene.lab.queries), (2, 2))
        self.assertEqual(scene.logged("is down"), 0)

    def test_f02_replayed(self) -> None:
        """A query whose connection breaks is asked once more, on a fresh one."""
        scene = self.start()
        for end in ("half-answer,connections=1", "reset-after=0,connections=1"):
            self.assert_answered(scene)
            before = scene.lab.connections
            scene.lab.have("reset-after=0")
            scene.lab.have(end)
            self.assert_answered(scene)
            self.assertEqual(scene.lab.connections, before + 2)

    def test_f02_once(self) -> None:
        """If that one breaks too, the client hears so at once: there is no third."""
        scene = self.start()
        scene.lab.have("half-answer")
        answer = scene.ask("www.lab.example", "+time=4")
        self.assertEqual(answer.status, "SERVFAIL")
        self.assertTrue(answer.explanations & {22, 23}, answer.text)
        self.assertEqual((scene.lab.connections, scene.lab.queries), (2, 2))

    def test_f03_half_open(self) -> None:
        """A connection that swallows gets no more queries; what it owes is asked on
        another, and answered before the client gives up."""
        scene = self.start()
        scene.lab.have("swallow-after=1,connections=1")
        self.assert_answered(scene)
        self.assert_answered(scene, "mx.lab.example")
        self.assertEqual((scene.lab.connections, scene.lab.queries), (2, 3))
        self.assert_answered(scene, "mail.lab.example")
        self.assertEqual((scene.lab.connections, scene.lab.queries), (2, 4))

    def test_f04_not_put_off(self) -> None:
        """That it swallows is noticed while new queries go on and on."""
        scene = self.start()
        scene.lab.have("swallow-after=1,connections=1")
        self.assert_answered(scene)
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", scene.proxy.port))
            client.settimeout(0.1)
            begin, reply = time.monotonic(), b""
            while not reply and time.monotonic() < begin + 4:
                client.send(query(f"n{time.monotonic_ns()}.lab.example"))
                try:
                    reply = client.recv(4096)
                except TimeoutError:
                    continue
        self.assertTrue(reply, "nothing was answered for as long as queries came")
        self.assertEqual(dns.message.from_wire(reply).rcode(), 3)
        self.assertEqual(scene.lab.connections, 2)


class AnswerTests(TestCase):
    """Answers that come late, in another order, or are none."""

    def start(self, *flags: str) -> Scene:
        return Scene.create(self.addCleanup, *NO_CACHE, *flags)

    def test_f05_late(self) -> None:
        """An answer that comes after its client was told is nobody else's, and the
        connection goes on."""
        scene = self.start(*SOON)
        scene.lab.have("delay=1.2@late.lab.example")
        self.assertEqual(scene.ask("late.lab.example").status, "SERVFAIL")
        names = [f"n{number}.lab.example" for number in range(300)]
        begin = time.monotonic()
        while time.monotonic() < begin + 0.6:
            replies = scene.ask_all(names)
            self.assertEqual({it.rcode for it in replies.values()}, {"NXDOMAIN"})
            self.assertEqual(len(replies), len(names))
        self.assertLessEqual(scene.lab.connections, 4)
        self.assertEqual(scene.logged("connection lost"), 0)

    def test_f06_out_of_order(self) -> None:
        """Answers are told apart by ID and question; who is slow holds nobody up."""
        scene = self.start()
        scene.lab.have("delay=0.4@mx.lab.example")
        replies = scene.ask_all(["mx.lab.example", "www.lab.example"])
        slow, fast = replies["mx.lab.example"], replies["www.lab.example"]
        self.assertEqual((slow.rcode, fast.rcode), ("NOERROR", "NOERROR"))
        self.assertLess(fast.seconds, slow.seconds)
        scene.lab.have("out-of-order=0.2")
        names = [f"n{number}.lab.example" for number in range(50)]
        self.assertEqual(
            set(scene.ask_all([*names, "mx.lab.example"])), {*names, "mx.lab.example"}
        )
        self.assertEqual(scene.lab.connections, 1)

    def test_f07_no_answer_to_it(self) -> None:
        """What answers nothing that was asked is ignored, and hurts nobody."""
        scene = self.start(*SOON)
        lost = ("wrong-id", "wrong-question", "wrong-type", "query-echo")
        harmless = ("duplicate", "unsolicited")
        scene.lab.have(*(f"{fault}@{fault}.example" for fault in (*lost, *harmless)))
        names = [f"{fault}.example" for fault in (*lost, *harmless)]
        replies = scene.ask_all([*names, "www.lab.example"])
        rcodes = {name.partition(".")[0]: it.rcode for name, it in replies.items()}
        self.assertEqual(
            rcodes,
            dict.fromkeys(lost, "SERVFAIL")
            | dict.fromkeys(harmless, "NXDOMAIN")
            | {"www": "NOERROR"},
        )
        self.assertEqual(scene.lab.connections, 1)

    def test_f07_enough(self) -> None:
        """A connection that brings too much of it is given up for another."""
        scene = self.start()
        scene.lab.have("wrong-id,connections=1")
        names = [f"n{number}.lab.example" for number in range(8)]
        replies = scene.ask_all(names)
        self.assertEqual([it.rcode for it in replies.values()], ["NXDOMAIN"] * 8)
        self.assertEqual(scene.logged("no answer for"), 0)
        self.assertEqual(scene.lab.connections, 2)

    def test_f08_same_id(self) -> None:
        """Clients get their own answers under their own IDs, though these are the same;
        a query that is sent again is asked once."""
        scene = self.start()
        scene.lab.have("delay=0.4@mail.lab.example")
        wanted = ("mx.lab.example", "www.lab.example", "mail.lab.example")
        clients = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(2)]
        for client in clients:
            self.addCleanup(client.close)
            client.settimeout(PATIENCE)
            client.connect(("127.0.0.1", scene.proxy.port))
            for name in (*wanted, wanted[-1]):
                client.send(query(name, number=7))
        for client in clients:
            replies = [dns.message.from_wire(client.recv(4096)) for _ in range(4)]
            self.assertEqual({reply.id for reply in replies}, {7})
            names = [reply.question[0].name.to_text()[:-1] for reply in replies]
            self.assertEqual(sorted(names), sorted((*wanted, wanted[-1])))
            [mx] = [it for it, name in zip(replies, names, strict=True) if "mx" in name]
            self.assertEqual(mx.answer[0][0].to_text(), "192.0.2.25")
        self.assertLessEqual(scene.lab.queries, 5)


class RoomTests(TestCase):
    """Connections have room for so many queries, and there are so many of them."""

    NARROW = "[forward]\nmax_in_flight = 4\nmax_connections = 2\n"

    def start(self, *flags: str) -> Scene:
        return Scene.create(self.addCleanup, *NO_CACHE, *flags, config=self.NARROW)

    def test_f09_room(self) -> None:
        """With more queries than one has room for another is made, up to a bound; what
        is beyond waits for an answer to make room."""
        scene = self.start()
        scene.lab.have("delay=0.1")
        names = [f"n{number}.lab.example" for number in range(60)]
        replies = scene.ask_all(names)
        self.assertEqual([it.rcode for it in replies.values()], ["NXDOMAIN"] * 60)
        self.assertEqual(scene.lab.connections, 2)

    def test_f09_no_room(self) -> None:
        """Beyond a bound those who wait for longest are told so, and why."""
        scene = self.start(*SOON)
        scene.lab.have("swallow")
        replies = scene.ask_all(f"n{number}.lab.example" for number in range(2500))
        self.assertEqual({it.rcode for it in replies.values()}, {"SERVFAIL"})
        reasons = [reply.reason for reply in replies.values()]
        crowded = [it for it in reasons if "too many queries at once" in it]
        self.assertGreater(len(crowded), 100)
