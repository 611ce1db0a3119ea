"""The paired betting e-process for texts: is the endpoint's answer told from the reference's, prompt after prompt?

Pair i is the reference's and the endpoint's answer to one prompt. If both come from one source, then given everything
before and given the two texts of the pair, either order is equally likely (exchangeable pairs). We bet on the order:
W_i = W_(i-1) (1 + h_i), where h_i is twice our probability for the true order, less one. The probability rests on
earlier pairs alone, and turns over when the pair does, so W is a nonnegative martingale and P(sup W >= 1/alpha) <=
alpha (Ville 1939): look after every pair, stop when you like. Nothing is assumed of the texts, the prompts or their
order, only that the order in which prompts come does not depend on the answers.

The probability is that of Bayesian probit regression on differences of features with a Gaussian prior (a Gaussian
process on pairs), learned one pair at a time by matching moments (assumed density filtering: Opper 1998; Csató and
Opper 2002). Several such bettors share the first wealth; their sum is an e-process again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from overt.audit.stats.voice import letters, openings, voices
from overt.errors import BadRequest

Floats = NDArray[np.float64]

MOST_STAKED: Final = 0.95
"""Of the wealth, on one pair: one surprise never ruins a bettor."""
BLOCK: Final = 800
"""Pairs after which a bettor learns afresh, its wealth kept: the work for a pair is at most BLOCK squared."""
NEGLIGIBLE: Final = 1e-9


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Bettor:
    """``share`` of the first wealth goes to the bettor that believes ``covariance``.

    ``covariance`` is P x P, symmetric and nonnegative definite: prior covariance of the leanings of the pairs. Entry
    (i, j) must change its sign, and only that, when the members of pair i (or of j) change places.
    """

    share: float
    covariance: Floats


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Wealth:
    """An e-process as it went: ``log_wealth[i]`` is the logarithm of the e-value after observation i, from 0 on."""

    log_wealth: Floats

    @property
    def e_max(self) -> float:
        """The largest e-value so far. Compare it with 1/alpha alone; it is not an e-value to average or multiply."""
        return math.exp(min(max(0.0, float(self.log_wealth.max(initial=0.0))), 700.0))

    @property
    def e_now(self) -> float:
        """The e-value now: may be averaged with others that stand at the same time."""
        return math.exp(min(float(self.log_wealth[-1]), 700.0)) if self.log_wealth.size else 1.0

    def alarm_at(self, alpha: float) -> int | None:
        """Index of the first observation whose e-value is 1/alpha or more; under the null, ever: at most alpha."""
        if not 0 < alpha < 1:
            raise BadRequest(f"alpha must lie between 0 and 1, found {alpha!r}")
        above = np.nonzero(self.log_wealth >= -math.log(alpha))[0]
        return int(above[0]) if above.size else None


def bet_on_texts(reference: Sequence[str], endpoint: Sequence[str]) -> Wealth:
    """The e-process over P pairs of answers, in the order in which they came. O(P x BLOCK^2) time."""
    if len(reference) != len(endpoint):
        raise BadRequest(
            f"pairs need as many answers on both sides, found {len(reference)!r} and {len(endpoint)!r}: "
            "keep the prompts that both answered"
        )
    parts = [
        bet(text_bettors(reference[start : start + BLOCK], endpoint[start : start + BLOCK]))
        for start in range(0, len(reference), BLOCK)
    ]
    return one_after_another(parts)


def one_after_another(parts: Sequence[Wealth]) -> Wealth:
    """E-processes on successive stretches of observations as one: the wealth of one is the stake of the next."""
    paths, before = list[Floats](), 0.0
    for part in parts:
        paths.append(part.log_wealth + before)
        before = float(paths[-1][-1]) if paths[-1].size else before
    return Wealth(log_wealth=np.concatenate(paths) if paths else np.zeros(0))


def bet(bettors: Sequence[Bettor], outcomes: NDArray[np.int8] | None = None) -> Wealth:
    """Let all bettors play the P pairs in order; shares are scaled to one.

    ``outcomes`` (+1 or -1, shape P) says which way round each pair was observed; None is all +1. Independent fair signs
    here are exactly the null hypothesis, which is how calibration is measured.
    """
    if not bettors or min(bettor.share for bettor in bettors) <= 0:
        raise BadRequest("an e-process needs at least one bettor, and every share above 0")
    pairs = len(bettors[0].covariance)
    signs = np.ones(pairs) if outcomes is None else outcomes.astype(np.float64)
    if signs.shape != (pairs,) or not np.all(np.abs(signs) == 1):
        raise BadRequest(f"outcomes must be {pairs!r} times +1 or -1, found shape {signs.shape!r}")
    total = sum(bettor.share for bettor in bettors)
    paths = [math.log(bettor.share / total) + _log_wealth(bettor.covariance, signs) for bettor in bettors]
    return Wealth(log_wealth=np.logaddexp.reduce(np.array(paths), axis=0))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """N texts as rows: how they are written, how they open, which letters run together. See `voice`."""

    voice: Floats
    opening: Floats
    letter: Floats


def views_of(texts: Sequence[str]) -> Views:
    """All three views of N texts."""
    return Views(voice=voices(texts), opening=openings(texts), letter=letters(texts))


def text_bettors(reference: Sequence[str], endpoint: Sequence[str]) -> tuple[Bettor, ...]:
    """The bettors for P pairs of texts."""
    return view_bettors(views_of(reference), views_of(endpoint))


def view_bettors(reference: Views, endpoint: Views) -> tuple[Bettor, ...]:
    """The bettors for P pairs: on voice (in three bendings), on all three views together, on openings."""
    near, far, straight = (kernel_on_pairs(reference.voice, endpoint.voice, bend) for bend in (0.3, 0.1, 0.0))
    opening = kernel_on_pairs(reference.opening, endpoint.opening, 0.0)
    letter = kernel_on_pairs(reference.letter, endpoint.letter, 0.0)
    return (
        Bettor(share=0.45, covariance=40.0 * straight),
        Bettor(share=0.05, covariance=90.0 * far),
        Bettor(share=0.25, covariance=66.0 * near),
        Bettor(share=0.10, covariance=22.0 * near + 20.0 * letter + 2.0 * opening),
        Bettor(share=0.15, covariance=3.0 * opening),
    )


def kernel_on_pairs(first: Floats, second: Floats, bend: float) -> Floats:
    """The covariance of P pairs from features (P x D) of both members, antisymmetric in either pair.

    ``bend`` 0: inner products of differences. Otherwise k(x,x') - k(x,y') - k(y,x') + k(y,y') with the Gaussian kernel
    k = exp(-bend |x - y|^2), in which a difference may mean one thing for one kind of answer and another for another.
    """
    if bend == 0.0:
        apart = first - second
        return np.asarray(apart @ apart.T, dtype=np.float64)
    crossed = _gaussian(first, second, bend)
    return _gaussian(first, first, bend) + _gaussian(second, second, bend) - crossed - crossed.T


def _gaussian(left: Floats, right: Floats, bend: float) -> Floats:
    apart = (left**2).sum(1)[:, None] + (right**2).sum(1)[None, :] - 2 * left @ right.T
    return np.asarray(np.exp(-bend * np.maximum(apart, 0.0)), dtype=np.float64)


def _log_wealth(covariance: Floats, signs: Floats) -> Floats:
    """One bettor's log wealth: assumed density filtering of the leanings of all pairs that are still to come."""
    pairs = len(signs)
    spread, leaning, path = covariance.copy(), np.zeros(pairs), np.zeros(pairs)
    wealth = 0.0
    for pair in range(pairs):
        variance, sign = float(spread[pair, pair]), float(signs[pair])
        width = math.sqrt(1 + max(variance, 0.0))
        z = sign * float(leaning[pair]) / width
        odds = math.erf(z / math.sqrt(2))
        wealth += math.log1p(min(max(odds, -MOST_STAKED), MOST_STAKED))
        path[pair] = wealth
        if variance <= NEGLIGIBLE:
            continue
        pull = math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / max((1 + odds) / 2, NEGLIGIBLE)
        column = spread[pair, pair + 1 :].copy()
        leaning[pair + 1 :] += sign * pull / width * column
        spread[pair + 1 :, pair + 1 :] -= np.outer(pull * (z + pull) / width**2 * column, column)
    return path
