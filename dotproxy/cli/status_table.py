"""How a proxy fares, for people: on a terminal or in a pipe."""

from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dotproxy.observe.gateway_status import GatewayStatus
from dotproxy.observe.status import ClientStatus, Counted, Status, WorkerStatus
from dotproxy.observe.upstream_status import ConnectionStatus, UpstreamStatus

STYLES = {"up": "green", "down": "bold red", "new": "yellow"}

MEGABYTE = 2**20

MOST_NAMED = 5
"""Of the names, and of the clients, that come most often."""

Line = tuple[str, str]


def draw(first: Status, later: Status, console: Console) -> None:
    """Print the later status, with rates since the first."""
    title = Text(f"dotproxy {later.dotproxy}", "bold")
    title.append(f"  up {span(later.uptime_s)}, ")
    word, style = ("ready", "green") if later.ready else ("NOT READY", "bold red")
    console.print(title.append(word, style))
    console.print(_grid(list(_whole(first, later))))
    if later.gateway:
        console.print()
        console.print(Text("gateway", "bold"))
        console.print(_grid(list(_gateway(later.gateway))))
    for upstream in later.upstreams:
        console.print()
        name = Text(upstream.name, "bold").append("  ")
        console.print(name.append(upstream.state, STYLES[upstream.state]))
        console.print(_grid(list(_upstream(upstream))))
        if upstream.connections:
            console.print(_connections(upstream.connections))


def _queries(clients: ClientStatus) -> int:
    in_clear = clients.udp_queries + clients.tcp_queries
    return in_clear + clients.tls_queries + clients.https_queries


def _whole(first: Status, later: Status) -> Iterator[Line]:
    yield "serves", ", ".join(later.listeners)
    clients = later.clients
    asked = _queries(clients)
    before = _queries(first.clients)
    seconds = max(later.uptime_s - first.uptime_s, 0.001)
    rate = (asked - before) / seconds
    yield "queries", f"{asked}, {rate:.1f} a second, {clients.under_way} under way"
    for worker in later.workers:
        yield f"worker {worker.number}", _worker(worker)
    replies = ", ".join(f"{count} {source}" for source, count in later.replies.items())
    yield "replies", replies
    tcp, tls = clients.tcp_connections, clients.tls_connections
    over_https = f"{clients.https_connections} over HTTPS"
    yield "clients", f"{tcp} over TCP, {tls} over TLS, {over_https}"
    for certificate in later.certificates:
        label = "warning" if certificate.warnings else "shows"
        whose = f"a certificate for {certificate.name or 'no name'}"
        yield label, f"{whose}, expires {certificate.expires}"
    if later.top_names:
        yield "asked most", _most(later.top_names)
    if later.top_clients:
        yield "ask most", _most(later.top_clients)
    cache = later.cache
    share = 100 * cache.octets / cache.size if cache.size else 0
    size = f"{cache.octets / MEGABYTE:.1f} MiB ({share:.0f} %)"
    if later.rules_paused_s:
        yield "warning", f"rules are paused for {span(later.rules_paused_s)}"
    yield "cache", f"{cache.entries} answers, {size}, {cache.evictions} made room"
    turned_away = clients.malformed + clients.dropped + clients.shed
    turned_away += clients.denied + clients.limited
    if turned_away + clients.turned_out:
        yield "warning", f"{turned_away} queries, {clients.turned_out} clients away"
    in_clear = sum(each.queries_in_clear for each in later.upstreams)
    yield "in clear", f"{in_clear} queries left unencrypted"


def _most(top: tuple[Counted, ...]) -> str:
    return ", ".join(f"{each.name} {each.count}" for each in top[:MOST_NAMED])


def _gateway(gateway: GatewayStatus) -> Iterator[Line]:
    yield "listens", ", ".join(gateway.listeners)
    gone = [f"{count} {result}" for result, count in gateway.results.items()]
    yield "clients", f"{gateway.open} there; gone: {', '.join(gone) or 'none'}"
    up, down = gateway.octets_up / MEGABYTE, gateway.octets_down / MEGABYTE
    yield "octets", f"{up:.1f} MiB up, {down:.1f} MiB down"


def _worker(worker: WorkerStatus) -> str:
    if not worker.serves:
        return f"does not serve, begun {worker.begun} times"
    again = f", begun {worker.begun} times" if worker.begun > 1 else ""
    counts = f"{worker.queries} queries, {worker.cache_entries} answers in its cache"
    return f"process {worker.pid}, {counts}{again}"


def _upstream(upstream: UpstreamStatus) -> Iterator[Line]:
    if upstream.reason:
        yield "wrong", upstream.reason
    usual = "" if upstream.usual_ms is None else f", usually {upstream.usual_ms:.1f} ms"
    yield "group", f"{upstream.group}, {_way(upstream)}"
    counts = f"{upstream.queries}, {upstream.answers} answered{usual}"
    yield "queries", f"{counts}, {upstream.in_flight} in flight"
    late = f"{upstream.timed_out} not in time, {upstream.replayed} asked again"
    yield "trouble", f"{late}, {upstream.waiting} wait"
    if upstream.encrypted:
        yield "opened", f"{upstream.opened}{_endings(upstream)}"
    if upstream.certificate_expires:
        yield "expires", upstream.certificate_expires
    for warning in upstream.warnings:
        yield "warning", warning


def _way(upstream: UpstreamStatus) -> str:
    if upstream.encrypted:
        return "over TLS"
    return f"IN CLEAR, {upstream.queries_in_clear} left"


def _endings(upstream: UpstreamStatus) -> str:
    ended = (f"{count} {reason}" for reason, count in upstream.closed.items())
    last = upstream.last_closed
    if last is None:
        return ""
    return f"; closed: {', '.join(ended)}; last: {last.reason}, {span(last.ago_s)} ago"


def _connections(connections: tuple[ConnectionStatus, ...]) -> Padding:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("connection")
    for title in ("age", "answers", "in flight", "oldest"):
        table.add_column(title, justify="right")
    table.add_column("encrypted by", overflow="fold")
    for each in connections:
        oldest = each.oldest_unanswered_s
        table.add_row(
            each.state,
            span(each.age_s),
            str(each.answers),
            str(each.in_flight),
            "-" if oldest is None else span(oldest),
            each.tls,
        )
    return Padding(table, (0, 0, 0, 2), expand=False)


def _grid(lines: list[Line]) -> Padding:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True, min_width=10)
    grid.add_column(overflow="fold")
    for label, text in lines:
        style = {"wrong": "red", "warning": "yellow"}.get(label, "")
        grid.add_row(Text(label, style), Text(text, style))
    return Padding(grid, (0, 0, 0, 2), expand=False)


def span(seconds: float) -> str:
    """Spell a time that has passed: 0.3 s, 12 min, 5 h, 3 days."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s"
