"""What a judge says: an opinion, or that there is none and why. One is never made into the other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, final

from overt.core.domain import Band
from overt.core.notice import Confidence


class Fault(StrEnum):
    """Why there is no opinion."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    STATUS = "status"
    UNREADABLE = "unreadable"
    UNDECIDED = "undecided"
    NOT_ASKED = "not_asked"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """The band of a text under the written policy.

    ``confidence`` is the judge's own word, not calibrated, None where its shape has none. ``rationale_code`` is the
    line of the policy (or the category) that decided, ``rationale_short`` a sentence at most; neither is for callers.
    ``model`` is the name that the server gave, ``ms`` what the answer took when it was asked for.
    """

    band: Band
    confidence: Confidence | None
    rationale_code: str
    rationale_short: str
    model: str
    ms: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NoOpinion:
    """There is no opinion. ``reason`` is a sentence for the operator; it quotes neither the text nor the answer."""

    fault: Fault
    reason: str


Outcome: TypeAlias = Opinion | NoOpinion
