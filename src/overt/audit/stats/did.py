"""Did the score fall more on a topic than on its control? Differences in differences, tested by permuting topics.

A prompt's `delta` is its mean score at the endpoint less its mean score at the reference, and

    Delta = mean of delta over the control - mean of delta over the topic,

positive where the topic lost more. "Is the topic worse" is never asked: a harder topic is worse everywhere.

- `score_did`: topic labels are permuted over prompts, within strata. Exact where deltas do not depend on the topic.
  The statistic is studentised, so that the level also holds, as numbers grow, where the two means are equal and only
  the variances differ (Janssen, Statistics and Probability Letters 36, 1997; Chung and Romano, Annals of Statistics
  41(2), 2013). That is all that can be said of the test of a margin, whose null is shifted: asymptotic, not exact.
- `pair_did`: every target prompt has its own control; the signs of the pairs' differences are flipped. Exact where
  the members of a pair are exchangeable.

Intervals are Neyman's: the variances of the two groups, each over its number. p = (1 + #)/(B + 1), ties counted against
a finding. With scores of 0 and 1 ties are many, and a small audit is conservative.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.errors import BadRequest

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Whole: TypeAlias = npt.NDArray[np.intp]

DRAWS: Final = 9_999
BLOCK: Final = 500
"""Permutations at a time, so that memory does not grow with their number."""
SMALLEST_ERROR: Final = 1e-3
"""Added (squared) to every standard error: where nothing varies, nothing is infinitely sure."""
ROUNDING: Final = 1e-9
FEWEST: Final = 2
"""Prompts on a side below which nothing varies."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreDid:
    """How much more the topic lost. Scores are in [0, 1], so `delta` and its interval are in [-2, 2].

    `p_value` is one-sided, of "the topic lost no more"; `p_margin` of "the topic lost at most `margin` more", for large
    numbers. `n_target` and `n_control` count the prompts that were compared: those in strata that have both.
    """

    delta: float
    low: float
    high: float
    p_value: float
    p_margin: float
    margin: float
    n_target: int
    n_control: int
    draws: int


def score_did(
    deltas: Doubles,
    on_topic: Flags,
    *,
    strata: Whole | None = None,
    margin: float = 0.05,
    alpha: float = 0.05,
    draws: int = DRAWS,
    seed: int = 0,
) -> ScoreDid:
    """Compare prompts on and off the topic: deltas (P,) in [-1, 1], labels (P,), strata (P,) numbered anyhow.

    The two groups of a stratum are compared, and strata weigh as they hold target prompts. A stratum that lacks either
    group says nothing and is left out. The interval covers 1 - alpha.
    """
    everyone = np.zeros(len(deltas), dtype=np.intp) if strata is None else strata
    kept = comparable(on_topic, everyone)
    if on_topic[kept].sum() < FEWEST or (~on_topic[kept]).sum() < FEWEST:
        raise BadRequest(
            f"{on_topic[kept].sum()} target and {(~on_topic[kept]).sum()} control prompts share strata: "
            f"at least {FEWEST} of each are needed"
        )
    values, labels, groups = deltas[kept], on_topic[kept], everyone[kept]
    delta, error = _contrast(values, labels[None, :], _groups(groups))
    half = NormalDist().inv_cdf(1 - alpha / 2) * _honest_error(labels, float(error[0]))
    return ScoreDid(
        delta=float(delta[0]),
        low=float(delta[0]) - half,
        high=float(delta[0]) + half,
        p_value=_permuted(values, labels, groups, draws, np.random.default_rng([seed, 0])),
        p_margin=_permuted(values + margin * labels, labels, groups, draws, np.random.default_rng([seed, 1])),
        margin=margin,
        n_target=int(labels.sum()),
        n_control=int((~labels).sum()),
        draws=draws,
    )


def pair_did(
    differences: Doubles, *, margin: float = 0.05, alpha: float = 0.05, draws: int = DRAWS, seed: int = 0
) -> ScoreDid:
    """Compare matched pairs: differences (J,) are the control's delta less the target's, in [-2, 2].

    All 2**J flips are made where they are no more than `draws`. The test of the margin is exact where a pair's
    difference is symmetric about the margin.
    """
    number = len(differences)
    if number < FEWEST:
        raise BadRequest(f"{number} pair(s) of a target and a control prompt: at least {FEWEST} are needed")
    spread = float(differences.var(ddof=1)) or 1 / number
    mean, half = float(differences.mean()), NormalDist().inv_cdf(1 - alpha / 2) * sqrt(spread / number)
    return ScoreDid(
        delta=mean,
        low=mean - half,
        high=mean + half,
        p_value=flipped(differences, draws, np.random.default_rng([seed, 0])),
        p_margin=flipped(differences - margin, draws, np.random.default_rng([seed, 1])),
        margin=margin,
        n_target=number,
        n_control=number,
        draws=draws,
    )


