"""The document: what browsers get, whether they run scripts or not.

Every value goes through Twisted's templates, which escape it: an upstream may be called
as it likes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
from twisted.internet.defer import Deferred
from twisted.web.template import Tag, flattenString, tags

from dotproxy.observe.page import sections
from dotproxy.observe.page.figures import figures
from dotproxy.observe.page.live import Live, section
from dotproxy.observe.status import Status

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
    " img-src 'self' data:; frame-ancestors 'none'; form-action 'none'; base-uri 'none'"
)
"""What the page may load and do: nothing from elsewhere, and its form is for the script
alone, so that no token ends up in an address."""

ICON = (
    "data:image/svg+xml,"
    "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Ccircle cx='8' cy='8' r='7' fill='%230d7d76'/%3E%3C/svg%3E"
)


def document(status: Status, acts: bool, now: float) -> Deferred[bytes]:
    """Write the page; `acts` says whether a token is configured.

    `now` is in seconds since 1970.
    """
    shown = msgspec.to_builtins(status)
    live = Live({**shown, "figures": figures(shown)})
    at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    page = tags.html(
        _head(), tags.body(_banner(live, at), _main(live, acts), _footer())
    )
    writing = flattenString(None, page(lang="en"))
    return writing.addCallback(lambda body: b"<!DOCTYPE html>\n" + body)


def _head() -> Tag:
    viewport = tags.meta(name="viewport", content="width=device-width, initial-scale=1")
    return tags.head(
        tags.meta(charset="utf-8"),
        viewport,
        tags.meta(name="color-scheme", content="light dark"),
        tags.title("dotproxy"),
        tags.link(rel="icon", href=ICON),
        tags.link(rel="stylesheet", href="page.css"),
        tags.script(src="page.js", defer=""),
    )


def _banner(live: Live, at: str) -> Tag:
    state = live.value("figures.state", "text")(class_="state")
    still = tags.noscript(f"As of {at}. ", tags.a("Reload", href=""))
    return tags.header(
        tags.div(
            tags.h1("dotproxy ", tags.small(live.value("dotproxy", "text"))),
            live.following(state, "data-state", "figures.state"),
            class_="title",
        ),
        tags.p(
            "up for ",
            live.value("uptime_s", "span"),
            f", {live.at('profile')}, serves {', '.join(live.at('listeners'))}, ",
            live.value("figures.in_clear", "count"),
            " queries left unencrypted",
            class_="aside",
        ),
        tags.p(still, tags.span(id="link"), class_="aside"),
        tags.p(id="news", role="status"),
    )


def _main(live: Live, acts: bool) -> Tag:
    return Tag("main")(
        sections.queries(live),
        sections.sources(live),
        sections.latency(live),
        sections.cache(live),
        sections.rules(live),
        sections.upstreams(live),
        *sections.gateway(live),
        *sections.tops(live),
        section("Actions", *(_actions() if acts else _no_actions()), kind="actions"),
    )


def _no_actions() -> Iterator[Tag]:
    yield tags.p(
        "None from here: they take a token, and ",
        tags.code("[admin] token"),
        " is not set. Where dotproxy runs, ",
        tags.code("dotproxy flush"),
        " and ",
        tags.code("dotproxy pause"),
        " do the same.",
    )


def _actions() -> Iterator[Tag]:
    yield tags.noscript(
        tags.p("They take JavaScript here. Without it there is the dotproxy command.")
    )
    token = tags.input(id="token", type="password", autocomplete="off", required="")
    name = tags.input(id="name", type="text", autocomplete="off", spellcheck="false")
    below = tags.input(id="subtree", type="checkbox")
    yield tags.form(
        tags.p(tags.label("Token of [admin]", for_="token"), token),
        tags.fieldset(
            tags.legend("Forget answers"),
            tags.p(tags.label("Name", for_="name"), name),
            tags.p(
                below, tags.label("and all below it", for_="subtree"), class_="check"
            ),
            _button("Forget this name", "flush-name"),
            _button("Forget all", "flush"),
        ),
        tags.fieldset(
            tags.legend("Pause rules"),
            tags.p(
                "What is blocked, answered or redirected by rules goes its usual way."
            ),
            _button("Pause for 5 minutes", "pause"),
            _button("Let them hold", "resume"),
        ),
        tags.p(id="outcome", role="status"),
        id="actions",
        method="post",
        hidden="",
    )


def _button(text: str, call: str) -> Tag:
    return tags.button(text, type="submit", value=call)


def _footer() -> Tag:
    others = ("metrics", "status", "healthz", "readyz")
    links = ([tags.a(each, href=each), " "] for each in others)
    return tags.footer(tags.nav(links, **{"aria-label": "The same for programs"}))
