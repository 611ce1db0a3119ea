"""The figures of an evaluation: shares with their intervals, and how well scores separate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.learn.exact import interval, upper_bound

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

ONE_SIDED: Final = 0.05
DRAWS: Final = 10_000
PREVALENCES: Final = (0.0001, 0.0003, 0.001, 0.005)


@final
@dataclass(frozen=True, slots=True)
class Rate:
    """``hits`` of ``trials``. No trials is no rate: `share` is None, never 0."""

    hits: int
    trials: int

    @property
    def share(self) -> float | None:
        """The point estimate."""
        return self.hits / self.trials if self.trials else None

    @property
    def interval(self) -> tuple[float, float]:
        """The two-sided 95 % Clopper-Pearson interval; everything where nothing was tried."""
        return interval(self.hits, self.trials) if self.trials else (0.0, 1.0)

    @property
    def upper(self) -> float:
        """The upper end of the one-sided 95 % interval."""
        return upper_bound(self.hits, self.trials, ONE_SIDED)

    def __add__(self, other: Rate) -> Rate:
        return Rate(self.hits + other.hits, self.trials + other.trials)


def rate(flags: Flags) -> Rate:
    """The share of flags that are set."""
    return Rate(int(flags.sum()), len(flags))


def percent(share: float | None, digits: int = 1) -> str:
    """A share as a person reads it."""
    return "not measured" if share is None else f"{100 * share:.{digits}f} %"


def auroc(positives: Doubles, negatives: Doubles) -> float | None:
    """The probability that a positive scores higher than a negative, ties counting half; None without both."""
    if not len(positives) or not len(negatives):
        return None
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, "left") + np.searchsorted(ordered, positives, "right")
    return float(below.mean() / (2 * len(negatives)))


def recall_at(positives: Doubles, negatives: Doubles, fpr: float) -> float | None:
    """The share of positives above the strictest score that at most ``fpr`` of the negatives reach; None without both,
    or where there are too few negatives to speak of such a rate."""
    if not len(positives) or len(negatives) * fpr < 1:
        return None
    ordered = np.sort(negatives)[::-1]
    allowed = int(len(negatives) * fpr)
    limit = ordered[allowed] if allowed < len(ordered) else -np.inf
    return float((positives > limit).mean())


def precision_at(recall: Rate, false: Rate, prevalence: float) -> tuple[float, float, float]:
    """The 2.5, 50 and 97.5 % points of precision at a prevalence, from Jeffreys posteriors of both rates."""
    draws = np.random.default_rng(0)
    hit = draws.beta(recall.hits + 0.5, recall.trials - recall.hits + 0.5, DRAWS)
    wrong = draws.beta(false.hits + 0.5, false.trials - false.hits + 0.5, DRAWS)
    precision = prevalence * hit / (prevalence * hit + (1 - prevalence) * wrong)
    low, middle, high = (float(point) for point in np.percentile(precision, [2.5, 50, 97.5]))
    return low, middle, high


@final
@dataclass(frozen=True, slots=True)
class Bin:
    """Of the rows whose probability fell between ``low`` and ``high``: their mean, and how many were positive."""

    low: float
    high: float
    mean: float
    found: Rate


def reliability(scores: Doubles, positive: Flags, bins: int = 10) -> tuple[Bin, ...]:
    """Equal-width bins of probability; empty bins are left out."""
    place = np.minimum((scores * bins).astype(int), bins - 1)
    return tuple(
        Bin(number / bins, (number + 1) / bins, float(scores[place == number].mean()), rate(positive[place == number]))
        for number in range(bins)
        if (place == number).any()
    )
