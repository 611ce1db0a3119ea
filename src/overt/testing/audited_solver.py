"""What a right and a wrong answer to a prompt is, so that a simulated model can be given a skill.

A solution comes from a prompt with a known answer. Wrong ones are mistakes that somebody would make and the answers to
other prompts, so that they look like answers; every one is checked to be wrong by the checker that will grade it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, assert_never

from overt.audit.prompts.checkers import grade
from overt.audit.prompts.form import Item
from overt.audit.prompts.reference import LETTERS, Choice, Fields, Line, Number, Reference, Row, Word, written
from overt.audit.rows import Prompt
from overt.errors import BadRequest
from overt.testing.language_models import Solution, Solver

MOST_WRONG: Final = 8


def solver_of_items(items: Iterable[Item]) -> Solver:
    """Solves shipped prompts; `BadRequest` where one has no solution that its own checker tells from a wrong one."""
    return solver_of_references([(item.prompt, item.reference) for item in items])


def solver_of_references(known: Sequence[tuple[Prompt, Reference]]) -> Solver:
    """Solves prompts by the references that grade them."""
    by_kind: dict[type[Reference], list[str]] = {}
    for _, reference in known:
        by_kind.setdefault(type(reference), []).append(written(reference))
    solutions: Mapping[str, Solution] = {
        prompt.text: _solution(prompt, reference, by_kind[type(reference)], place)
        for place, (prompt, reference) in enumerate(known)
    }
    return solutions.get


def solver_of_answers(known: Sequence[tuple[Prompt, str]]) -> Solver:
    """Solves prompts by plain answers: a wrong answer is the right one to another prompt of the topic."""
    by_topic: dict[str, set[str]] = {}
    for prompt, answer in known:
        by_topic.setdefault(prompt.topic, set()).add(answer)
    solutions: Mapping[str, Solution] = {
        prompt.text: _plain(prompt, answer, by_topic[prompt.topic]) for prompt, answer in known
    }
    return solutions.get


def _plain(prompt: Prompt, answer: str, others: Iterable[str]) -> Solution:
    wrong = sorted(other for other in others if other != answer)[:MOST_WRONG]
    if not wrong:
        raise BadRequest(
            f"prompt {prompt.pid!r}: no other prompt about {prompt.topic!r} has another answer than {answer!r}, so a "
            "simulated model has nothing to be wrong with"
        )
    return Solution(right=_said(answer), wrong=tuple(_said(other) for other in wrong))


def _solution(prompt: Prompt, reference: Reference, others: Sequence[str], place: int) -> Solution:
    """Mistakes first, then other answers, from another place in the set for every prompt."""
    start = place % len(others)
    right = _said(written(reference))
    wrong: dict[str, None] = {}
    for candidate in (*_mistakes(reference), *others[start:], *others[:start]):
        if grade(reference, _said(candidate)).score == 0.0:
            wrong[_said(candidate)] = None
        if len(wrong) >= MOST_WRONG:
            break
    if grade(reference, right).score != 1.0 or not wrong:
        raise BadRequest(f"prompt {prompt.pid!r}: its checker does not tell {right!r} from a wrong answer")
    return Solution(right=right, wrong=tuple(wrong))


def _mistakes(reference: Reference) -> list[str]:
    """What somebody would say who is wrong: a number that is off, another letter, the wrong order."""
    match reference:
        case Number(value=value, places=places):
            return [f"{wrong:.{places}f}" for wrong in (value + 1, value * 2, value * 10, value - 1)]
        case Word(accepted=("yes",)):
            return ["no"]
        case Word(accepted=("no",)):
            return ["yes"]
        case Word():
            return []
        case Choice(letter=right):
            return [letter for letter in LETTERS if letter != right]
        case Row(members=members):
            return [", ".join(reversed(members)), ", ".join(members[1:] + members[:1])]
        case Line(text=text):
            return [" ".join(reversed(text.split())), f"{text} 0"]
        case Fields(members=members):
            return ["{}", written(Fields(members=members[:-1]))]
        case _:
            assert_never(reference)


def _said(answer: str) -> str:
    return f"Answer: {answer}"
