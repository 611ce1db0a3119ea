"""Betting e-processes for graded answers: did the pass rate fall, did it move, did a topic lose more than its control?

Every test bets on payoffs h_t in [-1, 1] whose expectation given the past is at most 0 under its null hypothesis. For a
fixed stake L in (0, 1) the product of (1 + L h_t) is a nonnegative supermartingale; we average it over a grid of
stakes, so that none has to be chosen: an e-process (Ramdas, Grünwald, Vovk and Shafer 2023, section 4), valid at every
time at which somebody may look.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from overt.audit.stats.betting import Wealth
from overt.errors import BadRequest

Floats = NDArray[np.float64]

STAKES: Final = (0.02, 0.04, 0.08, 0.14, 0.22, 0.32, 0.45, 0.6, 0.8)
"""Each has an equal share. A stake near E[h] / E[h^2] of the change at hand grows fastest."""


def bet_on_payoffs(payoffs: Floats) -> Wealth:
    """The e-process of T payoffs in [-1, 1], in time order. Null: every one has mean <= 0 given those before."""
    return Wealth(log_wealth=np.logaddexp.reduce(log_by_stake(payoffs), axis=0) - math.log(len(STAKES)))


def bet_both_ways(payoffs: Floats) -> Wealth:
    """The mean of the e-processes of h and of -h. Null: every payoff has mean 0 given those before."""
    up, down = bet_on_payoffs(payoffs).log_wealth, bet_on_payoffs(-payoffs).log_wealth
    return Wealth(log_wealth=np.logaddexp(up, down) - math.log(2))


def log_by_stake(payoffs: Floats) -> Floats:
    """Log wealth of every stake: (stakes, T). What `restart` takes apart into steps."""
    return np.cumsum(log_steps(payoffs), axis=1)


def log_steps(payoffs: Floats) -> Floats:
    """log(1 + L h_t) for every stake L: (stakes, T)."""
    if payoffs.ndim != 1 or not np.all(np.abs(payoffs) <= 1):
        raise BadRequest("payoffs must be one row of numbers from -1 to 1: divide by the largest that can occur")
    return np.asarray(np.log1p(np.array(STAKES)[:, None] * payoffs[None, :]), dtype=np.float64)


def drop_payoffs(scores: Floats, least_rate: float) -> Floats:
    """Scores in [0, 1] against a fixed reference. Null: every score has mean >= ``least_rate`` given those before.

    ``least_rate`` must not lie above the true mean of the reference: take `lowest_rate` and add its ``doubt`` to alpha,
    or compare pairs. (An estimate, or an upper bound, would call the luck of the reference a loss of the endpoint.)
    """
    _check_scores(scores)
    if not 0 < least_rate <= 1:
        raise BadRequest(f"the rate of the reference must lie above 0 and be at most 1, found {least_rate!r}")
    return np.asarray((least_rate - scores) / max(least_rate, 1 - least_rate), dtype=np.float64)


def rise_payoffs(scores: Floats, most_rate: float) -> Floats:
    """The mirror image: null, every score has mean <= ``most_rate`` given those before."""
    _check_scores(scores)
    return drop_payoffs(1 - scores, 1 - most_rate)


def pair_payoffs(reference: Floats, endpoint: Floats) -> Floats:
    """Reference's less endpoint's score, prompt by prompt: positive is a loss. Null: neither is better on average."""
    _check_scores(reference)
    _check_scores(endpoint)
    return np.asarray(reference - endpoint, dtype=np.float64)


def topic_payoffs(topic_change: Floats, control_change: Floats, margin: float) -> Floats:
    """Changes (endpoint less reference, in [-1, 1]) of matched pairs of prompts: h = ((dC - dT) - m) / (2 + m).

    Null: given the past, the topic loses on average at most ``margin`` more than its control does.
    """
    if not 0 <= margin < 2:
        raise BadRequest(f"the margin must be from 0 to less than 2, found {margin!r}")
    if topic_change.shape != control_change.shape:
        raise BadRequest(f"matched pairs need one shape, found {topic_change.shape!r} and {control_change.shape!r}")
    if not (np.all(np.abs(topic_change) <= 1) and np.all(np.abs(control_change) <= 1)):
        raise BadRequest("changes of scores must lie between -1 and 1")
    return np.asarray((control_change - topic_change - margin) / (2 + margin), dtype=np.float64)


def lowest_rate(passed: int, asked: int, doubt: float) -> float:
    """Clopper and Pearson's (1934) lower bound of a rate: it lies above the truth with probability <= ``doubt``."""
    if not 0 <= passed <= asked or asked < 1:
        raise BadRequest(f"expected 0 <= passed <= asked and asked >= 1, found {passed!r} of {asked!r}")
    if not 0 < doubt < 1:
        raise BadRequest(f"doubt must lie between 0 and 1, found {doubt!r}")
    low, high = 0.0, passed / asked
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if _tail(passed, asked, middle) > doubt else (middle, high)
    return low


def highest_rate(passed: int, asked: int, doubt: float) -> float:
    """Clopper and Pearson's upper bound."""
    return 1 - lowest_rate(asked - passed, asked, doubt)


def _tail(passed: int, asked: int, rate: float) -> float:
    """P(Binomial(asked, rate) >= passed)."""
    if passed == 0:
        return 1.0
    if rate <= 0:
        return 0.0
    if rate >= 1:
        return 1.0
    terms = [
        math.lgamma(asked + 1)
        - math.lgamma(count + 1)
        - math.lgamma(asked - count + 1)
        + count * math.log(rate)
        + (asked - count) * math.log1p(-rate)
        for count in range(passed, asked + 1)
    ]
    return float(np.exp(np.logaddexp.reduce(terms)))


def _check_scores(scores: Floats) -> None:
    if scores.ndim != 1 or not np.all((scores >= 0) & (scores <= 1)):
        raise BadRequest("scores must be one row of numbers from 0 to 1")
