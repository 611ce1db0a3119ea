"""What responses say about themselves, route by route: who answered, how it ended, how many tokens were counted.

None of this enters the verdict. It is first-hand all the same: a response that names another model says so itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Final, final

from overt.audit.answers import Answered
from overt.audit.collect.cost import cost_of
from overt.audit.plan import Api, Plan, Role, Route
from overt.audit.record import Record
from overt.audit.report.sides import Place, Side, Sides
from overt.audit.scan.names import Relation, relation

UNNAMED: Final = "not named"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A model that responses named, and what that is to the one that was asked for; None where they named none."""

    model: str | None
    relation: str
    answers: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How answers ended, in the protocol's own word, and how many did."""

    stop: str | None
    answers: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFound:
    """One route. ``planned`` and ``answered`` count calls of the plan, ``attempts`` records. Tokens are of answers."""

    route: str
    role: Role
    api: Api
    model: str
    planned: int
    answered: int
    refused: int
    attempts: int
    empty: int
    served: tuple[Served, ...]
    ended: tuple[Ended, ...]
    input_tokens: int | None
    output_tokens: int | None
    cost: Decimal

    @property
    def by_others(self) -> int:
        """Answers whose response names another model than the requested one."""
        return sum(each.answers for each in self.served if each.relation in (Relation.OTHER, Relation.SNAPSHOT))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Input tokens that the endpoint counts for a prompt, less those that the reference counts for the same one.

    ``alike`` counts the prompts with the median difference. A constant that is not 0 is what a hidden prompt, or
    another template, looks like; a difference that grows with the prompt is another tokenizer.
    """

    prompts: int
    middle: float
    least: int
    most: int
    alike: int


def routes_of(plan: Plan, sides: Sides, records: Sequence[Record]) -> tuple[RouteFound, ...]:
    """What is known of each route, in the plan's order."""
    attempts: dict[str, list[Record]] = {route.name: [] for route in plan.routes}
    for record in records:
        attempts[record.route].append(record)
    planned = len(plan.prompts) * plan.samples
    return tuple(_route(route, planned, sides.of(route.name), attempts[route.name]) for route in plan.routes)


def tokens_between(plan: Plan, reference: Side, endpoint: Side) -> Tokens | None:
    """Differences of input tokens over prompts; None where either side counted none, or is a recording."""
    kinds = {route.name: route.api for route in plan.routes}
    if reference.name not in kinds:
        return None
    before, after = (_given(side, kinds[side.name]) for side in (reference, endpoint))
    apart = [after[pid] - before[pid] for pid in sorted(before.keys() & after.keys())]
    if not apart:
        return None
    middle = float(median(apart))
    return Tokens(
        prompts=len(apart), middle=middle, least=min(apart), most=max(apart), alike=sum(1 for n in apart if n == middle)
    )


def _route(route: Route, planned: int, side: Side, attempts: Sequence[Record]) -> RouteFound:
    answered = list(side.answered.values())
    given = [tokens for each in answered if (tokens := _input(each, route.api)) is not None]
    written = [each.output_tokens for each in answered if each.output_tokens is not None]
    return RouteFound(
        route=route.name,
        role=route.role,
        api=route.api,
        model=route.model,
        planned=planned,
        answered=len(answered),
        refused=sum(1 for each in answered if each.refused),
        attempts=len(attempts),
        empty=sum(1 for each in answered if not each.text.strip() and not each.refused),
        served=_served(route.model, answered),
        ended=tuple(Ended(stop=stop, answers=n) for stop, n in _by_number(Counter(each.stop for each in answered))),
        input_tokens=sum(given) if given else None,
        output_tokens=sum(written) if written else None,
        cost=sum((cost_of(record, route) for record in attempts), Decimal(0)),
    )


def _served(requested: str, answered: Sequence[Answered]) -> tuple[Served, ...]:
    return tuple(
        Served(model=model, relation=UNNAMED if model is None else str(relation(requested, model)), answers=number)
        for model, number in _by_number(Counter(each.served for each in answered))
    )


def _by_number(found: Mapping[str | None, int]) -> list[tuple[str | None, int]]:
    return sorted(found.items(), key=lambda each: (-each[1], each[0] or ""))


def _given(side: Side, api: Api) -> dict[str, int]:
    """By prompt, the input tokens of its first repetition that counts them."""
    found: dict[str, int] = {}
    for (pid, _), each in sorted(side.answered.items(), key=_place):
        tokens = _input(each, api)
        if tokens is not None:
            found.setdefault(pid, tokens)
    return found


def _place(item: tuple[Place, Answered]) -> Place:
    return item[0]


def _input(found: Answered, api: Api) -> int | None:
    """All tokens of the request: Anthropic counts those of a cache apart."""
    if found.input_tokens is None or api is not Api.ANTHROPIC:
        return found.input_tokens
    return found.input_tokens + (found.cached or 0)
