"""Pairs of answers side by side on a page: what was asked, and what each side said, cut to what can be read."""

from __future__ import annotations

from typing import Final

from overt.audit.report.evidence import Evidence
from overt.audit.report.markup import NOTHING, Html, el, joined
from overt.audit.report.result import EndpointFound
from overt.audit.report.sides import Side, Sides

SHOWN: Final = 700
"""Characters of a text before it is folded."""
LONGEST: Final = 6_000
PROMPT: Final = 90


def pairs_of_answers(each: EndpointFound, sides: Sides) -> Html:
    """The pairs of `overt.audit.report.evidence`, each folded."""
    if not each.evidence:
        return NOTHING
    reference, endpoint = sides.reference, sides.of(each.route)
    first = "on the topic that lost most" if each.topic is not None else "in which the common difference is clearest"
    told = (
        f"The pairs {first}. They show what kind of "
        "difference it is. They prove nothing by themselves: some pair comes first in every audit."
    )
    return joined(
        (
            el("h3", "Answers side by side"),
            el("p", told),
            *(_pair(place, found, reference, endpoint, sides) for place, found in enumerate(each.evidence, 1)),
        )
    )


def _pair(place: int, found: Evidence, reference: Side, endpoint: Side, sides: Sides) -> Html:
    prompt = sides.prompts[found.pid]
    line = " ".join(prompt.split())
    shown = line if len(line) <= PROMPT else f"{line[:PROMPT]}…"
    return el(
        "details",
        el("summary", f"{place}. {shown}"),
        el("p", f"Prompt {found.pid}", class_="soft"),
        _text(prompt),
        el(
            "div",
            _side(reference, found, found.reference_record, found.reference_score),
            _side(endpoint, found, found.endpoint_record, found.endpoint_score),
            class_="pair",
        ),
    )


def _side(side: Side, found: Evidence, record: int | None, score: float | None) -> Html:
    place = (found.pid, found.rep)
    marks = [
        *(["refused"] if side.refused(place) else []),
        *([] if score is None else [f"score {score:g}"]),
        *([] if record is None else [f"record {record}"]),
    ]
    head = f"{side.name}{' (' + ', '.join(marks) + ')' if marks else ''}"
    return el("div", el("h4", head), _text(side.answers[place].text))


def _text(text: str) -> Html:
    """The text; the rest of a long one is folded, and of a very long one left to the records."""
    if not text:
        return el("p", "(an empty answer)", class_="soft")
    if len(text) <= SHOWN:
        return el("pre", text, dir="auto")
    rest = text[SHOWN:LONGEST]
    more = f"{len(text) - LONGEST:,} more characters are in the records." if len(text) > LONGEST else ""
    return joined(
        (
            el("pre", f"{text[:SHOWN]}…", dir="auto"),
            el(
                "details",
                el("summary", f"the rest, {len(text) - SHOWN:,} characters"),
                el("pre", rest, dir="auto"),
                el("p", more),
            ),
        )
    )
