"""How numbers are written for people; `page.js` writes them so, too."""

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

NONE = "–"  # noqa: RUF001
"""What is not known."""

UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def text(value: object) -> str:
    """Write a word as it is."""
    return NONE if value is None else str(value)


def note(value: object) -> str:
    """Write a sentence, or nothing where there is none."""
    return "" if value is None else str(value)


def notes(value: Sequence[str] | None) -> str:
    """Write several sentences, each on a line."""
    return "\n".join(value or ())


def count(value: float | None) -> str:
    """Write a whole number: 12,345."""
    return NONE if value is None else f"{value:,.0f}"


def rate(value: float | None) -> str:
    """Write how often a second: 0.4, 12, 3,456."""
    if value is None:
        return NONE
    return _tenths(value) if value < 10 else f"{value:,.0f}"


def percent(value: float | None) -> str:
    """Write a share: 93.4 %."""
    return NONE if value is None else f"{_tenths(value)} %"


def milliseconds(value: float | None) -> str:
    """Write a short time: 2.5 ms, 40 ms, 1.5 s."""
    if value is None:
        return NONE
    if value >= 1000:
        return f"{value / 1000:g} s"
    return f"{_tenths(value)} ms".replace(".0 ", " ")


def _tenths(value: float) -> str:
    """Write one place behind the point; a half goes up, as JavaScript has it."""
    return str(Decimal(value).quantize(Decimal("0.1"), ROUND_HALF_UP))


def size(value: float | None) -> str:
    """Write octets, as MiB."""
    return NONE if value is None else f"{_tenths(value / 2**20)} MiB"


def span(value: float | None) -> str:
    """Write a time in the largest unit that it fills, and the next: 2 d 4 h."""
    if value is None:
        return NONE
    left, parts = int(value), list[str]()
    for unit, seconds in UNITS:
        if left >= seconds or parts:
            parts.append(f"{left // seconds} {unit}")
            left %= seconds
        if len(parts) == 2:
            break
    return " ".join(parts) or "0 s"


def date(value: str | None) -> str:
    """Write the day of a time that ISO 8601 spells."""
    return NONE if value is None else value[:10]


SPELLINGS: Mapping[str, Callable[..., str]] = {
    each.__name__: each
    for each in (
        text,
        note,
        notes,
        count,
        rate,
        percent,
        milliseconds,
        size,
        span,
        date,
    )
}
"""All of them, by the name that `data-as` has in the document."""
