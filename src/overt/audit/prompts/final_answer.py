r"""Where in a reply the answer stands, and what of it is only dress.

Looked for in this order, each time the last one: a line ``Answer: …`` (with whatever markdown around it),
``\boxed{…}``, "answer is …" inside a sentence, the last line. Reasoning in ``<think>`` tags is not the reply.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, final

THOUGHT: Final = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
LABEL: Final = re.compile(
    r"^[ \t>*#_`•-]*(?:(?:the|my)[ \t]+)?(?:final[ \t]+)?answer[ \t*_`]*(?:[:：=]|is\b[ \t]*:?)[ \t]*(.*)$",
    re.IGNORECASE | re.MULTILINE,
)
SAID: Final = re.compile(r"\banswer[ \t*_`]*(?:[:=]|is\b:?|would be\b|comes to\b)[ \t]*(.+)", re.IGNORECASE)
BOXED: Final = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
COMMAND: Final = re.compile(r"\\(?:text|mathrm|mathbf|textbf|operatorname)\s*\{([^{}]*)\}")
FRACTION: Final = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
FENCE: Final = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*$", re.MULTILINE)
SIGNS: Final = str.maketrans(
    {"−": "-", "–": "-", "\u2011": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "’": "'", "‘": "'"}
    | {"“": '"', "”": '"', "×": "×", "：": ":"}
)
REFUSAL: Final = re.compile(
    r"\b(?:i(?:'m| am) (?:sorry|afraid|unable|not able|not allowed|not going to)|i (?:can't|cannot|can not|won't"
    r"|will not|must decline|have to decline|decline|do not feel comfortable|don't feel comfortable)"
    r"|(?:against|violates?) (?:my|our|the) (?:guidelines|policy|policies|usage)|unable to (?:help|assist|comply))",
    re.IGNORECASE,
)
REFUSAL_REACH: Final = 300
"""A refusal says so at its beginning; a phrase later on is part of an answer."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """``text`` is undressed; ``raw`` is as it was, for answers in which stars and braces count. ``labelled``: it stood
    where an answer was asked for, not merely at the end."""

    text: str
    raw: str
    labelled: bool


def final_answer(reply: str) -> Said | None:
    """What the reply gives as its answer; None where it is empty."""
    text = THOUGHT.sub("", reply).translate(SIGNS).strip()
    if not text:
        return None
    labels = [found for found in LABEL.finditer(text) if _after(text, found)]
    if labels:
        return _said(_after(text, labels[-1]), labelled=True)
    if boxed := BOXED.findall(text):
        return _said(boxed[-1], labelled=True)
    if said := SAID.findall(text):
        return _said(said[-1], labelled=True)
    lines = [found for found in FENCE.sub("", text).split("\n") if found.strip()]
    return _said(lines[-1], labelled=False) if lines else None


def is_refusal(reply: str) -> bool:
    """Whether the reply begins by declining."""
    return REFUSAL.search(THOUGHT.sub("", reply).translate(SIGNS).strip()[:REFUSAL_REACH]) is not None


def undressed(text: str) -> str:
    """Without markdown, LaTeX, quotes and the full stop."""
    bare = BOXED.sub(r"\1", text)
    bare = FRACTION.sub(r"\1/\2", COMMAND.sub(r" \1 ", bare))
    bare = re.sub(r"\\[\[\]()]|\\left|\\right|\$|\*\*|__|`|\\displaystyle", "", bare)
    bare = bare.replace("{,}", ",").replace("\\,", "").replace("\\!", "").replace("\\%", "%").replace("\\ ", " ")
    bare = bare.strip().strip("*_").strip()
    return bare.rstrip(".").strip().strip("\"'").strip() if bare not in (".", "") else bare


def _after(text: str, label: re.Match[str]) -> str:
    """The rest of the label's line; where that is bare, the first paragraph or fenced block below it."""
    rest = label.group(1).strip()
    if re.sub(r"[*_`~\s]|\\\[|\$\$", "", rest):
        return rest
    below = FENCE.sub("", text[label.end() :]).strip()
    return re.split(r"\n\s*\n", below, maxsplit=1)[0].strip()


def _said(raw: str, *, labelled: bool) -> Said:
    return Said(text=undressed(raw), raw=raw, labelled=labelled)
