"""What the supervisor and a worker say to each other, by AMP."""

import json
from collections.abc import Mapping, MutableMapping
from typing import Any, ClassVar

from twisted.protocols import amp

PIECE = 0xFFFF
"""Octets of a value in a box of AMP, which has two octets for the length."""

LINK = 3
"""The descriptor by which a worker is told what to do."""

LOG = 4
"""The descriptor to which it logs.  Its stdout is that of the supervisor, for the query
log."""

FIRST_SOCKET = 5
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
    """Begin to serve, as the configuration says; it is answered once that is so.

    `paused` is for how many seconds the rules still step aside.
    """

    arguments: ClassVar = [
        (b"config", Octets()),
        (b"generation", amp.Integer()),
        (b"paused", amp.Float()),
    ]
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


class Follow(amp.Command):
    """Show queries as they come, to one who looks on; `words` are JSON, and say which
    ones."""

    arguments: ClassVar = [(b"viewer", amp.Integer()), (b"words", Octets())]


class Seen(amp.Command):
    """Take lines for one who looks on; it is answered when there is room for more."""

    arguments: ClassVar = [(b"viewer", amp.Integer()), (b"lines", Octets())]


class Leave(amp.Command):
    """Show nothing more to one who looked on."""

    arguments: ClassVar = [(b"viewer", amp.Integer())]


class Reopen(amp.Command):
    """Open the file of the query log again: somebody has moved it."""


class Ping(amp.Command):
    """Show that the reactor turns."""


def words_of(words: Mapping[str, str]) -> bytes:
    """Write what the caller said, for a worker."""
    return json.dumps(dict(words)).encode()


def _piece(name: bytes, place: int) -> bytes:
    return b"%b.%d" % (name, place)
