"""The object ``overt`` that rides along in every reply we write, the same in every protocol.

It says in machine-readable words what the notice says in sentences. Unknown is null, never left out: a client may
rely on every member being there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from overt.core.finding import Trigger
from overt.core.notice import Ground, Notice


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where the notice and the receipt can be fetched, None where they cannot."""

    notice: str | None = None
    receipt: str | None = None


def decision_word(notice: Notice) -> str:
    """What was decided, in the word that the receipt uses for it: notify, redirect, refuse or error."""
    if notice.served is not None:
        return "notify" if notice.served == notice.requested else "redirect"
    return "error" if notice.ground is Ground.UNAVAILABLE else "refuse"


def overt_object(notice: Notice, links: Links) -> Mapping[str, object]:
    """The object ``overt`` of a reply that carries this notice."""
    clause = notice.clause
    return {
        "decision": decision_word(notice),
        "ground": notice.ground.value,
        "notice": notice.id,
        "receipt": notice.stamp.receipt_id,
        "issued_at": notice.stamp.issued_at,
        "domain": clause.domain.value if clause else None,
        "band": clause.band.value if clause else None,
        "rule": clause.rule if clause else None,
        "clause": clause.title if clause else None,
        "confidence": clause.confidence.value if clause else None,
        "trigger": _trigger(clause.trigger) if clause else None,
        "requested_model": notice.requested,
        "served_model": notice.served,
        "recommended_model": notice.recommended,
        "provider_category": notice.provider_category,
        "reason": notice.text,
        "what": notice.what,
        "why": notice.why,
        "redress": notice.redress,
        "language": notice.language,
        "policy": notice.policy,
        "policy_digest": notice.policy_digest,
        "notice_url": links.notice,
        "receipt_url": links.receipt,
    }


def _trigger(trigger: Trigger | None) -> Mapping[str, object] | None:
    if trigger is None:
        return None
    return {"segment": trigger.segment, "role": trigger.role.value, "start": trigger.start, "end": trigger.end}
