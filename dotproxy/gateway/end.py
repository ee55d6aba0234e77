"""One of the two connections of a relay, the client's or the origin's."""

from collections.abc import Callable
from typing import Protocol as TypingProtocol

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from zope.interface import implementer


class Stage(TypingProtocol):
    """Whoever listens to a connection at the moment."""

    def received(self, end: "End", data: bytes) -> None:
        """Hear octets."""

    def finished(self, end: "End") -> None:
        """Hear that no more will come."""

    def closed(self, end: "End") -> None:
        """Hear that all of ours is written, and that our side is closed."""

    def lost(self, end: "End") -> None:
        """Hear that the connection is gone, however that came about."""


@implementer(IHalfCloseableProtocol, IPushProducer)
class End(Protocol):
    """A connection that tells its `stage` what happens.

    `on_made` is called with it once it stands, and sets the stage; `on_lost` when it is
    gone, and the stage knows.
    """

    transport: Connection
    stage: Stage
    peer: "End"
    """The other connection, while both are spliced."""

    def __init__(
        self,
        on_made: "Callable[[End], None]" = lambda _: None,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_made, self._on_lost = on_made, on_lost
        self.octets = 0
        """What came from there."""
        self.finished = self.closed = self.gone = False
        """Whether its peer closed its side, whether we did ours, and both or worse."""

    def connectionMade(self) -> None:
        """Pass on small pieces at once, and notice when a peer has vanished."""
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)
        self._on_made(self)

    def dataReceived(self, data: bytes) -> None:
        """Tell the stage."""
        self.octets += len(data)
        self.stage.received(self, data)

    def readConnectionLost(self) -> None:
        """Tell the stage."""
        self.finished = True
        self.stage.finished(self)

    def writeConnectionLost(self) -> None:
        """Tell the stage."""
        self.closed = True
        self.stage.closed(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell the stage."""
        self.gone = True
        self.stage.lost(self)
        self._on_lost()
        # Both lead back to us, and nobody looks often for circles of garbage.
        vars(self).pop("stage")
        vars(self).pop("peer", None)

    def send(self, data: bytes) -> bool:
        """Write what the system takes at once; return whether that is all.

        The rest is left to the transport.  Nothing may be there already, for this would
        overtake it.
        """
        sent = self.transport.writeSomeData(data)
        if sent == len(data):
            return True
        # If it broke, it is up to the reactor to find out.
        self.transport.write(data[sent:] if isinstance(sent, int) else data)
        return False

    def pauseProducing(self) -> None:
        """Do not read on: the one who gets it cannot keep up."""
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Read on."""
        self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """Leave it to the stage what is to become of this end without the other."""

    def abort(self) -> None:
        """Hang up without another word: the peer sees a reset."""
        if not self.gone:
            self.transport.abortConnection()
