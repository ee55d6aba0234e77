"""Curves as SVG, without anything that draws."""

import math
from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 110, 40, 50
COLOURS = ("#4477aa", "#228833", "#ccbb44", "#ee6677", "#aa3377")
"""Paul Tol's bright scheme: most of those who are colour-blind can tell them apart."""

STYLE = "font-family: sans-serif; font-size: 12px"


class Curve(NamedTuple):
    """One curve; a dashed one is that of the same label with a shared cache."""

    label: str
    values: Sequence[float]
    dashed: bool


class Plot(NamedTuple):
    """Curves over powers of ten."""

    title: str
    unit: str
    over: Sequence[float]
    curves: Sequence[Curve]
    log: bool


def draw(plot: Plot) -> str:
    """Return a plot as SVG."""
    values = [value for curve in plot.curves for value in curve.values]
    low, high = (0.0, 1.0) if not plot.log else _decades(values)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' style="{STYLE}; background: white">',
        f'<text x="{LEFT}" y="22" font-weight="bold">{plot.title}, {plot.unit};'
        " dashed: with a shared cache</text>",
    ]
    parts += _across(plot, low, high)
    labels = list(dict.fromkeys(curve.label for curve in plot.curves))
    for curve in plot.curves:
        colour = COLOURS[labels.index(curve.label) % len(COLOURS)]
        places = " ".join(
            f"{_x(over, plot.over):.1f},{_y(value, low, high, plot.log):.1f}"
            for over, value in zip(plot.over, curve.values, strict=True)
        )
        dash = ' stroke-dasharray="5 4"' if curve.dashed else ""
        parts.append(
            f'<polyline points="{places}" fill="none" stroke="{colour}"'
            f' stroke-width="2"{dash}/>'
        )
    for index, label in enumerate(labels):
        colour, y = COLOURS[index % len(COLOURS)], TOP + 20 + 20 * index
        x, nodes = WIDTH - RIGHT + 10, "node" if label == "1" else "nodes"
        parts.append(f'<text x="{x}" y="{y}" fill="{colour}">{label} {nodes}</text>')
    return "\n".join((*parts, "</svg>\n"))


def _across(plot: Plot, low: float, high: float) -> list[str]:
    """Return the lines behind the curves, and what stands beside them."""
    parts = []
    for each in plot.over:
        x = _x(each, plot.over)
        power = round(math.log10(each))
        parts.append(_line(x, TOP, x, HEIGHT - BOTTOM))
        parts.append(_text(x, HEIGHT - BOTTOM + 18, f"10^{power}", "middle"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "clients", "middle"))
    steps = (
        [low * 10**n for n in range(round(math.log10(high / low)) + 1)]
        if plot.log
        else [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    )
    for each in steps:
        y = _y(each, low, high, plot.log)
        parts.append(_line(LEFT, y, WIDTH - RIGHT, y))
        mark = f"10^{round(math.log10(each))}" if plot.log else f"{each:.0%}"
        parts.append(_text(LEFT - 6, y + 4, mark, "end"))
    return parts


def _line(*ends: float) -> str:
    x1, y1, x2, y2 = (f"{each:.1f}" for each in ends)
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#ddd"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _decades(values: Sequence[float]) -> tuple[float, float]:
    """Return the powers of ten around all values."""
    low = math.floor(math.log10(max(min(values), 1e-3)))
    return 10.0**low, 10.0 ** math.ceil(math.log10(max(values)))


def _x(value: float, over: Sequence[float]) -> float:
    share = math.log(value / over[0]) / math.log(over[-1] / over[0])
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(value: float, low: float, high: float, log: bool) -> float:
    share = (value - low) / (high - low)
    if log:
        share = math.log(max(value, low) / low) / math.log(high / low)
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
