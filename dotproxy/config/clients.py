"""How much of us the clients may have."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from dotproxy.config.setting import check_types, seconds, whole


class Clients(Struct, frozen=True):
    """Bound what clients do; `idle_timeout` is in seconds.

    A client is an address, or for IPv6 a network of 64 bits, which is what one
    subscriber has (RFC 6177).
    """

    max_tcp: Annotated[int, whole(1, 1_000_000)] = 4000
    max_tcp_per_client: Annotated[int, whole(1, 1_000_000)] = 100
    idle_timeout: Annotated[float, seconds(1, 3600)] = 10.0
    max_queries: Annotated[int, whole(1, 1_000_000)] = 2000

    def __post_init__(self) -> None:
        check_types(self)
