"""Relabelling at random: the null distribution of every two-sample test, exact for the prompts that were asked.

If the endpoint is the reference, then within one prompt any assignment of its answers to the two sides was as likely
as the one we saw. So the observed statistic is one of B + 1 exchangeable ones and p = (1 + #{T_b >= T_0}) / (B + 1) is
at most alpha with probability at most alpha (Phipson and Smyth 2010). p is never 0; a tie counts against rejection.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

AT_A_TIME: Final = 1_000
TIE: Final = 1e-6
"""Statistics that differ by less than this part of their spread are equal: features are single floats, and what their
sums give in the last places depends on the processor."""


def flips(pairs: int, draws: int, seed: int) -> Iterator[Floats]:
    """Rows of +1 and -1, ``draws`` + 1 of them in all, some at a time; the very first row is all +1: as observed."""
    rng = np.random.default_rng(seed)
    for start, size in _parts(draws + 1):
        signs = rng.integers(0, 2, (size, pairs)).astype(np.float64) * 2.0 - 1.0
        if start == 0:
            signs[0] = 1.0
        yield signs


def shuffles(
    shapes: tuple[tuple[int, int, int], ...], draws: int, seed: int
) -> Iterator[tuple[npt.NDArray[np.bool_], ...]]:
    """Which answers are the reference's, ``draws`` + 1 times, some at a time; the very first is as observed.

    A shape is (prompts, reference answers of each, endpoint answers of each). For each shape comes an array
    (draws, prompts, answers), in which every prompt keeps its number of reference answers: True marks them.
    """
    rng = np.random.default_rng(seed)
    for start, size in _parts(draws + 1):
        yield tuple(_shuffled(shape, size, rng, observed_first=start == 0) for shape in shapes)


def _shuffled(
    shape: tuple[int, int, int], size: int, rng: np.random.Generator, *, observed_first: bool
) -> npt.NDArray[np.bool_]:
    prompts, reference, endpoint = shape
    keys = rng.random((size, prompts, reference + endpoint), dtype=np.float32)
    order = np.argsort(keys, axis=2, kind="stable")
    if observed_first:
        order[0] = np.arange(reference + endpoint)
    return order < reference


def _parts(total: int) -> Iterator[tuple[int, int]]:
    for start in range(0, total, AT_A_TIME):
        yield start, min(AT_A_TIME, total - start)


def p_of(statistics: Floats) -> float:
    """The p-value of the first of ``statistics`` among all of them: large is evidence of change."""
    return float(ranks(statistics)[0])


def ranks(statistics: Floats) -> Floats:
    """For each of n statistics the share of all n that are at least as large, itself included: in (0, 1]."""
    spread = float(np.ptp(statistics))
    ordered = np.sort(statistics)
    below = np.searchsorted(ordered, statistics - TIE * spread, side="left")
    found: Floats = (len(statistics) - below) / len(statistics)
    return found


def evidence_of(p_value: float, kappa: float = 0.5) -> float:
    """The e-value kappa p^(kappa - 1) of a p-value: of mean 1 at most if nothing changed (Vovk, Wang 2021)."""
    return float(kappa * p_value ** (kappa - 1.0))


def smallest_p(shapes: tuple[tuple[int, int, int], ...], draws: int) -> float:
    """The smallest p-value that any answers could give in such a design."""
    arrangements = sum(
        prompts * (math.lgamma(m + n + 1) - math.lgamma(m + 1) - math.lgamma(n + 1)) for prompts, m, n in shapes
    )
    return max(1.0 / (draws + 1), min(1.0, 2.0 * math.exp(-arrangements)))
