"""What a traced query carries along, so that every stage can say what it does."""

from typing import Protocol as TypingProtocol


class Trace(TypingProtocol):
    """Somebody who wants to know what becomes of one query."""

    def note(self, stage: str, says: str, /, **fields: object) -> None:
        """Hear what a stage does.

        `says` names the fields in braces, as a log's format does.  Octets are given as
        they are, and shown in hex.
        """
