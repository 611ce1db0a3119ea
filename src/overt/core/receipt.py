"""What is stated about an exchange, before it is signed: ids, rounded time, models, outcome, reasons and digests.

A statement never holds text, and never the caller: text enters only as keyed commitments (`overt.proof.commit`), and
the public time is rounded to the minute. `overt.proof.statement` turns it into canonical bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import final

from overt.core.decision import Decision, Intervene, Redirect, RuleMatch, UnavailableMatch
from overt.core.domain import Digest, Domain, ModelName, NoticeId, ReceiptId
from overt.core.finding import Cause
from overt.core.notice import Notice


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where the log put an entry: proof that it is durable. Only `Log.append` makes one.

    ``sequence`` is its place in the queue; ``leaf`` its RFC 6962 leaf hash (32 bytes).
    """

    sequence: int
    leaf: bytes


class Basis(StrEnum):
    """How we know which model answered. None of these proves it (see the threat model)."""

    OPERATOR_CLAIM = "operator-claim"
    UPSTREAM_RESPONSE_FIELD = "upstream-response-field"
    NONE = "none"


class Kind(StrEnum):
    """``decision`` is durable before the first byte; ``completion`` closes a reply that was changed in a stream."""

    DECISION = "decision"
    COMPLETION = "completion"


class Channel(StrEnum):
    """Where the notice was put."""

    BODY = "body"
    HEADER = "header"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ServedBy:
    """The model that answered, who runs it, and how we know."""

    model: ModelName | None
    provider: str
    basis: Basis


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why the outcome is what it is: a rule of the policy, or None for a pass or a provider's own refusal."""

    ground: str
    rule: str | None
    domain: str | None
    band: str | None
    trigger: str | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeMark:
    """Which notice the person was given: its id, the digest of its exact text, and where it was put."""

    id: NoticeId
    text_digest: Digest
    channel: Channel


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is signed and logged about one exchange. ``minute`` is POSIX seconds rounded down to 60 s.

    ``shadow`` lists the rules that matched without being enforced. ``unavailable`` gives the domains that had rules and
    no finding, each with its cause; which language was recognised is not public. ``commitments`` maps a field's name to
    its keyed commitment (32 bytes). ``previous`` is the leaf hash of the decision that a completion closes.
    """

    kind: Kind
    id: ReceiptId
    log: str
    key: str
    minute: int
    route: str
    requested: ModelName
    outcome: str
    served: ServedBy
    policy: str
    policy_digest: Digest
    classifier: str
    classifier_digest: Digest
    reason: Reason | None
    notice: NoticeMark | None
    shadow: tuple[str, ...] = ()
    unavailable: Mapping[Domain, Cause] = field(default_factory=dict)
    commitments: Mapping[str, bytes] = field(default_factory=dict)
    previous: bytes | None = None


def reason_of(decision: Decision) -> Reason | None:
    """The reason of an intervention, None for a pass."""
    match decision.action:
        case Intervene(notice=notice):
            return _reason(notice)
        case _:
            return None


def _reason(notice: Notice) -> Reason:
    clause = notice.clause
    return Reason(
        ground=notice.ground.value,
        rule=clause.rule if clause else None,
        domain=clause.domain.value if clause else None,
        band=clause.band.value if clause else None,
        trigger=clause.trigger.role.value if clause and clause.trigger else None,
    )


def shadow_rules(decision: Decision) -> tuple[str, ...]:
    """The rules that matched in shadow mode."""
    return tuple(m.rule.id for m in decision.grounds.matches if isinstance(m, RuleMatch) and not m.enforced)


def unavailable_domains(decision: Decision) -> dict[Domain, Cause]:
    """The domains that had rules and no finding, each with its cause, whatever the outcome and also in shadow."""
    missing = (m.unavailable for m in decision.grounds.matches if isinstance(m, UnavailableMatch))
    return {each.domain: each.cause for each in missing}


def is_redirect(decision: Decision) -> bool:
    """Whether another model answers."""
    return isinstance(decision.action, Intervene) and isinstance(decision.action.remedy, Redirect)
