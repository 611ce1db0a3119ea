"""A policy in sentences, and warnings about what in it will not do what it seems to say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from overt.core.domain import Band, Domain, ModelName
from overt.core.policy import ANY_MODEL, Mode, OnUnavailable, OnUncovered, Policy, Rule
from overt.policy.effect import DONE, acts, effect, listed, mode_of, threshold_words

_MODES = {
    Mode.OFF: "off: nothing is checked",
    Mode.SHADOW: "shadow: matches are recorded, and nothing is changed",
    Mode.NOTIFY: "notify: rules may disclose a match, and the requested model answers",
    Mode.REDIRECT: "redirect: rules may have a lesser model answer",
    Mode.REFUSE: "refuse: rules may go as far as refusing",
}


def explain(policy: Policy) -> tuple[str, ...]:
    """The whole policy as lines of prose, warnings last."""
    return tuple(_lines(policy))


def _lines(policy: Policy) -> Iterator[str]:
    yield f"{policy.name} {policy.version}" + (f": {policy.title}" if policy.title else "")
    if policy.summary:
        yield policy.summary
    yield policy.digest
    for domain in Domain:
        yield ""
        yield f"{domain}: {_MODES[mode_of(policy, domain)]}."
        for rule in policy.rules:
            if rule.domain is domain:
                yield from _rule_lines(policy, rule)
        yield f"  {_fallback_words(policy, domain)}"
    yield ""
    yield _unavailable_words(policy.on_unavailable)
    yield _uncovered_words(policy.on_uncovered)
    found = warnings(policy)
    if found:
        yield ""
        yield from (f"Warning: {warning}" for warning in found)


def _rule_lines(policy: Policy, rule: Rule) -> Iterator[str]:
    done = effect(policy, rule)
    capped = "" if done.value == rule.prescription.value else f" (it prescribes {rule.prescription}; the mode caps it)"
    by_hand = "" if rule.threshold is None else ", chosen by hand"
    yield (
        f"  {rule.id}: {_request_words(rule)}, from {threshold_words(rule.threshold)}{by_hand}, "
        f"is {DONE[done]}{capped}."
    )
    yield f"    People are told: it was read as {rule.title}. {rule.reason}"
    if rule.allowed:
        yield f"    Stays fine: {'; '.join(rule.allowed)}."
    if rule.covered:
        yield f"    Meant: {'; '.join(rule.covered)}."


def _request_words(rule: Rule) -> str:
    """Which requests a rule is about, as the subject of a sentence."""
    if rule.band is Band.BENIGN:
        return f"any request about {rule.domain}"
    worse = "" if rule.band is Band.PROHIBITED else " or worse"
    return f"a {rule.band}{worse} request about {rule.domain}"


def _fallback_words(policy: Policy, domain: Domain) -> str:
    named = [
        f"{model} -> {', '.join(policy.targets(model, domain)) or 'none'}" for model in named_models(policy, domain)
    ]
    anyone = policy.targets(ANY_MODEL, domain)
    rest = f"any other model -> {', '.join(anyone) or 'none'}"
    return f"Lesser models: {'; '.join((*named, rest))}."


def named_models(policy: Policy, domain: Domain) -> tuple[ModelName, ...]:
    """The requested models for which a policy names fallbacks in this domain, without ``*``."""
    return tuple(model for model, where in policy.fallbacks if where is domain and model != ANY_MODEL)


def _unavailable_words(answer: OnUnavailable) -> str:
    match answer:
        case OnUnavailable.RETRY:
            return "If a classifier fails, the caller gets an honest error and may send the request again."
        case OnUnavailable.NOTIFY:
            return "If a classifier fails, the requested model answers, with a notice that says so."
        case _ as unreachable:
            assert_never(unreachable)


def _uncovered_words(answer: OnUncovered) -> str:
    where = "In a language that the classifier's release does not cover,"
    match answer:
        case OnUncovered.NOTIFY:
            return f"{where} the requested model answers, with a notice that the request was not checked."
        case OnUncovered.RECORD:
            return f"{where} the requested model answers, and the receipt says that the request was not checked."
        case OnUncovered.REFUSE:
            return f"{where} no model answers, with a notice that this is not about the content."
        case _ as unreachable:
            assert_never(unreachable)


def warnings(policy: Policy) -> tuple[str, ...]:
    """What will not do what it seems to say."""
    return (*_idle(policy), *_dead_ends(policy))


def _idle(policy: Policy) -> Iterator[str]:
    for domain in Domain:
        mode = mode_of(policy, domain)
        rules = [rule.id for rule in policy.rules if rule.domain is domain]
        if mode is Mode.OFF and rules:
            yield f"{listed(rules)} can never match, because the mode of {domain} is off."
        if acts(mode) and not rules:
            yield f"the mode of {domain} is {mode}, but there is no rule about {domain}."


def _dead_ends(policy: Policy) -> Iterator[str]:
    """Redirects that become open refusals for want of a fallback, one sentence for domains with the same gap."""
    gaps: dict[str, list[Domain]] = {}
    for domain in Domain:
        redirects = any(r.domain is domain and effect(policy, r) is Mode.REDIRECT for r in policy.rules)
        gap = _gap(policy, domain) if redirects else None
        if gap is not None:
            gaps.setdefault(gap, []).append(domain)
    for gap, domains in gaps.items():
        yield f"a redirect about {listed(domains)} becomes an open refusal for {gap}: no fallback is named."


def _gap(policy: Policy, domain: Domain) -> str | None:
    """For which requested models there is no fallback."""
    named = named_models(policy, domain)
    without = [model for model in named if not policy.targets(model, domain) and not policy.is_target(model, domain)]
    if policy.targets(ANY_MODEL, domain):
        return listed(without) or None
    served = [model for model in named if model not in without]
    return f"every model except {listed(served)} and the lesser models themselves" if served else "every model"
