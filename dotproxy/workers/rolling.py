"""A reload, one worker after the other."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from twisted.internet.error import ConnectionClosed
from twisted.protocols.amp import AmpError

from dotproxy.config.model import Config
from dotproxy.observe.actions import Reloaded
from dotproxy.workers.commands import Refused, Reload
from dotproxy.workers.seat import Seat


class Source(NamedTuple):
    """Read the configuration once more, and check all that may fail about one; both
    may raise ConfigError."""

    read: Callable[[], Config]
    check: Callable[[Config], None]


async def roll(
    seats: Sequence[Seat], orders: Callable[[int], bytes], generation: int
) -> Reloaded | None:
    """Have all take other orders; return what came of it, None if there is nobody.

    Raises Refused if the first that answers refuses: then all stay as they were.  One
    that refuses what another took would go on as before: it is ended, and who takes its
    place does as the others do.  So does who follows one that ends meanwhile.
    """
    outcome = None
    for seat in seats:
        if not seat.linked:
            continue
        try:
            said = await seat.tell(
                Reload, config=orders(seat.number), generation=generation
            )
        except Refused:
            if outcome is None:
                raise
            seat.kill()
        except (AmpError, ConnectionClosed):
            continue
        else:
            outcome = msgspec.json.decode(said["outcome"], type=Reloaded)
    return outcome
