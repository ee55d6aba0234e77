"""The lab on its own: its certificate in a file, its line in the log, its switch."""

import os
import shlex
import signal
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest
from twisted.application.service import IService
from twisted.internet import reactor
from twisted.internet.error import CannotListenError
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from dotproxy.config.options import Options as ProxyOptions
from dotproxy.lab.faults import parse_faults
from dotproxy.lab.server import create_lab
from dotproxy.lab.service import LabService, Options, makeService, write_ca
from tests.tls_client import Client, trusting


class ServiceTests(TestCase):
    def setUp(self) -> None:
        self.folder = Path(mkdtemp())
        self.addCleanup(rmtree, self.folder)
        self.file = self.folder / "ca.pem"

    def make(self, *flags: str) -> LabService:
        """Make a service that is not started yet."""
        options = Options()
        options.parseOptions(flags)
        service = makeService(options)
        assert isinstance(service, LabService)
        return service

    def start(self, *flags: str) -> tuple[LabService, list[str]]:
        """Start one; return it and what it says."""
        service = self.make("--ca-file", str(self.file), *flags)
        port = service.lab.server.port
        assert port, "it listens before it starts, and so before it becomes a daemon"
        with capturedLogs() as events:
            service.startService()
        self.addCleanup(service.stopService)
        assert service.lab.server.port == port
        said = [formatEvent(event) for event in events]
        return service, [line for line in said if "dotproxy" in line]

    def fault(self, *flags: str) -> str:
        """Return why a service does not even start."""
        with pytest.raises(SystemExit) as caught:
            self.make(*flags).startService()
        return str(caught.value.code)

    def client(self, service: LabService) -> Client:
        client = Client(
            service.lab.server.port,
            trusting(self.file.read_bytes()),
            service.lab.server_name,
        )
        self.addCleanup(client.close)
        return client

    async def test_served(self) -> None:
        """It is a service; whoever trusts the file is let in, where the log says."""
        service, said = self.start()
        assert verifyObject(IService, service)
        port = service.lab.server.port
        assert said == [
            f"dotproxy-lab serves 127.0.0.1:{port} with no faults; ask it by:"
            f" twistd -n dotproxy --upstream 'tls://127.0.0.1:{port}#dns.lab.example'"
            f" --ca-file {self.file}"
        ]
        await deferToThread(self.client, service)

    def test_command(self) -> None:
        """The command in the log is one that dotproxy takes."""
        service, _ = self.start()
        _, found, flags = service.command.partition("dotproxy ")
        assert found
        options = ProxyOptions()
        options.parseOptions(shlex.split(flags))
        (upstream,) = options.config.upstream
        assert (upstream.port, upstream.server_name) == (
            service.lab.server.port,
            service.lab.server_name,
        )

    async def test_faults(self) -> None:
        """The faults are there from the start, and in the log."""
        service, said = self.start("--fault", "expired", "--fault", "delay=1@a")
        assert "with expired, delay=1@a; ask" in said[0]
        with pytest.raises(ssl.SSLCertVerificationError):
            await deferToThread(self.client, service)

    async def test_toggle(self) -> None:
        """SIGUSR1 takes the faults away, and brings them back."""
        service, _ = self.start("--fault", "expired")
        with capturedLogs() as events:
            os.kill(os.getpid(), signal.SIGUSR1)
            await deferToThread(int)
            await deferToThread(self.client, service)
            os.kill(os.getpid(), signal.SIGUSR1)
            await deferToThread(int)
        said = [formatEvent(event) for event in events]
        said = [line for line in said if "dotproxy-lab" in line]
        assert said == [
            "dotproxy-lab has no faults now",
            "dotproxy-lab has expired now",
        ]
        with pytest.raises(ssl.SSLCertVerificationError):
            await deferToThread(self.client, service)

    async def test_refusal_lost(self) -> None:
        """If another takes the port during a refusal, the log has it."""
        service, _ = self.start("--fault", "refuse")
        await service.lab.server.set_faults(parse_faults("refuse"))
        with socket.socket() as taker:
            taker.bind(("127.0.0.1", service.lab.server.port))
            taker.listen()
            service.toggle()
            await deferToThread(int)
            assert len(self.flushLoggedErrors(CannotListenError)) == 1

    async def test_stop(self) -> None:
        """A temporary file goes with the service, and so does the switch."""
        service = self.make()
        service.startService()
        file = Path(shlex.split(service.command)[-1])
        assert file.exists()
        await service.stopService()
        assert not file.exists()
        assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL

    async def test_stop_with_file(self) -> None:
        """A file that was asked for stays."""
        service = self.make("--ca-file", str(self.file))
        service.startService()
        await service.stopService()
        assert self.file.exists()

    def test_port_taken(self) -> None:
        """A port that another has is one line."""
        service, _ = self.start()
        port = service.lab.server.port
        line = self.fault("--port", str(port), "--ca-file", str(self.file))
        expected = f"dotproxy-lab: --port: 127.0.0.1:{port}: Address already in use"
        assert line == expected
        assert self.file.read_bytes() == service.lab.ca_pem

    async def test_file_faults(self) -> None:
        """A file that cannot be written, or has something else in it, is one line.

        Nothing listens then.
        """
        missing = self.folder / "missing" / "ca.pem"
        line = self.fault("--ca-file", str(missing))
        assert line == f"dotproxy-lab: --ca-file {missing}: No such file or directory"
        roots = create_lab(reactor, datetime.now(UTC)).ca_pem * 2
        for octets in (b"", b"precious", roots):
            self.file.write_bytes(octets)
            line = self.fault("--ca-file", str(self.file))
            assert line == (
                f"dotproxy-lab: --ca-file {self.file}: has something else in it: name a"
                " file that is not there"
            )
            assert self.file.read_bytes() == octets
        await deferToThread(int)

    def test_file_of_before(self) -> None:
        """The file of an earlier run is written anew."""
        for _ in range(2):
            lab = create_lab(reactor, datetime.now(UTC))
            assert write_ca(lab, str(self.file)) == self.file
            assert self.file.read_bytes() == lab.ca_pem
