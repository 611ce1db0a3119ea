"""The sentences of a notice. One order, so that readers learn it: what, why, which part, how sure, what now.

Active voice, no blame, no euphemism: a flag is not an accusation, and the text says so (users.md D3).
"""

from __future__ import annotations

from collections.abc import Iterable

from overt.core.domain import Domain, ModelName
from overt.core.finding import ErrorRate, Trigger
from overt.core.languages import language_name
from overt.core.notice import Clause, Stamp
from overt.core.policy import Policy, Rule
from overt.core.request import Role

_ROLE_WORDS = {
    Role.SYSTEM: "the system prompt",
    Role.TOOL_SCHEMA: "a tool description",
    Role.USER: "your message",
    Role.ASSISTANT: "an earlier answer",
    Role.TOOL_RESULT: "a tool result",
}


def redirected(requested: ModelName, served: ModelName) -> str:
    """What happened, when a lesser model answers."""
    return f"{served} answers this request instead of {requested}."


def refused(requested: ModelName, recommended: ModelName | None) -> str:
    """What happened, when no model answers."""
    advice = f" {recommended} would answer it." if recommended is not None else ""
    return f"No model answered this request to {requested}.{advice}"


def notified(requested: ModelName) -> str:
    """What happened, when the requested model answers and a finding is disclosed."""
    return f"{requested} answers this request, unmodified."


def postponed(requested: ModelName) -> str:
    """What happened, when the request could not be checked."""
    return f"This request to {requested} was not answered, because it could not be checked. You may send it again."


def part(trigger: Trigger | None) -> str:
    """Which part of the request decided."""
    if trigger is None:
        return "the request as a whole"
    return f"{_ROLE_WORDS[trigger.role]} (characters {trigger.start} to {trigger.end} of segment {trigger.segment})"


def error_rate(rate: ErrorRate | None, domain: Domain) -> str:
    """How often the check is wrong, or that nobody has measured it."""
    if rate is None:
        return f"How often this {domain} check is wrong has not been measured."
    return (
        f"It can be wrong: in testing it flagged {rate.flagged} of {rate.negatives} harmless requests "
        f"(at most {100 * rate.upper95:.2g} %, with 95 % confidence)."
    )


def why_rule(policy: Policy, rule: Rule, clause: Clause) -> str:
    """Why a rule was applied."""
    return (
        f"An automated check read {part(clause.trigger)} as {rule.title} (rule {rule.id}, policy {policy.name} "
        f"{policy.version}, confidence {clause.confidence}). {rule.reason} {error_rate(clause.error_rate, rule.domain)}"
    )


def why_unavailable(domain: Domain, reason: str) -> str:
    """Why nobody could check a request."""
    return (
        f"The {domain} classifier gave no finding: {reason}. This is a fault of the check and says nothing about you."
    )


def why_uncovered(domains: Iterable[Domain], language: str | None, *, refused: bool) -> str:
    """Why nobody checked a request, and that this is not about its content."""
    name = f"{language_name(language)}," if language is not None else "a language"
    rule = "The refusal is not about the content: this policy has nothing answered unchecked. " if refused else ""
    return (
        f"The classifier took this request to be in {name} which its release does not cover, so the request was not "
        f"checked (domains: {', '.join(domains)}). {rule}"
        "This is a gap of the check and says nothing about your request or about you."
    )


def why_provider(requested: ModelName, category: str | None) -> str:
    """Why a provider's refusal led to another model."""
    named = f" (category: {category})" if category else ""
    return f"The provider of {requested} declined it{named}. Overt did not make this decision and cannot review it."


def redress(stamp: Stamp) -> str:
    """How to contest a decision of ours."""
    return (
        "This is an automated routing decision, not a finding that you broke a rule. "
        f"To contest it, quote notice {stamp.notice_id} to {stamp.contact}."
    )


def redress_provider(stamp: Stamp) -> str:
    """Where to turn about a decision that was not ours."""
    return (
        f"To contest it, turn to the provider; about this gateway, quote notice {stamp.notice_id} to {stamp.contact}."
    )
