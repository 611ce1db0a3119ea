"""The cost of a plan: by hand for a small one, never above the worst case, nothing where nothing has a price."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from overt.audit.collect.request import body_of
from overt.audit.cost import ASSUMED_ANSWER, answer_tokens, expected_of, prompt_tokens, spends_of, worst_of
from overt.audit.plan import Api, Plan, Price, Question, Role, Route
from overt.audit.rows import Answer, Prompt


def plan_of(*prices: Price | None, texts: tuple[str, ...] = ("a" * 40, "b" * 41), longest: int = 100) -> Plan:
    return Plan(
        question=Question.CHANGE,
        routes=tuple(
            Route(
                name=f"r{number}",
                role=Role.ENDPOINT if number else Role.REFERENCE,
                api=Api.CHAT,
                base_url="http://localhost",
                model="m",
                parameters={"max_tokens": longest},
                price=price,
            )
            for number, price in enumerate(prices)
        ),
        prompts=tuple(Prompt(pid=str(place), topic="t", text=text) for place, text in enumerate(texts)),
        samples=3,
        alpha=0.05,
        seed=1,
        budget=Decimal(1),
        currency="USD",
        made_at="2026-11-23T20:00:00Z",
    )


def test_a_small_plan_costs_what_it_does_by_hand() -> None:
    plan = plan_of(Price(input=Decimal(2), output=Decimal(10)), None)
    first, second = spends_of(plan)
    assert first.calls == 6
    assert first.input_tokens == 3 * (10 + 10 + 11 + 10)
    assert first.output_tokens == 6 * 100
    assert first.expected == (Decimal(2) * 123 + Decimal(10) * 600) / 1_000_000
    size = sum(len(body_of(plan.routes[0], prompt).encode()) for prompt in plan.prompts)
    assert first.worst == (Decimal(2) * size * 3 + Decimal(10) * 600) / 1_000_000
    assert (second.expected, second.worst, second.calls) == (Decimal(0), Decimal(0), 6)
    assert (expected_of((first, second)), worst_of((first, second))) == (first.expected, first.worst)


def test_recorded_answers_say_how_long_answers_are() -> None:
    recorded = [Answer(pid="1", model="m", rep=0, text="x" * length) for length in (100, 300)]
    assert answer_tokens(recorded) == 50
    assert answer_tokens(()) == ASSUMED_ANSWER
    spend = spends_of(plan_of(Price(input=Decimal(0), output=Decimal(10))), recorded)[0]
    assert spend.output_tokens == 6 * 50


@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), min_size=1, max_size=4),
    given=st.integers(0, 100),
    written=st.integers(0, 100),
    longest=st.integers(1, 2000),
)
def test_what_is_expected_is_never_above_the_worst_case(
    texts: list[str], given: int, written: int, longest: int
) -> None:
    price = Price(input=Decimal(given), output=Decimal(written))
    spend = spends_of(plan_of(price, texts=tuple(texts), longest=longest))[0]
    assert 0 <= spend.expected <= spend.worst


def test_a_prompt_has_a_token_for_four_characters_rounded_up() -> None:
    assert [prompt_tokens("x" * length) - prompt_tokens("") for length in (0, 1, 4, 5)] == [0, 1, 1, 2]
