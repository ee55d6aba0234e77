"""How the cache that a fleet shares fares, as types; see `status.py`."""

from msgspec import Struct

from dotproxy.shared import Shared


class SharedStatus(Struct, frozen=True):
    """The cache that a fleet shares."""

    name: str
    state: str
    """`closed`, which is in use, or `open`, or `half-open` while it is tried."""
    hits: int
    misses: int
    slow: int
    errors: int
    skipped: int
    written: int
    opened: int
    """Times that it was left aside."""


def status_of_shared(shared: Shared | None) -> SharedStatus | None:
    """Look at it, if there is one."""
    if shared is None:
        return None
    store = shared.store
    return SharedStatus(
        name=store.name,
        state=store.state.value,
        hits=shared.hits,
        misses=shared.misses,
        slow=store.slow,
        errors=store.errors,
        skipped=store.skipped,
        written=store.written,
        opened=store.opened,
    )
