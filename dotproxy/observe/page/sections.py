"""The parts of the page."""

from collections.abc import Iterator

from twisted.web.template import Tag, tags

from dotproxy.observe.page.live import Live, drawing, section, spark
from dotproxy.observe.page.numerals import count

SOURCES = {
    "ready": "sent this second before",
    "cache": "remembered",
    "stale": "for want of a fresh answer",
    "upstream": "asked for",
    "local": "rules, special names",
    "error": "nobody knew",
}
"""Where replies come from, and what that means."""

HIDDEN = {"aria-hidden": "true"}
"""For drawings of what stands beside them in words."""

TICKS = ("1 ms", "10 ms", "100 ms", "1 s", "over 5 s")


def queries(live: Live) -> Tag:
    """Show what is asked."""
    rate = live.value("figures.rate", "rate", "strong")
    return section(
        "Queries",
        tags.p(rate, " a second", tags.small(" on average", id="pace"), class_="big"),
        spark("rate", "Queries a second: drawn by the script"),
        live.facts(
            ("in all", "figures.queries", "count"),
            ("under way", "clients.under_way", "count"),
            ("over UDP", "clients.udp_queries", "count"),
            ("over TCP", "clients.tcp_queries", "count"),
            ("over TLS", "clients.tls_queries", "count"),
            ("over HTTPS", "clients.https_queries", "count"),
            ("turned away", "figures.turned_away", "count"),
        ),
        kind="queries",
    )


def sources(live: Live) -> Tag:
    """Show where replies came from."""
    titles = tags.tr(
        tags.th("Source", scope="col"),
        tags.th("Replies", scope="col", class_="number"),
        tags.th("Share", scope="col", class_="number"),
    )
    rows = [
        _source(live, source)
        for source in SOURCES
        if live.at(f"replies.{source}") is not None
    ]
    return section(
        "Where they were answered",
        tags.table(tags.thead(titles), tags.tbody(rows)),
        kind="sources",
    )


def _source(live: Live, source: str) -> Tag:
    filled = Tag("rect")(height="4", class_=source)
    live.following(filled, "width", f"figures.shares.{source}")
    bar = drawing(100, 4, "bar")(filled, **HIDDEN)
    return tags.tr(
        tags.th(source, tags.small(SOURCES[source]), bar, scope="row"),
        live.value(f"replies.{source}", "count", "td")(class_="number"),
        live.value(f"figures.shares.{source}", "percent", "td")(class_="number"),
    )


def latency(live: Live) -> Tag:
    """Show how long upstreams take."""
    bars = [_bar(live, n) for n in range(len(live.at("figures.heights")))]
    upright = Tag("g")(*bars, transform="translate(0 100) scale(1 -1)")
    return section(
        "How long upstreams take",
        tags.p(
            "Half of ",
            live.value("figures.answers", "count"),
            " answers came within ",
            live.value("figures.half", "text", "strong"),
            ", 95 % within ",
            live.value("figures.most", "text", "strong"),
            ".",
        ),
        drawing(10 * len(bars), 100, "histogram")(upright, **HIDDEN),
        tags.p(*(tags.span(tick) for tick in TICKS), class_="ticks")(**HIDDEN),
        kind="latency",
    )


def _bar(live: Live, n: int) -> Tag:
    bar = Tag("rect")(x=str(10 * n + 1), width="8")
    return live.following(bar, "height", f"figures.heights.{n}")


def cache(live: Live) -> Tag:
    """Show what is remembered."""
    return section(
        "Cache",
        tags.p(
            live.value("figures.known", "percent", "strong"),
            " from memory",
            class_="big",
        ),
        live.facts(
            ("answers", "cache.entries", "count"),
            ("memory", "cache.octets", "size"),
            ("of its size", "figures.cache_used", "percent"),
            ("made room", "cache.evictions", "count"),
            ("asked anew in time", "cache.refreshed", "count"),
            ("shared a query", "cache.shared", "count"),
        ),
        kind="cache",
    )


