"""Whether the traffic or the classifier has moved since a bound was earned: the statistics, numpy and nothing else.

A bound on false positives holds for traffic like the traffic that it was earned on (classifiers.md sections 5 and 7).

- `stability`: population stability index on the deciles of the reference scores. Above 0.1 look, above 0.25 gate; and
  neither unless it is above what equal populations give in one of a thousand comparisons, (1/n + 1/m) times a
  chi-squared quantile (Yurdakul, Statistical Properties of Population Stability Index, 2018, WMU dissertation 3208).
- `distance`: two-sample Kolmogorov-Smirnov, p-value by the asymptotic (Kolmogorov) distribution. It never gates: with
  much traffic a difference that matters to nobody is sure.
- `chart`: EWMA chart of the flag rate, lambda 0.2, limits at 3 sigma (Roberts 1959; Lucas and Saccucci, Technometrics
  32(1), 1990: one false alarm in about 560 points). Its limits allow for a reference that is itself an estimate.
- `wealth`: a betting test of "at most this share of audited appeals is overturned". Each bet is fixed before its
  outcome is seen. While the promise holds, the expected wealth of a gambler against it never exceeds the stake of 1, so
  it ever reaches 1/alpha with probability at most alpha, however often one looks (Ville's inequality; Waudby-Smith and
  Ramdas, Estimating means of bounded random variables by betting, JRSS B 86(1), 2024, arXiv:2010.09686). The bet is the
  Krichevsky-Trofimov estimate of the share so far, and none where that is not above the promise.

What is too little to judge by gives no level, and says what is missing: None is not `STEADY`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import ceil, exp, sqrt
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

Doubles: TypeAlias = npt.NDArray[np.float64]
Counts: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]

BINS: Final = 10
PSI_LOOK: Final = 0.1
PSI_GATE: Final = 0.25
FEWEST: Final = 100
"""Scores on either side below which no distribution is compared."""
KS_LOOK: Final = 0.01 / 4
"""One false alarm in a hundred comparisons of all four domains."""
KS_SMALLEST: Final = 0.02
"""A distance that is worth a look, however sure it is."""
WEIGHT: Final = 0.2
SIGMAS: Final = 3.0
FLAGS_PER_BATCH: Final = 10
"""Expected flags per point of the chart: fewer, and the limits are not those of a normal distribution."""
FEWEST_POINTS: Final = 2
ALPHA: Final = 0.01
EARLY: Final = 5.0
"""Appeals are worth a look at 1 / (EARLY * alpha)."""
TAIL: Final = (10.828, 13.816, 16.266, 18.467, 20.515, 22.458, 24.322, 26.124, 27.877)
"""The 99.9 % points of chi-squared, from one degree of freedom on."""


@final
class Level(IntEnum):
    """What a check says, in order; the number is the exit status of a command that finds no more."""

    STEADY = 0
    LOOK = 1
    GATE = 2

    @property
    def word(self) -> str:
        """As it is printed."""
        return self.name.lower()


@final
@dataclass(frozen=True, slots=True)
class TooLittle:
    """A check that could not be made, and what is missing."""

    why: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Stability:
    """A population stability index, what equal populations seldom reach, and the shares of scores per bin."""

    index: float
    noise: float
    reference: Sequence[float]
    current: Sequence[float]

    @property
    def level(self) -> Level:
        """By the usual two limits, where the index is more than noise."""
        if self.index <= max(PSI_LOOK, self.noise):
            return Level.STEADY
        return Level.GATE if self.index > PSI_GATE else Level.LOOK


@final
@dataclass(frozen=True, slots=True)
class Distance:
    """The largest difference of two distribution functions, and how often equal ones differ so much."""

    distance: float
    p: float

    @property
    def level(self) -> Level:
        """At most a look."""
        return Level.LOOK if self.p < KS_LOOK and self.distance >= KS_SMALLEST else Level.STEADY


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """An EWMA chart: ``rates`` per batch of ``batch`` turns, their average, and how far from ``centre`` it may be."""

    centre: float
    batch: int
    rates: Sequence[float]
    averages: Sequence[float]
    reach: Sequence[float]

    @property
    def outside(self) -> tuple[bool, ...]:
        """Which points are beyond the limits."""
        pairs = zip(self.averages, self.reach, strict=True)
        return tuple(abs(average - self.centre) > reach for average, reach in pairs)

    @property
    def level(self) -> Level:
        """Gate where the latest point is outside; look where an earlier one was."""
        if self.outside[-1]:
            return Level.GATE
        return Level.LOOK if any(self.outside) else Level.STEADY


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Wealth:
    """What a gambler against the promise has after each audited appeal, from a stake of 1."""

    promised: float
    alpha: float
    overturned: int
    after: Sequence[float]

    @property
    def highest(self) -> float:
        """The most it ever was: evidence does not expire."""
        return max(self.after)

    @property
    def level(self) -> Level:
        """Gate at 1/alpha."""
        if self.highest >= 1 / self.alpha:
            return Level.GATE
        return Level.LOOK if self.highest >= 1 / (EARLY * self.alpha) else Level.STEADY


def stability(reference: Doubles, current: Doubles) -> Stability | TooLittle:
    """The index over the deciles of the reference; equal deciles are one. Half a score is added to every bin, so that
    an empty one is not infinitely far away."""
    if min(len(reference), len(current)) < FEWEST:
        return _too_few(reference, current)
    edges = np.unique(np.quantile(reference, np.arange(1, BINS) / BINS))
    before, now = (_shares(scores, edges) for scores in (reference, current))
    index = float(((now - before) * np.log(now / before)).sum())
    noise = (1 / len(reference) + 1 / len(current)) * TAIL[len(edges) - 1]
    return Stability(index=index, noise=noise, reference=before.tolist(), current=now.tolist())


def _shares(scores: Doubles, edges: Doubles) -> Doubles:
    counts = np.bincount(np.searchsorted(edges, scores, side="right"), minlength=len(edges) + 1) + 0.5
    shares: Doubles = counts / counts.sum()
    return shares


def distance(reference: Doubles, current: Doubles) -> Distance | TooLittle:
    """Kolmogorov-Smirnov. Ties make the p-value larger than it is, never smaller."""
    if min(len(reference), len(current)) < FEWEST:
        return _too_few(reference, current)
    everything = np.concatenate([reference, current])
    below = (np.searchsorted(np.sort(scores), everything, "right") / len(scores) for scores in (reference, current))
    found = float(np.abs(np.subtract(*below)).max())
    return Distance(found, kolmogorov(found * sqrt(len(reference) * len(current) / len(everything))))


def kolmogorov(scaled: float) -> float:
    """The chance that the supremum of a Brownian bridge's absolute value is above ``scaled``."""
    if scaled < 0.2:
        return 1.0  # To eight digits; the series below converges slowly there.
    terms = ((1 if k % 2 else -1) * exp(-2 * (k * scaled) ** 2) for k in range(1, 101))
    return min(1.0, max(0.0, 2 * sum(terms)))


