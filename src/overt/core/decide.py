"""The decision: a pure function of policy, request and assessment (flow step 4).

1. Match every rule against the finding of its domain; match every domain without a finding, whatever the cause.
2. A domain's mode caps what its rules may do; in shadow a match is recorded and nothing else happens.
3. Of the enforced matches the strictest prescription wins, then the surest.
4. A redirect needs a model that the policy names for (requested model, domain) and that the caller accepts;
   otherwise it becomes an open refusal that recommends that model. Asking for the lesser model itself passes.
5. Where nothing moves the request away and a finding is missing, the policy answers: for a fault first, then for a
   language that the release does not cover. A mere notice gives way to what is stricter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import assert_never

from overt.core import wording
from overt.core.decision import (
    Action,
    Decision,
    Grounds,
    Intervene,
    Match,
    Notify,
    Pass,
    Redirect,
    Refuse,
    Remedy,
    RetryLater,
    RuleMatch,
    UnavailableMatch,
)
from overt.core.domain import Domain, ModelName
from overt.core.exchange import ProviderRefusal
from overt.core.finding import Assessment, Cause, Finding, Release, Unavailable
from overt.core.notice import Clause, Ground, Notice, Stamp, confidence_of
from overt.core.policy import Mode, OnUnavailable, OnUncovered, Policy, Prescription, Rule
from overt.core.request import Fallback, Named, Request, RequestedOnly, ServerChoice
from overt.errors import InvariantBroken

SHADOW_THRESHOLD = 0.5
"""From which probability a rule is recorded whose release has earned no acting point."""


def decide(policy: Policy, request: Request, assessment: Assessment, stamp: Stamp) -> Decision:
    """What is done with a request, and the notice if that is anything but a pass."""
    matches = tuple(_matches(policy, assessment))
    grounds = Grounds(
        policy=f"{policy.name} {policy.version}",
        policy_digest=policy.digest,
        release=assessment.release,
        matches=matches,
    )
    return Decision(_action(policy, request, assessment, stamp, matches), grounds)


def _matches(policy: Policy, assessment: Assessment) -> Iterator[Match]:
    for found in assessment.findings:
        mode = policy.modes.get(found.domain, Mode.OFF)
        rules = [rule for rule in policy.rules if rule.domain is found.domain]
        if mode is Mode.OFF or not rules:
            continue
        enforced = mode is not Mode.SHADOW
        match found:
            case Unavailable():
                able = any(_threshold(rule, assessment.release)[1] for rule in rules)
                yield UnavailableMatch(found, enforced and able)
            case Finding():
                for rule in rules:
                    threshold, earned = _threshold(rule, assessment.release)
                    if found.at_least(rule.band) >= threshold:
                        yield RuleMatch(rule, found, enforced and earned)
            case _ as unreachable:
                assert_never(unreachable)


def _action(
    policy: Policy, request: Request, assessment: Assessment, stamp: Stamp, matches: tuple[Match, ...]
) -> Action:
    ruled = tuple(m for m in matches if isinstance(m, RuleMatch) and m.enforced)
    unchecked = _unchecked(policy, request, matches, stamp)
    for match in sorted(ruled, key=lambda m: (_strictness(policy, m), _surplus(m)), reverse=True):
        remedy = _remedy(policy, request, match, ruled)
        if remedy is not None and not (unchecked is not None and isinstance(remedy, Notify)):
            return Intervene(remedy, _rule_notice(policy, request, assessment, match, remedy, stamp))
    return unchecked if unchecked is not None else Pass()


def _threshold(rule: Rule, release: Release) -> tuple[float, bool]:
    """The probability from which the rule matches, and whether it may be enforced."""
    if rule.threshold is not None:
        return rule.threshold, True
    point = release.acting_point(rule.domain, rule.band)
    return (point, True) if point is not None else (SHADOW_THRESHOLD, False)


def _strictness(policy: Policy, match: RuleMatch) -> int:
    """2 refuse, 1 redirect, 0 notify, after the cap of the domain's mode."""
    prescribed = list(Prescription).index(match.rule.prescription)
    return min(prescribed, policy.modes[match.rule.domain].rank - Mode.NOTIFY.rank)


def _surplus(match: RuleMatch) -> float:
    """How sure the finding is, to choose among equally strict rules."""
    return match.finding.at_least(match.rule.band)


def _remedy(policy: Policy, request: Request, match: RuleMatch, ruled: tuple[RuleMatch, ...]) -> Remedy | None:
    """What a match leads to; None where the request already asks for the lesser model that the rule redirects to."""
    strictness = _strictness(policy, match)
    if strictness == 0:
        return Notify()
    if strictness == 2:
        return Refuse()
    if policy.is_target(request.model, match.rule.domain):
        return None
    targets = _common_targets(policy, request.model, match, ruled)
    accepted = _accepted(request, targets)
    return Redirect(accepted) if accepted is not None else Refuse(targets[0] if targets else None)


