"""Shapes that refusals and redirects share: stop details, usage entries, the ``fallback`` block (notes 1.4 to 1.6).

A `Hop` is one attempt that was declined this turn, by the provider or by our own policy before any model ran.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import final

from overt.core.domain import Domain, ModelName
from overt.core.exchange import ProviderRefusal, Received
from overt.core.notice import Notice
from overt.wire.anthropic.stream import usage_of
from overt.wire.disclosure import Links

CATEGORIES = ("cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms")
_DOMAIN_CATEGORIES = {
    Domain.CYBER: "cyber",
    Domain.BIO: "bio",
    # The closed list has no chemistry; calling it bio would misinform. The ``overt`` object keeps the true domain.
    Domain.CHEM: "general_harms",
    Domain.FRONTIER_LLM: "frontier_llm",
}
_COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A declined attempt. ``model`` as the fallback block's ``from`` spells it: the caller's own spelling for the
    requested model, the reported name for a fallback. ``usage`` is empty where no model ran."""

    model: ModelName
    category: str | None
    usage: Mapping[str, object] = field(default_factory=dict)


def known_category(category: str | None) -> str | None:
    """The provider's category if it is one of the closed list; strict clients fail on any other."""
    return category if category in CATEGORIES else None


def category_of(notice: Notice) -> str | None:
    """The category of the closed list that a notice's domain, or its provider's refusal, maps to."""
    if notice.clause is not None:
        return _DOMAIN_CATEGORIES[notice.clause.domain]
    return known_category(notice.provider_category)


def policy_hop(notice: Notice) -> Hop:
    """The hop where our own policy declined and no model ran."""
    return Hop(model=notice.requested, category=category_of(notice))


def provider_hop(model: ModelName, refusal: ProviderRefusal, units: Iterable[Received]) -> Hop:
    """The hop where the provider of ``model`` declined; ``units`` is what it sent (`TurnedDown.units`)."""
    return Hop(model=model, category=known_category(refusal.category), usage=usage_of(units))


def usage_entry(kind: str, model: str, usage: Mapping[str, object]) -> Mapping[str, object]:
    """An entry of ``usage.iterations``."""
    counts = {name: usage[name] if isinstance(usage.get(name), int) else 0 for name in _COUNTS}
    return {"type": kind, "model": model, **counts, "cache_creation": usage.get("cache_creation")}


def zero_usage(model: ModelName) -> Mapping[str, object]:
    """The usage of a reply for which no model ran."""
    return {**dict.fromkeys(_COUNTS, 0), "iterations": [usage_entry("message", model, {})]}


def fallback_block(hop: Hop, to: ModelName) -> Mapping[str, object]:
    """The block that marks where one model hands over to the next."""
    return {
        "type": "fallback",
        "from": {"model": hop.model},
        "to": {"model": to},
        "trigger": {"type": "refusal", "category": hop.category},
    }


def explanation(notice: Notice, links: Links) -> str:
    """The notice as the sentence that clients display: its whole text, its ids, and where to read more."""
    where = f" {links.notice}" if links.notice is not None else ""
    return f"{notice.text} (Notice {notice.id}, receipt {notice.stamp.receipt_id}.{where})"


def stop_details(notice: Notice, links: Links) -> Mapping[str, object]:
    """Every member of ``stop_details``, so that no client finds one missing. We owe no cache refund: no token."""
    return {
        "type": "refusal",
        "category": category_of(notice),
        "explanation": explanation(notice, links),
        "fallback_credit_token": None,
        "fallback_has_prefill_claim": None,
        "recommended_model": notice.recommended,
    }
