"""How much of us the clients may have."""

import resource

from msgspec.structs import replace
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.config.clients import Clients
from dotproxy.config.toml_file import DEFAULT
from dotproxy.server import limits as module
from dotproxy.server.limits import (
    DEFAULT_LIMITS,
    Limits,
    limits_for,
    raise_descriptors,
    room,
)

ENDLESS = resource.RLIM_INFINITY


class LimitsTests(SynchronousTestCase):
    def system(self, soft: int, hard: int, fault: Exception | None = None) -> None:
        """Let the system have these limits, or refuse others."""
        self.set: list[tuple[int, int]] = []

        def put(_: int, limits: tuple[int, int]) -> None:
            if fault:
                raise fault
            self.set.append(limits)

        self.patch(module.resource, "getrlimit", lambda _: (soft, hard))
        self.patch(module.resource, "setrlimit", put)

    def test_config(self) -> None:
        """What is configured holds."""
        self.system(ENDLESS, ENDLESS)
        assert limits_for(DEFAULT) == DEFAULT_LIMITS
        config = replace(DEFAULT, clients=Clients(50, 5, 20, 100))
        expected = Limits(in_all=50, per_client=5, idle=20, queries=100)
        assert limits_for(config) == expected

    def test_raised(self) -> None:
        """The limit of open files is raised as far as that needs, and no further."""
        self.system(1024, 10**6)
        assert limits_for(DEFAULT).in_all == 4000
        assert self.set == [(4116, 10**6)]

    def test_enough(self) -> None:
        """A limit that is high enough is left alone."""
        for soft in (5000, ENDLESS):
            self.system(soft, ENDLESS)
            assert raise_descriptors(5000) == 5000
            assert self.set == []

    def test_endless(self) -> None:
        """No hard limit bounds nothing."""
        self.system(1024, ENDLESS)
        assert raise_descriptors(5000) == 5000
        assert self.set == [(5000, ENDLESS)]

    def test_refused(self) -> None:
        """A system that refuses leaves what there is."""
        for fault in (ValueError(), OSError()):
            self.system(1024, ENDLESS, fault)
            assert raise_descriptors(5000) == 1024

    def test_too_few(self) -> None:
        """With too few, there are fewer clients, and the log says what to do."""
        said: list[str] = []

        def hear(event: dict[str, object]) -> None:
            said.append(str(event["log_format"]).format(**event))

        globalLogPublisher.addObserver(hear)
        self.addCleanup(globalLogPublisher.removeObserver, hear)
        self.system(1024, 1024)
        assert limits_for(DEFAULT).in_all == 1024 - 116
        (line,) = said
        assert line.startswith("room for 908 TCP clients only, not 4000: allow 4116")

    def test_room(self) -> None:
        """However few there are, half is left for what is no client."""
        assert room(1000, 100, 5000) == 900
        assert room(1000, 100, 50) == 50
        assert room(64, 100, 5000) == 32
        assert room(1, 100, 5000) == 1

    def test_streamed(self) -> None:
        """Streams have half of the queries, and at least one."""
        assert Limits(queries=9).streamed == 4
        assert Limits(queries=1).streamed == 1
