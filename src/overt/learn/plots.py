"""Small plots as SVG text: how scores spread, whether a probability means what it says, what looking again costs.

No library, no script, no font but the reader's own; colours that stay apart in grey and for colour-blind readers; every
plot has a title element, axes with numbers, and a legend in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10
from typing import Final

from overt.learn.rates import Bin
from overt.svg import Svg, circle, element, figure, line, polyline, text

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
    body = _frame(title, "probability of high_dual or worse", "share of rows")
    floor = 0.0001
    for power in range(-4, 1):
        share = 10.0**power
        body += _rule(_log_y(share, floor), f"{100 * share:g} %")
    for number, (name, counts) in enumerate(histogram.items()):
        total = sum(counts)
        points = [
            (_x((place + 0.5) / len(counts)), _log_y(max(count / total, floor), floor))
            for place, count in enumerate(counts)
            if total
        ]
        body.append(polyline(points, fill="none", **_stroke(number)))
        body += _legend(number, f"{name} ({total:,})")
    if threshold is not None:
        x = _x(threshold)
        body.append(line(x, TOP, x, HEIGHT - BOTTOM, stroke=INK))
        side, place = ("end", x - 5) if threshold > 0.5 else ("start", x + 5)
        body.append(text(place, TOP + 12, f"acts from {threshold:.2f}", side))
    return _svg(title, body)


def reliability_plot(title: str, bins: Sequence[Bin]) -> str:
    """What was found against what was said, with intervals; the faint diagonal is a probability that means itself."""
    body = _frame(title, "probability given", "share that was high_dual or worse")
    for share in TENTHS:
        body += _rule(_y(share), f"{100 * share:.0f} %")
    body.append(line(_x(0), _y(0), _x(1), _y(1), stroke=COLOURS[0], stroke_dasharray="4 4"))
    for found in bins:
        low, high = found.found.interval
        x, y = _x(found.mean), _y(found.found.share or 0.0)
        body.append(line(x, _y(low), x, _y(high), stroke=COLOURS[1]))
        body.append(circle(x, y, 4, element("title", f"{found.found.hits} of {found.found.trials}"), fill=COLOURS[1]))
    return _svg(title, body)


def cost_plot(title: str, points: Sequence[tuple[float, float]]) -> str:
    """Sensitive requests kept against everyday requests looked at again, both as shares."""
    body = _frame(title, "share of everyday requests that stage 2 reads", "sensitive requests kept")
    for share in TENTHS:
        body += _rule(_y(share), f"{100 * share:.0f} %")
    places = sorted((_x(looked), _y(kept)) for looked, kept in points)
    body.append(polyline(places, fill="none", **_stroke(1)))
    body.extend(circle(x, y, 4, fill=COLOURS[1]) for x, y in places)
    return _svg(title, body)


def _svg(title: str, body: Sequence[Svg]) -> str:
    return figure(WIDTH, HEIGHT, title, INK, *body)


def _frame(title: str, below: str, beside: str) -> list[Svg]:
    middle = TOP + (HEIGHT - TOP - BOTTOM) / 2
    return [
        text(LEFT, 18, title, font_size="14", font_weight="600"),
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, below, "middle"),
        text(12, middle, beside, "middle", transform=f"rotate(-90 12 {middle:.0f})"),
        line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, stroke=INK),
        *(text(_x(share), HEIGHT - BOTTOM + 16, f"{share:g}", "middle") for share in TENTHS),
    ]


def _rule(y: float, label: str) -> list[Svg]:
    return [line(LEFT, y, WIDTH - RIGHT, y, stroke=FAINT), text(LEFT - 6, y + 4, label, "end")]


def _stroke(number: int) -> dict[str, str]:
    return {"stroke": COLOURS[number], "stroke_width": "2", "stroke_dasharray": DASHES[number]}


def _legend(number: int, name: str) -> list[Svg]:
    x, y = LEFT + number * 190, 36
    return [line(x, y - 4, x + 24, y - 4, **_stroke(number)), text(x + 30, y, name)]


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _log_y(share: float, floor: float) -> float:
    return _y((log10(share) - log10(floor)) / -log10(floor))
