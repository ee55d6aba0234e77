"""The page for browsers, in a real one."""

import json
import os
import re
import urllib.request
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path
from unittest import TestCase

from tests.functional.browser import ENTER, TAB, Browser
from tests.functional.clients import dig
from tests.functional.peers import start_unbound
from tests.functional.processes import Process, Stage, eventually, free_port, program
from tests.functional.proxy import ROOT, Proxy, start_twistd
from tests.long import long

TOKEN = "0123456789abcdef"

CONFIG = """\
[admin]
listen = "{admin}"
token = "{token}"
[[rule]]
names = [".ads.example"]
action = "block"
"""

PICTURES = "DOTPROXY_PICTURES"
"""The environment variable by which the pictures in docs/ are made anew."""

LARGEST = 150_000
"""Octets of a picture."""

MOVING = ("uptime_s", "figures.rate", "rules_paused_s")
"""What is never the same for long."""


class Shown(HTMLParser):
    """What a document shows without its script: by path, the first of each."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._path = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._path = dict(attrs).get("data-live") or ""
        if self._path:
            self.values.setdefault(self._path, "")

    def handle_endtag(self, tag: str) -> None:
        self._path = ""

    def handle_data(self, data: str) -> None:
        if self._path and not self.values[self._path]:
            self.values[self._path] = data


class PageTests(TestCase):
    def setUp(self) -> None:
        program("chromium"), program("chromedriver")
        self.stage = Stage.create(self.addCleanup)
        self.admin = f"127.0.0.1:{free_port()}"
        self.more = ""

    def start(self, *flags: str) -> Proxy:
        """Start a proxy, and look at it."""
        config = self.stage.folder / "dotproxy.toml"
        config.write_text(CONFIG.format(admin=self.admin, token=TOKEN) + self.more)
        listen = ("--listen", f"127.0.0.1:{free_port()}", "--config", str(config))
        proxy = start_twistd(self.stage, "dotproxy", *listen, *flags)
        self.browser = Browser(self.stage)
        self.browser.open(f"http://{self.admin}/")
        self.wait_for("[id=link]", "live, each second")
        return proxy

    def wait_for(self, selector: str, text: str) -> None:
        def told() -> bool:
            return text in self.browser.text(selector)

        assert eventually(told), f"{self.browser.text(selector)!r} has no {text!r}"

    def get(self, path: str = "") -> str:
        with urllib.request.urlopen(f"http://{self.admin}/{path}", timeout=5) as reply:
            body: bytes = reply.read()
            return body.decode()

    def is_shown(self, selector: str) -> bool:
        style = f"getComputedStyle(document.querySelector({selector!r}))"
        return bool(self.browser.run(f"return {style}.display !== 'none'"))

    def number(self, path: str) -> int:
        return int(self.browser.text(f"[data-live='{path}']").replace(",", ""))

    def ask_much(self, proxy: Proxy, seconds: int, rate: int = 200) -> Process:
        """Ask so many times a second for names that are new, known, or blocked."""
        names = self.stage.folder / "names"
        known = ("www.lab.example A\n", "mail.lab.example MX\n", "x.ads.example A\n")
        turns = ((f"n{n}.lab.example A\n", *known) for n in range(seconds * rate // 4))
        names.write_text("".join(chain.from_iterable(turns)))
        server = ("-s", "127.0.0.1", "-p", str(proxy.port), "-d", str(names))
        limits = ("-l", str(seconds), "-Q", str(rate))
        return Process(self.stage, [program("dnsperf"), *server, *limits])

    def reach(self, selector: str) -> None:
        """Press Tab until an element has the focus."""
        for _ in range(30):
            self.browser.press(TAB)
            if self.browser.run(f"return document.activeElement.matches({selector!r})"):
                return
        raise AssertionError(f"Tab never comes to {selector}")

    def differences(self) -> list[tuple[str, str, str]]:
        """Return what the script says otherwise than the document without it."""
        values = Shown(self.get()).values
        shown = {path: self.browser.text(f"[data-live='{path}']") for path in values}
        both = ((path, values[path], shown[path]) for path in values)
        return [each for each in both if each[0] not in MOVING and each[1] != each[2]]

    def test_live(self) -> None:
        """Numbers move while queries come, drawings too, and nothing is amiss."""
        proxy = self.start("--upstream", "lab")
        self.ask_much(proxy, 6)
        first = self.number("figures.queries")
        assert eventually(lambda: self.number("figures.queries") > first + 100)
        rate = "[data-live='figures.rate']"
        assert eventually(lambda: float(self.browser.text(rate)) > 50)
        line = "return document.querySelector('[data-spark=rate] .line')"
        assert eventually(lambda: self.browser.run(f"{line}.getAttribute('d')"))
        assert self.browser.complaints() == []

    def test_same_story(self) -> None:
        """The page, its script or not, the status and the metrics tell the same."""
        proxy = self.start("--upstream", "lab")
        dnsperf = self.ask_much(proxy, 2)
        assert eventually(lambda: not dnsperf.running)
        dig(proxy.port, "x.ads.example")
        status = json.loads(self.get("status"))
        counted = status["clients"]["udp_queries"]
        assert counted > 300
        assert eventually(lambda: self.number("clients.udp_queries") == counted)
        assert f'dotproxy_queries_total{{proto="udp"}} {counted}.0' in self.get(
            "metrics"
        )
        for path, value in (
            ("replies.upstream", status["replies"]["upstream"]),
            ("cache.entries", status["cache"]["entries"]),
            ("blocked", status["blocked"]),
            ("upstreams.0.answers", status["upstreams"][0]["answers"]),
        ):
            assert self.number(path) == value > 0, path
        assert eventually(lambda: not self.differences()), self.differences()

    def test_actions(self) -> None:
        """By keyboard alone: a wrong token does nothing, the right one acts."""
        proxy = self.start("--upstream", "lab")
        dig(proxy.port, "www.lab.example")
        self.reach("#token")
        self.browser.press("wrong")
        self.reach("[value=flush]")
        self.browser.press(ENTER)
        self.wait_for("#outcome", "Not done: give the token of [admin]")
        assert json.loads(self.get("status"))["cache"]["entries"] == 1
        self.reach("#token")
        self.browser.run("document.activeElement.value = ''")
        self.browser.press(TOKEN)
        self.browser.press(ENTER)
        self.wait_for("#outcome", "Which name?")
        self.reach("[value=flush]")
        self.browser.press(ENTER)
        self.wait_for("#outcome", "1 answer is forgotten.")
        assert json.loads(self.get("status"))["cache"]["entries"] == 0
        assert dig(proxy.port, "x.ads.example").explanations == {15}
        self.reach("[value=pause]")
        self.browser.press(ENTER)
        self.wait_for("#outcome", "Rules are paused for 5 min")
        self.wait_for("#news", "Rules are paused.")
        self.wait_for("[data-live='figures.rules']", "paused")
        assert dig(proxy.port, "x.ads.example").explanations != {15}
        self.reach("[value=resume]")
        self.browser.press(ENTER)
        self.wait_for("#news", "Rules hold again.")
        assert dig(proxy.port, "x.ads.example").explanations == {15}
        stored = "return localStorage.length + document.cookie.length"
        assert self.browser.run(stored) == 0, "the token is kept nowhere"

    def test_tops(self) -> None:
        """What is asked most, and who asks, is shown once the token is given."""
        self.more = "[query_log]\ntop = true\n"
        proxy = self.start("--upstream", "lab")
        dig(proxy.port, "www.lab.example")
        rows = "[data-rows='top_names']"
        assert self.is_shown(".top-names .untold")
        assert self.browser.text(rows) == ""
        self.reach("#token")
        self.browser.press(TOKEN)
        self.wait_for(rows, "www.lab.example")
        self.wait_for("[data-rows='top_clients']", "127.0.0.0")
        assert not self.is_shown(".top-names .untold")
        self.browser.run("document.querySelector('#token').value = ''")
        assert eventually(lambda: self.is_shown(".top-names .untold"))
        assert self.browser.text(rows) == ""
        assert self.browser.complaints() == []

    def test_down(self) -> None:
        """An upstream that goes down is shown as that, and so is a proxy that ends."""
        unbound = start_unbound(self.stage)
        proxy = self.start(*unbound.flags)
        dig(proxy.port, "www.lab.example")
        state = "[data-upstream] .state"
        self.wait_for(state, "up")
        unbound.process.stop()
        dig(proxy.port, "mail.lab.example")
        self.wait_for(state, "down")
        self.wait_for("#news", "is down.")
        self.wait_for("[data-live='upstreams.0.reason']", " ")
        assert self.browser.complaints() == []
        proxy.process.stop()
        self.wait_for("#news", "The proxy does not answer.")

    def test_without_scripts(self) -> None:
        """Who runs no scripts has the numbers, a link for new ones, and no form."""
        proxy = self.start("--upstream", "lab")
        dig(proxy.port, "www.lab.example")
        self.browser.tell("Emulation.setScriptExecutionDisabled", value=True)
        self.browser.open(f"http://{self.admin}/")
        self.browser.tell("Emulation.setScriptExecutionDisabled", value=False)
        assert self.number("figures.queries") == 1
        assert self.browser.text("header noscript a") == "Reload"
        assert self.browser.run("return document.getElementById('actions').hidden")

    def test_hostile_name(self) -> None:
        """What clients ask for is text, whatever it looks like."""
        self.start("--upstream", "lab")
        shown = self.browser.run(
            "const body = document.createElement('tbody');"
            "Object.assign(body.dataset, { rows: 'top_names' });"
            "document.querySelector('table').append(body);"
            "const row = { name: '<img src=x onerror=fail>', count: 1234 };"
            "write({ top_names: [row] });"
            "body.remove();"
            "return [body.textContent, body.querySelectorAll('img').length]"
        )
        assert shown == ["<img src=x onerror=fail>1,234", 0]
        assert self.browser.complaints() == []

    @long
    def test_looks(self) -> None:
        """The page fits a phone; the pictures for docs/ are made if asked."""
        proxy = self.start("--upstream", "lab")
        making = PICTURES in os.environ
        dnsperf = self.ask_much(proxy, 30 if making else 1)
        eventually(lambda: not dnsperf.running, 32)
        for width, height, scheme in ((390, 844, "dark"), (1280, 900, "light")):
            self.browser.show(width, height, scheme)
            wide, card = self.browser.run(
                "const warning = document.querySelector('.warning');"
                "warning.textContent = 'sha256//' + 'x'.repeat(90);"
                "const card = warning.parentElement;"
                "const wide = document.documentElement.scrollWidth;"
                "return [wide, card.scrollWidth - card.clientWidth]"
            )
            assert wide <= width
            assert card <= 0, "the longest word of a warning stays on its card"
        for scheme in ("light", "dark"):
            self.browser.show(1280, 1160, scheme)
            picture = self.browser.picture()
            assert re.match(rb"\x89PNG", picture)
            assert len(picture) < LARGEST
            if making:
                Path(ROOT, "docs", f"page-{scheme}.png").write_bytes(picture)
