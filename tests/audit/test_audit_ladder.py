"""The dose ladder: falling scores are found, rising and level ones are not."""

from __future__ import annotations

import numpy as np
import pytest

from overt.audit.stats.ladder import dose_ladder
from overt.errors import BadRequest


def test_scores_that_fall_with_the_cue_are_found() -> None:
    scores = np.random.default_rng(1).normal([0.8, 0.6, 0.4], 0.1, (20, 3))
    found = dose_ladder(scores, draws=199)
    assert found.p_value == 1 / 200
    assert found.low < 0.4 < found.high
    assert found.levels == pytest.approx((0.8, 0.6, 0.4), abs=0.1)


def test_scores_that_rise_are_not() -> None:
    scores = np.random.default_rng(1).normal([0.4, 0.8], 0.1, (20, 2))
    assert dose_ladder(scores, draws=199).p_value == 1.0


def test_scores_that_never_vary_give_p_one_and_an_interval_of_some_width() -> None:
    found = dose_ladder(np.ones((12, 2)), draws=99)
    assert found.p_value == 1.0
    assert found.low < 0 < found.high


def test_level_scores_are_called_falling_in_about_one_of_twenty() -> None:
    called = sum(
        dose_ladder(np.random.default_rng([2, run]).beta(2, 2, (15, 3)), draws=99, seed=run).p_value <= 0.05
        for run in range(200)
    )
    assert 2 <= called <= 20


def test_one_wording_is_no_ladder() -> None:
    with pytest.raises(BadRequest, match="1 wording"):
        dose_ladder(np.ones((5, 1)))
