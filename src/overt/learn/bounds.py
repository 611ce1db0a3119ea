"""Learn-then-Test thresholds, with Clopper-Pearson bounds (classifiers.md §5).

A threshold is tested from the strictest to the loosest in an order fixed beforehand; the last one whose upper bound on
the false-positive rate is at most alpha is taken. Valid at level delta without a correction for the many thresholds.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from overt.learn.exact import upper_bound

Doubles: TypeAlias = npt.NDArray[np.float64]

GRID_STEP: Final = 1e-4
"""Scores and thresholds are multiples of this."""


def quantised(scores: Doubles) -> Doubles:
    """Scores on the grid of thresholds, rounded down as a served score is compared."""
    return np.floor(scores / GRID_STEP + 1e-9) * GRID_STEP


def ltt_threshold(negatives: Doubles, *, alpha: float, delta: float) -> float | None:
    """The loosest threshold that is shown to keep the rate of ``negatives >= threshold`` below alpha, None if none is.

    The order runs over the grid from 1 down; between two negatives' scores nothing changes, so only those are visited.
    """
    scores = np.sort(quantised(negatives))[::-1]
    allowed = _allowed(len(scores), alpha, delta)
    if allowed is None:
        return None
    if allowed >= len(scores):
        return GRID_STEP
    threshold = scores[allowed] + GRID_STEP
    return round(float(threshold), 4) if threshold <= 1 else None


def _allowed(trials: int, alpha: float, delta: float) -> int | None:
    """The most hits whose upper bound is at most alpha, None if not even zero is."""
    hits = -1
    while hits < trials and upper_bound(hits + 1, trials, delta) <= alpha:
        hits += 1
    return hits if hits >= 0 else None


def capped_threshold(groups: list[Doubles], *, cap: float) -> float:
    """The loosest grid threshold at which ``scores >= threshold`` in at most a share of ``cap``, mean over groups."""
    kept = [quantised(group) for group in groups if len(group)]
    scores = np.concatenate(kept)
    shares = np.concatenate([np.full(len(group), 1 / (len(group) * len(kept))) for group in kept])
    order = np.argsort(-scores, kind="stable")
    passed = np.cumsum(shares[order]) > cap + 1e-12
    first = int(np.argmax(passed)) if passed.any() else len(scores) - 1
    return min(1.0, round(float(scores[order][first]) + GRID_STEP, 4)) if passed.any() else GRID_STEP
