"""Three small pictures as SVG text: an e-process over time, a number a day, and who answered on which day.

No script, no font and nothing from elsewhere. Colours are classes of the page (`report.style`, and ours in
`watching.page`), so that it may be light or dark; nothing is told by colour alone. Every picture has a title and a
description for those who do not see it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from overt.audit.report.markup import Html
from overt.svg import Svg, circle, element, line, picture, polyline, rect, text

WIDTH: Final = 860
LEFT: Final = 62
RIGHT: Final = 846
MOST_POINTS: Final = 700
"""Of a line; of more, the highest of every stretch is drawn, so that no alarm is lost."""
LOWEST: Final = -3.0
"""Decades: e-values below a thousandth are drawn at the bottom."""
HIGHEST: Final = 60.0
MOST_DOTS: Final = 120
LONGEST: Final = 20
"""Characters of a date or prompt that are shown on an axis."""
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SHADES: Final = 6
"""Classes of colour for names."""


def e_process(log_wealth: Sequence[float], names: Sequence[str], level: float, alarm: int | None) -> Html:
    """The e-values on a logarithmic axis, the line of the alarm at ``level``, and the alarm, if there is one."""
    top, bottom = 34, 236
    tens = [min(max(each / math.log(10), LOWEST), HIGHEST) for each in log_wealth]
    high = math.ceil(max([math.log10(level) + 0.5, *tens]))
    low = math.floor(min([-0.5, *tens]))

    def y(decade: float) -> float:
        return bottom - (decade - low) / (high - low) * (bottom - top)

    last = f"now {10 ** tens[-1]:.3g}, largest {10 ** max(tens):.3g}" if tens else "nothing was bet yet"
    said = f"E-process over {len(tens)} looks on a logarithmic axis: {last}. An alarm is at {level:g} or more."
    parts = [*_decades(low, high, y)]
    limit = y(math.log10(level))
    parts.append(line(LEFT, limit, RIGHT, limit, class_="alarm", stroke_dasharray="6 4"))
    parts.append(text(LEFT + 6, limit - 6, f"alarm at {level:g}", class_="told"))
    points = [(_x(place, len(tens)), y(tens[place])) for place in _thinned(tens)]
    parts.append(polyline([(LEFT, y(0.0)), *points], class_="mark", stroke_width="2", stroke_linejoin="round"))
    if len(points) <= MOST_DOTS:
        parts.extend(circle(a, b, 2.5, class_="dot") for a, b in points)
    if alarm is not None:
        parts.extend(_alarm(_x(alarm, len(tens)), y(tens[alarm]), top, bottom, names[alarm]))
    return Html(picture(WIDTH, bottom + 30, *parts, *_times(names, bottom), aria_label=f"E-process. {said}"))


def strip(values: Sequence[float], names: Sequence[str], what: str, alarm: int | None) -> Html:
    """One bar for each value, from 0 on; a bar of the alarm's day or later is drawn as such."""
    top, bottom = 26, 116
    most = max([*values, 1e-9])
    wide = (RIGHT - LEFT) / max(len(values), 1)
    said = f"{what}, {len(values)} days: from {min(values, default=0):.3f} to {max(values, default=0):.3f}."
    parts = [line(LEFT, bottom, RIGHT, bottom, class_="axis")]
    for at, label in ((top, f"{most:.2f}"), (bottom, "0")):
        parts.append(text(LEFT - 8, at + 4, label, "end", class_="soft"))
    for place, value in enumerate(values):
        kind = "bar late" if alarm is not None and place >= alarm else "bar"
        high = value / most * (bottom - top)
        x = LEFT + place * wide + wide * 0.12
        named = element("title", f"{names[place]}: {value:.3f}")
        parts.append(rect(x, bottom - high, wide * 0.76, high, named, class_=kind))
    return Html(picture(WIDTH, bottom + 30, *parts, *_times(names, bottom), aria_label=f"{what}. {said}"))


