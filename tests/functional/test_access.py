"""Who may ask, and how often, as clients meet it."""

from pathlib import Path
from unittest import TestCase

from tests.functional.clients import Answer, dig
from tests.functional.processes import Stage
from tests.functional.proxy import Proxy, start_proxy

FRIEND, STRANGER = "127.0.0.1", "127.0.0.2"

ONCE = ("+tries=1", "+timeout=2")

PROHIBITED = 18
"""INFO-CODE "Prohibited" (RFC 8914 4.19)."""


class AccessTests(TestCase):
    def start(self, *lines: str) -> Proxy:
        """Start a proxy that is configured so, with the lab as its upstream."""
        stage = Stage.create(self.addCleanup)
        file = Path(stage.folder, "dotproxy.toml")
        file.write_text("\n".join(lines))
        return start_proxy(stage, "--config", str(file), "--upstream", "lab")

    def ask(self, proxy: Proxy, source: str, *words: str) -> Answer:
        """Ask from an address, once."""
        return dig(proxy.port, "-b", source, *ONCE, *words, "www.lab.example")

    def test_refused(self) -> None:
        """Others are refused and told why, over UDP and TCP, also what is ready."""
        proxy = self.start("[access]", f'allow = ["{FRIEND}"]')
        for way in ("+notcp", "+tcp"):
            for _ in range(2):
                assert self.ask(proxy, FRIEND, way).status == "NOERROR"
            refused = self.ask(proxy, STRANGER, way)
            assert refused.status == "REFUSED"
            assert refused.explanations == {PROHIBITED}

    def test_dropped(self) -> None:
        """Or they hear nothing, if it is so configured."""
        proxy = self.start("[access]", f'allow = ["{FRIEND}"]', 'deny = "drop"')
        assert self.ask(proxy, FRIEND).status == "NOERROR"
        with self.assertRaisesRegex(AssertionError, "timed out"):
            self.ask(proxy, STRANGER, "+notcp")

    def test_too_often(self) -> None:
        """Who asks too often is sent to TCP, where replies come in their time."""
        proxy = self.start(
            "[rate_limit]", "qps = 2", "burst = 2", "ipv4_prefix = 32", "slip = 1"
        )
        said = [self.ask(proxy, FRIEND, "+notcp", "+ignore") for _ in range(6)]
        assert "tc" not in said[0].flags
        assert [each for each in said if "tc" in each.flags and not each.values]
        assert self.ask(proxy, FRIEND, "+tcp").values
        assert self.ask(proxy, STRANGER, "+notcp").values
