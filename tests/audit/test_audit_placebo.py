"""Placebo topics: named where there are enough, drawn otherwise, never a p of 0."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.audit.stats.placebo import placebo_p, placebos


def test_nineteen_named_topics_are_used_at_the_topics_size() -> None:
    found = placebos([f"topic {number % 19}" for number in range(190)], 8)
    assert len(found.names) == 19
    assert found.topics.sum(axis=1).tolist() == [8] * 19


def test_fewer_names_are_replaced_by_random_draws() -> None:
    found = placebos(["a", "b"] * 30, 10, drawn=50)
    assert found.names == ()
    assert found.topics.shape == (50, 60)
    assert set(found.topics.sum(axis=1)) == {10}


def test_a_placebo_leaves_at_least_as_many_for_its_control() -> None:
    assert placebos(["a"] * 30, 25).size == 15


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40), st.floats(-5, 5))
def test_a_rank_is_never_zero_and_never_above_one(found: list[float], observed: float) -> None:
    assert 1 / (len(found) + 1) <= placebo_p(observed, np.array(found)) <= 1


def test_ties_count_against_the_topic() -> None:
    assert placebo_p(1.0, np.ones(19)) == 1.0
    assert placebo_p(1.1, np.ones(19)) == pytest.approx(0.05)
