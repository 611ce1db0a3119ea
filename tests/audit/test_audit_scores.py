"""Score e-processes: exact under the null, with a reference bound that errs on the safe side."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from overt.audit.stats.scores import (
    bet_both_ways,
    bet_on_payoffs,
    drop_payoffs,
    highest_rate,
    lowest_rate,
    pair_payoffs,
    rise_payoffs,
    topic_payoffs,
)
from overt.errors import BadRequest


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_the_mean_over_all_sequences_is_one_at_the_edge_of_the_null(rate: float) -> None:
    expected = np.zeros(7)
    for passed in itertools.product([0.0, 1.0], repeat=7):
        chance = rate ** sum(passed) * (1 - rate) ** (7 - sum(passed))
        expected += chance * np.exp(bet_on_payoffs(drop_payoffs(np.array(passed), rate)).log_wealth)
    assert expected == pytest.approx(np.ones(7))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.floats(0.05, 0.95))
def test_payoffs_stay_within_one(scores: list[float], rate: float) -> None:
    for payoffs in (drop_payoffs(np.array(scores), rate), rise_payoffs(np.array(scores), rate)):
        assert np.all(np.abs(payoffs) <= 1)


def test_a_drop_is_seen_and_a_rise_is_none() -> None:
    rng = np.random.default_rng(1)
    worse, better = ((rng.uniform(size=300) < rate).astype(float) for rate in (0.5, 0.9))
    assert bet_on_payoffs(drop_payoffs(worse, 0.75)).alarm_at(0.05) is not None
    assert bet_on_payoffs(drop_payoffs(better, 0.75)).e_max < 2
    assert bet_on_payoffs(rise_payoffs(better, 0.75)).alarm_at(0.05) is not None


def test_two_sided_bets_see_both() -> None:
    rng = np.random.default_rng(2)
    for rate in (0.4, 0.8):
        reference, endpoint = rng.uniform(size=400) < 0.6, rng.uniform(size=400) < rate
        pairs = pair_payoffs(reference.astype(float), endpoint.astype(float))
        assert bet_both_ways(pairs).alarm_at(0.05) is not None


def test_equal_pairs_are_called_different_in_at_most_one_run_in_twenty() -> None:
    rng = np.random.default_rng(3)
    ever = [
        bet_both_ways(pair_payoffs(*(rng.uniform(size=(2, 300)) < 0.7).astype(float))).e_max >= 20 for _ in range(400)
    ]
    assert sum(ever) <= 20


def test_the_lower_bound_of_the_reference_keeps_a_lucky_reference_from_accusing() -> None:
    rng = np.random.default_rng(4)
    ever = 0
    for _ in range(300):
        least = lowest_rate(int(rng.binomial(100, 0.6)), 100, 0.01)
        ever += bet_on_payoffs(drop_payoffs((rng.uniform(size=400) < 0.6).astype(float), least)).e_max >= 1 / 0.04
    assert ever <= 15


@pytest.mark.parametrize(
    ("passed", "asked", "doubt", "low", "high"),
    [
        pytest.param(0, 20, 0.05, 0.0, 0.13911, id="none"),
        pytest.param(20, 20, 0.05, 0.86089, 1.0, id="all"),
        pytest.param(30, 50, 0.025, 0.45179, 0.73592, id="some"),
    ],
)
def test_bounds_are_clopper_and_pearsons(passed: int, asked: int, doubt: float, low: float, high: float) -> None:
    assert lowest_rate(passed, asked, doubt) == pytest.approx(low, abs=1e-5)
    assert highest_rate(passed, asked, doubt) == pytest.approx(high, abs=1e-5)


def test_a_general_drift_is_no_topic_and_a_margin_lets_an_uneven_update_pass() -> None:
    rng = np.random.default_rng(5)

    def changes(drop: float) -> NDArray[np.float64]:
        before, after = rng.uniform(size=1500) < 0.6, rng.uniform(size=1500) < 0.6 - drop
        return np.asarray(after.astype(float) - before.astype(float), dtype=np.float64)

    assert bet_on_payoffs(topic_payoffs(changes(0.1), changes(0.1), 0.05)).e_max < 20
    assert bet_on_payoffs(topic_payoffs(changes(0.08), changes(0.05), 0.05)).e_max < 20
    assert bet_on_payoffs(topic_payoffs(changes(0.3), changes(0.0), 0.05)).alarm_at(0.05) is not None


def test_topic_payoffs_reach_from_minus_one_to_less_than_one() -> None:
    most, least = np.array([-1.0, 1.0]), np.array([1.0, -1.0])
    assert topic_payoffs(most, least, 0.05) == pytest.approx([1.95 / 2.05, -1.0])


@pytest.mark.parametrize("bad", [[1.5], [-0.1], [float("nan")]], ids=str)
def test_scores_outside_the_unit_interval_are_refused(bad: list[float]) -> None:
    with pytest.raises(BadRequest, match="scores"):
        drop_payoffs(np.array(bad), 0.5)


def test_payoffs_beyond_one_are_refused() -> None:
    with pytest.raises(BadRequest, match="payoffs"):
        bet_on_payoffs(np.array([0.5, 1.2]))
