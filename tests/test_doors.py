"""Where calls come in."""

import os
import socket
import stat
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase, TestCase

from dotproxy.config.admin import Admin
from dotproxy.config.model import ConfigError
from dotproxy.observe.doors import Door, bind_doors, bind_private


def mode(path: Path) -> int:
    """Return who may do what with a file."""
    return stat.S_IMODE(path.stat().st_mode)


class BindTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(mkdtemp())
        self.addCleanup(rmtree, self.folder)
        self.path = self.folder / "dotproxy.sock"

    def doors(self, admin: Admin, **environment: str) -> list[Door]:
        doors = bind_doors(admin, environment, reactor)
        for door in doors:
            self.addCleanup(door.close)
        return doors

    def test_nowhere(self) -> None:
        """Where there is no place for a socket that nobody asked for, there is none."""
        gone = str(self.folder / "gone")
        assert self.doors(Admin(socket=""), XDG_RUNTIME_DIR=str(self.folder)) == []
        assert [d.place for d in self.doors(Admin(), XDG_RUNTIME_DIR=gone)] == []

    def test_usual(self) -> None:
        """By itself it takes the usual place, for its owner only."""
        (door,) = self.doors(Admin(), XDG_RUNTIME_DIR=str(self.folder))
        assert (door.place, door.private) == (str(self.path), True)
        assert mode(self.path) == 0o600

    def test_given(self) -> None:
        """A place that is configured must be had."""
        (door,) = self.doors(Admin(socket=str(self.path)))
        assert door.place == str(self.path)
        admin = Admin(listen="127.0.0.1:0", socket=str(self.folder / "no" / "x"))
        fault = self.assertRaises(ConfigError, bind_doors, admin, {}, reactor)
        assert str(fault).endswith("x cannot be had: No such file or directory")

    def test_taken(self) -> None:
        """What somebody serves is left to them; of two, one does without."""
        admin = Admin(socket=str(self.path))
        self.doors(admin)
        fault = self.assertRaises(ConfigError, bind_doors, admin, {}, reactor)
        assert "Address already in use" in str(fault)
        assert self.doors(Admin(), XDG_RUNTIME_DIR=str(self.folder)) == []
        assert self.path.exists()

    def test_left_behind(self) -> None:
        """A socket of a program that was killed is taken over; a file is not."""
        dead = bind_private(str(self.path))
        dead.close()
        assert self.path.exists()
        self.doors(Admin(socket=str(self.path)))
        file = self.folder / "file"
        file.write_text("precious")
        self.assertRaises(OSError, bind_private, str(file))
        assert file.read_text() == "precious"

    def test_tcp(self) -> None:
        """An address of TCP is said as a URL; one that is taken is a fault."""
        (door,) = self.doors(Admin(listen="127.0.0.1:0", socket=""))
        assert (door.place[:17], door.private) == ("http://127.0.0.1:", False)
        taken = Admin(listen=door.place.removeprefix("http://"), socket="")
        fault = self.assertRaises(ConfigError, bind_doors, taken, {}, reactor)
        assert "Address already in use" in str(fault)
        assert fault.path == ("admin", "listen")


class Welcome(Protocol):
    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()


class DoorTests(TestCase):
    async def test_life(self) -> None:
        """It stays the owner's while it serves, and is gone afterwards."""
        folder = Path(mkdtemp())
        self.addCleanup(rmtree, folder)
        path = folder / "dotproxy.sock"
        (door,) = bind_doors(Admin(socket=str(path)), {}, reactor)
        door.site = Factory.forProtocol(Welcome)
        door.startService()
        assert mode(path) == 0o600
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(os.fspath(path))
        await door.stopService()
        assert not path.exists()

    async def test_of_somebody_else(self) -> None:
        """It serves on when the process has become another's than the file, which
        `twistd --uid` makes of it."""
        folder = Path(mkdtemp())
        self.addCleanup(rmtree, folder)
        path = folder / "dotproxy.sock"
        (door,) = bind_doors(Admin(socket=str(path)), {}, reactor)
        door.site = Factory.forProtocol(Welcome)

        def refused(*_: object) -> None:
            raise PermissionError

        self.patch(os, "chmod", refused)
        self.patch(os, "unlink", refused)
        door.startService()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(os.fspath(path))
        await door.stopService()
        assert path.exists()

    async def test_gone(self) -> None:
        """That the folder is gone before it is no fault."""
        folder = Path(mkdtemp())
        (door,) = bind_doors(Admin(socket=str(folder / "socket")), {}, reactor)
        door.site = Factory.forProtocol(Welcome)
        door.startService()
        rmtree(folder)
        await door.stopService()

    async def test_never_started(self) -> None:
        """One that never served gives back its place as well."""
        folder = Path(mkdtemp())
        self.addCleanup(rmtree, folder)
        (door,) = bind_doors(Admin(socket=str(folder / "socket")), {}, reactor)
        await door.stopService()
        assert list(folder.iterdir()) == []
