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
    0, which would stand for something else.  Each has files of its own, of the cache
    and of the query log: the first has those that are named.
    """
    parts = number_of(config)

    def part(whole: int) -> int:
        return -(-whole // parts)

    file = config.cache.file
    clients, rate, log = config.clients, config.rate_limit, config.query_log
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
        query_log=replace(
            log,
            # FILE.2 is what was put aside of FILE.
            file=f"{log.file}.worker{number}" if log.file and number > 1 else log.file,
            max_size=part(log.max_size),
        ),
        rate_limit=replace(rate, qps=part(rate.qps), burst=part(rate.burst)),
    )
