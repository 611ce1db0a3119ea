"""What drift looks like in one domain, as SVG text: scores per decile of the reference, and the chart of flags.

No library, no script, no font but the reader's own; grey and dashed against solid, so that it reads without colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

from overt import svg
from overt.learn.drift import Chart, Level, Stability, TooLittle
from overt.svg import Svg

WIDTH: Final = 640
HEIGHT: Final = 260
TOP, BOTTOM = 64, 210
LEFT_PANEL: Final = (56, 290)
RIGHT_PANEL: Final = (386, 624)
INK: Final = "#1f2430"
GREY: Final = "#b6bac2"
FAINT: Final = "#d9dce1"
BLUE: Final = "#2f6fab"
ORANGE: Final = "#c2410c"


def picture(domain: str, level: Level | None, scores: Stability | TooLittle, flags: Chart | TooLittle) -> str:
    """Both panels under one title; a panel without data says why."""
    title = f"{domain}: {level.word if level is not None else 'not measured'}"
    head = svg.text(LEFT_PANEL[0], 20, title, font_size="14", font_weight="600")
    return svg.figure(WIDTH, HEIGHT, title, INK, head, *_scores(scores), *_flags(flags))


def _scores(found: Stability | TooLittle) -> list[Svg]:
    left, right = LEFT_PANEL
    match found:
        case TooLittle():
            return _wrapped(left, f"scores: {found.why}")
        case Stability():
            return _bars(found, left, right)
        case _ as unreachable:
            assert_never(unreachable)


def _bars(found: Stability, left: float, right: float) -> list[Svg]:
    most = max(*found.reference, *found.current)
    step = (right - left) / len(found.current)
    parts = [
        svg.text(left, 44, f"scores (PSI {found.index:.3f}): grey reference, blue current"),
        *_axis(left, right, 0.0, most),
    ]
    for place, (before, now) in enumerate(zip(found.reference, found.current, strict=True)):
        x = left + place * step
        parts.append(_bar(x + 0.10 * step, 0.4 * step, before / most, GREY))
        parts.append(_bar(x + 0.50 * step, 0.4 * step, now / most, BLUE))
    parts.append(svg.text((left + right) / 2, BOTTOM + 18, "deciles of the reference, low to high", "middle"))
    return parts


def _bar(x: float, width: float, share: float, colour: str) -> Svg:
    height = share * (BOTTOM - TOP)
    return svg.rect(x, BOTTOM - height, width, height, fill=colour)


def _flags(found: Chart | TooLittle) -> list[Svg]:
    left, right = RIGHT_PANEL
    match found:
        case TooLittle():
            return _wrapped(left, f"flags: {found.why}")
        case Chart():
            return _chart(found, left, right)
        case _ as unreachable:
            assert_never(unreachable)


def _chart(found: Chart, left: float, right: float) -> list[Svg]:
    limits = [(max(0.0, found.centre - reach), found.centre + reach) for reach in found.reach]
    lowest = min(low for low, _ in limits)
    most = max(*(high for _, high in limits), *found.averages, *found.rates)
    lowest = min(lowest, *found.averages, *found.rates)

    def at(place: int, value: float) -> tuple[float, float]:
        x = left + (place + 1) / len(found.rates) * (right - left)
        return x, BOTTOM - (value - lowest) / ((most - lowest) or 1.0) * (BOTTOM - TOP)

    level = at(0, found.centre)[1]
    parts = [
        svg.text(left, 44, f"flags per {found.batch:,} turns: grey limits"),
        *_axis(left, right, lowest, most),
        svg.line(left, level, right, level, stroke=INK, stroke_dasharray="2 3"),
        _line([at(place, low) for place, (low, _) in enumerate(limits)], GREY, "6 3"),
        _line([at(place, high) for place, (_, high) in enumerate(limits)], GREY, "6 3"),
        _line([at(place, average) for place, average in enumerate(found.averages)], BLUE, "none"),
    ]
    parts.extend(svg.circle(*at(place, rate), 2, fill=GREY) for place, rate in enumerate(found.rates))
    parts.extend(
        svg.circle(*at(place, found.averages[place]), 4, fill=ORANGE) for place, out in enumerate(found.outside) if out
    )
    parts.append(svg.text((left + right) / 2, BOTTOM + 18, "batches, oldest first; blue the average", "middle"))
    return parts


def _axis(left: float, right: float, low: float, high: float) -> list[Svg]:
    parts = [svg.line(left, BOTTOM, right, BOTTOM, stroke=INK)]
    for step in range(5):
        y = BOTTOM - step / 4 * (BOTTOM - TOP)
        value = low + step / 4 * (high - low)
        if step:
            parts.append(svg.line(left, y, right, y, stroke=FAINT))
        parts.append(svg.text(left - 6, y + 4, f"{100 * value:.3g} %", "end"))
    return parts


def _line(points: Sequence[tuple[float, float]], colour: str, dashes: str) -> Svg:
    return svg.polyline(points, fill="none", stroke=colour, stroke_width="2", stroke_dasharray=dashes)


def _wrapped(x: float, words: str) -> list[Svg]:
    """A reason in lines that stay in their panel."""
    lines, line = [], ""
    for word in words.split():
        if len(line) + len(word) > 36:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return [svg.text(x, 110 + 16 * number, each) for number, each in enumerate([*lines, line])]
