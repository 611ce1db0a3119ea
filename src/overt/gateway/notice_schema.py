"""The JSON Schema (draft 2020-12) of a notice, as `GET /v1/notices/{id}` gives it and as replies carry it."""

from __future__ import annotations

from overt.core.domain import Band, Domain
from overt.core.notice import Confidence, Ground
from overt.core.request import Role

_TEXT: dict[str, object] = {"type": "string", "minLength": 1}
_TEXT_OR_NULL: dict[str, object] = {"type": ["string", "null"]}


def _word(words: list[str], *, null: bool = False) -> dict[str, object]:
    return {"enum": [*words, None] if null else words}


_TRIGGER: dict[str, object] = {
    "type": ["object", "null"],
    "properties": {
        "segment": {"type": "integer", "minimum": 0},
        "role": _word([role.value for role in Role]),
        "start": {"type": "integer", "minimum": 0},
        "end": {"type": "integer", "minimum": 0},
    },
    "required": ["segment", "role", "start", "end"],
    "additionalProperties": False,
}

_PROPERTIES: dict[str, dict[str, object]] = {
    "decision": _word(["notify", "redirect", "refuse", "error"]),
    "ground": _word([ground.value for ground in Ground]),
    "notice": _TEXT,
    "receipt": _TEXT,
    "issued_at": {"type": "string", "format": "date-time"},
    "domain": _word([domain.value for domain in Domain], null=True),
    "band": _word([band.value for band in Band], null=True),
    "rule": _TEXT_OR_NULL,
    "clause": _TEXT_OR_NULL,
    "confidence": _word([confidence.value for confidence in Confidence], null=True),
    "trigger": _TRIGGER,
    "requested_model": _TEXT,
    "served_model": _TEXT_OR_NULL,
    "recommended_model": _TEXT_OR_NULL,
    "provider_category": _TEXT_OR_NULL,
    "reason": _TEXT,
    "what": _TEXT,
    "why": _TEXT,
    "redress": _TEXT,
    "language": _TEXT,
    "policy": _TEXT,
    "policy_digest": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
    "notice_url": _TEXT_OR_NULL,
    "receipt_url": _TEXT_OR_NULL,
}

NOTICE_SCHEMA: dict[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "overt.notice/1",
    "description": "What a person is told about an intervention: what happened, why, which part, how sure, what now.",
    "type": "object",
    "properties": _PROPERTIES,
    "required": list(_PROPERTIES),
}
