"""Monitors by day: quiet through days that differ by themselves, quick on a change, unmoved by one odd day."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from overt.audit.stats.days import (
    BLOCK,
    FIRST_DAYS,
    change_of_letters,
    change_of_texts,
    change_of_voice,
    conformal_days,
    day_p_values,
    pooled,
    settled,
    student_tail,
    watch_blocks,
    watch_days,
    watch_texts_by_day,
)
from overt.audit.stats.many import mean_process
from overt.errors import BadRequest

Floats = NDArray[np.float64]


def frequencies(seed: int, rho: float, shift: float, days: int = 60, at: int = 30) -> tuple[Floats, Floats]:
    """Beta-binomial frequencies (days, 20) of 10 calls, and those of a reference of 100 calls."""
    rng = np.random.default_rng([seed, int(1000 * rho), int(1000 * shift)])
    rates = rng.uniform(0.3, 0.7, 20)
    moved = np.clip(rates + np.where(np.arange(days)[:, None] >= at, shift * rng.choice([-1, 1], 20), 0.0), 0.02, 0.98)
    if rho > 0:
        moved = rng.beta(moved * (1 - rho) / rho, (1 - moved) * (1 - rho) / rho)
    return rng.binomial(10, moved) / 10, rng.binomial(100, rates) / 100


def alarm(seed: int, rho: float, shift: float) -> int | None:
    seen, reference = frequencies(seed, rho, shift)
    blocks = seen.reshape(-1, BLOCK, 20).mean(1)
    quick = watch_days(np.abs(seen - reference).mean(1))
    return mean_process([quick, watch_blocks(np.abs(blocks - reference).mean(1), BLOCK, 60)]).alarm_at(0.05)


@pytest.mark.parametrize("rho", [0.0, 0.02, 0.1])
def test_days_that_differ_by_themselves_raise_no_alarm(rho: float) -> None:
    assert sum(alarm(seed, rho, 0.0) is not None for seed in range(80)) <= 4


@pytest.mark.parametrize("rho", [0.0, 0.02, 0.1])
def test_a_strong_change_is_seen_within_four_days(rho: float) -> None:
    alarms = [alarm(seed, rho, 0.3) for seed in range(40)]
    delays = [math.inf if each is None else each - 30 + 1 for each in alarms]
    assert min(delays) > 0
    assert float(np.median(delays)) <= 4


def test_one_odd_day_among_ordinary_ones_raises_no_alarm_and_a_second_one_does() -> None:
    rng = np.random.default_rng(1)
    for odd in range(FIRST_DAYS, 40):
        distances = 0.2 + 0.02 * rng.standard_normal(42)
        distances[odd] = 1.0
        assert watch_days(distances).alarm_at(0.05) is None, odd
    distances = 0.2 + 0.02 * rng.standard_normal(42)
    distances[30:33] = 0.6
    assert watch_days(distances).alarm_at(0.05) in (31, 32)


def test_the_p_values_of_normal_days_are_uniform_and_independent() -> None:
    rng = np.random.default_rng(2)
    found = np.array([day_p_values(0.3 + 0.2 * rng.standard_normal(15), 1e-6)[FIRST_DAYS:] for _ in range(1500)])
    for level in (0.01, 0.05, 0.2):
        assert np.mean(found <= level) <= level * 1.12
    assert 0.045 < np.mean(found[:, :3] <= 0.05) < 0.055 + 0.005
    assert abs(np.corrcoef(found[:, 0], found[:, 1])[0, 1]) < 0.08


def test_the_e_value_of_normal_days_has_a_mean_of_at_most_one() -> None:
    rng = np.random.default_rng(3)
    final = [watch_days(0.3 + 0.2 * rng.standard_normal(25), 1e-6).e_now for _ in range(600)]
    assert np.mean(final) < 1.1


def test_days_that_were_all_alike_prove_no_certainty() -> None:
    distances = np.full(20, 0.1)
    distances[-1] = 0.104
    assert day_p_values(distances)[-1] > 0.3


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 8, 30])
def test_the_tail_is_students(freedom: int) -> None:
    for t in (-40.0, -2.0, 0.0, 0.3, 1.7, 6.0, 25.0):
        assert student_tail(t, freedom) == pytest.approx(float(stats.t.sf(t, freedom)), abs=1e-12)


def test_the_conformal_monitor_is_quiet_on_exchangeable_days_of_any_law() -> None:
    rng = np.random.default_rng(4)
    ever = [conformal_days(rng.standard_cauchy(60), rng).e_max >= 20 for _ in range(300)]
    assert sum(ever) <= 15


def test_the_conformal_monitor_sees_a_change_later() -> None:
    rng = np.random.default_rng(5)
    distances = np.where(np.arange(60) < 30, 0.2, 0.5) + 0.02 * rng.standard_normal(60)
    slow, quick = conformal_days(distances, rng).alarm_at(0.05), watch_days(distances).alarm_at(0.05)
    assert slow is not None
    assert quick is not None
    assert 30 <= quick < slow


def test_blocks_move_the_wealth_on_their_last_day_only() -> None:
    path = watch_blocks(np.array([0.2, 0.21, 0.19, 0.2, 0.22, 0.2, 0.5, 0.5]), 3, 25).log_wealth
    moved = np.nonzero(np.abs(np.diff(path)) > 1e-12)[0] + 1
    assert set(moved) == {20, 23}


def texts(rng: np.random.Generator, marked: bool) -> dict[str, tuple[str, ...]]:
    """A day of 8 prompts with one answer each."""
    said = " ".join(str(rng.choice(["sun", "sea", "salt", "stone", "wind", "moss"])) for _ in range(12))
    form = "- **{}**!\n- it's {}" if marked else "The answer to {} is {}."
    return {str(prompt): (form.format(prompt, said[prompt : prompt + 40]),) for prompt in range(8)}


def test_a_change_of_writing_is_seen_with_one_answer_per_prompt_and_day() -> None:
    rng = np.random.default_rng(6)
    reference = texts(rng, False)
    days = [texts(rng, number >= 20) for number in range(30)]
    found = watch_texts_by_day(reference, days).alarm_at(0.05)
    assert found is not None
    assert 20 <= found <= 24
    assert watch_texts_by_day(reference, [texts(rng, False) for _ in range(30)]).alarm_at(0.05) is None


def test_distances_of_a_day_from_itself_are_nought_and_grow_with_the_change() -> None:
    same, other = {"a": ("yes", "no")}, {"a": ("Never!", "Never!")}
    for measure in (change_of_texts, change_of_letters, change_of_voice):
        assert measure(same, same) == pytest.approx(0.0)
        assert measure(same, other) > 0.1
    assert change_of_texts(same, other) == pytest.approx(1.0)
    assert change_of_texts(same, {"a": ("yes", "yes")}) == pytest.approx(0.5)


def test_settled_days_hold_the_prompts_and_numbers_of_answers_of_the_first_days() -> None:
    reference = {"a": ("1",), "b": ("2",), "c": ("3",)}
    first = [{"a": ("x", "y", "z"), "b": ("u",)}] + [{"a": ("v", "w"), "b": ("t", "s"), "c": ("r",)}] * 5
    found = settled(reference, [*first, {"a": ("1", "2", "3"), "b": ("4",)}, {"a": ("1",), "b": ("4",)}])
    assert found.reference == {"a": ("1",), "b": ("2",)}
    assert found.kept == (0, 1, 2, 3, 4, 5, 6)
    assert found.days[0] == {"a": ("x", "y"), "b": ("u",)}
    assert found.days[6] == {"a": ("1", "2"), "b": ("4",)}
    assert pooled(found.days[:2])["a"] == ("x", "y", "v", "w")


def test_later_days_change_nothing_about_earlier_ones() -> None:
    rng = np.random.default_rng(8)
    reference, days = texts(rng, False), [texts(rng, False) for _ in range(16)]
    whole = settled(reference, [*days, {"0": ("only one",)}, texts(rng, True)])
    assert whole.kept == (*range(16), 17)
    path = watch_texts_by_day(whole.reference, whole.days).log_wealth
    assert watch_texts_by_day(reference, days).log_wealth == pytest.approx(path[:16])


def test_days_without_a_common_prompt_are_refused() -> None:
    with pytest.raises(BadRequest, match="no prompt has a reference"):
        settled({"a": ("1",)}, [{"a": ("x",)}, {"b": ("y",)}])


def test_a_day_without_a_prompt_of_the_reference_is_refused_by_distances() -> None:
    with pytest.raises(BadRequest, match=r"settled\(\)"):
        change_of_texts({"a": ("1",), "b": ("2",)}, {"a": ("x",)})
