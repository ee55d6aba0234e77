"""Who waits in the gateway, and makes room."""

from unittest import TestCase

from dotproxy.gateway.waiting import Waiting


class Client:
    def __init__(self, on_its_way: bool = False) -> None:
        self.on_its_way = on_its_way


class WaitingTests(TestCase):
    def setUp(self) -> None:
        self.waiting = Waiting()
        self.out: list[Client] = []

    def come(self, on_its_way: bool = False) -> Client:
        client = Client(on_its_way)
        self.waiting.add(client, lambda: self.out.append(client))
        return client

    def test_order(self) -> None:
        """The one that came first goes first, each once."""
        first, second = self.come(), self.come()
        assert [self.waiting.make_room() for _ in range(3)] == [True, True, False]
        assert self.out == [first, second]

    def test_on_its_way(self) -> None:
        """Whoever is on his way stays, and is not looked at again."""
        self.come(on_its_way=True)
        second = self.come()
        assert self.waiting.make_room()
        assert self.out == [second]
        assert not self.waiting.make_room()

    def test_left(self) -> None:
        """Who has left makes no room; he may have been turned out."""
        first, second = self.come(), self.come()
        self.waiting.remove(first)
        assert self.waiting.make_room()
        self.waiting.remove(second)
        assert self.out == [second]
