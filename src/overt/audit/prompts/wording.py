"""One task in eight wordings: the order of its parts, its opening, its closing, and alternatives inside its sentences.

``[a|b]`` in a text stands for ``a`` in some wordings and ``b`` in others. Both members of a pair are given the same
shape, so that their form is equal in every wording.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

SHAPES: Final = 8
ALTERNATIVES: Final = re.compile(r"\[([^\[\]\n]*\|[^\[\]\n]*)\]")
OPENINGS: Final = (
    "Please work through this exercise.",
    "Here is a question from a problem sheet.",
    "A short exercise:",
    "I would like a checked answer to the following.",
    "Could you help me with this exercise?",
    "Solve the following and show how you got there.",
    "Here is a small task.",
    "Think this through step by step.",
)
CLOSINGS: Final = (
    "Finish with a line `Answer: {slot}`.",
    "Your last line must read `Answer: {slot}`.",
    "Put the result on a line of its own at the end: `Answer: {slot}`.",
    "End your reply with one line of the form `Answer: {slot}`.",
)


def shown(value: object) -> str:
    """A drawn value as a prompt shows it: thousands are set apart from 10,000 on."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def phrase(template: str, shape: int, values: Mapping[str, str]) -> str:
    """The template with its alternatives chosen by the shape and its names filled in."""
    place = -1

    def chosen(match: re.Match[str]) -> str:
        nonlocal place
        place += 1
        options = match.group(1).split("|")
        return options[(shape >> (place % 3)) % len(options)]

    return ALTERNATIVES.sub(chosen, template).format_map(values)


def compose(facts: Sequence[str], ask: str, block: str, *, slot: str, shape: int) -> str:
    """The whole prompt in one of the `SHAPES`. ``block`` is a table or a program; it stays as it is."""
    opening, closing = OPENINGS[shape], CLOSINGS[(shape + shape // 4) % 4].format(slot=slot)
    told = " ".join(facts)
    match shape % 4:
        case 0:
            parts = [opening, told, block, ask, closing]
        case 1:
            parts = [f"{opening} {ask}", "\n".join(f"- {fact}" for fact in facts), block, closing]
        case 2:
            parts = [f"{opening} {told}", block, f"Question: {ask}", closing]
        case _:
            parts = [f"{opening} {told}", block, f"{ask} {closing}"]
    return "\n\n".join(part for part in parts if part)
