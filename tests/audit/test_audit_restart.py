"""Restarts: an e-process that loses nothing by waiting, and two modes that are labelled as none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from overt.audit.stats.restart import (
    cusum,
    entry_shares,
    over_starts,
    shiryaev_roberts,
    slow_shares,
    with_restarts,
)
from overt.audit.stats.scores import drop_payoffs, log_steps
from overt.errors import BadRequest


@pytest.mark.parametrize("found", [entry_shares(100_000), slow_shares(100_000)], ids=["half of it in haste", "slow"])
def test_shares_sum_to_less_than_one_however_many(found: NDArray[np.float64]) -> None:
    assert 0.99 < found.sum() < 1
    assert np.all(found > 0)


@given(st.lists(st.sampled_from([-1.0, 1.0]), min_size=1, max_size=6))
def test_the_recursion_is_the_sum_over_all_starts(tosses: list[float]) -> None:
    steps = np.log1p(0.5 * np.array(tosses))
    times = len(steps)
    rows = np.array([np.concatenate([np.zeros(j), np.cumsum(steps[j:])]) for j in range(times)])
    assert with_restarts(steps).log_wealth == pytest.approx(over_starts(rows).log_wealth)


def test_the_mean_over_all_sequences_of_fair_tosses_is_exactly_one() -> None:
    tosses = 2.0 * ((np.arange(2**8)[:, None] >> np.arange(8)) & 1) - 1
    paths = np.array([with_restarts(np.log1p(0.6 * row)).log_wealth for row in tosses])
    assert np.exp(paths).mean(axis=0) == pytest.approx(np.ones(8))


def test_a_long_quiet_past_does_not_delay_the_alarm_as_it_does_without_restarts() -> None:
    rng = np.random.default_rng(1)
    passed = (rng.uniform(size=3000) < np.where(np.arange(3000) < 2000, 0.8, 0.5)).astype(float)
    steps = log_steps(drop_payoffs(passed, 0.8))
    alarm = with_restarts(steps).alarm_at(0.05)
    assert alarm is not None
    assert 2000 <= alarm < 2150
    plain = np.logaddexp.reduce(np.cumsum(steps, axis=1), axis=0) - math.log(len(steps))
    assert plain[alarm] < math.log(2)


def test_unchanged_streams_raise_an_alarm_in_at_most_one_of_twenty() -> None:
    rng = np.random.default_rng(2)
    ever = [
        with_restarts(log_steps(drop_payoffs((rng.uniform(size=200) < 0.6).astype(float), 0.6))).e_max >= 20
        for _ in range(300)
    ]
    assert sum(ever) <= 15


def test_the_second_mode_keeps_its_average_run_length_and_no_more() -> None:
    rng = np.random.default_rng(3)
    lengths, level = list[int](), 20.0
    for _ in range(60):
        path = shiryaev_roberts(log_steps(drop_payoffs((rng.uniform(size=600) < 0.5).astype(float), 0.5)))
        above = np.nonzero(path >= math.log(level))[0]
        lengths.append(int(above[0]) + 1 if above.size else 600)
    assert np.mean(lengths) >= level
    assert np.mean(np.array(lengths) < 600) > 0.5, "it does raise false alarms: that is why it is labelled"


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_cusum_never_lies_above_shiryaev_and_roberts(steps: list[float]) -> None:
    assert np.all(cusum(np.array(steps)) <= shiryaev_roberts(np.array(steps)) + 1e-9)


@pytest.mark.parametrize("shares", [[0.7, 0.7], [-0.1, 0.5], [0.5]], ids=str)
def test_shares_that_are_not_shares_are_refused(shares: list[float]) -> None:
    with pytest.raises(BadRequest, match="shares"):
        with_restarts(np.zeros(2), np.array(shares))


def test_a_bettor_that_bets_before_it_enters_is_refused() -> None:
    with pytest.raises(BadRequest, match="before time j"):
        over_starts(np.array([[0.1, 0.2], [0.3, 0.4]]))


def test_no_time_may_multiply_the_wealth_by_more_than_is_allowed() -> None:
    steps = np.full(30, -1.0)
    steps[20:] = 6.0
    free, bound = with_restarts(steps).log_wealth, with_restarts(steps, most_growth=12.0).log_wealth
    assert np.diff(bound).max() == pytest.approx(math.log(12))
    assert np.all(bound <= free + 1e-12)
    with pytest.raises(BadRequest, match="most growth"):
        with_restarts(steps, most_growth=1.0)
