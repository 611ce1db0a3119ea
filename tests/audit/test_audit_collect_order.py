"""In which order a plan's calls are made."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from collect_samples import plan_of, route
from hypothesis import given
from hypothesis import strategies as st

from overt.audit.collect.order import Unit, units_of
from overt.audit.plan import Plan
from overt.audit.rows import Prompt

A, B, C = (route("https://a.example", name) for name in "abc")


def shown(units: tuple[Unit, ...]) -> list[str]:
    return [f"{unit.prompt.pid}/{unit.rep}:{''.join(unit.routes)}" for unit in units]


def of_topics(counts: dict[str, int]) -> tuple[Prompt, ...]:
    return tuple(
        Prompt(pid=f"{topic}{n}", topic=topic, text="?") for topic, count in counts.items() for n in range(count)
    )


@given(asked=st.integers(1, 30), samples=st.integers(1, 4), seed=st.integers(0, 2**53 - 1))
def test_every_call_is_made_exactly_once_and_one_seed_gives_one_order(asked: int, samples: int, seed: int) -> None:
    plan = replace(plan_of(A, B, C, asked=asked, samples=samples), seed=seed)
    units = units_of(plan)
    calls = Counter((unit.prompt.pid, unit.rep, name) for unit in units for name in unit.routes)
    assert set(calls.values()) == {1}
    assert len(calls) == asked * samples * 3
    assert units == units_of(replace(plan, made_at="2027-01-01T00:00:00.000Z"))


def test_the_order_of_a_seed_is_the_same_on_every_machine_and_in_every_version() -> None:
    assert shown(units_of(plan_of(A, B, asked=4, samples=2))) == KNOWN


def test_another_seed_gives_another_order() -> None:
    plan = plan_of(A, B, asked=20)
    assert shown(units_of(plan)) != shown(units_of(replace(plan, seed=8)))


def test_every_prompt_is_asked_once_before_any_is_asked_again() -> None:
    assert [unit.rep for unit in units_of(plan_of(A, asked=9, samples=3))] == [0] * 9 + [1] * 9 + [2] * 9


def test_a_prompt_and_its_control_are_neighbours_and_either_may_be_first() -> None:
    units = units_of(plan_of(A, asked=40))
    pairs = [units[at : at + 2] for at in range(0, 40, 2)]
    assert all(one.prompt.pair == two.prompt.pair for one, two in pairs)
    assert {one.prompt.topic for one, _ in pairs} == {"chem", "cooking"}


@pytest.mark.parametrize(
    "counts", [{"chem": 10, "maths": 10}, {"chem": 5, "maths": 40, "law": 15}], ids=["even", "odd"]
)
def test_topics_are_spread_evenly_over_a_round(counts: dict[str, int]) -> None:
    plan: Plan = replace(plan_of(A), prompts=of_topics(counts))
    topics = [unit.prompt.topic for unit in units_of(plan)]
    for topic, count in counts.items():
        for at in range(len(topics) + 1):
            assert abs(topics[:at].count(topic) - count * at / len(topics)) <= len(counts)


def test_no_route_is_always_the_first() -> None:
    first = Counter(unit.routes[0] for unit in units_of(plan_of(A, B, C, asked=300)))
    assert all(70 <= first[name] <= 130 for name in "abc")


KNOWN = ["p3/0:ba", "p2/0:ab", "p0/0:ab", "p1/0:ab", "p3/1:ba", "p2/1:ab", "p1/1:ab", "p0/1:ba"]
