"""What calls cost: the most that one may cost before it is made, and what it did cost by its record.

Money is a `Decimal` in the plan's currency. Where a record leaves open what was charged (a timeout, a connection that
broke, an answer without counts of tokens) the most is taken: a budget is never exceeded by optimism.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final

from overt.audit.answers import Answered, answer_of
from overt.audit.collect.fault import Fault
from overt.audit.collect.request import most_tokens
from overt.audit.plan import Api, Price, Route
from overt.audit.record import Record

MILLION: Final = 1_000_000
FREE: Final = Decimal(0)


def most_cost(route: Route, request: str) -> Decimal:
    """The most that a request may cost: a token for each of its bytes, and as many of the answer as it allows.

    A provider that charges for more, a hidden system prompt for example, shows in the records: see `Purse`.
    """
    if route.price is None:
        return FREE
    return _cost(route.price, len(request.encode()), most_tokens(route))


def cost_of(record: Record, route: Route) -> Decimal:
    """What a call cost, by the tokens that its response counts. Tokens of a cache are charged as any others."""
    if route.price is None or (record.fault or "").startswith(Fault.NO_CONNECTION):
        return FREE
    if record.status >= 300:
        return FREE
    answered = answer_of(record)
    if answered.refused and not route.price.refusals_billed:
        return FREE
    tokens = _tokens(record, answered)
    return most_cost(route, record.request) if tokens is None else _cost(route.price, *tokens)


def _cost(price: Price, given: int, written: int) -> Decimal:
    return (price.input * given + price.output * written) / MILLION


def _tokens(record: Record, answered: Answered) -> tuple[int, int] | None:
    if answered.input_tokens is None or answered.output_tokens is None:
        return None
    if record.api is not Api.ANTHROPIC:
        return answered.input_tokens, answered.output_tokens
    given, written = answered.input_tokens + (answered.cached or 0), answered.output_tokens
    attempts = [_attempt(each) for each in _iterations(record.body)]
    # The counts at the top are of the last attempt alone; one that declined before its first word is not charged.
    charged = [each for each in attempts if each[1] > 0]
    return max(given, sum(each[0] for each in charged)), max(written, sum(each[1] for each in charged))


def _attempt(found: dict[str, Any]) -> tuple[int, int]:
    counts = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return sum(_count(found.get(name)) for name in counts), _count(found.get("output_tokens"))


def _count(found: object) -> int:
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else 0


def _iterations(body: str) -> list[dict[str, Any]]:
    """``usage.iterations`` of a message: `answer_of` has read the body already, so it is an object."""
    usage = json.loads(body).get("usage")
    found = usage.get("iterations") if isinstance(usage, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
