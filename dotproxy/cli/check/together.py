"""Many things at once, awaited as one."""

from collections.abc import Sequence
from typing import TypeVar

from twisted.internet.defer import Deferred, FirstError, gatherResults

T = TypeVar("T")


async def together(running: Sequence[Deferred[T]]) -> list[T]:
    """Return all results in their order, or raise what failed first, as itself.

    Cancelling cancels all of them.
    """
    try:
        return await gatherResults(running, consumeErrors=True)
    except FirstError as first:
        first.subFailure.raiseException()
