"""Border inputs: which prompts are kept, and that days are compared with days."""

from __future__ import annotations

import numpy as np
import pytest

from overt.audit.stats.border import balance, distances, most_balanced, on_the_border, watch_border, watch_first_tokens
from overt.errors import BadRequest
from overt.testing.language_models import Asked, LanguageModel, SimulatedEndpoint, SimulatedModel


def test_prompts_with_two_first_tokens_are_on_the_border() -> None:
    answers = {"one": ("a", "a", "a"), "two": ("a", "b", "a"), "three": ("b", "a", "c"), "none": ()}
    assert on_the_border(answers) == ("two", "three")


@pytest.mark.parametrize(
    ("tokens", "expected"), [("aaaa", 0.0), ("aab", 0.5), ("abab", 1.0), ("aabbc", 1.0)], ids=["one", "2:1", "1:1", "3"]
)
def test_balance_is_the_second_answer_for_one_of_the_first(tokens: str, expected: float) -> None:
    assert balance(tuple(tokens)) == expected


def test_the_most_balanced_are_kept_and_undecided_ones_alone() -> None:
    reference = {"a": tuple("xxxy"), "b": tuple("xxyy"), "c": tuple("xxxx"), "d": tuple("xyxy")}
    assert list(most_balanced(reference, 2)) == ["b", "d"]
    assert list(most_balanced(reference)) == ["b", "d", "a"]
    with pytest.raises(BadRequest, match="no prompt has two answers"):
        most_balanced({"c": tuple("xxxx")})


def test_an_answer_is_needed_for_a_balance() -> None:
    with pytest.raises(BadRequest, match="without an answer"):
        balance(())


def test_a_days_distance_is_the_mean_total_variation() -> None:
    reference = {"a": ("x", "y"), "b": ("x", "x")}
    assert distances(reference, [{"a": ("x", "x"), "b": ("z", "z")}]).tolist() == [0.75]


def counted(seed: int, change: int, rho: float) -> tuple[dict[str, tuple[str, ...]], list[dict[str, tuple[str, ...]]]]:
    """A reference of 100 draws for 20 inputs, and 50 days of 10; overdispersed by ``rho``, moved by .3 at a change."""
    rng = np.random.default_rng([3, seed])
    rates = rng.uniform(0.3, 0.7, 20)
    moved = np.clip(rates + 0.3 * rng.choice([-1, 1], 20), 0.02, 0.98)

    def texts(rate: float, calls: int) -> tuple[str, ...]:
        return tuple("yes" if one else "no" for one in rng.uniform(size=calls) < rate)

    days = []
    for day in range(50):
        mean = moved if day >= change else rates
        today = rng.beta(mean * (1 - rho) / rho, (1 - mean) * (1 - rho) / rho)
        days.append({f"p{place}": texts(rate, 10) for place, rate in enumerate(today)})
    return {f"p{place}": texts(rate, 100) for place, rate in enumerate(rates)}, days


def test_days_that_differ_by_themselves_raise_no_alarm() -> None:
    alarms = [watch_border(*counted(seed, 99, 0.05)).alarm_at(0.05) for seed in range(40)]
    assert sum(alarm is not None for alarm in alarms) <= 2


def test_a_change_is_seen_within_days_though_prompts_are_missing_on_some() -> None:
    for seed in range(6):
        reference, days = counted(seed, 30, 0.02)
        days[40].pop("p3")
        settled, wealth = watch_first_tokens(reference, days)
        alarm = wealth.alarm_at(0.05)
        assert alarm is not None
        assert 30 <= settled.kept[alarm] <= 35


def test_a_simulated_endpoint_has_border_inputs_at_temperature_nought() -> None:
    endpoint = SimulatedEndpoint(serves=SimulatedModel(name="m", words=LanguageModel(seed=1)), seed=1)

    def first(prompt: str, calls: range) -> tuple[str, ...]:
        return tuple(endpoint.answer(Asked(prompt=prompt, call=call, temperature=0.0, most=1)).text for call in calls)

    prompts = [f"w{number}" for number in range(250)]
    border = on_the_border({prompt: first(prompt, range(3)) for prompt in prompts})
    assert 1 <= len(border) <= 40
    kept = most_balanced({prompt: first(prompt, range(3, 33)) for prompt in border}, 3)
    assert all(balance(tokens) > 0 for tokens in kept.values())