def chart(reference: Flags, current: Flags) -> Chart | TooLittle:
    """The chart of ``current``, in the order of its turns, around the rate of ``reference``. The turns of an unfinished
    last batch are left for the next check."""
    seen = int(reference.sum())
    rare = min(seen, len(reference) - seen)
    if rare < FLAGS_PER_BATCH:
        return TooLittle(f"{seen:,} of {len(reference):,} reference turns are flagged; give at least {FLAGS_PER_BATCH}")
    centre = seen / len(reference)
    batch = ceil(FLAGS_PER_BATCH / min(centre, 1 - centre))
    points = len(current) // batch
    if points < FEWEST_POINTS:
        return TooLittle(f"{len(current):,} current turns; a chart of this rate needs {FEWEST_POINTS * batch:,}")
    rates = current[: points * batch].reshape(points, batch).mean(axis=1)
    return _averaged(rates, centre, batch, len(reference))


def _averaged(rates: Doubles, centre: float, batch: int, reference: int) -> Chart:
    averages, reach, average = [], [], centre
    for number, rate in enumerate(rates.tolist(), 1):
        average = WEIGHT * rate + (1 - WEIGHT) * average
        left = (1 - WEIGHT) ** number
        spread = WEIGHT / (2 - WEIGHT) * (1 - left**2) / batch + (1 - left) ** 2 / reference
        averages.append(average)
        reach.append(SIGMAS * sqrt(centre * (1 - centre) * spread))
    return Chart(centre=centre, batch=batch, rates=rates.tolist(), averages=averages, reach=reach)


def wealth(overturned: Sequence[bool], promised: float, alpha: float = ALPHA) -> Wealth | TooLittle:
    """The betting test over audited appeals in the order of their audits. ``promised`` is above 0 and below 1."""
    if not overturned:
        return TooLittle("no audited appeal")
    after, held, hits = [], 1.0, 0
    for audited, lost in enumerate(overturned):
        bet = max(promised, (hits + 0.5) / (audited + 1))
        held *= bet / promised if lost else (1 - bet) / (1 - promised)
        hits += lost
        after.append(held)
    return Wealth(promised=promised, alpha=alpha, overturned=hits, after=after)


def _too_few(reference: Doubles, current: Doubles) -> TooLittle:
    return TooLittle(f"{len(reference):,} and {len(current):,} scores; give at least {FEWEST} of each")
