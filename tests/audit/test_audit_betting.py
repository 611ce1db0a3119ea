"""The paired betting e-process for texts: validity first, then speed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.audit.stats.betting import (
    Bettor,
    Wealth,
    bet,
    bet_on_texts,
    kernel_on_pairs,
    one_after_another,
    text_bettors,
)
from overt.audit.stats.voice import letters, openings, voices
from overt.errors import BadRequest

TOPICS = ("rivers", "bread", "chess", "tides", "copper", "looms", "bees", "maps", "clocks", "salt")


def written(style: str, number: int, rng: np.random.Generator) -> str:
    """An answer about a topic by one of two authors, of random length."""
    topic = TOPICS[number % len(TOPICS)]
    sentences = int(rng.integers(2, 6))
    if style == "plain":
        return " ".join(f"The {topic} of day {int(rng.integers(99))} are of use to many." for _ in range(sentences))
    return "\n".join(f"- **{topic}**: it's {int(rng.integers(99))}, and you can use it!" for _ in range(sentences))


def answers(style: str, pairs: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [written(style, number, rng) for number in range(pairs)]


@given(st.integers(0, 10_000), st.integers(1, 7))
@settings(max_examples=40, deadline=None)
def test_the_mean_over_all_orders_of_all_pairs_is_exactly_one(seed: int, pairs: int) -> None:
    features = np.random.default_rng(seed).normal(size=(pairs, 3))
    bettor = Bettor(share=1.0, covariance=5 * features @ features.T)
    orders = 2 * ((np.arange(2**pairs)[:, None] >> np.arange(pairs)) & 1) - 1
    paths = np.array([bet([bettor], order.astype(np.int8)).log_wealth for order in orders])
    assert np.exp(paths).mean(axis=0) == pytest.approx(np.ones(pairs))


def test_swapping_the_members_of_a_pair_is_the_same_as_the_other_outcome() -> None:
    first, second = answers("plain", 12, 1), answers("marked", 12, 2)
    signs = np.array([1, -1] * 6, dtype=np.int8)
    swapped = [(y, x) if sign < 0 else (x, y) for x, y, sign in zip(first, second, signs, strict=True)]
    again = bet(text_bettors([x for x, _ in swapped], [y for _, y in swapped]))
    assert again.log_wealth == pytest.approx(bet(text_bettors(first, second), signs).log_wealth)


def test_an_e_value_rests_on_earlier_pairs_alone() -> None:
    first, second = answers("plain", 20, 3), answers("marked", 20, 4)
    whole = bet_on_texts(first, second).log_wealth
    assert bet_on_texts(first[:9], second[:9]).log_wealth == pytest.approx(whole[:9])


def test_swapped_pairs_are_called_a_change_in_at_most_one_run_in_twenty() -> None:
    bettors = text_bettors(answers("plain", 60, 5), answers("marked", 60, 6))
    rng = np.random.default_rng(7)
    ever = [bet(bettors, (2 * rng.integers(0, 2, 60) - 1).astype(np.int8)).e_max >= 20 for _ in range(300)]
    assert sum(ever) <= 0.05 * 300


def test_the_same_author_twice_is_no_change() -> None:
    ever = [
        bet_on_texts(answers("plain", 50, 2 * seed), answers("plain", 50, 2 * seed + 1)).e_max >= 20
        for seed in range(60)
    ]
    assert sum(ever) <= 3


def test_another_author_shows_within_a_dozen_pairs() -> None:
    wealth = bet_on_texts(answers("plain", 40, 8), answers("marked", 40, 9))
    alarm = wealth.alarm_at(0.05)
    assert alarm is not None
    assert alarm < 12
    assert wealth.e_max > 1e6


def test_identical_texts_leave_the_wealth_alone() -> None:
    texts = answers("plain", 15, 10)
    assert bet_on_texts(texts, texts).log_wealth == pytest.approx(np.zeros(15))


def test_no_pair_can_take_all_the_wealth() -> None:
    bettor = Bettor(share=1.0, covariance=np.full((30, 30), 1e6))
    signs = np.ones(30, dtype=np.int8)
    signs[-1] = -1
    path = bet([bettor], signs).log_wealth
    assert path[-1] - path[-2] == pytest.approx(math.log(0.05))


def test_wealth_carries_over_from_block_to_block() -> None:
    joined = one_after_another([Wealth(log_wealth=np.array([1.0, 2.0])), Wealth(log_wealth=np.array([0.5, -1.0]))])
    assert joined.log_wealth == pytest.approx([1.0, 2.0, 2.5, 1.0])
    assert joined.e_now == pytest.approx(math.e)
    assert joined.e_max == pytest.approx(math.exp(2.5))


def test_an_alarm_names_the_first_observation_that_suffices() -> None:
    wealth = Wealth(log_wealth=np.log([2.0, 19.0, 20.5, 3.0]))
    assert wealth.alarm_at(0.05) == 2
    assert wealth.alarm_at(0.01) is None
    assert Wealth(log_wealth=np.zeros(0)).e_max == 1.0


@pytest.mark.parametrize("bend", [0.0, 0.1, 0.3])
def test_a_covariance_of_pairs_is_antisymmetric_in_either_pair_and_nonnegative_definite(bend: float) -> None:
    rng = np.random.default_rng(11)
    first, second = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
    kernel = kernel_on_pairs(first, second, bend)
    assert kernel_on_pairs(second, first, bend) == pytest.approx(kernel)
    mixed_first, mixed_second = first.copy(), second.copy()
    mixed_first[2], mixed_second[2] = second[2], first[2]
    turned = kernel.copy()
    turned[2] *= -1
    turned[:, 2] *= -1
    assert kernel_on_pairs(mixed_first, mixed_second, bend) == pytest.approx(turned)
    assert np.linalg.eigvalsh(kernel).min() > -1e-9


@pytest.mark.parametrize("text", ["", " ", "\n\n", "日本語の文", "\ud800", "a" * 9000, "\x00"], ids=repr)
def test_every_text_has_finite_features(text: str) -> None:
    for view in (voices, openings, letters):
        rows = view([text, "plain"])
        assert rows.shape[0] == 2
        assert np.all(np.isfinite(rows))


def test_sides_of_different_length_are_refused() -> None:
    with pytest.raises(BadRequest, match="as many answers on both sides"):
        bet_on_texts(["a"], ["b", "c"])


@pytest.mark.parametrize("signs", [[1, 0], [1], [1, 2]], ids=str)
def test_outcomes_other_than_plus_and_minus_one_are_refused(signs: list[int]) -> None:
    with pytest.raises(BadRequest, match="outcomes"):
        bet([Bettor(share=1.0, covariance=np.eye(2))], np.array(signs, dtype=np.int8))
