"""Small plots as SVG text: how scores spread, whether a probability means what it says, what looking again costs.

No library, no script, no font but the reader's own; colours that stay apart in grey and for colour-blind readers; every
plot has a title element, axes with numbers, and a legend in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import log10
from typing import Final

from overt.learn.rates import Bin

WIDTH: Final = 640
HEIGHT: Final = 300
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 52, 44
COLOURS: Final = ("#8a8f98", "#2f6fab", "#c2410c")
DASHES: Final = ("2 3", "7 3", "none")
INK: Final = "#1f2430"
FAINT: Final = "#d9dce1"
TENTHS: Final = tuple(step / 10 for step in range(0, 11, 2))


def score_plot(title: str, histogram: Mapping[str, Sequence[int]], threshold: float | None) -> str:
    """The share of each kind of rows per bin of probability, on a logarithmic axis, with the acting point."""
    body = [_frame(title, "probability of high_dual or worse", "share of rows")]
    floor = 0.0001
    for power in range(-4, 1):
        share = 10.0**power
        body.append(_rule(_log_y(share, floor), f"{100 * share:g} %"))
    for number, (name, counts) in enumerate(histogram.items()):
        total = sum(counts)
        points = [
            (_x((place + 0.5) / len(counts)), _log_y(max(count / total, floor), floor))
            for place, count in enumerate(counts)
            if total
        ]
        body.append(_line(points, number))
        body.append(_legend(number, f"{name} ({total:,})"))
    if threshold is not None:
        x = _x(threshold)
        body.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="{INK}"/>')
        side, place = ("end", x - 5) if threshold > 0.5 else ("start", x + 5)
        body.append(_text(place, TOP + 12, f"acts from {threshold:.2f}", side))
    return _svg(title, body)


def reliability_plot(title: str, bins: Sequence[Bin]) -> str:
    """What was found against what was said, with intervals; the faint diagonal is a probability that means itself."""
    body = [_frame(title, "probability given", "share that was high_dual or worse")]
    body.extend(_rule(_y(share), f"{100 * share:.0f} %") for share in TENTHS)
    body.append(
        f'<line x1="{_x(0):.1f}" y1="{_y(0):.1f}" x2="{_x(1):.1f}" y2="{_y(1):.1f}" stroke="{COLOURS[0]}" '
        f'stroke-dasharray="4 4"/>'
    )
    for found in bins:
        low, high = found.found.interval
        x, y = _x(found.mean), _y(found.found.share or 0.0)
        body.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_y(low):.1f}" y2="{_y(high):.1f}" stroke="{COLOURS[1]}"/>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{COLOURS[1]}"><title>{found.found.hits} of '
            f"{found.found.trials}</title></circle>"
        )
    return _svg(title, body)


def cost_plot(title: str, points: Sequence[tuple[float, float]]) -> str:
    """Sensitive requests kept against everyday requests looked at again, both as shares."""
    body = [_frame(title, "share of everyday requests that stage 2 reads", "sensitive requests kept")]
    body.extend(_rule(_y(share), f"{100 * share:.0f} %") for share in TENTHS)
    places = sorted((_x(looked), _y(kept)) for looked, kept in points)
    body.append(_line(places, 1))
    body.extend(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{COLOURS[1]}"/>' for x, y in places)
    return _svg(title, body)


def _svg(title: str, body: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}"><title>{escape(title)}</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _frame(title: str, below: str, beside: str) -> str:
    middle = TOP + (HEIGHT - TOP - BOTTOM) / 2
    parts = [
        f'<text x="{LEFT}" y="18" font-size="14" font-weight="600">{escape(title)}</text>',
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, below, "middle"),
        f'<text x="12" y="{middle:.0f}" text-anchor="middle" transform="rotate(-90 12 {middle:.0f})">'
        f"{escape(beside)}</text>",
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}" stroke="{INK}"/>',
    ]
    parts.extend(_text(_x(share), HEIGHT - BOTTOM + 16, f"{share:g}", "middle") for share in TENTHS)
    return "\n".join(parts)


def _rule(y: float, label: str) -> str:
    line = f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{FAINT}"/>'
    return line + _text(LEFT - 6, y + 4, label, "end")


def _line(points: Sequence[tuple[float, float]], number: int) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (
        f'<polyline points="{path}" fill="none" stroke="{COLOURS[number]}" stroke-width="2" '
        f'stroke-dasharray="{DASHES[number]}"/>'
    )


def _legend(number: int, name: str) -> str:
    x, y = LEFT + number * 190, 36
    line = (
        f'<line x1="{x}" x2="{x + 24}" y1="{y - 4}" y2="{y - 4}" stroke="{COLOURS[number]}" stroke-width="2" '
        f'stroke-dasharray="{DASHES[number]}"/>'
    )
    return line + _text(x + 30, y, name, "start")


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _log_y(share: float, floor: float) -> float:
    return _y((log10(share) - log10(floor)) / -log10(floor))
