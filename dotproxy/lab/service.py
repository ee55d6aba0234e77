"""The lab on its own: what `twistd dotproxy-lab` runs."""

import shlex
import signal
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger

from dotproxy.config.spelling import joined
from dotproxy.lab.door import LOOPBACK
from dotproxy.lab.options import Options
from dotproxy.lab.server import AUTHORITY_NAME, Lab, create_lab

__all__ = ["Options", "makeService"]


def makeService(options: Options) -> IService:
    """Return the service that `twistd dotproxy-lab` runs; it listens already.

    A fault ends the process with one line and status 1, before it becomes a daemon.
    """
    from twisted.internet import reactor

    lab = create_lab(reactor, datetime.now(UTC))
    lab.server.port = options.port
    try:
        lab.server.open()
        return LabService(lab, options, reactor, write_ca(lab, options.ca_file))
    except CannotListenError as fault:
        at = joined(LOOPBACK, options.port)
        wrong = f"--port: {at}: {fault.socketError.strerror}"
    except (OSError, ValueError) as fault:
        lab.server.stopService()
        reason = getattr(fault, "strerror", None) or str(fault)
        wrong = f"--ca-file {options.ca_file}: {reason}"
    raise SystemExit(f"dotproxy-lab: {wrong}")


def write_ca(lab: Lab, file: str) -> Path:
    """Write the certificate to trust; return where.  "" stands for a new file.

    Raises OSError, and ValueError if there is something else in the file: who mixes
    this flag up with dotproxy's own would lose all his authorities.
    """
    if not file:
        with tempfile.NamedTemporaryFile(
            prefix="dotproxy-lab-", suffix=".pem", delete=False
        ) as new:
            new.write(lab.ca_pem)
        return Path(new.name)
    path = Path(file).absolute()
    if path.exists() and not _is_of_a_lab(path.read_bytes()):
        raise ValueError("has something else in it: name a file that is not there")
    path.write_bytes(lab.ca_pem)
    return path


class LabService(Service):
    """A lab with faults that SIGUSR1 takes away and brings back."""

    log = Logger()

    def __init__(self, lab: Lab, options: Options, reactor: Any, ca_file: Path) -> None:
        self.lab = lab
        self._faults = options.faults
        self._leaves_file = bool(options.ca_file)
        self._reactor = reactor
        self._ca_file = ca_file

    def startService(self) -> None:
        """Have the faults; say in one line where it listens, and how to ask."""
        self.lab.server.startService()
        self.lab.server.set_faults(self._faults)
        super().startService()
        signal.signal(signal.SIGUSR1, self._signalled)
        self.log.info(
            "dotproxy-lab serves {address} with {faults}; ask it by: {command}",
            address=joined(LOOPBACK, self.lab.server.port),
            faults=self._in_force(),
            command=self.command,
        )

    def stopService(self) -> Deferred[None]:
        """Stop listening, forget SIGUSR1, and leave no temporary file behind."""
        super().stopService()
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        if not self._leaves_file:
            self._ca_file.unlink(missing_ok=True)
        return self.lab.server.stopService()

    def toggle(self) -> None:
        """Take the faults away, or bring them back."""
        moving = self.lab.server.set_faults(
            () if self.lab.server.faults else self._faults
        )
        self.log.info("dotproxy-lab has {faults} now", faults=self._in_force())
        moving.addErrback(lambda lost: self.log.failure("it cannot listen", lost))

    @property
    def command(self) -> str:
        """What to type to ask this lab by dotproxy."""
        upstream = f"tls://{joined(LOOPBACK, self.lab.server.port)}"
        named = f"{upstream}#{self.lab.server_name}"
        words = ("--upstream", named, "--ca-file", str(self._ca_file))
        return shlex.join(("twistd", "-n", "dotproxy", *words))

    def _in_force(self) -> str:
        return ", ".join(map(str, self.lab.server.faults)) or "no faults"

    def _signalled(self, *_: object) -> None:
        self._reactor.callFromThread(self.toggle)


def _is_of_a_lab(pem: bytes) -> bool:
    with suppress(ValueError):
        [only] = x509.load_pem_x509_certificates(pem)
        return only.subject.rfc4514_string() == f"CN={AUTHORITY_NAME}"
    return False
