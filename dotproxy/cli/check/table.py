"""What was found, for people: on a terminal or in a pipe, 80 columns or more.

Whatever servers say of themselves is put in as plain text, never as markup.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dotproxy.cli.check.findings import (
    Answers,
    Certificate,
    Encryption,
    Identity,
    ListFindings,
    Report,
    Server,
    Status,
    UpstreamFindings,
)

Line = tuple[str, str]
"""A label, and what there is to say; without label it goes on from the line before."""

STYLES = {Status.GOOD: "green", Status.WRONG: "bold red", Status.UNREACHED: "yellow"}

LABELS = {"wrong": "red", "warning": "yellow", "no route": "yellow"}

MOST_NAMES = 6
"""Names of a certificate that are shown; there may be a hundred."""

UNKNOWN = "not known"

ORDER = {
    True: "answers out of order",
    False: "answers in order, as far as seen",
    None: "order not known",
}


def draw(report: Report, console: Console) -> None:
    """Print the report."""
    for findings in report.upstreams:
        _draw_upstream(findings, report.checked_at, console)
    _draw_lists(report.lists, console)
    good = sum(each.status is Status.GOOD for each in report.upstreams)
    count = len(report.upstreams)
    what = "upstream is" if count == 1 else "upstreams are"
    line = Text(f"{good} of {count} {what} good.")
    line.stylize("green" if report.status is Status.GOOD else "bold red")
    console.print(line)


def _draw_lists(lists: list[ListFindings], console: Console) -> None:
    """Print what the files of the rules hold, and the first of their faults."""
    for found in lists:
        of = f"rule {found.rule}" if found.rule else "hosts"
        console.print(Text(found.file, "bold").append(f"  {of}"))
        console.print(_indented(_grid(_held(found))))
    if lists:
        console.print()


def _held(found: ListFindings) -> list[Line]:
    exceptions = f", {found.exceptions} exceptions" if found.exceptions else ""
    lines = [("names", f"{found.listed}{exceptions}")]
    if found.for_browsers:
        lines.append(("left out", f"{found.for_browsers} lines for browsers"))
    if found.bad_lines:
        lines.append(("warning", f"{found.bad_lines} lines cannot be read"))
    return [*lines, *(("", fault) for fault in found.faults)]


def _draw_upstream(findings: UpstreamFindings, now: datetime, console: Console) -> None:
    title = Text(findings.upstream, "bold")
    title.append("  ").append(findings.status.value, STYLES[findings.status])
    console.print(title)
    console.print(_indented(_grid(_about(findings))))
    if findings.servers:
        console.print()
        console.print(_indented(_overview(findings.servers)))
    known = [(server, _facts(server, now)) for server in findings.servers]
    for facts, group in groupby(known, key=lambda pair: pair[1]):
        if facts:
            addresses = ", ".join(server.address for server, _ in group)
            console.print()
            console.print(Text(f"  {addresses}", "bold"))
            console.print(_indented(_grid(facts)))
    console.print()


def _about(findings: UpstreamFindings) -> list[Line]:
    found = f"from the {findings.found_by}"
    if findings.found_by == "bootstrap":
        found = f"by bootstrap in {_time(findings.found_in_ms)}, asked in clear"
    if not findings.servers:
        found = "none"
    lines = [("profile", findings.profile), ("addresses", found)]
    return [*lines, ("wrong", findings.reason)] if findings.reason else lines


def _overview(servers: list[Server]) -> Table:
    """Return one line for each address, with its times."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("address", no_wrap=True)
    for title in ("TCP", "TLS", "RTT"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("")
    for server in servers:
        rtt = server.answers.rtt_ms if server.answers else None
        times = (server.connect_ms, server.handshake_ms, rtt)
        status = Text(server.status.value, STYLES[server.status])
        table.add_row(Text(server.address), *map(_time, times), status)
    return table


def _facts(server: Server, now: datetime) -> list[Line]:
    """Return what is worth saying of a server beside its address and its times."""
    lines: list[Line] = []
    if server.reason:
        label = "no route" if server.status is Status.UNREACHED else "wrong"
        lines.append((label, server.reason))
    lines += [("warning", warning) for warning in server.warnings]
    if server.identity:
        lines.append(("identity", _identity(server.identity, server.chain)))
    if server.encryption:
        lines.append(("encryption", _encryption(server.encryption, server.answers)))
    for place, certificate in enumerate(server.chain):
        lines.append(("" if place else "chain", _certificate(certificate, now)))
    for place, certificate in enumerate(server.chain):
        lines.append(("" if place else "pins", f"{certificate.pin} {certificate.role}"))
    if server.answers:
        lines += _answers(server.answers)
    return lines


def _identity(identity: Identity, chain: Sequence[Certificate]) -> str:
    pinned = " and ".join(each.role for each in chain if each.pinned)
    by_pin = f"by the pin of its {pinned}" if pinned else ""
    if not identity.verified:
        fits = ", though the name fits" if identity.matched else ""
        return f"NOT verified as {identity.expected or 'pinned'}{fits}"
    as_whom = f"as {identity.expected}" if identity.expected else ""
    wildcard = identity.matched.startswith("*")
    by_name = f"by {identity.matched}" if wildcard else ""
    return "verified " + ", ".join(filter(None, (as_whom, by_name, by_pin)))


def _encryption(encryption: Encryption, answers: Answers | None) -> str:
    parts = [encryption.version, encryption.cipher, f"ALPN {encryption.alpn or 'none'}"]
    if answers and answers.resumption is not None:
        parts.append("resumption " + ("offered" if answers.resumption else "none"))
    return ", ".join(part for part in parts if part)


def _certificate(certificate: Certificate, now: datetime) -> str:
    shown = certificate.names[:MOST_NAMES]
    more = len(certificate.names) - len(shown)
    names = ", ".join(shown) + (f" and {more} more" if more else "")
    about = f" for {names}" if names else ""
    whose = certificate.subject or "nobody"
    return f"{certificate.role} {whose!r}{about}, {_until(certificate.not_after, now)}"


def _until(end: datetime, now: datetime) -> str:
    left = end - now
    if left < timedelta():
        return f"EXPIRED {end:%Y-%m-%d %H:%M} UTC"
    if left < timedelta(days=2):
        return f"until {end:%Y-%m-%d} (in {left // timedelta(hours=1)} hours)"
    return f"until {end:%Y-%m-%d} (in {left.days} days)"


def _answers(answers: Answers) -> Iterator[Line]:
    padding = f"padded to {answers.padded_to}" if answers.padded_to else "not padded"
    size = f"EDNS {answers.edns_size}" if answers.edns_size else "no EDNS"
    yield "answers", f"{answers.rcode}, {padding}, {size}"
    keepalive = "not said"
    if answers.keepalive_s is not None:
        keepalive = f"{answers.keepalive_s:g} s"
    yield "keepalive", keepalive
    flight = f"bears {answers.in_flight} at once" if answers.in_flight else UNKNOWN
    yield "pipelining", f"{flight}, {ORDER[answers.out_of_order]}"
    if answers.idle_waited_s is not None:
        yield "idle", _idle(answers)
    yield "DNSSEC", _validation(answers)


def _idle(answers: Answers) -> str:
    if answers.idle_closed_s is None:
        return f"still open after {answers.idle_waited_s:g} s"
    return f"closed by the server after {answers.idle_closed_s:g} s"


def _validation(answers: Answers) -> str:
    if answers.authenticates is None:
        return UNKNOWN
    if not answers.authenticates:
        return "does not say that it validates"
    refuses = {True: ", and refuses what is forged", False: ", BUT HANDS OUT FORGERIES"}
    return "validates" + (
        refuses[answers.refuses_bogus] if answers.refuses_bogus is not None else ""
    )


def _grid(lines: list[Line]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True, min_width=10)
    grid.add_column(overflow="fold")
    for label, text in lines:
        style = "red" if text.startswith("NOT ") else LABELS.get(label, "")
        grid.add_row(Text(label, style), Text(text, style))
    return grid


def _indented(table: Table) -> Padding:
    return Padding(table, (0, 0, 0, 2), expand=False)


def _time(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:.1f} ms"
