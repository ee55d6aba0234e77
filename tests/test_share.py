"""One worker's part of a configuration."""

import os
from unittest import TestCase

import msgspec
from msgspec.structs import replace

from dotproxy.config.access import RateLimit
from dotproxy.config.caching import Caching
from dotproxy.config.clients import Clients
from dotproxy.config.gateway import Gateway
from dotproxy.config.model import Config, ConfigError, Listen
from dotproxy.config.query_log import QueryLog
from dotproxy.config.toml_file import DEFAULT
from dotproxy.workers.share import number_of, share_of

WHOLE = replace(
    DEFAULT,
    workers=3,
    cache=Caching(size=1000, file="/cache"),
    clients=Clients(max_tcp=10, max_tcp_per_client=2, max_queries=9),
    rate_limit=RateLimit(qps=0, burst=100),
)

BOUND = (Listen("127.0.0.1", 5300),)


class ShareTests(TestCase):
    def test_parts(self) -> None:
        """What bounds all is divided and rounded up, and no limit stays none."""
        share = share_of(WHOLE, BOUND, 1)
        assert share.cache.size == 334
        clients = share.clients
        assert (clients.max_tcp, clients.max_tcp_per_client) == (4, 1)
        assert clients.max_queries == 3
        assert (share.rate_limit.qps, share.rate_limit.burst) == (0, 34)

    def test_own(self) -> None:
        """A worker has what was bound, a file of its own, and no door."""
        first, second = (share_of(WHOLE, BOUND, number) for number in (1, 2))
        assert first.listen == BOUND
        assert (first.cache.file, second.cache.file) == ("/cache", "/cache.2")
        assert (first.admin.listen, first.admin.socket) == ("", "")
        assert first.workers == 1
        assert share_of(replace(WHOLE, cache=Caching()), BOUND, 2).cache.file == ""

    def test_query_log(self) -> None:
        """A worker writes a file of its own, its part of what all may have; stdout is
        for all."""
        log = QueryLog(format="text", file="/q", max_size=100)
        config = replace(WHOLE, query_log=log)
        first, second = (share_of(config, BOUND, each).query_log for each in (1, 2))
        assert (first.file, second.file) == ("/q", "/q.worker2")
        assert (first.max_size, second.max_size, second.keep) == (34, 34, log.keep)
        unbound = replace(log, file="", max_size=0)
        share = share_of(replace(config, query_log=unbound), BOUND, 2).query_log
        assert (share.file, share.max_size) == ("", 0)

    def test_hashed(self) -> None:
        """Workers that hash names take a key, so that all hash alike."""
        hashed = QueryLog(names="hashed")
        with self.assertRaisesRegex(ConfigError, "names = 'hashed' takes a key_file"):
            replace(WHOLE, query_log=hashed)
        replace(WHOLE, query_log=hashed, workers=1)
        replace(WHOLE, query_log=replace(hashed, key_file="/key"))

    def test_written(self) -> None:
        """It is the same when it was written down and read."""
        share = share_of(WHOLE, BOUND, 2)
        assert msgspec.json.decode(msgspec.json.encode(share), type=Config) == share

    def test_number(self) -> None:
        """0 stands for the cores that we may use."""
        assert number_of(WHOLE) == 3
        assert number_of(replace(WHOLE, workers=0)) == len(os.sched_getaffinity(0))

    def test_gateway(self) -> None:
        """Workers cannot share a gateway, and one line says so."""
        gateway = Gateway(listen=("127.0.0.1:8443",))
        with self.assertRaisesRegex(ConfigError, r"^workers = 3 cannot share a gate"):
            replace(WHOLE, gateway=gateway)
        assert replace(DEFAULT, gateway=gateway).workers == 1
