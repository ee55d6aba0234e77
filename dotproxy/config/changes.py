"""What differs between two configurations."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from dotproxy.config.model import Config


def changes(before: Config, after: Config) -> tuple[str, ...]:
    """Return the settings that differ, as the file has them: `cache.size`."""
    return tuple(_changes(before, after, ""))


def keep_lasting(before: Config, after: Config) -> Config:
    """Return `after` with what lasts as long as the process from `before`.

    That is the cache's file, which is read but once, at the start; the query log, whose
    file is open; and where the proxy is steered: who asked for the reload waits there.
    Where there are workers, their number and the addresses last, too: they inherit the
    sockets.  Raises ConfigError if what is new cannot do with it.
    """
    shared = {"listen": before.listen} if before.workers != 1 else {}
    return replace(
        after,
        **shared,
        workers=before.workers,
        cache=replace(after.cache, file=before.cache.file),
        admin=before.admin,
        query_log=before.query_log,
    )


def _changes(before: Struct, after: Struct, table: str) -> Iterator[str]:
    for key in before.__struct_fields__:
        old, new = getattr(before, key), getattr(after, key)
        if isinstance(old, Struct):
            yield from _changes(old, new, f"{table}{key}.")
        elif old != new:
            yield f"{table}{key}"
