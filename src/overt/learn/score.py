"""Scores as served: every text is a request of one user turn and goes through the released classifier itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from overt.classify.stage1 import Stage1
from overt.core.domain import BANDS, DOMAINS, ModelName
from overt.core.finding import Assessment, Finding
from overt.core.request import Request, Role, Segment, ServerChoice
from overt.errors import InvariantBroken

Doubles: TypeAlias = npt.NDArray[np.float64]
Progress: TypeAlias = Callable[[str], None]

EVERY = 5_000


def request_of(text: str, preamble: str | None = None) -> Request:
    """One user turn, with what an agent puts in front of it if anything."""
    before = (Segment(role=Role.SYSTEM, text=preamble),) if preamble is not None else ()
    turn = Segment(role=Role.USER, text=text, message=0)
    return Request(model=ModelName("*"), segments=(*before, turn), acceptance=ServerChoice())


def scores_of(stage: Stage1, texts: Sequence[str], progress: Progress) -> Doubles:
    """Calibrated probabilities, shape (texts, domains, bands): in order of `DOMAINS` and `BANDS`."""
    found = np.zeros((len(texts), len(DOMAINS), len(BANDS)))
    for number, text in enumerate(texts):
        if number and number % EVERY == 0:
            progress(f"scored {number:,} of {len(texts):,}")
        found[number] = numbers_of(stage.assess_now(request_of(text)))
    return found


def numbers_of(assessment: Assessment) -> Doubles:
    """The probabilities of one assessment, shape (domains, bands)."""
    return np.asarray([[_found(entry).at_least(band) for band in BANDS] for entry in assessment.findings])


def _found(entry: object) -> Finding:
    if not isinstance(entry, Finding):
        raise InvariantBroken(f"the classifier gave no finding: {entry!r}; look at the text that it was given")
    return entry
