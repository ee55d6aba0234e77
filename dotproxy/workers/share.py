"""What of a configuration is one worker's."""

import os

from msgspec.structs import replace

from dotproxy.config.admin import Admin
from dotproxy.config.model import Config, Listen


def number_of(config: Config) -> int:
    """Return how many workers there are to be: 0 stands for the cores we may use."""
    if config.workers:
        return config.workers
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_of(config: Config, listen: tuple[Listen, ...], number: int) -> Config:
    """Return the configuration of worker `number`, the first is 1.

    What bounds all of them together is divided, and rounded up, so that nothing becomes
    0, which would stand for something else.  Each has a cache's file of its own: the
    first has the one that is named.
    """
    parts = number_of(config)

    def part(whole: int) -> int:
        return -(-whole // parts)

    file = config.cache.file
    clients, rate = config.clients, config.rate_limit
    return replace(
        config,
        workers=1,
        listen=listen,
        admin=Admin(socket=""),
        cache=replace(
            config.cache,
            size=part(config.cache.size),
            file=f"{file}.{number}" if file and number > 1 else file,
        ),
        clients=replace(
            clients,
            max_tcp=part(clients.max_tcp),
            max_tcp_per_client=part(clients.max_tcp_per_client),
            max_queries=part(clients.max_queries),
        ),
        rate_limit=replace(rate, qps=part(rate.qps), burst=part(rate.burst)),
    )
