"""Where the lab listens: open, shut and stuck, in any order."""

import socket

import pytest
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from dotproxy.lab.door import Door, State

BRIEF = 0.2
"""Seconds after which connecting is in vain."""


class Welcome(ServerFactory[Protocol]):
    """Say hello to everybody, and goodbye; but not to the door itself."""

    noisy = False
    door: Door
    strangers = 0

    def buildProtocol(self, addr: object) -> IProtocol | None:
        assert isinstance(addr, IPv4Address)
        if self.door.is_ours(addr):
            return None
        self.strangers += 1
        return Greeter()


class Greeter(Protocol):
    def connectionMade(self) -> None:
        self.transport.write(b"hello")
        self.transport.loseConnection()


class DoorTests(TestCase):
    def setUp(self) -> None:
        self.welcome = Welcome()
        self.door = self.welcome.door = Door(reactor, self.welcome)
        self.door.open()
        self.addCleanup(self.door.move, State.SHUT)

    def connect(self) -> bytes:
        where = ("127.0.0.1", self.door.port)
        with socket.create_connection(where, BRIEF) as client:
            return client.recv(9)

    async def assert_as(self, state: State) -> None:
        """Check by a client that the door is so."""
        if state is State.OPEN:
            assert await deferToThread(self.connect) == b"hello"
            return
        expected = TimeoutError if state is State.STUCK else ConnectionRefusedError
        with pytest.raises(expected):
            await deferToThread(self.connect)

    async def test_moves(self) -> None:
        """From each state the door comes into each other, or stays as it is."""
        port = self.door.port
        for before in State:
            for after in State:
                await self.door.move(before)
                await self.door.move(after)
                await self.assert_as(after)
        assert self.door.port == port

    async def test_in_a_row(self) -> None:
        """Moves that are asked for at once happen one after the other."""
        states = [State.SHUT, State.STUCK, State.SHUT, State.OPEN]
        for moving in [self.door.move(state) for state in states]:
            await moving
        await self.assert_as(State.OPEN)

    async def test_plugs(self) -> None:
        """The door does not take itself for a visitor, however often it was stuck."""
        for _ in range(3):
            await self.door.move(State.STUCK)
            await self.door.move(State.OPEN)
        await self.assert_as(State.OPEN)
        assert self.welcome.strangers == 1

    async def test_taken(self) -> None:
        """If another took the port meanwhile, the door does not open; later it does."""
        await self.door.move(State.SHUT)
        with socket.socket() as taker:
            taker.bind(("127.0.0.1", self.door.port))
            taker.listen()
            with pytest.raises(CannotListenError):
                await self.door.move(State.OPEN)
        await self.door.move(State.OPEN)
        await self.assert_as(State.OPEN)
