"""Scores of answers to the same prompts on both sides: the mean difference, its interval and an exact test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist
from typing import final

import numpy as np

from overt.audit.stats.draws import Floats, p_of, shuffles


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """Endpoint less reference, over prompts with a score on both sides; negative where the endpoint scores less.

    ``low`` and ``high`` are a (1 - alpha) interval (normal, over prompts). ``p_value`` is two-sided and exact:
    McNemar's where each prompt has one answer a side, right or wrong; else by dealing the scores of each prompt to the
    two sides at random.
    """

    prompts: int
    difference: float
    low: float
    high: float
    lost: int
    gained: int
    p_value: float
    test: str


def graded(
    prompts: Sequence[tuple[Sequence[float], Sequence[float]]], *, alpha: float, draws: int, seed: int
) -> Graded | None:
    """``prompts``: for each the scores of the reference and of the endpoint; None where there are fewer than two."""
    if len(prompts) < 2:
        return None
    values = np.array([np.mean(endpoint) - np.mean(reference) for reference, endpoint in prompts])
    mean = float(values.mean())
    half = NormalDist().inv_cdf(1 - alpha / 2) * float(values.std(ddof=1)) / math.sqrt(len(values))
    lost, gained = int(np.count_nonzero(values < 0)), int(np.count_nonzero(values > 0))
    single = all(len(reference) == len(endpoint) == 1 for reference, endpoint in prompts)
    binary = single and bool(np.isin(values, (-1.0, 0.0, 1.0)).all())
    return Graded(
        prompts=len(values),
        difference=mean,
        low=max(-1.0, mean - half),
        high=min(1.0, mean + half),
        lost=lost,
        gained=gained,
        p_value=mcnemar(lost, gained) if binary else _dealt(prompts, draws=draws, seed=seed),
        test="exact McNemar" if binary else "permutation within prompts",
    )


def mcnemar(lost: int, gained: int) -> float:
    """Exact and two-sided: twice the chance of a split at least as uneven by a fair coin (McNemar 1947)."""
    flipped = lost + gained
    tail = sum(math.comb(flipped, count) for count in range(min(lost, gained) + 1))
    return min(1.0, float(Fraction(2 * tail, 2**flipped)))


def _dealt(prompts: Sequence[tuple[Sequence[float], Sequence[float]]], *, draws: int, seed: int) -> float:
    rows: dict[tuple[int, int], list[list[float]]] = {}
    for reference, endpoint in prompts:
        rows.setdefault((len(reference), len(endpoint)), []).append([*reference, *endpoint])
    shapes = tuple((len(each), m, n) for (m, n), each in rows.items())
    scores = [np.array(each) for each in rows.values()]
    found: list[Floats] = []
    for sides in shuffles(shapes, draws, seed):
        sums = [
            np.where(each, values / m, -values / n).sum(axis=(1, 2))
            for each, values, (_, m, n) in zip(sides, scores, shapes, strict=True)
        ]
        found.append(np.abs(np.sum(sums, axis=0)))
    return p_of(np.concatenate(found))
