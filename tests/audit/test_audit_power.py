"""Power before the test is run: closed forms against simulation, pilots against the truth that made them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from overt.audit.planning.assumed import ASSUMED, SIZES, assumed_power
from overt.audit.planning.pilot import grams_of, pilot_of
from overt.audit.rows import Answer
from overt.audit.stats.power import (
    Floats,
    Grams,
    did_power,
    e_process_pairs,
    mean_pairs,
    mean_power,
    population,
    score_power,
    score_variance,
    text_alarm_pairs,
    text_power,
    topic_text_power,
)
from overt.errors import BadRequest

ALPHA = 0.05


def pairs_with(shift: float, count: int, rng: np.random.Generator, width: int = 60) -> Grams:
    """The Grams of differences with a common part of length ``shift``; lengths of answers differ as in real life."""
    found = []
    for _ in range(2):
        noise = rng.standard_normal((count, width)) * rng.gamma(2, 0.5, (count, 1)) / math.sqrt(width)
        noise[:, 0] += shift
        found.append(noise @ noise.T)
    return np.stack(found).astype(np.float32)


def realised(shift: float, pairs: int, rng: np.random.Generator, runs: int = 120) -> float:
    return float(np.mean([sign_flip_p(hollow(pairs_with(shift, pairs, rng)), rng) <= ALPHA for _ in range(runs)]))


def hollow(grams: Grams) -> Grams:
    return grams * (1 - np.eye(grams.shape[1], dtype=np.float32))


def sign_flip_p(grams: Grams, rng: np.random.Generator) -> float:
    """The paired test in its plainest form, written apart from the predictions that it checks."""
    signs = np.vstack([np.ones(grams.shape[1]), np.where(rng.random((199, grams.shape[1])) < 0.5, -1.0, 1.0)])
    return largest_p(np.array([[row @ gram @ row for row in signs] for gram in grams]))


def topic_text_p(grams: Grams, rng: np.random.Generator) -> float:
    """The difference in differences of texts: the first half of the pairs is about the topic."""
    half = grams.shape[1] // 2
    orders = [np.arange(2 * half), *(rng.permutation(2 * half) for _ in range(199))]

    def inside(gram: Floats, places: NDArray[np.intp]) -> float:
        return float(gram[np.ix_(places, places)].sum())

    return largest_p(
        np.array([[inside(gram, order[:half]) - inside(gram, order[half:]) for order in orders] for gram in grams])
    )


def largest_p(found: Floats) -> float:
    null = found[:, 1:]
    largest = ((found - null.mean(axis=1, keepdims=True)) / null.std(axis=1, keepdims=True)).max(axis=0)
    return float((1 + (largest[1:] >= largest[0]).sum()) / found.shape[1])


# --- scores ----------------------------------------------------------------------------------------------------------


def test_the_variance_of_scores_is_that_of_the_design() -> None:
    assert score_variance(0.6) == pytest.approx(2 * 0.24)
    assert score_variance(0.6, correlation=0.5, samples=4) == pytest.approx(0.06)
    with pytest.raises(BadRequest, match=r"1\.5"):
        score_variance(1.5)


def test_pairs_and_power_are_inverse() -> None:
    for effect, power in ((0.1, 0.8), (0.2, 0.9), (0.05, 0.5)):
        pairs = mean_pairs(effect=effect, variance=0.5, alpha=ALPHA, power=power)
        assert pairs is not None
        assert mean_power(effect=effect, error=math.sqrt(0.5 / pairs), alpha=ALPHA) == pytest.approx(power, abs=0.01)
    assert mean_pairs(effect=0, variance=1, alpha=ALPHA, power=0.8) is None


def test_the_length_of_an_e_process_is_the_measured_one() -> None:
    # Design 2.5: pass rate .6, no correlation, a topic that drops by 20 and by 10 points.
    variance = 2 * score_variance(0.6)
    assert e_process_pairs(effect=0.2, variance=variance, alpha=ALPHA) == pytest.approx(194, abs=2)
    assert e_process_pairs(effect=0.1, variance=variance, alpha=ALPHA) == pytest.approx(776, abs=2)
    assert e_process_pairs(effect=-0.1, variance=variance, alpha=ALPHA) is None


def test_without_an_effect_the_power_is_alpha() -> None:
    assert mean_power(effect=0, error=0.1, alpha=ALPHA) == pytest.approx(ALPHA)
    assert mean_power(effect=0, error=0, alpha=ALPHA) == 0
    assert mean_power(effect=0.1, error=0, alpha=ALPHA) == 1


def binary(rate: float, count: int, rng: np.random.Generator) -> Floats:
    return (rng.random(count) < rate).astype(np.float64)


@pytest.mark.parametrize(("drop", "pairs"), [(0.1, 100), (0.2, 50), (0.2, 100), (0.0, 100)])
def test_predicted_power_of_scores_is_realised(drop: float, pairs: int) -> None:
    rng = np.random.default_rng(3)
    pilot = binary(0.7 - drop, 2000, rng) - binary(0.7, 2000, rng)
    predicted = score_power(pilot, pairs, alpha=ALPHA, seed=1)
    rejected = []
    for _ in range(300):
        found = binary(0.7 - drop, pairs, rng) - binary(0.7, pairs, rng)
        flips = np.abs(np.where(rng.random((199, pairs)) < 0.5, -1.0, 1.0) @ found)
        rejected.append((1 + (flips >= abs(found.sum()) - 1e-9).sum()) / 200 <= ALPHA)
    assert predicted.power == pytest.approx(np.mean(rejected), abs=0.1)
    assert predicted.low <= predicted.power <= predicted.high


def test_a_small_pilot_of_scores_leaves_a_wide_interval() -> None:
    rng = np.random.default_rng(4)
    small = score_power(binary(0.5, 25, rng) - binary(0.8, 25, rng), 40, alpha=ALPHA, seed=1)
    large = score_power(binary(0.5, 900, rng) - binary(0.8, 900, rng), 40, alpha=ALPHA, seed=1)
    assert small.high - small.low > 2 * (large.high - large.low)


def test_a_loss_must_be_found_and_be_above_the_margin_of_a_topic() -> None:
    rng = np.random.default_rng(5)
    target, control = -binary(0.2, 500, rng), binary(0.0, 500, rng)
    near = did_power(target, control, targets=50, controls=50, alpha=ALPHA, margin=0.0, seed=1)
    far = did_power(target, control, targets=50, controls=50, alpha=ALPHA, margin=0.15, seed=1)
    past = did_power(target, control, targets=50, controls=50, alpha=ALPHA, margin=0.35, seed=1)
    assert near.power > 0.9 > far.power > ALPHA > past.power


# --- texts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.0, 0.25, 0.4])
def test_predicted_power_of_texts_is_realised(shift: float) -> None:
    rng = np.random.default_rng(6)
    truth = realised(shift, 30, rng)
    predicted = [text_power(pairs_with(shift, 200, rng), 30, alpha=ALPHA, seed=seed) for seed in range(3)]
    assert np.mean([power.power for power in predicted]) == pytest.approx(truth, abs=0.1)
    assert all(power.low - 0.05 <= truth <= power.high + 0.05 for power in predicted)


def test_noise_in_a_small_pilot_is_not_taken_for_a_change() -> None:
    # Drawing from the pilot's pairs as they are predicts a power of .5 and more here, in every pilot.
    rng = np.random.default_rng(7)
    predicted = [text_power(pairs_with(0, 30, rng), 25, alpha=ALPHA, seed=seed) for seed in range(12)]
    assert np.mean([power.power for power in predicted]) < 0.2
    assert np.mean([power.low <= 0.1 for power in predicted]) >= 0.9


def test_the_population_of_a_pilot_has_the_estimated_mean_and_no_more() -> None:
    rng = np.random.default_rng(8)
    grams = pairs_with(0.5, 200, rng)
    groups = np.zeros(200, np.intp)
    pool = population(grams, groups, (0.0,))
    off = ~np.eye(200, dtype=bool)
    for kernel in range(2):
        assert pool[kernel].mean() == pytest.approx(float(grams[kernel][off].mean()), rel=0.05)
    assert population(grams, groups, (-50.0,)).mean() == pytest.approx(0, abs=1e-3)
    assert population(grams, groups, (5.0,)).mean() > pool.mean()


def test_a_share_of_substituted_answers_counts_with_its_square() -> None:
    grams = pairs_with(0.4, 200, np.random.default_rng(9))
    whole = text_power(grams, 25, alpha=ALPHA, seed=1)
    half = text_power(grams, 100, alpha=ALPHA, seed=1, share=0.5)
    assert (half.power, half.pairs) == (whole.power, 100)
    with pytest.raises(BadRequest, match="0"):
        text_power(grams, 25, alpha=ALPHA, seed=1, share=0)


def test_predicted_power_of_a_topic_of_texts_is_realised() -> None:
    rng = np.random.default_rng(10)

    def both(count: int) -> Grams:
        noise = rng.standard_normal((2 * count, 60)) / math.sqrt(60)
        noise[:, 0] += 0.3  # drifts everywhere
        noise[:count, 1] += 0.25  # and the topic in its own direction
        return (noise @ noise.T)[None].astype(np.float32)

    truth = np.mean([topic_text_p(hollow(both(25)), rng) <= ALPHA for _ in range(120)])
    pilot = both(100)
    predicted = topic_text_power(pilot, np.arange(200) < 100, targets=25, controls=25, alpha=ALPHA, seed=1)
    assert 0.1 < truth < 0.95
    assert predicted.power == pytest.approx(truth, abs=0.15)


def test_the_alarm_of_texts_comes_sooner_for_a_larger_change() -> None:
    rng = np.random.default_rng(12)
    found = [text_alarm_pairs(pairs_with(shift, 200, rng), alpha=ALPHA, seed=1) for shift in (0.8, 0.3)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0] < found[1]
    assert text_alarm_pairs(np.zeros((1, 20, 20), np.float32), alpha=ALPHA, seed=1) is None


def test_a_pilot_that_is_too_small_is_refused() -> None:
    with pytest.raises(BadRequest, match="5 pairs says too little"):
        text_power(pairs_with(1, 5, np.random.default_rng(1)), 25, alpha=ALPHA, seed=1)


# --- pilots and assumptions ------------------------------------------------------------------------------------------


def answers(model: str, texts: list[str], scores: list[float | None] | None = None) -> tuple[Answer, ...]:
    return tuple(
        Answer(pid=f"p{place}", model=model, rep=0, text=text, score=None if scores is None else scores[place])
        for place, text in enumerate(texts)
    )


def test_a_pilot_pairs_the_first_answers_to_common_prompts() -> None:
    again = Answer(pid="p0", model="a", rep=1, text="later")
    found = pilot_of((*answers("a", ["x", "y", "z"], [1, 0, 1]), again), answers("b", ["u", "v"], [0, 0]))
    assert found.pids == ("p0", "p1")
    assert found.texts == (("x", "u"), ("y", "v"))
    assert found.differences is not None
    assert found.differences.tolist() == [-1, 0]
    assert pilot_of(answers("a", ["x"], [1]), answers("b", ["x"])).differences is None


def test_sides_of_a_pilot_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadRequest, match="no pid in common"):
        pilot_of(answers("a", ["x"]), ())
    with pytest.raises(BadRequest, match="'a', 'b'"):
        pilot_of((*answers("a", ["x"]), *answers("b", ["x"])), answers("c", ["x"]))


def test_grams_of_texts_are_finite_and_zero_for_equal_answers() -> None:
    texts = (("Yes, of course.", "Yes, of course."), ("", "né 🎉"), ("A b c", "A b"), ("\ud800", "x"))
    grams = grams_of(texts)
    assert grams.shape[1:] == (4, 4)
    assert np.isfinite(grams).all()
    assert np.abs(grams[:, 0]).max() < 1e-5


@pytest.mark.parametrize("change", ASSUMED)
def test_assumed_power_grows_and_meets_what_was_measured(change: str) -> None:
    found = [assumed_power(change, pairs, alpha=ALPHA) for pairs in range(2, 500)]
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(found))
    for size, rate in zip(SIZES, ASSUMED[change][1], strict=True):
        assert assumed_power(change, size, alpha=ALPHA) == pytest.approx(rate, abs=0.01)
        assert assumed_power(change, size, alpha=0.01) <= assumed_power(change, size, alpha=ALPHA)
    assert assumed_power(change, 400, alpha=ALPHA, share=0.25) == assumed_power(change, 25, alpha=ALPHA)


def test_a_change_that_nobody_measured_is_refused() -> None:
    with pytest.raises(BadRequest, match="'mood'"):
        assumed_power("mood", 10, alpha=ALPHA)