def _common_targets(
    policy: Policy, model: ModelName, match: RuleMatch, ruled: tuple[RuleMatch, ...]
) -> tuple[ModelName, ...]:
    """The models that the policy names in the domain of every rule that redirects this request."""
    domains = {m.rule.domain for m in ruled if _strictness(policy, m) == 1}
    named = policy.targets(model, match.rule.domain)
    return tuple(target for target in named if all(target in policy.targets(model, domain) for domain in domains))


def _accepted(request: Request, targets: tuple[ModelName, ...]) -> Fallback | None:
    """The first model that both the caller accepts and the policy names."""
    match request.acceptance:
        case RequestedOnly():
            return None
        case ServerChoice():
            return Fallback(model=targets[0]) if targets else None
        case Named(fallbacks=fallbacks):
            return next((fallback for fallback in fallbacks if fallback.model in targets), None)
        case _ as unreachable:
            assert_never(unreachable)


def _rule_notice(
    policy: Policy, request: Request, assessment: Assessment, match: RuleMatch, remedy: Remedy, stamp: Stamp
) -> Notice:
    rule = match.rule
    clause = Clause(
        rule=rule.id,
        title=rule.title,
        domain=rule.domain,
        band=rule.band,
        confidence=confidence_of(match.finding.at_least(rule.band)),
        trigger=match.finding.trigger,
        error_rate=assessment.release.error_rate(rule.domain),
    )
    what, served, recommended = _told(request.model, remedy)
    return Notice(
        stamp=stamp,
        ground=Ground.POLICY,
        requested=request.model,
        served=served,
        policy=f"{policy.name} {policy.version}",
        policy_digest=policy.digest,
        what=what,
        why=wording.why_rule(policy, rule, clause),
        redress=wording.redress(stamp),
        clause=clause,
        recommended=recommended,
    )


def _told(requested: ModelName, remedy: Remedy) -> tuple[str, ModelName | None, ModelName | None]:
    """What happened in a sentence, the model that answers, and the model that would have."""
    match remedy:
        case Notify():
            return wording.notified(requested), requested, None
        case Redirect(to=fallback):
            return wording.redirected(requested, fallback.model), fallback.model, None
        case Refuse(recommended=recommended):
            return wording.refused(requested, recommended), None, recommended
        case RetryLater():
            return wording.postponed(requested), None, None
        case _ as unreachable:
            assert_never(unreachable)


def _unchecked(policy: Policy, request: Request, matches: tuple[Match, ...], stamp: Stamp) -> Intervene | None:
    """What the policy does about the findings that are missing, None where it does no more than record them."""
    missing = [m.unavailable for m in matches if isinstance(m, UnavailableMatch) and m.enforced]
    answers: list[Intervene] = []
    for cause in Cause:
        found = [each for each in missing if each.cause is cause]
        remedy = _without_finding(policy, cause)
        if found and remedy is not None:
            answers.append(Intervene(remedy, _unchecked_notice(policy, request, found, remedy, stamp)))
    stricter = (answer for answer in answers if not isinstance(answer.remedy, Notify))
    return next(stricter, answers[0] if answers else None)


def _without_finding(policy: Policy, cause: Cause) -> Remedy | None:
    """What the policy does for this cause, None where it only records."""
    match cause:
        case Cause.FAULT:
            return _after_fault(policy.on_unavailable)
        case Cause.LANGUAGE:
            return _in_uncovered_language(policy.on_uncovered)
        case _ as unreachable:
            assert_never(unreachable)


def _after_fault(answer: OnUnavailable) -> Remedy:
    match answer:
        case OnUnavailable.RETRY:
            return RetryLater()
        case OnUnavailable.NOTIFY:
            return Notify()
        case _ as unreachable:
            assert_never(unreachable)


def _in_uncovered_language(answer: OnUncovered) -> Remedy | None:
    match answer:
        case OnUncovered.NOTIFY:
            return Notify()
        case OnUncovered.RECORD:
            return None
        case OnUncovered.REFUSE:
            return Refuse()
        case _ as unreachable:
            assert_never(unreachable)


def _unchecked_notice(
    policy: Policy, request: Request, missing: Sequence[Unavailable], remedy: Remedy, stamp: Stamp
) -> Notice:
    """``missing`` is not empty and has one cause."""
    what, served, recommended = _told(request.model, remedy)
    ground, why = _why_unchecked(missing, refused=isinstance(remedy, Refuse))
    return Notice(
        stamp=stamp,
        ground=ground,
        requested=request.model,
        served=served,
        policy=f"{policy.name} {policy.version}",
        policy_digest=policy.digest,
        what=what,
        why=why,
        redress=wording.redress(stamp),
        recommended=recommended,
    )


