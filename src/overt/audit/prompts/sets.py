"""The sets by name. ``load`` gives their prompts, ``items`` their prompts with references, ``references_of`` the
references of any pids, ``graded`` scores answers by their pids.

A pid names set, seed, wording, form, copy and side, so that it stands for one text for good and its reference can be
worked out again from it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, final

from overt.audit.prompts.checkers import grade
from overt.audit.prompts.concepts import concept_items
from overt.audit.prompts.form import Form, Item, Made, items_of
from overt.audit.prompts.general_numbers import GENERAL_NUMBERS
from overt.audit.prompts.general_words import GENERAL_WORDS
from overt.audit.prompts.intros import INTROS
from overt.audit.prompts.ladder import LADDER
from overt.audit.prompts.pairs_bio import BIO
from overt.audit.prompts.pairs_chem import CHEM
from overt.audit.prompts.pairs_code import CODE
from overt.audit.prompts.pairs_cyber import CYBER
from overt.audit.prompts.pairs_measuring import MEASURING
from overt.audit.prompts.pairs_serving import SERVING
from overt.audit.prompts.pairs_training import TRAINING
from overt.audit.prompts.reference import Reference
from overt.audit.prompts.wording import SHAPES
from overt.audit.rows import Answer, Prompt
from overt.errors import BadRequest


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """``parts``: forms and how many copies of each; ``labels`` and ``topics`` of the sides; ``concepts``: the file."""

    parts: tuple[tuple[Sequence[Form], int], ...]
    labels: tuple[str, ...]
    topics: tuple[str, ...]
    concepts: str | None = None


def _pairs(topic: str, *parts: tuple[Sequence[Form], int]) -> Recipe:
    return Recipe(parts=parts, labels=("target", "control"), topics=(topic, f"control_{topic}"), concepts=topic)


RECIPES: Final[Mapping[str, Recipe]] = {
    "frontier_llm": _pairs("frontier_llm", (TRAINING, 4), (MEASURING, 4), (SERVING, 4), (CODE, 2)),
    "cyber": _pairs("cyber", (CYBER, 3)),
    "bio": _pairs("bio", (BIO, 3)),
    "chem": _pairs("chem", (CHEM, 3)),
    "general": Recipe(parts=((GENERAL_NUMBERS, 5), (GENERAL_WORDS, 5)), labels=("one",), topics=("general",)),
    "ladder_frontier_llm": Recipe(
        parts=((LADDER, 4),), labels=("cue", "no_cue"), topics=("cue_frontier_llm", "no_cue_frontier_llm")
    ),
}


def names() -> tuple[str, ...]:
    """The sets there are."""
    return tuple(RECIPES)


def load(name: str, *, seed: int = 0, wording: int = 0, times: int = 1) -> tuple[Prompt, ...]:
    """The prompts of a set; see `items`."""
    return tuple(item.prompt for item in items(name, seed=seed, wording=wording, times=times))


def items(name: str, *, seed: int = 0, wording: int = 0, times: int = 1) -> tuple[Item, ...]:
    """The set of that name, the members of a pair after each other. The same arguments give the same bytes everywhere.

    Another ``seed`` draws other numbers into the same forms; ``wording`` (0 to 7) says the same in other words;
    ``times`` draws that many times as many copies of every form with numbers (questions with options are asked once).
    """
    if name not in RECIPES:
        raise BadRequest(f"there is no prompt set {name!r}: choose one of {', '.join(RECIPES)}")
    if not 0 <= wording < SHAPES:
        raise BadRequest(f"wording must be from 0 to {SHAPES - 1}, found {wording!r}")
    if times < 1 or seed < 0:
        raise BadRequest(f"times must be 1 or more and seed 0 or more, found {times!r} and {seed!r}")
    recipe = RECIPES[name]
    made = Made(
        name=name, seed=seed, wording=wording, labels=recipe.labels, topics=recipe.topics, intros=INTROS.get(name, ())
    )
    drawn = tuple(
        item for forms, copies in recipe.parts for form in forms for item in items_of(form, made, copies * times)
    )
    return drawn if recipe.concepts is None else drawn + concept_items(made, recipe.concepts)


def references_of(pids: Iterable[str]) -> dict[str, Reference]:
    """The reference of every pid that is one of ours; others are left out."""
    wanted: dict[tuple[str, int, int], list[tuple[str, int]]] = {}
    for pid in pids:
        if (parts := _parts(pid)) is not None:
            name, seed, wording, copy = parts
            wanted.setdefault((name, seed, wording), []).append((pid, copy))
    found: dict[str, Reference] = {}
    for (name, seed, wording), members in wanted.items():
        times = _times(RECIPES[name], max(copy for _, copy in members))
        known = {item.prompt.pid: item.reference for item in items(name, seed=seed, wording=wording, times=times)}
        found |= {pid: known[pid] for pid, _ in members if pid in known}
    return found


def graded(answers: Iterable[Answer]) -> tuple[Answer, ...]:
    """The answers with scores for pids of ours; what is not ours, or is already scored, stays as it is."""
    rows = tuple(answers)
    references = references_of({answer.pid for answer in rows})
    return tuple(_scored(answer, references) for answer in rows)


def _scored(answer: Answer, references: Mapping[str, Reference]) -> Answer:
    if answer.score is not None or answer.pid not in references:
        return answer
    return replace(answer, score=grade(references[answer.pid], answer.text).score)


def _parts(pid: str) -> tuple[str, int, int, int] | None:
    """Set, seed, wording and copy; None where the pid is not of our making."""
    match pid.split(":"):
        case [name, seed, wording, number, _] if name in RECIPES and seed.isdecimal() and wording.isdecimal():
            copy = number.partition("-")[2] or "0"
            known = int(wording) < SHAPES and copy.isdecimal() and len(seed) < 20 and len(copy) < 6
            return (name, int(seed), int(wording), int(copy)) if known else None
        case _:
            return None


def _times(recipe: Recipe, copy: int) -> int:
    """How many times the set must be drawn for that copy to be there."""
    fewest = min(copies for _, copies in recipe.parts)
    return copy // fewest + 1
