"""How much of us the clients may have."""

from msgspec.structs import replace
from twisted.logger import globalLogPublisher

from dotproxy.config.clients import Clients
from dotproxy.config.gateway import Gateway
from dotproxy.config.toml_file import DEFAULT
from dotproxy.server.limits import DEFAULT_LIMITS, Limits, limits_for, relays_for
from tests.system import ENDLESS, SystemTests


class LimitsTests(SystemTests):
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

    def test_streamed(self) -> None:
        """Streams have half of the queries, and at least one."""
        assert Limits(queries=9).streamed == 4
        assert Limits(queries=1).streamed == 1

    def test_relays(self) -> None:
        """Relays take two descriptors each, beside those of the DNS."""
        config = replace(DEFAULT, gateway=Gateway(("127.0.0.1:443",)))
        self.system(1024, 10**6)
        assert limits_for(config).in_all == 4000
        assert self.set == [(8116, 10**6)]
        assert relays_for(config) == 2000
        self.system(6000, 6000)
        assert limits_for(config).in_all == 3000
        assert relays_for(config) == 1500
        self.system(2, 2)
        assert relays_for(config) == 1
