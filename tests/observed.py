"""A proxy that runs in this process, asks the lab, and can be looked at."""

from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from msgspec.structs import replace
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from dotproxy.cli.caller import Caller, Place
from dotproxy.config.admin import Admin
from dotproxy.config.model import Config, Listen
from dotproxy.observe.doors import Door
from dotproxy.proxy import Proxy
from dotproxy.service import assemble
from tests.clients import Address, UdpClient, query

LAB = Config((Listen("127.0.0.1", 0),), (), lab=True)

TOKEN = "0123456789abcdef"


class Observed:
    """The proxy, and where to call it: `path` is its socket, `url` its address."""

    def __init__(self, test: TestCase, **settings: Any) -> None:
        folder = Path(mkdtemp())
        test.addCleanup(rmtree, folder)
        self.path = str(folder / "dotproxy.sock")
        admin = Admin(listen="127.0.0.1:0", socket=self.path, token=TOKEN)
        self.proxy: Proxy = assemble(replace(LAB, admin=admin, **settings), reactor)
        doors = [each for each in self.proxy if isinstance(each, Door)]
        self.url = doors[0].place
        self.proxy.startService()
        test.addCleanup(self.proxy.stopService)
        self._client = UdpClient()
        port = reactor.listenUDP(0, self._client, interface="127.0.0.1")
        test.addCleanup(port.stopListening)

    @property
    def place(self) -> Address:
        """Where it serves."""
        host, _, port = self.proxy.listeners.addresses[0].rpartition(":")
        return host, int(port)

    async def ask(self, name: str = "www.lab.example", rdtype: str = "A") -> bytes:
        """Ask it something; return the reply."""
        return await self._client.ask(query(1, name, rdtype), self.place)

    async def counted(self) -> None:
        """Wait until what was asked stands among what comes most often."""
        ranking = self.proxy.ranking
        assert ranking is not None
        while not ranking.clients.first(1):
            await deferLater(reactor, 0.01)

    def caller(self, token: str = "") -> Caller:
        """Return who calls it over TCP."""
        return Caller(Place(self.url, reactor), reactor, token)

    def owner(self) -> Caller:
        """Return who calls it over its socket."""
        return Caller(Place(self.path, reactor), reactor)
