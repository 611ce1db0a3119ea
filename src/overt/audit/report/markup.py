"""HTML as values: text is escaped unless it is `Html`, so nothing that a model said can become part of a page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

from overt.svg import opening, safe

VOID: Final = frozenset(("meta", "br"))


@final
@dataclass(frozen=True, slots=True)
class Html:
    """Markup that was made here."""

    text: str


Child = Html | str
NOTHING: Final = Html("")


def el(name: str, /, *children: Child, **attributes: str) -> Html:
    """An element. Attributes are written as they are named, without a trailing ``_`` and with ``-`` for ``_``."""
    opened = opening(name, attributes)
    return Html(opened if name in VOID else f"{opened}{joined(children).text}</{name}>")


def joined(children: Iterable[Child], between: str = "") -> Html:
    """Children one after the other."""
    return Html(between.join(child.text if isinstance(child, Html) else safe(child) for child in children))


def table(head: Iterable[str], rows: Iterable[Iterable[Child]], caption: str) -> Html:
    """A table that scrolls within itself on a narrow screen; the first cell of a row is its heading."""
    body = [
        el("tr", *(el("th", each, scope="row") if place == 0 else el("td", each) for place, each in enumerate(row)))
        for row in rows
    ]
    header = el("thead", el("tr", *(el("th", name, scope="col") for name in head)))
    found = el("table", el("caption", caption), header, el("tbody", *body))
    return el("div", found, class_="wide", tabindex="0", role="region", aria_label=caption)


def bullets(items: Iterable[Child]) -> Html:
    """A list; nothing where it would be empty."""
    found = [el("li", item) for item in items]
    return el("ul", *found) if found else NOTHING
