"""Several statistics as one test: strong where one sees much or where several see a little, no loss to Bonferroni.

Each statistic of each relabelling is standardised by the mean and the spread of all relabellings; a relabelling's
score is the sum of the squares of those above their mean. The observed score is compared with those of the
relabellings: since the rule is the same for all of them, the p-value is exact. Squares, so that one overwhelming
statistic is enough however many others see nothing; a sum, so that several weak ones add up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from overt.audit.stats.draws import Floats, p_of

STEADY: Final = 1e-12
SLIGHT: Final = 1e-3
"""What those below their mean count: enough to order scores that would else tie at 0."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One statistic: ``standardised`` is how many standard deviations of its null it lies above the null's mean."""

    name: str
    standardised: float
    p_value: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Combined:
    """All statistics in one. ``statistic`` is the observed score."""

    p_value: float
    statistic: float
    kernels: tuple[Seen, ...]


def combine(statistics: Mapping[str, Floats]) -> Combined:
    """``statistics``: by name, the value at each relabelling, the first as observed; large is evidence of change."""
    standardised = np.array([_standardised(values) for values in statistics.values()])
    scores: Floats = np.where(standardised > 0, standardised**2, SLIGHT * standardised).sum(axis=0)
    return Combined(
        p_value=p_of(scores),
        statistic=float(scores[0]),
        kernels=tuple(
            Seen(name=name, standardised=float(own[0]), p_value=p_of(own))
            for name, own in zip(statistics, standardised, strict=True)
        ),
    )


def _standardised(values: Floats) -> Floats:
    spread = float(values.std())
    # Where every relabelling gives the same value nothing was seen; that is 0 standard deviations, not 0/0.
    if spread <= STEADY * max(1.0, float(np.abs(values).max())):
        return np.zeros_like(values)
    found: Floats = (values - values.mean()) / spread
    return found
