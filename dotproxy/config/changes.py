"""What differs between two configurations."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from dotproxy.config.model import Config
from dotproxy.config.setting import ConfigError


def changes(before: Config, after: Config) -> tuple[str, ...]:
    """Return the settings that differ, as the file has them: `cache.size`."""
    return tuple(_changes(before, after, ""))


def keep_lasting(before: Config, after: Config) -> Config:
    """Return `after` with what lasts as long as the process from `before`.

    That is the cache's file, which is read but once, at the start; the gateway, but for
    the addresses that the DNS has for it; the query log, whose file is open; and where
    the proxy is steered: who asked for the reload waits there.  Raises ConfigError if
    what is new cannot do with it.
    """
    kept = replace(before.gateway, addresses=after.gateway.addresses)
    file = replace(after.cache, file=before.cache.file)
    lasting = {"admin": before.admin, "query_log": before.query_log}
    try:
        return replace(after, cache=file, gateway=kept, **lasting)
    except ConfigError as fault:
        # As it is written it is right: what it says to do would be of no use.
        wanted = _changes(kept, after.gateway, "gateway.")
        told, _, _ = fault.rule.partition(": ")
        rule = f"{told} until a restart, which {', '.join(wanted)} takes"
        raise ConfigError(fault.subject, rule, fault.path) from None


def _changes(before: Struct, after: Struct, table: str) -> Iterator[str]:
    for key in before.__struct_fields__:
        old, new = getattr(before, key), getattr(after, key)
        if isinstance(old, Struct):
            yield from _changes(old, new, f"{table}{key}.")
        elif old != new:
            yield f"{table}{key}"
