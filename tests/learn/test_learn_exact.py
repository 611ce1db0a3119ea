"""The intervals without scipy are those of scipy."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from overt.learn import exact

PAIRS = st.integers(1, 5_000_000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))


@given(PAIRS, st.sampled_from((0.05, 0.025, 0.001)))
@settings(max_examples=60, deadline=None)
def test_both_ends_are_those_of_the_beta_distribution(pair: tuple[int, int], delta: float) -> None:
    hits, trials = pair
    upper = 1.0 if hits >= trials else float(beta.ppf(1 - delta, hits + 1, trials - hits))
    lower = 0.0 if hits == 0 else float(beta.ppf(delta, hits, trials - hits + 1))
    assert exact.upper_bound(hits, trials, delta) == pytest.approx(upper, rel=1e-6)
    assert exact.lower_bound(hits, trials, delta) == pytest.approx(lower, rel=1e-6)


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(0, 3_000, 0.0, 0.001229), (64, 27_457, 0.001796, 0.002975), (10, 10, 0.691503, 1.0), (0, 0, 0.0, 1.0)],
)
def test_known_intervals(hits: int, trials: int, low: float, high: float) -> None:
    assert exact.interval(hits, trials) == pytest.approx((low, high), abs=1e-6)


def test_nothing_found_in_three_thousand_is_below_a_thousandth() -> None:
    assert exact.upper_bound(0, 3_000, 0.05) < 0.001 < exact.upper_bound(0, 2_900, 0.05)
