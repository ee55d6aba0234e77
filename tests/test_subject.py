"""Who is to be examined."""

from pathlib import Path

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from dotproxy.cli.check.subject import LAB_NAMES, start_lab, subjects
from dotproxy.config.model import Config, ConfigError, Upstream
from dotproxy.config.toml_file import DEFAULT
from dotproxy.lab import zone
from dotproxy.upstream.addresses import Addresses
from dotproxy.upstream.bootstrap.source import Bootstrap


class SubjectTests(TestCase):
    def test_configured(self) -> None:
        """Each configured upstream is one, with the source of its addresses."""
        found = subjects(DEFAULT, reactor)
        assert tuple(each.upstream for each in found) == DEFAULT.upstream
        assert all(each.strict for each in found)
        assert isinstance(found[0].addresses, Addresses)

    def test_bootstrap(self) -> None:
        """One that has only a name is looked up as the proxy does."""
        named = Upstream((), server_name="dns.example", bootstrap=("192.0.2.1",))
        config = Config(DEFAULT.listen, (named,), "opportunistic")
        (found,) = subjects(config, reactor)
        assert isinstance(found.addresses, Bootstrap)
        assert not found.strict

    def test_bad_file(self) -> None:
        """A CA file that cannot be read is an error of one line."""
        file = Path("ca.pem")
        file.write_text("-----BEGIN CERTIFICATE-----\nrubbish\n")
        named = Upstream(("192.0.2.1",), ca_file=str(file))
        with self.assertRaises(ConfigError) as caught:
            subjects(Config(DEFAULT.listen, (named,)), reactor)
        assert "\n" not in str(caught.exception)

    def test_lab_names(self) -> None:
        """The lab knows the names that it is asked for."""
        known = {name.to_text(omit_final_dot=True) for name in zone.RRSETS}
        assert {LAB_NAMES.known, LAB_NAMES.slow} <= known

    def test_lab(self) -> None:
        """The lab is an upstream like any other, at the port where it listens."""
        lab, server = start_lab(reactor)
        self.addCleanup(server.stopService)
        assert lab.upstream.addresses == ("127.0.0.1",)
        assert lab.upstream.server_name == "dns.lab.example"
        assert lab.upstream.port > 0
