"""Grading without a judge: does the answer in a reply mean the same as the reference?

The reader is lenient about dress (markdown, LaTeX, units, thousands separators, a sentence around it) and strict about
what is said. The score is None only where nothing came at all; a reply without an answer in it is wrong, because a
server that rambles has got worse. A refusal scores 0 and is flagged, so that it can be counted apart.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Final, assert_never, final

from overt.audit.prompts.final_answer import Said, final_answer, is_refusal, undressed
from overt.audit.prompts.reference import LETTERS, Choice, Fields, Line, Number, Reference, Row, Word

NUMBER: Final = re.compile(
    r"(?<![\w.])([-+]?(?:\d{1,3}(?:[, ]\d{3})+(?!\d)|\d+)?(?:\.\d+)?)"
    r"(?:\s*(?:[eE]([-+]?\d+)|(?:×|x|\*|\\times|\\cdot)\s*10\s*\^?\s*\{?([-+]?\d+)\}?))?"
    r"(?:\s*/\s*(\d+(?:\.\d+)?))?"
    r"\s*(%|\\%|percent\b|thousand\b|million\b|billion\b|trillion\b)?",
    re.IGNORECASE,
)
SCALES: Final = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
LETTER: Final = re.compile(
    r"^(?:option|choice|letter)?\s*[(\[]?([A-D])(?:\s*[)\].:,;]|\s*$|\s+-\s|\s+\(|\s*=|\s+because\b)", re.I
)
SECOND_LETTER: Final = re.compile(r"^\W*[A-D]\W*(?:,|/|\band\b|\bor\b|&)\s*\W*[A-D]\b(?!\w)")
ARTICLE: Final = re.compile(r"^(?:the|an?|it is|it's)\s+", re.IGNORECASE)
CLOSE: Final = 1e-9
OBJECT_REACH: Final = 10_000
"""How far from the end of a reply its JSON object may begin: what opens thousands of braces must not hold us up."""
ROUNDING: Final = 1e-6
"""What binary arithmetic may add: one unit of the last place off is still within the tolerance."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """``score`` is 1 (right), 0 (wrong) or None (nothing came). ``found`` is the answer as it was read, None where the
    reply holds none. ``refused``: it declines instead of answering; then the score is 0."""

    score: float | None
    found: str | None
    refused: bool


def grade(reference: Reference, reply: str) -> Grade:
    """The grade of one reply."""
    said = final_answer(reply)
    if said is None:
        return Grade(score=None, found=None, refused=False)
    if is_refusal(said.text) or (not said.labelled and is_refusal(reply)):
        return Grade(score=0.0, found=None, refused=True)
    right = is_right(reference, said, reply)
    return Grade(score=float(right), found=said.text[:200] or None, refused=False)


def is_right(reference: Reference, said: Said, reply: str) -> bool:
    """Whether what was said means the reference. Only JSON is looked for in the whole reply."""
    match reference:
        case Number():
            return any(_near(value, reference) for value in _numbers(said))
        case Word(accepted=accepted):
            return any(_is_word(said.text, known) for known in accepted)
        case Choice():
            return _letter(said.text, reference) == reference.letter
        case Line(text=text):
            return _line(text) in {_line(said.text), _line(said.raw)}
        case Row(members=members):
            return _is_row(said.text, members)
        case Fields(members=members):
            return _has_fields(_last_object(said.raw) or _last_object(reply), members)
        case _:
            assert_never(reference)


def _near(value: float, reference: Number) -> bool:
    return abs(value - reference.value) <= reference.tolerance * (1 + ROUNDING) + ROUNDING


def _numbers(said: Said) -> tuple[float, ...]:
    """The readings of the number that is said: after the last equals sign, else the first; unlabelled, the last."""
    text = re.split(r"=|≈|\\approx", said.text)[-1]
    found = [match for match in NUMBER.finditer(text) if any(sign.isdigit() for sign in match.group(1) or "")]
    if not found:
        return ()
    return _readings(found[0] if said.labelled else found[-1])


def _readings(match: re.Match[str]) -> tuple[float, ...]:
    digits, power, raised, below, tail = match.groups()
    value = float(re.sub(r"[, ]", "", digits) + f"e{power or raised or 0}")
    if below is not None:
        value = value / float(below) if float(below) else math.nan
    tail = (tail or "").lower()
    if tail in SCALES:
        return value, value * SCALES[tail]
    return (value, value / 100) if tail else (value,)


def _is_word(text: str, known: str) -> bool:
    """The known word, alone or before a comma, a bracket or another word that explains it."""
    bare = ARTICLE.sub("", _folded(text))
    wanted = _folded(known)
    return bare == wanted or re.match(re.escape(wanted) + r"(?![\w'-])", bare) is not None


def _letter(text: str, reference: Choice) -> str | None:
    for letter, option in zip(LETTERS, reference.options, strict=True):
        bare, told = _folded(text), _folded(option)
        if bare == told or bare == f"{letter.lower()} {told}":
            return letter
    if SECOND_LETTER.match(text):
        return None
    match = LETTER.match(text)
    return match.group(1).upper() if match else None


def _is_row(text: str, members: tuple[str, ...]) -> bool:
    """Whether the text lists the members; those of one letter may stand without commas, or after a noun ("run A")."""
    bare = text.strip("[](){} ")
    parts = [part for part in re.split(r"[,;\n>→<]|\band\b|\s-\s", bare) if part.strip()]
    if len(parts) == 1:
        parts = bare.split()
    wanted = [_member(member) for member in members]
    if all(len(member) == 1 for member in wanted):
        joined = re.sub(r"[\s-]", "", bare).casefold()
        return joined == "".join(wanted) or [(_member(part).split() or [""])[-1] for part in parts] == wanted
    return [_member(part) for part in parts] == wanted


def _member(text: str) -> str:
    bare = re.sub(r"^\d+[.)]\s+", "", undressed(text.strip())).strip("[](){}\"' ")
    try:
        return f"{float(bare):.9g}"
    except ValueError:
        return _folded(bare)


def _last_object(text: str) -> dict[str, object] | None:
    """The last outermost JSON object in the text."""
    decoder = json.JSONDecoder()
    found: dict[str, object] | None = None
    text = text[-OBJECT_REACH:]
    start = text.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            found = value if isinstance(value, dict) else found
        start = text.find("{", end)
    return found


def _has_fields(found: dict[str, object] | None, members: tuple[tuple[str, str | float], ...]) -> bool:
    return found is not None and all(_same(found.get(name), wanted) for name, wanted in members)


def _same(found: object, wanted: str | float) -> bool:
    if isinstance(found, bool) or found is None:
        return False
    if isinstance(wanted, str):
        return _folded(str(found)) == _folded(wanted)
    try:
        return abs(float(str(found).replace(",", "")) - wanted) <= CLOSE * max(1.0, abs(wanted))
    except ValueError:
        return False


def _line(text: str) -> str:
    return " ".join(undressed(text).split())


def _folded(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .!\"'")
