"""What the person is told: what happened, why, which part of the request, how sure, and how to contest it.

A `Notice` with a blank sentence cannot be constructed, and an intervention cannot be constructed without a notice.
`overt.core.wording` writes the sentences.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from overt.core.domain import Band, Digest, Domain, ModelName, NoticeId, ReceiptId, RuleId
from overt.core.finding import ErrorRate, Trigger
from overt.errors import InvariantBroken


class Ground(StrEnum):
    """What kind of reason stands behind a notice."""

    POLICY = "policy"
    PROVIDER_REFUSAL = "provider_refusal"
    UNAVAILABLE = "classifier_unavailable"
    UNCOVERED = "language_not_covered"


class Confidence(StrEnum):
    """How sure the classifier was, in words: raw scores are not given to callers, because they guide probing."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


def confidence_of(probability: float) -> Confidence:
    """Low under 0.7, medium under 0.9, high from there."""
    if probability < 0.7:
        return Confidence.LOW
    return Confidence.MEDIUM if probability < 0.9 else Confidence.HIGH


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What pure code may not make up: identifiers, the time (RFC 3339, UTC), and whom to write to."""

    notice_id: NoticeId
    receipt_id: ReceiptId
    issued_at: str
    contact: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """The rule that was applied, and what the classifier found: absent where no rule of ours was applied."""

    rule: RuleId
    title: str
    domain: Domain
    band: Band
    confidence: Confidence
    trigger: Trigger | None
    error_rate: ErrorRate | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notice. ``what``, ``why`` and ``redress`` are sentences for a person and never blank.

    ``served`` is the model that answers, None if none does. ``recommended`` is a model that would have answered.
    ``provider_category`` is the provider's own word for its refusal, on ground `PROVIDER_REFUSAL` only.
    """

    stamp: Stamp
    ground: Ground
    requested: ModelName
    served: ModelName | None
    policy: str
    policy_digest: Digest
    what: str
    why: str
    redress: str
    clause: Clause | None = None
    recommended: ModelName | None = None
    provider_category: str | None = None
    language: str = "en"

    def __post_init__(self) -> None:
        for name in ("what", "why", "redress"):
            if not getattr(self, name).strip():
                raise InvariantBroken(f"a notice needs a {name!r} sentence, got {getattr(self, name)!r}")

    @property
    def id(self) -> NoticeId:
        """The identifier to quote in an appeal."""
        return self.stamp.notice_id

    @property
    def text(self) -> str:
        """The whole notice as one paragraph."""
        return f"{self.what} {self.why} {self.redress}"
