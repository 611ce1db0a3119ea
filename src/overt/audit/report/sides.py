"""The answers of each route, graded as the plan says, with the server's own word for what it refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, final

from overt.audit.answers import Answered, answers_of
from overt.audit.plan import Plan, Role
from overt.audit.prompts.sets import graded
from overt.audit.report.material import Material
from overt.audit.rows import Answer

RECORDED: Final = "recorded"
"""What the reference is called where it is a recording."""
Place = tuple[str, int]
"""A prompt and a repetition."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One route's answers by prompt and repetition; ``answered`` and ``records`` (numbers) where they were asked."""

    name: str
    answers: dict[Place, Answer] = field(default_factory=dict)
    answered: dict[Place, Answered] = field(default_factory=dict)
    records: dict[Place, int] = field(default_factory=dict)

    @property
    def rows(self) -> tuple[Answer, ...]:
        """All answers."""
        return tuple(self.answers.values())

    def refused(self, place: Place) -> bool:
        """Whether the server said that it refuses."""
        return place in self.answered and self.answered[place].refused


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The reference, the endpoints in the plan's order, and what was asked, by pid."""

    reference: Side
    endpoints: tuple[Side, ...]
    prompts: Mapping[str, str]

    def of(self, name: str) -> Side:
        """The side of a route."""
        return next(side for side in (*self.endpoints, self.reference) if side.name == name)


def sides_of(material: Material) -> Sides:
    """Who said what, from the records alone."""
    plan, records = material.plan, material.chain.records
    found = answers_of(records)
    failed = {each.number for each in found.missing}
    numbers = {(each.route, each.pid, each.rep): each.number for each in records if each.number not in failed}
    sides = {route.name: Side(name=route.name) for route in plan.routes}
    unrefused = [a for a, each in zip(found.answers, found.answered, strict=True) if not each.refused]
    scored = {(a.model, a.pid, a.rep): a for a in _graded(plan, unrefused)}
    for answer, answered in zip(found.answers, found.answered, strict=True):
        side, place = sides[answer.model], (answer.pid, answer.rep)
        side.answers[place] = scored.get((answer.model, *place), answer)
        side.answered[place] = answered
        side.records[place] = numbers[answer.model, *place]
    references = [sides[route.name] for route in plan.routes if route.role is Role.REFERENCE]
    return Sides(
        reference=references[0] if references else _recorded(material),
        endpoints=tuple(sides[route.name] for route in plan.routes if route.role is Role.ENDPOINT),
        prompts={prompt.pid: prompt.text for prompt in plan.prompts},
    )


def _recorded(material: Material) -> Side:
    """The recording, its repetitions numbered anew in their order: dates may have given two the same number."""
    counts: dict[str, int] = {}
    side = Side(name=RECORDED)
    for answer in _graded(material.plan, material.recorded):
        place = (answer.pid, counts.get(answer.pid, 0))
        counts[answer.pid] = place[1] + 1
        side.answers[place] = answer
    return side


def _graded(plan: Plan, answers: Sequence[Answer]) -> tuple[Answer, ...]:
    if plan.checkers is None:
        return tuple(answers)
    return graded(answers)
