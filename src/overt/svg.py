"""Pictures as SVG text: the shapes that plots are made of, and the picture around them.

Text is escaped unless it is `Svg`, so nothing that a model said can become part of a picture. Attributes are written as
they are named, without a trailing ``_`` and with ``-`` for ``_``; coordinates have one decimal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import final


@final
class Svg(str):
    """Markup that was made here."""


def picture(wide: float, high: float, *parts: Svg, **attributes: str) -> Svg:
    """The whole picture, each part on a line of its own."""
    body = Svg("".join(f"\n{part}" for part in parts) + "\n")
    return element("svg", body, viewBox=f"0 0 {wide:g} {high:g}", role="img", **attributes)


def figure(wide: float, high: float, title: str, ink: str, *parts: Svg) -> str:
    """A picture as a file of its own: a title, a white ground, the reader's own font."""
    font = {"font_family": "system-ui, sans-serif", "font_size": "12"}
    ground = rect(0, 0, wide, high, fill="#ffffff")
    xmlns = "http://www.w3.org/2000/svg"
    return picture(wide, high, element("title", title), ground, *parts, xmlns=xmlns, fill=ink, **font) + "\n"


def line(x: float, y: float, to_x: float, to_y: float, **attributes: str) -> Svg:
    """A straight line between two points."""
    return element("line", x1=f"{x:.1f}", y1=f"{y:.1f}", x2=f"{to_x:.1f}", y2=f"{to_y:.1f}", **attributes)


def polyline(points: Iterable[tuple[float, float]], **attributes: str) -> Svg:
    """A line from point to point."""
    return element("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), **attributes)


def circle(x: float, y: float, radius: float, *inside: Svg, **attributes: str) -> Svg:
    """A circle around a point."""
    return element("circle", *inside, cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{radius:g}", **attributes)


def rect(x: float, y: float, wide: float, high: float, *inside: Svg, **attributes: str) -> Svg:
    """A rectangle, from its upper left corner."""
    return element("rect", *inside, x=f"{x:.1f}", y=f"{y:.1f}", width=f"{wide:.1f}", height=f"{high:.1f}", **attributes)


def text(x: float, y: float, words: str, anchor: str = "start", **attributes: str) -> Svg:
    """Words on one line; ``anchor`` says which part of them is at the point."""
    return element("text", words, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, **attributes)


def element(name: str, /, *inside: str, **attributes: str) -> Svg:
    """Any element."""
    shown = "".join(each if isinstance(each, Svg) else safe(each) for each in inside)
    return Svg(f"{opening(name, attributes)}{shown}</{name}>")


def opening(name: str, attributes: Mapping[str, str]) -> str:
    """The tag that opens an element."""
    given = (f' {key.removesuffix("_").replace("_", "-")}="{safe(value)}"' for key, value in attributes.items())
    return f"<{name}{''.join(given)}>"


def safe(words: str) -> str:
    """Words as they may stand in a picture or on a page: escaped, control characters shown by their code."""
    plain = "".join(" " if each.isspace() and each not in "\n\t" else each for each in words)
    return escape("".join(each if each.isprintable() or each in "\n\t" else f"\\u{ord(each):04x}" for each in plain))
