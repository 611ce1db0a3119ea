"""What a plan's calls will cost, route by route, before any is made: what is expected, and the most that it can be.

* Calls: prompts x samples. A route without a price costs nothing.
* Expected input: a token for every 4 characters of the prompt, rounded up, and 10 for what a message adds. English text
  has 4 to 5 characters a token in the tokenizers in use, so this errs upwards for it; other scripts may need up to a
  token a byte, which is what the worst case takes.
* Expected output: the mean length of recorded answers where there are any, else `ASSUMED_ANSWER` tokens (answers to 805
  general prompts had 1,400 characters on the mean of eleven systems); never more than the route allows.
* Worst case: a token for each byte of the request, and every answer as long as the route allows. The same figure is
  set aside before a call is made, so the collection can hold any budget.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, final

from overt.audit.collect.cost import MILLION, most_cost
from overt.audit.collect.request import body_of, most_tokens
from overt.audit.plan import Plan, Route
from overt.audit.rows import Answer

CHARACTERS_A_TOKEN: Final = 4
MESSAGE_TOKENS: Final = 10
ASSUMED_ANSWER: Final = 350


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """The calls of one route. Tokens are expected ones, of all calls together."""

    route: str
    calls: int
    input_tokens: int
    output_tokens: int
    expected: Decimal
    worst: Decimal


def spends_of(plan: Plan, recorded: Iterable[Answer] = ()) -> tuple[Spend, ...]:
    """What each route of a plan will cost; ``recorded`` answers tell how long answers are."""
    answer = answer_tokens(recorded)
    return tuple(_spend(plan, route, answer) for route in plan.routes)


def expected_of(spends: Iterable[Spend]) -> Decimal:
    """The expected cost of all routes."""
    return sum((spend.expected for spend in spends), Decimal(0))


def worst_of(spends: Iterable[Spend]) -> Decimal:
    """The most that all routes can cost."""
    return sum((spend.worst for spend in spends), Decimal(0))


def prompt_tokens(text: str) -> int:
    """The expected tokens of a prompt."""
    return math.ceil(len(text) / CHARACTERS_A_TOKEN) + MESSAGE_TOKENS


def answer_tokens(recorded: Iterable[Answer]) -> int:
    """The expected tokens of an answer."""
    lengths = [len(answer.text) for answer in recorded]
    if not lengths:
        return ASSUMED_ANSWER
    return math.ceil(sum(lengths) / len(lengths) / CHARACTERS_A_TOKEN)


def _spend(plan: Plan, route: Route, answer: int) -> Spend:
    calls = len(plan.prompts) * plan.samples
    given = sum(prompt_tokens(prompt.text) for prompt in plan.prompts) * plan.samples
    written = min(answer, most_tokens(route)) * calls
    worst = sum((most_cost(route, body_of(route, prompt)) for prompt in plan.prompts), Decimal(0)) * plan.samples
    price = route.price
    expected = Decimal(0) if price is None else (price.input * given + price.output * written) / MILLION
    return Spend(
        route=route.name,
        calls=calls,
        input_tokens=given,
        output_tokens=written,
        expected=min(expected, worst),
        worst=worst,
    )
