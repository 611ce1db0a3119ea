"""A loss of score apart from refusals: what was declined openly is policy, what is answered worse is not.

With r the share of refusals and m the mean score of what was answered, the score is (1 - r) m, a refusal counting 0.
Its change is split exactly and symmetrically (Kitagawa, JASA 50, 1955):

    m1 (1 - r1) - m0 (1 - r0)  =  -(r1 - r0) (m0 + m1)/2  +  (m1 - m0) (1 - (r0 + r1)/2)
                                  by refusing more or less    by answering better or worse

A provider's own word for a refusal is the evidence; `reads_as_refusal` is for rows that carry text alone, and knows
only plain English openings. It is no judge: an answer that declines in other words counts as an answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

OPENING: Final = 250
"""Characters in which a refusal says so."""
POLITE: Final = (
    r"(?:(?:i am|i'm|i’m|we are|we're)?\s*(?:very |so |really |truly )?(?:sorry|afraid)[\s,.:;-]*(?:but |that )?)?"
)
UNABLE: Final = (
    r"(?:can(?:not|'t|’t| not)|won'?t|won’t|will not|am (?:not able|unable)|'m (?:not able|unable)|must decline)"
)
DOING: Final = (
    r"(?:to )?(?:help|assist|provide|comply|fulfil|fulfill|do that|do this|support|engage|generate|create|write|give"
    r"|answer|discuss|share|continue|offer|participate)"
)
REFUSAL: Final = re.compile(
    rf"(?:^|[.!?\n]\s*)\W*{POLITE}(?:as an? (?:ai|artificial)[^.!?\n]{{0,80}}?[,\s])?"
    rf"(?:i|we)\s*{UNABLE}(?:\s+\w+)?\s+{DOING}"
    r"|(?:^|[.!?\n]\s*)\W*(?:i|we) (?:must |have to )?(?:decline|refuse)\b"
    r"|^\W*(?:i am|i'm|i’m)?\s*(?:so |very )?sorry[\s,.]*(?:but )?(?:i|we|this|that)\s*(?:\w+\s+)?"
    r"(?:can(?:not|'t|’t)|won't|am unable|'m unable)",
    re.IGNORECASE,
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalSplit:
    """Shares of refusals on both sides and the two parts of the change of the mean score; parts add up to `change`.

    The parts are None where a side answered nothing: then how well it answers is not known.
    """

    reference: float
    endpoint: float
    change: float
    by_refusing: float | None
    by_answering: float | None
    n_reference: int
    n_endpoint: int


def reads_as_refusal(text: str) -> bool:
    """Whether an answer opens by declining, in plain English."""
    return REFUSAL.search(text[:OPENING]) is not None


def refusal_split(
    reference_scores: Doubles, reference_refused: Flags, endpoint_scores: Doubles, endpoint_refused: Flags
) -> RefusalSplit | None:
    """Split the change of the mean score: (N,) scores in [0, 1] and flags per side. None where a side is empty.

    The score of a refusal counts 0, whatever it is given as.
    """
    if not len(reference_scores) or not len(endpoint_scores):
        return None
    before, after = float(reference_refused.mean()), float(endpoint_refused.mean())
    was, now = _answered(reference_scores, reference_refused), _answered(endpoint_scores, endpoint_refused)
    known = was is not None and now is not None
    return RefusalSplit(
        reference=before,
        endpoint=after,
        change=(1 - after) * (now or 0.0) - (1 - before) * (was or 0.0),
        by_refusing=-(after - before) * ((was or 0.0) + (now or 0.0)) / 2 if known else None,
        by_answering=((now or 0.0) - (was or 0.0)) * (1 - (before + after) / 2) if known else None,
        n_reference=len(reference_scores),
        n_endpoint=len(endpoint_scores),
    )


def _answered(scores: Doubles, refused: Flags) -> float | None:
    return None if refused.all() else float(np.asarray(scores[~refused]).mean())
