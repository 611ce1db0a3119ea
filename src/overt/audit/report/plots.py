"""Three small plots as SVG inside a page: intervals, an e-process over pairs, a rank among placebo topics.

No library, no script, no font but the reader's own. Colours come from the page, so they follow light and dark; what
matters is told by shape and words as well. Every plot has a title and a description for those who do not see it, and
nothing is drawn outside its frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from overt.audit.report.markup import Html
from overt.svg import Svg, circle, element, line, picture, polyline, text

WIDTH: Final = 720
RIGHT: Final = 16
LABELS: Final = 210
ROW: Final = 34
AXIS: Final = 40
HIGH: Final = 280
TOP, BOTTOM, LEFT = 22, 44, 70
STRIP: Final = 96
MOST_POINTS: Final = 700
LONGEST_LABEL: Final = 30
LEAST_DECADES: Final = 2.0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate and the ends of its interval."""

    label: str
    value: float
    low: float
    high: float


def interval_plot(title: str, described: str, rows: Sequence[Interval], *, mark: float | None, below: str) -> Html:
    """Estimates as dots on their intervals, with a line at 0 and, dashed, at ``mark``."""
    values = [
        0.0,
        *(0.0 if mark is None else mark,),
        *(each for row in rows for each in (row.low, row.value, row.high)),
    ]
    low, high = _padded(min(values), max(values))
    bottom = 10 + ROW * len(rows)

    def x(value: float) -> float:
        return LABELS + (value - low) / (high - low) * (WIDTH - RIGHT - LABELS)

    parts = [line(LABELS, bottom, WIDTH - RIGHT, bottom, class_="axis")]
    for step in _steps(low, high):
        parts += [line(x(step), 6, x(step), bottom, class_="grid"), text(x(step), bottom + 16, f"{step:g}", "middle")]
    parts.append(line(x(0.0), 6, x(0.0), bottom, class_="axis"))
    if mark is not None:
        parts.append(line(x(mark), 6, x(mark), bottom, class_="alarm", stroke_dasharray="6 4"))
    for place, row in enumerate(rows):
        y = 10 + ROW * (place + 0.5)
        parts.append(text(0, y + 4, _cut(row.label)))
        parts.append(line(x(row.low), y, x(row.high), y, class_="mark", stroke_width="3"))
        parts.append(circle(x(row.value), y, 5.5, class_="dot"))
    parts.append(text((LABELS + WIDTH - RIGHT) / 2, bottom + 34, below, "middle", class_="faint"))
    return _svg(title, described, bottom + AXIS, parts)


def wealth_plot(title: str, described: str, log10_wealth: Sequence[float], alpha: float, alarm_at: int | None) -> Html:
    """The wealth of an e-process after each pair on a logarithmic axis, with a line at 1/alpha; ``title`` heads it."""
    alarm = -math.log10(alpha)
    low = min(-1.0, math.floor(min(log10_wealth)))
    high = max(LEAST_DECADES, math.ceil(max(alarm, *log10_wealth) + 0.2))
    pairs = len(log10_wealth)

    def at(pair: float, value: float) -> tuple[float, float]:
        across = LEFT + pair / pairs * (WIDTH - RIGHT - LEFT)
        return across, HIGH - BOTTOM - (value - low) / (high - low) * (HIGH - TOP - BOTTOM)

    parts: list[Svg] = []
    every = max(1, math.ceil((high - low) / 7))
    for power in range(int(low), int(high) + 1, every):
        y = at(0, power)[1]
        parts += [line(LEFT, y, WIDTH - RIGHT, y, class_="grid"), text(LEFT - 8, y + 4, _power(power), "end")]
    for number in _numbers(pairs):
        parts.append(text(at(number, low)[0], HIGH - BOTTOM + 16, f"{number:,}", "middle"))
    parts.append(line(LEFT, HIGH - BOTTOM, WIDTH - RIGHT, HIGH - BOTTOM, class_="axis"))
    level = at(0, alarm)[1]
    parts.append(line(LEFT, level, WIDTH - RIGHT, level, class_="alarm", stroke_dasharray="6 4"))
    early = alarm_at is not None and alarm_at <= pairs / 2
    place, anchor = (WIDTH - RIGHT, "end") if early else (LEFT + 6, "start")
    parts.append(text(place, level - 6, f"alarm from {1 / alpha:g}", anchor, class_="told"))
    chosen = _chosen(pairs, None if alarm_at is None else alarm_at - 1)
    points = [at(0, 0.0), *(at(place + 1, log10_wealth[place]) for place in chosen)]
    parts.append(polyline(points, class_="mark", stroke_width="2", stroke_linejoin="round"))
    if alarm_at is not None:
        parts.append(circle(*at(alarm_at, log10_wealth[alarm_at - 1]), 5, class_="found"))
    below = "pairs of answers, in the order of asking"
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HIGH - 8, below, "middle", class_="faint"))
    parts.append(text(0, 12, title, class_="faint"))
    return _svg(title, described, HIGH, parts)


def rank_plot(title: str, described: str, *, rank: int, placebos: int, label: str) -> Html:
    """A tick for each placebo topic and one for the topic, from the least extreme to the most. ``rank`` 1: the most."""
    total = placebos + 1

    def x(place: int) -> float:
        return 20 + (total - place) / max(total - 1, 1) * (WIDTH - 40)

    parts = [line(x(place), 44, x(place), 60, class_="tick") for place in range(1, total + 1) if place != rank]
    parts.append(line(x(rank), 34, x(rank), 66, class_="alarm", stroke_width="4"))
    side = "end" if x(rank) > WIDTH / 2 else "start"
    parts.append(text(x(rank), 24, _cut(label), side, class_="told"))
    parts.append(text(20, 84, "changed least against the rest", class_="faint"))
    parts.append(text(WIDTH - 20, 84, "most", "end", class_="faint"))
    return _svg(title, described, STRIP, parts)


def _svg(title: str, described: str, height: float, parts: Sequence[Svg]) -> Html:
    head = (element("title", title), element("desc", described))
    return Html(picture(WIDTH, height, *head, *parts, aria_label=f"{title}. {described}"))


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"


def _padded(low: float, high: float) -> tuple[float, float]:
    room = (high - low) * 0.08 or 0.1
    return low - room, high + room


def _steps(low: float, high: float) -> list[float]:
    """Round numbers between two ends, at most nine of them."""
    rough = (high - low) / 6
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    first = math.ceil(low / step)
    return [round(number * step, 10) for number in range(first, math.floor(high / step) + 1)]


def _numbers(pairs: int) -> list[int]:
    step = int(max(1, *(each for each in _steps(0, pairs)[:2])))
    return list(range(0, pairs + 1, step))


def _chosen(pairs: int, always: int | None) -> list[int]:
    """Which points are drawn: all, or evenly some of them, with the last and the one of the alarm."""
    every = max(1, pairs // MOST_POINTS)
    return sorted({*range(0, pairs, every), pairs - 1, *(() if always is None else (always,))})


def _power(power: int) -> str:
    if -3 <= power <= 4:
        return f"{10.0**power:,g}" if power < 0 else f"{10**power:,}"
    return f"10^{power}"
