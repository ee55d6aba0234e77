"""The sockets that the workers share."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from dotproxy.config.model import Listen
from dotproxy.server.listeners import Opened
from dotproxy.server.sockets import Sockets


def descriptors(opened: Mapping[Listen, Opened]) -> Sequence[int]:
    """Return their numbers, in the order of the addresses, and UDP before TCP."""
    numbers = []
    for each in opened.values():
        sockets = each if isinstance(each, Sockets) else (each,)
        numbers += [it.fileno() for it in sockets]
    return numbers


def addresses(opened: Mapping[Listen, Opened]) -> Iterator[str]:
    """Return the addresses that are served; port 0 is known by now."""
    for listen, each in opened.items():
        if isinstance(each, Sockets):
            yield each.address
        else:
            yield str(replace(listen, port=each.getsockname()[1]))
