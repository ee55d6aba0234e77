"""Notes as lines: plain text, or JSON."""

from collections.abc import Callable

import msgspec

from dotproxy.journal.fields import reads
from dotproxy.journal.note import Note
from dotproxy.journal.privacy import Privacy

Form = Callable[[Note], bytes]
"""What a note is written as."""

NOTHING = "-"
"""What stands in a line of text for what is not known."""


def text_form(fields: tuple[str, ...], privacy: Privacy) -> Form:
    """Return what writes the fields in their order, with spaces between.

    No field has a space or an octet that ends a line: names are escaped.
    """
    read = tuple(reads(fields).values())

    def form(note: Note) -> bytes:
        words = [str(each(note, privacy)).replace(" ", ",") for each in read]
        return (" ".join([word or NOTHING for word in words]) + "\n").encode()

    return form


def json_form(fields: tuple[str, ...], privacy: Privacy) -> Form:
    """Return what writes an object on each line."""
    read = tuple(reads(fields).items())
    encode = msgspec.json.Encoder().encode

    def form(note: Note) -> bytes:
        return encode({name: each(note, privacy) for name, each in read}) + b"\n"

    return form