def flipped(differences: Doubles, draws: int, rng: np.random.Generator) -> float:
    """One-sided p of "the mean is at most 0" by sign flips of differences (J,), studentised; exact under symmetry."""
    number = len(differences)
    every = 2**number <= draws
    signs = _every_sign(number) if every else rng.choice((-1.0, 1.0), size=(draws, number))
    found = _studentised(np.vstack([np.ones(number), signs]) * differences)
    reached = int((found[1:] >= found[0] - ROUNDING).sum())
    return reached / len(signs) if every else (1 + reached) / (draws + 1)


def without_difficulty(deltas: Doubles, difficulty: Doubles) -> Doubles:
    """Deltas (P,) less what a straight line of difficulty (P, F) says about them, in every prompt alike.

    Difficulty is what other models scored on the prompts. Labels are not looked at, so permuting them stays exact, and
    the mean is unchanged. The reference's own score is no measure of difficulty: its noise is in the delta, and where
    a topic is harder than its control, prompts that the reference happened to get right fall back further.
    """
    centred = difficulty - difficulty.mean(axis=0)
    ridge = ROUNDING * len(deltas) * np.eye(centred.shape[1])
    slopes = np.linalg.solve(centred.T @ centred + ridge, centred.T @ (deltas - deltas.mean()))
    return np.asarray(deltas - centred @ slopes, dtype=np.float64)


def comparable(on_topic: Flags, strata: Whole) -> Flags:
    """Which prompts (P,) are in a stratum that holds both groups."""
    _, index = np.unique(strata, return_inverse=True)
    target = np.bincount(index, weights=on_topic)
    control = np.bincount(index, weights=~on_topic)
    return np.asarray((target > 0)[index] & (control > 0)[index], dtype=np.bool_)


def reordered(strata: Whole, draws: int, rng: np.random.Generator) -> Iterator[Whole]:
    """Blocks (b, P) of orders of the prompts that stay within strata, `draws` rows in all: the group of these tests.

    ``labels[order]`` are permuted labels. Orders are shared between tests that are to be permuted together.
    """
    groups = _groups(strata)
    for start in range(0, draws, BLOCK):
        rows = min(BLOCK, draws - start)
        block = np.empty((rows, len(strata)), dtype=np.intp)
        for members in groups:
            block[:, members] = members[rng.random((rows, len(members))).argsort(axis=1)]
        yield block


def studentised(values: Doubles, labels: Flags, strata: Whole) -> Doubles:
    """Delta over its standard error, for each row of labels (B, P) that are those of row 0 permuted within strata."""
    return _ratio(*_contrast(values, labels, _groups(strata)))


def _groups(strata: Whole) -> list[Whole]:
    return [np.flatnonzero(strata == stratum).astype(np.intp) for stratum in np.unique(strata)]


def _contrast(values: Doubles, labels: Flags, groups: list[Whole]) -> tuple[Doubles, Doubles]:
    """Delta and its standard error for each row of labels (B, P)."""
    delta, variance = np.zeros(len(labels)), np.zeros(len(labels))
    whole = int(labels[0].sum())
    for members in groups:
        chosen, own = labels[:, members].astype(np.float64), values[members]
        n_target = int(labels[0, members].sum())
        n_control = len(members) - n_target
        target, target_spread = _moments(chosen @ own, chosen @ own**2, n_target)
        control, control_spread = _moments(own.sum() - chosen @ own, (own**2).sum() - chosen @ own**2, n_control)
        # Of one prompt there is no variance: the other group's stands for it, or else half the squared difference.
        alone = (control - target) ** 2 / 2
        spreads = (
            target_spread if n_target > 1 else control_spread if n_control > 1 else alone,
            control_spread if n_control > 1 else target_spread if n_target > 1 else alone,
        )
        weight = n_target / whole
        delta += weight * (control - target)
        variance += weight**2 * (spreads[0] / n_target + spreads[1] / n_control)
    return delta, np.sqrt(np.maximum(variance, 0.0))


def _moments(totals: Doubles, squares: Doubles, number: int) -> tuple[Doubles, Doubles]:
    mean = totals / number
    return mean, np.maximum(squares - number * mean**2, 0.0) / max(number - 1, 1)


def _permuted(values: Doubles, labels: Flags, strata: Whole, draws: int, rng: np.random.Generator) -> float:
    observed = studentised(values, labels[None, :], strata)[0]
    reached = sum(
        int((studentised(values, labels[block], strata) >= observed - ROUNDING).sum())
        for block in reordered(strata, draws, rng)
    )
    return (1 + reached) / (draws + 1)


def _ratio(delta: Doubles, error: Doubles) -> Doubles:
    return delta / np.sqrt(error**2 + SMALLEST_ERROR**2)


def _honest_error(labels: Flags, error: float) -> float:
    """The standard error, where one in each group that moved by all could have been missed if none moved at all."""
    if error > 0:
        return error
    return sqrt(sum(1 / int(side.sum()) ** 2 for side in (labels, ~labels)))


def _studentised(rows: Doubles) -> Doubles:
    return _ratio(rows.mean(axis=1), rows.std(axis=1, ddof=1) / sqrt(rows.shape[1]))


def _every_sign(number: int) -> Doubles:
    bits = (np.arange(2**number)[:, None] >> np.arange(number)) & 1
    return 1.0 - 2.0 * bits.astype(np.float64)
