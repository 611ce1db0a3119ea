"""Two releases beside each other: what the one in use decided about a request, and what a candidate would have.

A comparison holds no text: an id, digests, words of closed lists, and probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias, final

from overt.core.decision import Decision, Intervene, outcome
from overt.core.domain import BANDS, Digest, Domain, ReceiptId
from overt.core.finding import Assessment, Finding

Numbers: TypeAlias = tuple[float, ...]
"""The probabilities of the four bands of one domain, in the order of `Band`."""

DIGITS: Final = 6


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one release found and what the policy makes of it. ``domain`` is that of the rule that decided, None where
    no rule did; ``numbers`` has one entry per finding, None where there was none."""

    release: Digest
    outcome: str
    domain: Domain | None
    numbers: tuple[Numbers | None, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One request, judged by two releases. ``when`` is POSIX milliseconds."""

    receipt: ReceiptId
    when: int
    current: Side
    candidate: Side

    @property
    def is_flip(self) -> bool:
        """Whether something else would have been done."""
        return self.current.outcome != self.candidate.outcome

    @property
    def domain(self) -> Domain | None:
        """The domain because of which the release in use acted, or else the candidate; None where neither did."""
        return self.current.domain or self.candidate.domain


def side(decision: Decision, assessment: Assessment) -> Side:
    """One side of a comparison."""
    action = decision.action
    clause = action.notice.clause if isinstance(action, Intervene) else None
    return Side(
        release=assessment.release.digest,
        outcome=outcome(action),
        domain=clause.domain if clause is not None else None,
        numbers=tuple(_numbers(found) if isinstance(found, Finding) else None for found in assessment.findings),
    )


def _numbers(finding: Finding) -> Numbers:
    return tuple(round(finding.at_least(band), DIGITS) for band in BANDS)
