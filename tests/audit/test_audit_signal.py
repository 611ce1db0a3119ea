"""Ability and bias: textbook values, the yes-sayer, and what is read as yes."""

from __future__ import annotations

import numpy as np
import pytest

from overt.audit.stats.signal import are_two_answers, signal_split, two_way

TRUTH = np.repeat([True, False], 100)


def says(hits: int, alarms: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.concatenate([np.arange(100) < hits, np.arange(100) < alarms])


def test_textbook_values_come_out() -> None:
    split = signal_split(TRUTH, says(84, 16), TRUTH, says(69, 31))
    assert split is not None
    assert split.reference.sensitivity == pytest.approx(1.989, abs=1e-3)
    assert split.reference.criterion == pytest.approx(0.0, abs=1e-9)
    assert split.endpoint.sensitivity == pytest.approx(0.992, abs=1e-3)
    assert split.sensitivity_high < 0
    assert split.criterion_low < 0 < split.criterion_high
    assert not split.is_mostly_bias


def test_a_model_that_starts_to_say_no_has_kept_its_ability() -> None:
    split = signal_split(TRUTH, says(93, 69), TRUTH, says(31, 7))
    assert split is not None
    assert split.is_mostly_bias
    assert split.criterion_low > 1
    assert split.sensitivity_low < 0 < split.sensitivity_high


def test_shares_of_zero_and_one_stay_finite() -> None:
    split = signal_split(TRUTH, says(100, 0), TRUTH, says(0, 0))
    assert split is not None
    assert split.reference.sensitivity == pytest.approx(2 * 2.578, abs=0.01)
    assert np.isfinite([split.sensitivity_low, split.criterion_high]).all()


def test_one_class_says_nothing() -> None:
    every = np.ones(20, dtype=np.bool_)
    assert signal_split(every, every, every, ~every) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Step 1: no divisor.\n\n[Yes]", True),
        ("[No]", False),
        ("Yes, it is.", True),
        ("The claim is false.", False),
        ("So the answer is: **no**", False),
        ("It cannot be told.", None),
        ("", None),
    ],
)
def test_answers_are_read(text: str, said: bool | None) -> None:
    assert two_way(text) is said


def test_primes_and_composites_are_two_answers_of_one_question() -> None:
    assert are_two_answers(np.ones(50, dtype=np.bool_), np.zeros(50, dtype=np.bool_))
    assert not are_two_answers(TRUTH, TRUTH)
    assert not are_two_answers(TRUTH, np.zeros(0, dtype=np.bool_))
