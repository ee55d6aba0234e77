"""The calls over HTTP, by whom they are meant for and by others."""

import json
from collections.abc import Sequence
from typing import Any
from unittest import mock

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientCreator, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from dotproxy.cli.caller import CallError
from dotproxy.config.naming import Naming
from dotproxy.config.query_log import QueryLog
from dotproxy.config.rule import Rule
from dotproxy.local.book import Book
from dotproxy.observe import actions
from dotproxy.wire.message import NOERROR, NXDOMAIN, RCODE
from tests.observed import TOKEN, Observed


class Raw(Protocol):
    """Send octets, and keep all that comes until the end."""

    def __init__(self) -> None:
        self.come = b""
        self.done: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.come += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.done.callback(self.come)


class SiteTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.observed = Observed(self)

    async def say(self, method: str, path: str, *lines: str, body: str = "") -> str:
        """Send a request as it stands; return the head of the response."""
        host, _, port = self.observed.url.removeprefix("http://").partition(":")
        if not any(line.startswith("Host:") for line in lines):
            lines = (f"Host: {host}:{port}", *lines)
        length = f"Content-Length: {len(body)}"
        head = (f"{method} {path} HTTP/1.1", *lines, "Connection: close", length)
        raw: Raw = await ClientCreator(reactor, Raw).connectTCP(host, int(port))
        assert raw.transport is not None
        raw.transport.write("\r\n".join((*head, "", body)).encode())
        return (await raw.done).decode()

    async def post(self, path: str, *lines: str, body: str = "") -> str:
        form = "Content-Type: application/x-www-form-urlencoded"
        return await self.say("POST", path, form, *lines, body=body)

    async def test_looks(self) -> None:
        """Anybody on this machine may look; nothing is kept by who carries it."""
        for path in ("/metrics", "/status", "/healthz", "/readyz"):
            said = await self.say("GET", path)
            assert said.startswith("HTTP/1.1 200 "), said
            assert "Cache-Control: no-store" in said
        head = await self.say("HEAD", "/status")
        assert head.startswith("HTTP/1.1 200 ")
        assert head.endswith("\r\n\r\n")
        assert (await self.say("GET", "/nowhere")).startswith("HTTP/1.1 404 ")

    async def test_page(self) -> None:
        """The page and its parts are here; they may load and do nothing else."""
        page = await self.say("GET", "/")
        assert page.startswith("HTTP/1.1 200 ")
        assert "default-src 'none'; style-src 'self'; script-src 'self';" in page
        assert "\r\nContent-Type: text/html; charset=utf-8\r\n" in page
        for part, kind in (("page.css", "text/css"), ("page.js", "text/javascript")):
            assert f'"{part}"' in page
            said = await self.say("GET", f"/{part}")
            assert f"\r\nContent-Type: {kind}; charset=utf-8\r\n" in said

    async def test_rebinding(self) -> None:
        """Who calls us by a name that is not ours learns nothing."""
        for path in ("/status", "/", "/page.js"):
            said = await self.say("GET", path, "Host: evil.example")
            assert said.startswith("HTTP/1.1 421 Misdirected Request")
            assert "pstreams" not in said

    async def test_methods(self) -> None:
        """A link changes nothing: actions are for POST, the rest is not."""
        said = await self.say("GET", "/flush", f"Authorization: Bearer {TOKEN}")
        assert said.startswith("HTTP/1.1 405 ")
        assert "Allow: POST" in said
        assert (await self.post("/status")).startswith("HTTP/1.1 405 ")

    async def test_token(self) -> None:
        """Over TCP an action takes the token, and does nothing without it."""
        await self.observed.ask()
        assert (await self.post("/flush")).startswith("HTTP/1.1 401 ")
        assert len(self.observed.proxy.core.forwarder.cache) == 1
        said = await self.post("/flush", f"Authorization: Bearer {TOKEN}")
        assert said.startswith("HTTP/1.1 200 ")
        assert len(self.observed.proxy.core.forwarder.cache) == 0

    async def test_private(self) -> None:
        """Over TCP it takes the token to learn what is asked, or who asks."""
        self.observed = Observed(self, query_log=QueryLog(top=True, names="plain"))
        await self.observed.ask("secret.lab.example")
        await self.observed.counted()
        knows = f"Authorization: Bearer {TOKEN}"
        for path in ("/", "/status"):
            said = await self.say("GET", path)
            assert said.startswith("HTTP/1.1 200 "), path
            assert "secret.lab.example" not in said
            assert "127.0.0.0" not in said
            for more in ("Authorization: Bearer wrong", "Origin: http://evil.example"):
                assert "secret.lab.example" not in await self.say("GET", path, more)
            assert "secret.lab.example" in await self.say("GET", path, knows)
            assert "127.0.0.0" in await self.say("GET", path, knows)
        assert "secret" not in await self.say("GET", "/metrics", knows)
        owner = await self.observed.owner().get("status")
        assert b"secret.lab.example" in owner

    async def test_explain_private(self) -> None:
        """What is in the cache was asked for by somebody: over TCP that takes the
        token."""
        path = "/explain?name=www.lab.example"
        assert (await self.say("GET", path)).startswith("HTTP/1.1 401 ")
        said = await self.say("GET", path, f"Authorization: Bearer {TOKEN}")
        assert said.startswith("HTTP/1.1 200 ")

    async def test_origin(self) -> None:
        """A page from elsewhere does nothing, even if it knew the token."""
        origin, knows = "Origin: http://evil.example", f"Authorization: Bearer {TOKEN}"
        assert (await self.post("/flush", origin, knows)).startswith("HTTP/1.1 403 ")

    async def test_large(self) -> None:
        """A form that holds more than a name is not looked at."""
        knows = f"Authorization: Bearer {TOKEN}"
        said = await self.post("/flush", knows, body="name=" + "x" * 5000)
        assert said.startswith("HTTP/1.1 413 ")

    async def test_bug(self) -> None:
        """A bug is logged, and its traceback is for nobody else."""

        def broken(*_: object) -> Any:
            raise ZeroDivisionError("secret")

        with mock.patch.object(actions, "status_of", broken):
            said = await self.say("GET", "/status")
        assert said.startswith("HTTP/1.1 500 ")
        assert "secret" not in said
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1


class ActionTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.observed = Observed(self)
        self.owner = self.observed.owner()

    async def fault(self, path: str, **words: str) -> str:
        """Return why something is not done."""
        try:
            await self.owner.get(path, **words)
        except CallError as fault:
            return str(fault)
        raise AssertionError("it was done")

    async def flushed(self, **words: str) -> int:
        count: int = json.loads(await self.owner.post("flush", **words))["forgotten"]
        return count

    async def names(self, *names: str) -> Sequence[bytes]:
        return [await self.observed.ask(name) for name in names]

    async def test_flush(self) -> None:
        """A name goes, with those below it if wished, or everything."""
        await self.names("www.lab.example", "mail.lab.example", "lab.example")
        assert await self.flushed(name="lab.example") == 1
        assert await self.flushed(name="www.lab.example", subtree="0") == 1
        assert await self.flushed(name="example", subtree="1") == 1
        await self.names("www.lab.example", "mail.lab.example")
        assert await self.flushed() == 2

    async def test_reload(self) -> None:
        """A reload says what it changed; the calls go on."""
        outcome = json.loads(await self.owner.post("reload"))
        assert outcome == {"changed": [], "takes_restart": [], "cache_emptied": False}
        await self.observed.ask()
        status = json.loads(await self.owner.get("status"))
        assert (status["reloads"], status["upstreams"][0]["queries"]) == (1, 1)

    async def test_pause(self) -> None:
        """A blocked name is answered during a pause, and no blocked reply lingers."""
        self.observed.proxy.rules.use(
            Book.read(Naming((Rule("block", ("www.lab.example",)),)))
        )
        blocked = await self.observed.ask()
        said = json.loads(await self.owner.post("pause", seconds="60"))
        assert said == {"rules_paused_s": 60}
        answered = await self.observed.ask()
        assert (blocked[3] & RCODE, answered[3] & RCODE) == (NXDOMAIN, NOERROR)
        status = json.loads(await self.owner.get("status"))
        assert 0 < status["rules_paused_s"] <= 60
        assert status["blocked"] == 1
        found = json.loads(await self.owner.get("explain", name="www.lab.example"))
        assert (found["rule"], found["action"]) == (None, "ask upstreams")
        await self.owner.post("pause", seconds="0")
        assert await self.observed.ask() == blocked
        assert len(self.observed.proxy.core.forwarder.cache) == 0

    async def test_pause_faults(self) -> None:
        """A pause is a number of seconds, an hour at most."""
        for seconds in ("-1", "3601", "soon", "1e3", "000009999", "٣"):
            with self.assertRaises(CallError) as caught:
                await self.owner.post("pause", seconds=seconds)
            assert "from 0 to 3600" in str(caught.exception)
        assert not self.observed.proxy.rules.paused

    async def test_explain(self) -> None:
        """A question is explained: whom it is asked of, and what is kept of it."""
        await self.observed.ask()
        asked = {"name": "WWW.Lab.Example"}
        found = json.loads(await self.owner.get("explain", **asked))
        assert found["upstreams"] == [{"name": "dns.lab.example", "state": "up"}]
        assert (found["group"], found["rule"], found["type"]) == ("default", None, "A")
        (kept,) = found["cached"]
        assert (kept["rcode"], kept["records"]) == ("NOERROR", 2)
        assert kept["age_s"] + kept["left_s"] == 300

    async def test_explain_local(self) -> None:
        """What stays here is said, and nobody is named who would be asked."""
        asked = {"name": "localhost", "type": "AAAA"}
        found = json.loads(await self.owner.get("explain", **asked))
        assert found["says"] == ["NOERROR", "AAAA ::1"]
        assert (found["group"], found["upstreams"], found["cached"]) == ("", [], [])

    async def test_faults(self) -> None:
        """What cannot be read is said in a line."""
        assert "which name?" in await self.fault("explain")
        assert "'a b' is no name: " in await self.fault("explain", name="a b")
        said = await self.fault("explain", name="a.example", type="FOO")
        assert said == "'FOO' is no type of records"

    async def test_unready(self) -> None:
        """Where every upstream is down and nothing is stale, it is not ready."""
        assert await self.owner.get("readyz") == b"ready\n"
        (server,) = self.observed.proxy.core.upstreams.upstreams
        server.health.failed(0.0, "it is gone")
        assert await self.fault("readyz") == "every upstream is down"
        assert await self.owner.get("healthz") == b"alive\n"
        server.health.answered(0.01)
        await self.observed.ask()
        server.health.failed(0.0, "it is gone")
        assert await self.owner.get("readyz") == b"ready\n", "stale answers may serve"
