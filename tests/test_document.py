"""The document that browsers get."""

import re
from importlib.resources import files
from typing import Any

import msgspec
from twisted.trial.unittest import TestCase
from twisted.web.template import flattenString, tags

from dotproxy.config.model import Upstream
from dotproxy.config.rule import Rule
from dotproxy.observe.page import sections
from dotproxy.observe.page.document import document
from dotproxy.observe.page.figures import figures
from dotproxy.observe.page.live import Live
from dotproxy.observe.status import Counted, status_of
from tests.observed import Observed

HOSTILE = "<script>alert(1)</script>\"'&"

ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"

NOW = 1_800_000_000.0


class DocumentTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.observed = Observed(self)

    async def page(self, acts: bool = True) -> str:
        status = status_of(self.observed.proxy)
        return (await document(status, acts, NOW)).decode()

    async def part(self, write: Any, **more: object) -> str:
        """Return a part of the page, with more in the status than it has here."""
        shown = msgspec.to_builtins(status_of(self.observed.proxy))
        live = Live({**shown, "figures": figures(shown), **more})
        return (await flattenString(None, tags.div(*write(live)))).decode()

    async def test_whole(self) -> None:
        """It has the numbers of the moment, for those who run no scripts."""
        await self.observed.ask()
        page = await self.page()
        assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
        assert 'data-live="clients.udp_queries" data-as="count">1<' in page
        assert ">dns.lab.example " in page
        assert "As of 2027-01-15 08:00:00 UTC" in page

    async def test_escaped(self) -> None:
        """An upstream may be called as it likes: its name is text, and so is why it
        is down."""
        (server,) = self.observed.proxy.core.upstreams.upstreams
        server.name = HOSTILE
        server.health.failed(0.0, HOSTILE)
        page = await self.page()
        assert "alert(1)</script>" not in page
        assert page.count(ESCAPED) >= 3, "a heading, a label, a reason"
        assert '"\'&"' not in page

    async def test_own_places_only(self) -> None:
        """Nothing comes from elsewhere, and nothing stands in line that the policy
        would forbid."""
        page = await self.page()
        loaded = re.findall(r'(?:src|href)="([^"]*)"', page)
        elsewhere = [it for it in loaded if re.match(r"(?!data:)\w+:|//", it)]
        assert elsewhere == []
        assert re.findall(r"<script[^>]*>[^<]|<style| style=| on\w+=", page) == []

    async def test_named(self) -> None:
        """Each part has a heading that names it; each field has a label."""
        page = await self.page()
        named = re.findall(r'aria-labelledby="([^"]*)"', page)
        assert len(named) == page.count("<section") >= 7
        for each in named:
            assert f'<h2 id="{each}">' in page
        for field in re.findall(r'<input id="(\w+)"', page):
            assert f'for="{field}"' in page, field

    async def test_no_token(self) -> None:
        """Without a token there are no actions, and it says why."""
        assert '<input id="token"' in await self.page()
        page = await self.page(acts=False)
        assert "<form" not in page
        assert "<code>[admin] token</code> is not set" in page

    async def test_gateway(self) -> None:
        """What is relayed is shown where there is a gateway."""
        assert await self.part(sections.gateway, gateway=None) == "<div></div>"
        counted = {"open": 3, "results": {"bad_hello": 7}, "octets_up": 3 * 2**20}
        shown = await self.part(sections.gateway, gateway=counted)
        assert 'data-live="gateway.open" data-as="count">3<' in shown
        assert "<dt>bad hello</dt>" in shown
        assert ">3.0 MiB<" in shown

    async def test_tops(self) -> None:
        """Who asks, and for what, is shown where it is told, as text."""
        assert await self.part(sections.tops) == "<div></div>"
        names, clients = (Counted(HOSTILE, 5),), (Counted("192.0.2.7", 9),)
        told = {"top_names": names, "top_clients": clients}
        shown = await self.part(sections.tops, **msgspec.to_builtins(told))
        assert '<th scope="row">192.0.2.7</th><td class="number">9</td>' in shown
        assert "alert(1)</script>" not in shown
        assert ESCAPED in shown

    async def test_untold(self) -> None:
        """Where it is counted and not told there is room for it, and how to get it."""
        shown = await self.part(sections.tops, top_names=[], top_clients=[])
        assert shown.count("Shown to whoever gives the token, below") == 2
        assert '<tbody data-rows="top_names"></tbody>' in shown

    async def test_warnings(self) -> None:
        """An upstream's warnings are shown, and when its certificate ends."""
        shown = msgspec.to_builtins(status_of(self.observed.proxy))
        shown["upstreams"][0]["warnings"] = ["ends soon", "one pin only"]
        shown["upstreams"][0]["certificate_expires"] = "2026-12-01"
        text = await self.part(
            lambda live: [sections.upstreams(live)], upstreams=shown["upstreams"]
        )
        assert ">ends soon\none pin only<" in text
        assert ">2026-12-01<" in text

    async def test_in_clear(self) -> None:
        """A server that is asked in clear is said to be, and has no TLS to show."""
        home = Upstream(("10.0.0.1",), 53, group="home", cleartext=True)
        rule = Rule("forward", (".home.arpa",), group="home")
        self.observed = Observed(self, upstream=(home,), rule=(rule,))
        *_, card = (await self.page()).split("<li data-upstream=")
        assert "10.0.0.1" in card
        assert "in clear, group home" in card
        assert "encrypted by" not in card


class ScriptTests(TestCase):
    def test_no_markup(self) -> None:
        """The script makes no markup of what it is told, and keeps nothing."""
        script = (files("dotproxy.observe.page") / "page.js").read_text()
        for word in ("innerHTML", "outerHTML", "insertAdjacent", "eval", "Storage"):
            assert word not in script