def rules(live: Live) -> Tag:
    """Show what rules do."""
    return section(
        "Rules",
        tags.p(
            live.value("figures.blocked", "percent", "strong"), " blocked", class_="big"
        ),
        live.facts(
            ("configured", "rules", "count"),
            ("state", "figures.rules", "text"),
            ("hold again in", "figures.paused_s", "span"),
            ("queries blocked", "blocked", "count"),
        ),
        tags.p(
            "Of queries that were looked at: a repeated one within a second is not.",
            class_="aside",
        ),
        kind="rules",
    )


def upstreams(live: Live) -> Tag:
    """Show each upstream on a card."""
    cards = (_upstream(live, n) for n in range(len(live.at("upstreams"))))
    return section("Upstreams", tags.ul(cards, class_="cards"), kind="upstreams")


def _upstream(live: Live, n: int) -> Tag:
    def at(key: str) -> str:
        return f"upstreams.{n}.{key}"

    name = live.at(at("name"))
    way = "over TLS" if live.at(at("encrypted")) else "in clear"
    state = live.value(at("state"), "text")(class_="state")
    usual = live.value(at("usual_ms"), "milliseconds", "strong")
    facts = [
        ("queries", at("queries"), "count"),
        ("answers", at("answers"), "count"),
        ("not in time", at("timed_out"), "count"),
        ("asked again", at("replayed"), "count"),
        ("in flight", at("in_flight"), "count"),
        ("left in clear", at("queries_in_clear"), "count"),
    ]
    if live.at(at("encrypted")):
        facts += [
            ("connected", at("opened"), "count"),
            ("valid until", at("certificate_expires"), "date"),
            ("encrypted by", at("connections.0.tls"), "text"),
        ]
    card = tags.li(
        tags.h3(name, " ", live.following(state, "data-state", at("state"))),
        tags.p(f"{way}, group {live.at(at('group'))}", class_="aside"),
        live.value(at("reason"), "note", "p")(class_="wrong"),
        live.value(at("warnings"), "notes", "p")(class_="warning"),
        tags.p(usual, " usually", class_="pace"),
        spark(f"upstream.{n}", f"Time that {name} takes: drawn by the script"),
        live.facts(*facts),
    )
    return card(**{"data-upstream": name})


def gateway(live: Live) -> Iterator[Tag]:
    """Show what is relayed, where something is."""
    if live.at("gateway"):
        results = live.at("gateway.results") or {}
        ends = [
            (reason.replace("_", " "), f"gateway.results.{reason}", "count")
            for reason in results
        ]
        yield section(
            "Gateway",
            tags.p(
                live.value("gateway.open", "count", "strong"),
                " connections open",
                class_="big",
            ),
            live.facts(
                ("up", "gateway.octets_up", "size"),
                ("down", "gateway.octets_down", "size"),
                *ends,
            ),
            kind="gateway",
        )


def tops(live: Live) -> Iterator[Tag]:
    """Show what is asked most and who asks most, where that may be seen."""
    for key, what, title in (
        ("top_names", "Name", "Names asked most"),
        ("top_clients", "Client", "Clients that ask most"),
    ):
        if live.at(key) is not None:
            yield section(title, *_top(live, key, what), kind=key.replace("_", "-"))


def _top(live: Live, key: str, what: str) -> Iterator[Tag]:
    titles = tags.tr(
        tags.th(what, scope="col"),
        tags.th("Queries", scope="col", class_="number"),
    )
    rows = (
        tags.tr(
            tags.th(row["name"], scope="row"),
            tags.td(count(row["count"]), class_="number"),
        )
        for row in live.at(key)
    )
    body = tags.tbody(rows, **{"data-rows": key})
    yield tags.table(tags.thead(titles), body)
    yield tags.p(
        "Shown to whoever gives the token, below; ",
        tags.code("dotproxy status"),
        " shows them, too.",
        class_="aside untold",
    )
