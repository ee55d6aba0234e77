"""A last word to a client that is turned away."""

from twisted.internet.interfaces import IReactorTime

from dotproxy.gateway.end import End

PATIENCE = 2.0
"""Seconds for a client to take in the last word, and to hang up."""

MOST_IGNORED = 2**16
"""Octets that a client may send meanwhile."""

_ALERT = b"\x15\3\3\0\2\2"
"""The record of a fatal alert, up to which one it is (RFC 8446 section 6)."""


class Farewell:
    """The stage of a client from the last word on, until it is gone.

    Closing at once would lose the word: what a client sent and nobody read makes the
    system reset the connection, and throw away what it has to send.
    """

    def __init__(self, client: End, word: bytes, clock: IReactorTime) -> None:
        self._ignored = 0
        self._timer = clock.callLater(PATIENCE, client.abort)
        client.stage = self
        # The one before it may have stopped reading.
        client.transport.resumeProducing()
        client.transport.write(word)
        client.transport.loseWriteConnection()

    def received(self, end: End, data: bytes) -> None:
        """Pay no attention, up to a bound."""
        self._ignored += len(data)
        if self._ignored > MOST_IGNORED:
            end.abort()

    def finished(self, end: End) -> None:
        """Close, now that the client has."""
        end.transport.loseConnection()

    def closed(self, end: End) -> None:
        """Wait for the client to close its side."""

    def lost(self, end: End) -> None:
        """End the wait."""
        if self._timer.active():
            self._timer.cancel()


def alert(number: int) -> bytes:
    """Return the record of a fatal alert."""
    return _ALERT + bytes((number,))
