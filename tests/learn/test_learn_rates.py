"""The figures of an evaluation, against slow and plain reckoning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.learn.rates import Rate, auroc, percent, precision_at, rate, recall_at, reliability

SCORES = st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9]), min_size=1, max_size=15)


def test_no_trials_is_no_rate() -> None:
    nothing = Rate(0, 0)
    assert nothing.share is None
    assert nothing.interval == (0.0, 1.0)
    assert percent(nothing.share) == "not measured"


def test_rates_add_up() -> None:
    assert Rate(1, 4) + Rate(2, 6) == Rate(3, 10)
    assert rate(np.asarray([True, False, True])) == Rate(2, 3)


@given(SCORES, SCORES)
def test_auroc_counts_pairs_and_half_of_the_ties(positives: list[float], negatives: list[float]) -> None:
    won = sum((p > n) + 0.5 * (p == n) for p in positives for n in negatives)
    found = auroc(np.asarray(positives), np.asarray(negatives))
    assert found == pytest.approx(won / (len(positives) * len(negatives)))


def test_auroc_without_one_side_is_not_measured() -> None:
    assert auroc(np.asarray([]), np.asarray([0.1])) is None


@given(SCORES, st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9]), min_size=10, max_size=30))
def test_recall_at_a_rate_flags_no_more_than_that_rate(positives: list[float], negatives: list[float]) -> None:
    found = recall_at(np.asarray(positives), np.asarray(negatives), 0.1)
    limits = [limit for limit in {-1.0, *negatives} if sum(n > limit for n in negatives) <= int(0.1 * len(negatives))]
    assert found == pytest.approx(sum(p > min(limits) for p in positives) / len(positives))


def test_recall_at_a_rate_finer_than_the_negatives_is_not_measured() -> None:
    assert recall_at(np.asarray([1.0]), np.zeros(999), 0.001) is None
    assert recall_at(np.asarray([1.0]), np.zeros(1_000), 0.001) == 1.0


def test_precision_at_a_prevalence_agrees_with_the_published_arithmetic() -> None:
    """Recall 80 %, false positives 0.1 %, prevalence 0.03 %: 19.4 % (classifiers.md section 3)."""
    _, middle, _ = precision_at(Rate(80_000, 100_000), Rate(1_000, 1_000_000), 0.0003)
    assert middle == pytest.approx(0.194, abs=0.01)


def test_reliability_puts_every_row_in_one_bin() -> None:
    scores = np.asarray([0.0, 0.05, 0.1, 0.99, 1.0])
    bins = reliability(scores, np.asarray([False, False, True, True, True]))
    assert [(b.low, b.found) for b in bins] == [(0.0, Rate(0, 2)), (0.1, Rate(1, 1)), (0.9, Rate(2, 2))]
