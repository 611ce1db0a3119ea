"""What calls cost, and the purse that never gives out more than there is."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from collect_samples import PRICE, USED, Says, route, worded
from hypothesis import given
from hypothesis import strategies as st

from overt.audit.collect.cost import cost_of, most_cost
from overt.audit.collect.progress import Progress
from overt.audit.collect.purse import Purse
from overt.audit.plan import Api, Price, Role
from overt.audit.record import Record

MICRO = Decimal(1) / 1_000_000


def record(body: str, *, api: Api = Api.CHAT, status: int = 200, fault: str | None = None) -> Record:
    return Record(
        number=0,
        previous="",
        at="2026-11-23T00:00:00.000Z",
        route="cloud",
        role=Role.ENDPOINT,
        api=api,
        pid="p",
        rep=0,
        model="big-1",
        request="ö" * 50,
        status=status,
        headers=(),
        body=body,
        first_byte_ms=None,
        total_ms=1,
        fault=fault,
    )


def message(usage: dict[str, Any], **members: Any) -> str:
    return json.dumps({"content": [{"type": "text", "text": "x"}], "stop_reason": "end_turn", "usage": usage} | members)


OURS = route("https://a.example", price=PRICE, parameters={"max_tokens": 40})
MOST = (100 + 400) * MICRO


@pytest.mark.parametrize("api", list(Api))
def test_a_call_costs_the_tokens_that_the_response_counts(api: Api) -> None:
    of = route("https://a.example", api=api, price=PRICE)
    given, written = USED
    cost = cost_of(record(json.dumps(worded(api, Says())), api=api), of)
    assert cost == (given * PRICE.input + written * PRICE.output) / 1_000_000


@pytest.mark.parametrize(
    ("what", "cost"),
    [
        (record("{}", status=500), Decimal(0)),
        (record("{}", status=429), Decimal(0)),
        (record("", status=0, fault="no connection: refused"), Decimal(0)),
        (record("", status=0, fault="timeout: no whole answer"), MOST),
        (record("", status=0, fault="cut: broke off"), MOST),
        (record("", fault="too large: over"), MOST),
        (record("<html>"), MOST),
        (record('{"choices": [{"message": {"content": "x"}}]}'), MOST),
    ],
    ids=["500", "429", "no connection", "timeout", "cut", "too large", "not JSON", "no usage"],
)
def test_what_is_not_known_is_taken_at_its_most(what: Record, cost: Decimal) -> None:
    assert most_cost(OURS, what.request) == MOST
    assert cost_of(what, OURS) == cost


def test_a_refusal_costs_what_the_price_says() -> None:
    refused = record(json.dumps(worded(Api.CHAT, Says(refuses=True))))
    free = Price(input=PRICE.input, output=PRICE.output, refusals_billed=False)
    assert cost_of(refused, OURS) > 0
    assert cost_of(refused, route("https://a.example", price=free)) == 0


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"input_tokens": 10, "output_tokens": 5}, (10, 5)),
        ({"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 5}, (100, 5)),
        (
            {
                "input_tokens": 10,
                "output_tokens": 5,
                "iterations": [
                    {"type": "message", "model": "a", "input_tokens": 12, "output_tokens": 0},
                    {"type": "fallback_message", "model": "b", "input_tokens": 10, "output_tokens": 5},
                ],
            },
            (10, 5),
        ),
        (
            {
                "input_tokens": 10,
                "output_tokens": 5,
                "iterations": [
                    {"type": "message", "model": "a", "input_tokens": 12, "output_tokens": 7},
                    {"type": "fallback_message", "model": "b", "input_tokens": 10, "output_tokens": 5},
                ],
            },
            (22, 12),
        ),
        ({"input_tokens": 10, "output_tokens": 5, "iterations": None}, (10, 5)),
    ],
    ids=["plain", "cache", "declined before output", "declined midway", "no attempts"],
)
def test_every_attempt_of_a_fallback_is_charged(usage: dict[str, Any], tokens: tuple[int, int]) -> None:
    of = route("https://a.example", api=Api.ANTHROPIC, price=PRICE)
    assert cost_of(record(message(usage), api=Api.ANTHROPIC), of) == (tokens[0] + 10 * tokens[1]) * MICRO


def test_a_route_without_a_price_is_free() -> None:
    free = route("https://a.example")
    assert most_cost(free, "x" * 10_000) == 0
    assert cost_of(record("", status=0, fault="cut: broke off"), free) == 0


@given(
    costs=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=40),
    limit=st.integers(0, 400),
    at_once=st.integers(1, 5),
)
def test_a_purse_never_exceeds_its_limit_where_calls_keep_to_their_most(
    costs: list[tuple[int, int]], limit: int, at_once: int
) -> None:
    async def go() -> None:
        purse = Purse(limit=Decimal(limit), spent=Decimal(0))
        turns = asyncio.Semaphore(at_once)

        async def call(most: int, cost: int) -> None:
            async with turns:
                if not await purse.take(Decimal(most)):
                    assert purse.spent + most > limit
                    return
                assert purse.spent + purse.aside <= limit
                await asyncio.sleep(0)
                purse.book("r", aside=Decimal(most), most=Decimal(most), cost=Decimal(cost))

        async with asyncio.timeout(5):
            await asyncio.gather(*(call(max(pair), min(pair)) for pair in costs))
        assert purse.aside == 0
        assert purse.spent <= limit

    asyncio.run(go())


def test_a_route_that_charged_twice_the_most_is_set_aside_twice_as_much() -> None:
    purse = Purse(limit=Decimal(10), spent=Decimal(0))
    assert purse.margin("r") == 1
    purse.book("r", aside=Decimal(0), most=Decimal(1), cost=Decimal(2))
    purse.book("r", aside=Decimal(0), most=Decimal(1), cost=Decimal("0.1"))
    assert purse.margin("r") == 2
    assert purse.margin("other") == 1


@pytest.mark.parametrize(
    ("done", "before", "seconds", "line"),
    [
        (0, 0, 0.0, "[                    ] 0 of 200 (0%)  2 under way  0.5000 of 5 USD  0.0/s"),
        (50, 30, 10.0, "[#####               ] 50 of 200 (25%)  2 under way  0.5000 of 5 USD  2.0/s  1:15 left"),
        (200, 0, 10.0, "[####################] 200 of 200 (100%)  2 under way  0.5000 of 5 USD  20.0/s  0:00 left"),
    ],
    ids=["begun", "under way", "done"],
)
def test_progress_is_one_line(done: int, before: int, seconds: float, line: str) -> None:
    progress = Progress(
        done=done,
        planned=200,
        before=before,
        under_way=2,
        spent=Decimal("0.5"),
        budget=Decimal(5),
        currency="USD",
        seconds=seconds,
    )
    assert progress.line == line
