"""Score differences in differences: known answers, who is counted, and how often nothing is called something."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.audit.stats.did import (
    comparable,
    flipped,
    pair_did,
    reordered,
    score_did,
    studentised,
    without_difficulty,
)
from overt.errors import BadRequest


def labels(number: int, target: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.arange(number) < target


def test_the_effect_is_the_controls_mean_less_the_topics_with_neymans_interval() -> None:
    found = score_did(np.array([-1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0, 0.0]), labels(8, 4), draws=99)
    assert found.delta == pytest.approx(0.75)
    error = (1 / 3 / 4 + 0.25 / 4) ** 0.5
    assert (found.low, found.high) == pytest.approx((0.75 - 1.95996 * error, 0.75 + 1.95996 * error), abs=1e-4)


def test_a_large_loss_on_the_topic_is_found_and_a_large_gain_is_not() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(0, 0.3, 120) - 0.4 * labels(120, 60)
    assert score_did(values, labels(120, 60), draws=499).p_value == pytest.approx(1 / 500)
    assert score_did(-values, labels(120, 60), draws=499).p_value > 0.99


def test_what_fell_everywhere_alike_is_nothing() -> None:
    found = score_did(np.full(40, -0.5), labels(40, 20), draws=99)
    assert (found.delta, found.p_value) == (0.0, 1.0)
    assert found.low < 0 < found.high


def test_a_loss_as_large_as_the_margin_is_not_beyond_it() -> None:
    values = np.random.default_rng(2).normal(0, 0.1, 400)
    values = values - 0.05 * labels(400, 200) - values[~labels(400, 200)].mean()
    found = score_did(values, labels(400, 200), margin=0.05, draws=499)
    assert found.p_value < 0.01
    assert found.p_margin > 0.05


def test_strata_without_either_group_are_left_out() -> None:
    strata = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    on_topic = np.array([True, True, False, False, True, True, False, False])
    assert comparable(on_topic, strata).tolist() == [True] * 4 + [False] * 4
    found = score_did(np.zeros(8), on_topic, strata=strata, draws=9)
    assert (found.n_target, found.n_control) == (2, 2)


def test_one_prompt_of_a_side_is_too_few() -> None:
    with pytest.raises(BadRequest, match="1 target and 3 control"):
        score_did(np.zeros(4), labels(4, 1))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.integers(0, 2**32 - 1))
def test_orders_stay_within_strata(strata: list[int], seed: int) -> None:
    groups = np.array(strata)
    for block in reordered(groups, 7, np.random.default_rng(seed)):
        assert (np.sort(block, axis=1) == np.arange(len(groups))).all()
        assert (groups[block] == groups).all()


def test_differences_of_difficulty_between_strata_do_not_count() -> None:
    strata = np.repeat([0, 1], 40)
    on_topic = np.concatenate([labels(40, 30), labels(40, 10)])
    values = np.where(strata == 0, -0.5, 0.0) + np.random.default_rng(3).normal(0, 0.1, 80)
    assert score_did(values, on_topic, draws=299).p_value < 0.01
    assert score_did(values, on_topic, strata=strata, draws=299).p_value > 0.05


def test_a_stratum_of_single_prompts_has_a_finite_statistic() -> None:
    strata, on_topic = np.repeat(np.arange(10), 2), np.tile([True, False], 10)
    found = studentised(np.random.default_rng(4).normal(size=20), on_topic[None, :], strata)
    assert np.isfinite(found).all()


def test_few_pairs_are_flipped_in_every_way() -> None:
    assert flipped(np.ones(5), 9_999, np.random.default_rng(0)) == 1 / 32
    assert flipped(-np.ones(5), 9_999, np.random.default_rng(0)) == 1.0


def test_pairs_report_their_mean_and_refuse_to_be_one() -> None:
    found = pair_did(np.array([0.0, 1.0, 0.0, 1.0, 1.0, 1.0]))
    assert found.delta == pytest.approx(2 / 3)
    assert 0 < found.p_value < 0.1
    with pytest.raises(BadRequest, match="1 pair"):
        pair_did(np.ones(1))


def test_difficulty_takes_its_line_out_and_leaves_the_mean() -> None:
    hard = np.linspace(0, 1, 20)[:, None]
    left = without_difficulty(0.3 * hard[:, 0] - 0.2, hard)
    assert left == pytest.approx(np.full(20, 0.3 * 0.5 - 0.2), abs=1e-6)


@pytest.mark.parametrize(("target_spread", "control_spread"), [(0.2, 0.2), (0.4, 0.1)], ids=["even", "uneven"])
def test_equal_means_are_called_unequal_in_about_one_of_twenty(target_spread: float, control_spread: float) -> None:
    on_topic, called = labels(90, 30), 0
    for run in range(200):
        values = np.random.default_rng([5, run]).normal(-0.1, np.where(on_topic, target_spread, control_spread))
        called += score_did(values, on_topic, draws=99, seed=run).p_value <= 0.05
    assert 3 <= called <= 20
