"""What is remembered of the answers, and for how long."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from dotproxy.config.setting import (
    ConfigError,
    Flag,
    Text,
    check_types,
    seconds,
    whole,
    written,
)
from dotproxy.config.shared_cache import Shared

HOUR, DAY, WEEK = 3600, 86400, 604800


class Caching(Struct, frozen=True):
    """Bound the cache: `size` in octets of memory (0: keep nothing), times in seconds.

    A day is what resolvers take for `max_ttl`, an hour for answers of absence (RFC
    2308 section 5).  The times of stale answers are those that RFC 8767 advises
    (sections 4 and 5).  `file` keeps the cache over a restart; `shared` is one that
    others have a part in.
    """

    size: Annotated[int, whole(0, 2**40)] = 32 * 2**20
    min_ttl: Annotated[int, whole(0, HOUR)] = 0
    max_ttl: Annotated[int, whole(1, WEEK)] = DAY
    negative_max_ttl: Annotated[int, whole(0, DAY)] = HOUR
    serve_stale: Flag = True
    stale_ttl: Annotated[int, whole(1, HOUR)] = 30
    stale_max_age: Annotated[int, whole(0, 4 * WEEK)] = DAY
    stale_client_timeout: Annotated[float, seconds(0, 30)] = 1.8
    prefetch: Flag = True
    file: Text = ""
    shared: Shared = Shared()

    def __post_init__(self) -> None:
        check_types(self)
        if self.min_ttl > self.max_ttl:
            raise ConfigError(
                written("min_ttl", self.min_ttl),
                f"must be at most max_ttl, {self.max_ttl}",
                ("min_ttl",),
            )
