"""Where what is written goes."""

from typing import Protocol as TypingProtocol


class Sink(TypingProtocol):
    """A place that takes octets; it may let its caller wait."""

    def write(self, octets: bytes) -> None:
        """Write all, or nothing of it and raise OSError."""

    def tidy(self) -> None:
        """Put aside what has become too much.  Raises OSError, and then goes on."""

    def reopen(self) -> None:
        """Begin anew where it should be now.  Raises OSError, and then goes on."""

    def close(self) -> None:
        """Write what belongs at the end; raises OSError."""
