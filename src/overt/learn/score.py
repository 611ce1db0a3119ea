"""Scores as served: every text is a request of one user turn and goes through the released classifier itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, assert_never

import numpy as np
import numpy.typing as npt

from overt.core.domain import BANDS, DOMAINS, ModelName
from overt.core.finding import Assessment, Cause, Finding, Release, Unavailable
from overt.core.request import Request, Role, Segment, ServerChoice
from overt.errors import InvariantBroken

Doubles: TypeAlias = npt.NDArray[np.float64]
Progress: TypeAlias = Callable[[str], None]

EVERY = 5_000


class Assessor(Protocol):
    """A classifier that can be asked at once: stage 1 or the cascade."""

    @property
    def release(self) -> Release:
        """Which weights speak."""
        ...

    def assess_now(self, request: Request) -> Assessment:
        """As `overt.ports.Classifier.assess`, at once."""
        ...


def request_of(text: str, preamble: str | None = None) -> Request:
    """One user turn, with what an agent puts in front of it if anything."""
    before = (Segment(role=Role.SYSTEM, text=preamble),) if preamble is not None else ()
    turn = Segment(role=Role.USER, text=text, message=0)
    return Request(model=ModelName("*"), segments=(*before, turn), acceptance=ServerChoice())


def scores_of(stage: Assessor, texts: Sequence[str], progress: Progress) -> Doubles:
    """Calibrated probabilities, shape (texts, domains, bands): in order of `DOMAINS` and `BANDS`."""
    found = np.zeros((len(texts), len(DOMAINS), len(BANDS)))
    for number, text in enumerate(texts):
        if number and number % EVERY == 0:
            progress(f"scored {number:,} of {len(texts):,}")
        found[number] = numbers_of(stage.assess_now(request_of(text)))
    return found


def numbers_of(assessment: Assessment) -> Doubles:
    """The probabilities of one assessment, shape (domains, bands); not a number where there is none."""
    return np.asarray([_numbers(entry) for entry in assessment.findings], dtype=np.float64)


def _numbers(entry: Finding | Unavailable) -> list[float]:
    match entry:
        case Finding():
            return [entry.at_least(band) for band in BANDS]
        case Unavailable(cause=Cause.LANGUAGE):
            return [np.nan] * len(BANDS)
        case Unavailable():
            raise InvariantBroken(f"the classifier failed: {entry!r}; look at the text that it was given")
        case _ as unreachable:
            assert_never(unreachable)