def who_answered(days: Sequence[tuple[str, Mapping[str, int]]]) -> Html:
    """One column for each day, parted by the share of responses that named a model; a letter for each name."""
    top, bottom = 12, 62
    order = names_of(days)
    wide = (RIGHT - LEFT) / max(len(days), 1)
    parts = list[Svg]()
    for place, (day, served) in enumerate(days):
        above, total = float(top), sum(served.values())
        for name in sorted(served, key=order.index):
            high = served[name] / total * (bottom - top)
            parts.extend(_part(order.index(name), LEFT + place * wide, above, wide, high, f"{day}: {shown(name)}"))
            above += high
    first = [name for _, served in days[:1] for name in served]
    said = f"Served model on {len(days)} days, by name: {', '.join(shown(name) for name in order)}. "
    said += f"On the first day {', '.join(shown(name) for name in first)}."
    parts += _times([day for day, _ in days], bottom)
    return Html(picture(WIDTH, bottom + 30, *parts, aria_label=f"Served model. {said}"))


def names_of(days: Sequence[tuple[str, Mapping[str, int]]]) -> list[str]:
    """All names, in the order in which they came up."""
    return list(dict.fromkeys(name for _, served in days for name in sorted(served, key=lambda one: -served[one])))


def letter(place: int) -> str:
    """What stands for the name at this place."""
    return LETTERS[place] if place < len(LETTERS) else str(place + 1)


def shown(name: str) -> str:
    """A served model's name, which may be none."""
    return name or "no name told"


def _part(place: int, x: float, y: float, wide: float, high: float, said: str) -> list[Svg]:
    box = rect(x + 0.5, y, max(wide - 1, 0.5), high, element("title", said), class_=f"name{place % SHADES}")
    if high < 14 or wide < 9:
        return [box]
    return [box, text(x + wide / 2, y + high / 2 + 4, letter(place), "middle", class_="letter")]


def _decades(low: int, high: int, y: Callable[[float], float]) -> list[Svg]:
    step = max(1, math.ceil((high - low) / 7))
    parts = []
    for decade in range(low, high + 1):
        if decade % step:
            continue
        at = y(float(decade))
        parts.append(line(LEFT, at, RIGHT, at, class_="axis" if decade == 0 else "grid"))
        parts.append(text(LEFT - 8, at + 4, f"{10.0**decade:g}", "end", class_="soft"))
    return parts


def _alarm(x: float, y: float, top: float, bottom: float, name: str) -> list[Svg]:
    anchor = "end" if x > (LEFT + RIGHT) / 2 else "start"
    return [
        line(x, top - 8, x, bottom, class_="alarm"),
        circle(x, y, 5, class_="found"),
        text(x + (-6 if anchor == "end" else 6), top - 14, f"alarm: {name[:LONGEST]}", anchor, class_="told"),
    ]


def _times(names: Sequence[str], bottom: float) -> list[Svg]:
    """The first, the last and some between, each once."""
    if not names:
        return []
    shown_at = sorted({round(part * (len(names) - 1) / 4) for part in range(5)}) if len(names) > 4 else [0]
    parts = []
    for place in shown_at:
        first, last = place == shown_at[0], place == shown_at[-1] and len(shown_at) > 1
        anchor = "start" if first else "end" if last else "middle"
        x = LEFT if first else RIGHT if last else _x(place, len(names))
        parts.append(text(x, bottom + 20, names[place][:LONGEST], anchor, class_="soft"))
    return parts


def _x(place: int, count: int) -> float:
    return LEFT + (place + 0.5) / max(count, 1) * (RIGHT - LEFT)


def _thinned(tens: Sequence[float]) -> list[int]:
    """Places to draw: the highest of every stretch, and the last."""
    if len(tens) <= MOST_POINTS:
        return list(range(len(tens)))
    width = math.ceil(len(tens) / MOST_POINTS)
    starts = range(0, len(tens), width)
    found = [max(range(start, min(start + width, len(tens))), key=tens.__getitem__) for start in starts]
    return sorted({*found, len(tens) - 1})
