"""Clopper-Pearson intervals from the binomial tails themselves, with nothing but the standard library.

So they are there for commands that an operator runs where nothing is trained, and scipy need not be. A test compares
them with the quantiles of scipy's beta distribution.
"""

from __future__ import annotations

from math import exp, lgamma, log, log1p
from typing import Final

NEGLIGIBLE: Final = 1e-18
"""The share of a sum from which on a term changes nothing."""


def upper_bound(hits: int, trials: int, delta: float) -> float:
    """The one-sided upper end at confidence 1 - delta: the rate at which ``hits`` or fewer have probability delta."""
    if hits >= trials:
        return 1.0
    low, high = hits / trials, 1.0
    while low < (middle := (low + high) / 2) < high:
        if _at_most(hits, trials, middle) > delta:
            low = middle
        else:
            high = middle
    return high


def lower_bound(hits: int, trials: int, delta: float) -> float:
    """The one-sided lower end: of what did not happen, the upper one."""
    return 1.0 - upper_bound(trials - hits, trials, delta)


def interval(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The two-sided interval; everything where nothing was tried."""
    half = (1 - confidence) / 2
    return (lower_bound(hits, trials, half), upper_bound(hits, trials, half)) if trials else (0.0, 1.0)


def _at_most(hits: int, trials: int, rate: float) -> float:
    """P(X <= hits) for X binomial, where ``rate`` is above hits/trials: terms shrink from ``hits`` downward."""
    ways = lgamma(trials + 1) - lgamma(hits + 1) - lgamma(trials - hits + 1)
    term = exp(ways + hits * log(rate) + (trials - hits) * log1p(-rate))
    total, odds = term, (1 - rate) / rate
    for count in range(hits, 0, -1):
        term *= count / (trials - count + 1) * odds
        total += term
        if term <= total * NEGLIGIBLE:
            break
    return total
