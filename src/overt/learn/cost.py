"""What looking again costs and saves: gates lower or higher than the released ones, all by the same factor.

Of sensitive requests, those count that both stages together would act on. *Kept* is the share of them that still reach
stage 2; *looked again* the share of everyday requests that do. At factor 1 both are what the release does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.classify.cascade import Cascade
from overt.core.domain import BANDS, DOMAINS, Band
from overt.learn.rates import Rate, rate

Doubles: TypeAlias = npt.NDArray[np.float64]

FACTORS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CostPoint:
    """Gates times ``factor``: everyday requests that stage 2 reads, and sensitive ones that it still gets to see."""

    factor: float
    looked_again: Rate
    kept: Rate


def cost_curve(classifier: Cascade, everyday: Sequence[str], sensitive: Sequence[str]) -> tuple[CostPoint, ...]:
    """The curve over `FACTORS`."""
    found = [text for text in sensitive if _would_act(classifier, text)]
    common = np.asarray([classifier.opening(text) for text in everyday])
    wanted = np.asarray([classifier.opening(text) for text in found])
    return tuple(
        CostPoint(factor=factor, looked_again=rate(common >= factor), kept=rate(wanted >= factor)) for factor in FACTORS
    )


def _would_act(classifier: Cascade, text: str) -> bool:
    """Whether both stages, asked without a gate, reach an acting point of high_dual or prohibited."""
    probabilities = classifier.score(text).probabilities
    return any(
        probabilities[place, BANDS.index(band)] >= point
        for place, domain in enumerate(DOMAINS)
        for band in (Band.HIGH_DUAL, Band.PROHIBITED)
        if (point := classifier.release.acting_point(domain, band)) is not None
    )