def _why_unchecked(missing: Sequence[Unavailable], *, refused: bool) -> tuple[Ground, str]:
    first = missing[0]
    match first.cause:
        case Cause.FAULT:
            return Ground.UNAVAILABLE, wording.why_unavailable(first.domain, first.reason)
        case Cause.LANGUAGE:
            domains = [each.domain for each in missing]
            return Ground.UNCOVERED, wording.why_uncovered(domains, first.language, refused=refused)
        case _ as unreachable:
            assert_never(unreachable)


def after_provider_refusal(
    policy: Policy,
    request: Request,
    decision: Decision,
    refusal: ProviderRefusal,
    *,
    tried: frozenset[ModelName],
    stamp: Stamp,
) -> Decision | None:
    """A provider refused before any output: redirect to the next model that the caller accepts and the policy allows.

    None where there is no such model: the refusal stands, as the provider's.
    """
    target = _next_target(policy, request, decision, refusal, tried)
    if target is None:
        return None
    redirected = _redirect_of(decision)
    if redirected is not None:
        notice = _retold(redirected.notice, served=target.model, recommended=None)
    else:
        notice = _provider_notice(policy, request, target.model, refusal, stamp)
    return Decision(Intervene(Redirect(target), notice), decision.grounds)


def after_failed_fallback(decision: Decision, target: ModelName) -> Decision:
    """The model that was to answer instead could not be reached: an open refusal that recommends it (scenario E)."""
    redirected = _redirect_of(decision)
    if redirected is None:
        raise InvariantBroken("only a redirect has a fallback that can fail")
    notice = _retold(redirected.notice, served=None, recommended=target)
    return Decision(Intervene(Refuse(target), notice), decision.grounds)


def after_last_refusal(decision: Decision) -> Decision:
    """Every model that could have answered declined: a refusal, told as such. What was not redirected stays as it was:
    the provider's own refusal is relayed as the provider's."""
    redirected = _redirect_of(decision)
    if redirected is None:
        return decision
    notice = _retold(redirected.notice, served=None, recommended=None)
    return Decision(Intervene(Refuse(), notice), decision.grounds)


def _redirect_of(decision: Decision) -> Intervene | None:
    """The intervention, if another model was to answer. A mere notice leaves the reply the provider's own."""
    action = decision.action
    return action if isinstance(action, Intervene) and isinstance(action.remedy, Redirect) else None


def _retold(notice: Notice, *, served: ModelName | None, recommended: ModelName | None) -> Notice:
    """The same notice after things took another course."""
    if served is not None:
        what = wording.redirected(notice.requested, served)
    else:
        what = wording.refused(notice.requested, recommended)
    return replace(notice, what=what, served=served, recommended=recommended)


def _provider_notice(
    policy: Policy, request: Request, served: ModelName, refusal: ProviderRefusal, stamp: Stamp
) -> Notice:
    return Notice(
        stamp=stamp,
        ground=Ground.PROVIDER_REFUSAL,
        requested=request.model,
        served=served,
        policy=f"{policy.name} {policy.version}",
        policy_digest=policy.digest,
        what=wording.redirected(request.model, served),
        why=wording.why_provider(request.model, refusal.category),
        redress=wording.redress_provider(stamp),
        provider_category=refusal.category,
    )


def _next_target(
    policy: Policy, request: Request, decision: Decision, refusal: ProviderRefusal, tried: frozenset[ModelName]
) -> Fallback | None:
    """The caller's list in its order, or the policy's for the domain at hand. Our own rule's domain stays binding."""
    domain = _domain_at_hand(decision, refusal)
    targets = policy.targets(request.model, domain) if domain is not None else ()
    match request.acceptance:
        case RequestedOnly():
            return None
        case ServerChoice():
            return next((Fallback(model=target) for target in targets if target not in tried), None)
        case Named(fallbacks=fallbacks):
            redirected = _redirect_of(decision)
            bound = redirected is not None and redirected.notice.clause is not None
            open_ones = (f for f in fallbacks if f.model not in tried and (not bound or f.model in targets))
            return next(open_ones, None)
        case _ as unreachable:
            assert_never(unreachable)


def _domain_at_hand(decision: Decision, refusal: ProviderRefusal) -> Domain | None:
    """The domain of our own redirect; otherwise the one that the provider's category names."""
    redirected = _redirect_of(decision)
    if redirected is not None and redirected.notice.clause is not None:
        return redirected.notice.clause.domain
    return next((domain for domain in Domain if domain.value == refusal.category), None)
