"""Bounds against published figures, and the promise of a threshold by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from overt.learn.bounds import capped_threshold, ltt_threshold
from overt.learn.exact import interval, upper_bound

NEEDED = [
    (0.01, 0, 299),
    (0.01, 5, 1_049),
    (0.001, 0, 2_995),
    (0.001, 3, 7_752),
    (0.0005, 20, 58_120),
]
"""Negatives needed for an upper 95 % bound of alpha with k false positives (classifiers.md section 3)."""


@pytest.mark.parametrize(("alpha", "hits", "needed"), NEEDED)
def test_the_bound_agrees_with_the_published_table(alpha: float, hits: int, needed: int) -> None:
    assert upper_bound(hits, needed, 0.05) <= alpha * 1.0005
    assert upper_bound(hits, needed - max(2, needed // 500), 0.05) > alpha


def test_the_audit_interval_agrees_with_the_published_one() -> None:
    low, high = interval(140, 200)
    assert (round(low, 2), round(high, 2)) == (0.63, 0.76)


def test_the_threshold_is_just_above_the_last_negative_that_it_may_not_flag() -> None:
    scores = np.concatenate([np.zeros(2_999), [0.8]])
    assert ltt_threshold(scores, alpha=0.001, delta=0.05) == pytest.approx(0.8001)


def test_a_negative_at_one_leaves_no_threshold_where_none_may_be_flagged() -> None:
    assert ltt_threshold(np.concatenate([np.zeros(2_999), [1.0]]), alpha=0.001, delta=0.05) is None


def test_the_promise_is_broken_no_more_often_than_delta() -> None:
    """The false-positive rate behind a threshold is above alpha in at most delta of the repetitions."""
    draws = np.random.default_rng(1)
    alpha, delta, repetitions = 0.05, 0.1, 400
    broken = 0
    for _ in range(repetitions):
        threshold = ltt_threshold(draws.random(300), alpha=alpha, delta=delta)
        assert threshold is not None
        broken += 1 - threshold > alpha + 1e-4
    assert broken / repetitions <= delta + 2 * (delta * (1 - delta) / repetitions) ** 0.5


def test_a_small_group_weighs_as_much_as_a_large_one() -> None:
    large, small = np.full(1_000, 0.1), np.asarray([0.9, 0.1])
    assert capped_threshold([large, small], cap=0.2) == pytest.approx(0.9001)
