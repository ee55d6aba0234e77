"""What the supervisor and a worker say to each other, by AMP."""

from collections.abc import MutableMapping
from typing import Any, ClassVar

from twisted.protocols import amp

PIECE = 0xFFFF
"""Octets of a value in a box of AMP, which has two octets for the length."""

LINK = 3
"""The descriptor by which a worker is told what to do."""

FIRST_SOCKET = 4
"""The descriptor of the first socket that it inherits; the others come behind it, in
the order of `listen`, and for addresses in clear UDP before TCP."""


class Refused(Exception):
    """It cannot be done: one line says why."""


class Octets(amp.Argument):
    """Octets of any length, which stand in the box in pieces."""

    def toBox(
        self,
        name: bytes,
        strings: MutableMapping[bytes, bytes],
        objects: MutableMapping[str, Any],
        proto: object,
    ) -> None:
        """Write the pieces: `name.0`, `name.1` and so on."""
        whole = objects[name.decode()]
        for place, at in enumerate(range(0, len(whole), PIECE)):
            strings[_piece(name, place)] = whole[at : at + PIECE]

    def fromBox(
        self,
        name: bytes,
        strings: MutableMapping[bytes, bytes],
        objects: MutableMapping[str, Any],
        proto: object,
    ) -> None:
        """Join what `toBox` wrote."""
        pieces: list[bytes] = []
        while (piece := strings.get(_piece(name, len(pieces)))) is not None:
            pieces.append(piece)
        objects[name.decode()] = b"".join(pieces)


class Serve(amp.Command):
    """Begin to serve, as the configuration says; it is answered once that is so."""

    arguments: ClassVar = [(b"config", Octets()), (b"generation", amp.Integer())]
    errors: ClassVar = {Refused: b"REFUSED"}


class Reload(amp.Command):
    """Go on with another configuration, or refuse and go on as before."""

    arguments: ClassVar = [(b"config", Octets()), (b"generation", amp.Integer())]
    response: ClassVar = [(b"outcome", Octets())]
    errors: ClassVar = {Refused: b"REFUSED"}


class Ask(amp.Command):
    """Answer a call, as a process alone would; `words` are JSON."""

    arguments: ClassVar = [
        (b"call", amp.Unicode()),
        (b"words", Octets()),
        (b"generation", amp.Integer()),
    ]
    response: ClassVar = [
        (b"body", Octets()),
        (b"type", amp.Unicode()),
        (b"status", amp.Integer()),
    ]


class Learned(amp.Command):
    """Take what others learned from upstreams: a snapshot of a cache.

    `dropped` counts what there was no room for since the last time.  What was learned
    in another generation, before a flush or a reload, is forgotten.
    """

    arguments: ClassVar = [
        (b"answers", Octets()),
        (b"dropped", amp.Integer()),
        (b"generation", amp.Integer()),
    ]


class Ping(amp.Command):
    """Show that the reactor turns."""


def _piece(name: bytes, place: int) -> bytes:
    return b"%b.%d" % (name, place)
