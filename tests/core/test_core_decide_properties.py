"""What holds of every decision, for generated policies, requests and findings."""

from __future__ import annotations

from dataclasses import replace

from core_samples import BIG, OTHER, POLICY_DIGEST, SMALL, STAMP, TINY, answering, asking, assessed, released
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.decide import after_failed_fallback, after_last_refusal, after_provider_refusal, decide
from overt.core.decision import Decision, Intervene, Notify, Pass, Redirect, Refuse, RetryLater, UnavailableMatch
from overt.core.domain import Band, Domain, ModelName, RuleId
from overt.core.exchange import ProviderRefusal
from overt.core.finding import Assessment, Cause, Finding, Trigger, Unavailable
from overt.core.notice import Ground
from overt.core.policy import ANY_MODEL, Mode, OnUnavailable, OnUncovered, Policy, Prescription, Rule
from overt.core.request import Fallback, Named, Request, RequestedOnly, Role, ServerChoice

MODELS = (BIG, SMALL, TINY, OTHER)
models = st.sampled_from(MODELS)
probabilities = st.floats(0.0, 1.0)
rules = st.builds(
    Rule,
    id=st.integers(1, 9).map(lambda n: RuleId(f"rule-{n}")),
    domain=st.sampled_from(Domain),
    band=st.sampled_from(Band),
    threshold=st.none() | st.floats(0.01, 1.0),
    prescription=st.sampled_from(Prescription),
    title=st.just("a title"),
    reason=st.just("A reason."),
)
policies = st.builds(
    Policy,
    name=st.just("made-up"),
    version=st.just("1"),
    digest=st.just(POLICY_DIGEST),
    modes=st.dictionaries(st.sampled_from(Domain), st.sampled_from(Mode)),
    rules=st.lists(rules, max_size=6).map(tuple),
    fallbacks=st.dictionaries(
        st.tuples(st.sampled_from((*MODELS, ANY_MODEL)), st.sampled_from(Domain)),
        st.lists(models, max_size=3, unique=True).map(tuple),
        max_size=5,
    ),
    on_unavailable=st.sampled_from(OnUnavailable),
    on_uncovered=st.sampled_from(OnUncovered),
)
acceptances = (
    st.just(RequestedOnly())
    | st.just(ServerChoice())
    | st.lists(models, max_size=3).map(lambda names: Named(tuple(Fallback(model=name) for name in names)))
)
requests = st.builds(asking, acceptances, model=models)
triggers = st.none() | st.builds(
    Trigger,
    segment=st.integers(0, 9),
    role=st.sampled_from(Role),
    start=st.integers(0, 99),
    end=st.integers(99, 999),
)


@st.composite
def assessments(draw: st.DrawFn) -> Assessment:
    """One entry per domain, the bands of a finding in their order, by a release that has earned some acting points."""
    entries = [draw(_entry(domain)) for domain in Domain]
    places = st.tuples(st.sampled_from(Domain), st.sampled_from(Band))
    points = draw(st.dictionaries(places, st.floats(0.01, 1.0), max_size=4))
    return assessed(*entries, release=released(points))


@st.composite
def _entry(draw: st.DrawFn, domain: Domain) -> Finding | Unavailable:
    if draw(st.integers(0, 4)) == 0:
        cause = draw(st.sampled_from(Cause))
        language = draw(st.sampled_from((None, "ko", "xx"))) if cause is Cause.LANGUAGE else None
        reason = draw(st.sampled_from(("", "no answer in 2 s")))
        return Unavailable(domain=domain, reason=reason, cause=cause, language=language)
    worst, high, low, topic = sorted(draw(st.tuples(*[probabilities] * 4)))
    return Finding(domain=domain, topic=topic, low_dual=low, high_dual=high, prohibited=worst, trigger=draw(triggers))


def accepts(request: Request, policy: Policy, domain: Domain, model: ModelName) -> bool:
    """The rule of redirects, told once more in other words."""
    if model == request.model or model not in policy.targets(request.model, domain):
        return False
    match request.acceptance:
        case RequestedOnly():
            return False
        case ServerChoice():
            return True
        case Named(fallbacks=fallbacks):
            return model in {fallback.model for fallback in fallbacks}


def check(decision: Decision, request: Request) -> None:
    """What holds of a decision whatever led to it."""
    if not isinstance(decision.action, Intervene):
        return
    remedy, told = decision.action.remedy, decision.action.notice
    assert told.what.strip()
    assert told.why.strip()
    assert told.redress.strip()
    assert told.requested == request.model
    assert told.served == answering(remedy, request.model)
    assert told.recommended == (remedy.recommended if isinstance(remedy, Refuse) else None)
    assert (told.clause is not None) == (told.ground is Ground.POLICY)


@settings(max_examples=300, deadline=None)
@given(policies, requests, assessments())
def test_every_intervention_has_a_notice_that_tells_exactly_it(
    policy: Policy, request: Request, assessment: Assessment
) -> None:
    check(decide(policy, request, assessment, STAMP), request)


@settings(max_examples=300, deadline=None)
@given(policies, requests, assessments())
def test_no_redirect_leads_to_a_model_that_the_caller_or_the_policy_does_not_accept(
    policy: Policy, request: Request, assessment: Assessment
) -> None:
    action = decide(policy, request, assessment, STAMP).action
    if isinstance(action, Intervene) and isinstance(action.remedy, Redirect):
        assert action.notice.clause is not None
        assert accepts(request, policy, action.notice.clause.domain, action.remedy.to.model)


@settings(max_examples=200, deadline=None)
@given(policies, requests, assessments())
def test_equal_questions_get_equal_decisions(policy: Policy, request: Request, assessment: Assessment) -> None:
    again = replace(policy, modes=dict(policy.modes), fallbacks=dict(policy.fallbacks))
    assert decide(policy, request, assessment, STAMP) == decide(again, replace(request), replace(assessment), STAMP)


@settings(max_examples=200, deadline=None)
@given(policies, requests, assessments(), st.sampled_from((Mode.OFF, Mode.SHADOW)))
def test_a_policy_that_only_watches_lets_everything_pass(
    policy: Policy, request: Request, assessment: Assessment, mode: Mode
) -> None:
    watching = replace(policy, modes=dict.fromkeys(Domain, mode))
    assert decide(watching, request, assessment, STAMP).action == Pass()


@settings(max_examples=200, deadline=None)
@given(policies, requests, assessments())
def test_a_policy_that_may_only_notify_keeps_an_answer_back_only_where_nobody_could_check(
    policy: Policy, request: Request, assessment: Assessment
) -> None:
    telling = replace(policy, modes=dict.fromkeys(Domain, Mode.NOTIFY))
    action = decide(telling, request, assessment, STAMP).action
    if isinstance(action, Intervene):
        kept_back = {Ground.UNAVAILABLE: RetryLater(), Ground.UNCOVERED: Refuse()}
        assert action.remedy in (Notify(), kept_back.get(action.notice.ground))


@settings(max_examples=200, deadline=None)
@given(policies, requests, assessments())
def test_a_pass_leaves_nothing_enforced_but_a_redirect_to_what_was_asked_for_or_a_record_of_a_language(
    policy: Policy, request: Request, assessment: Assessment
) -> None:
    decision = decide(policy, request, assessment, STAMP)
    enforced = [match for match in decision.grounds.matches if match.enforced]
    if isinstance(decision.action, Intervene):
        assert enforced
        return
    for match in enforced:
        if isinstance(match, UnavailableMatch):
            assert (match.unavailable.cause, policy.on_uncovered) == (Cause.LANGUAGE, OnUncovered.RECORD)
            continue
        assert match.rule.prescription is not Prescription.NOTIFY
        assert policy.is_target(request.model, match.rule.domain)


@settings(max_examples=200, deadline=None)
@given(policies, requests, assessments())
def test_whoever_is_asked_to_try_again_met_a_fault_and_no_language(
    policy: Policy, request: Request, assessment: Assessment
) -> None:
    covered = all(isinstance(each, Finding) or each.cause is Cause.LANGUAGE for each in assessment.findings)
    action = decide(policy, request, assessment, STAMP).action
    assert not covered or not isinstance(action, Intervene) or not isinstance(action.remedy, RetryLater)


refusals = st.builds(ProviderRefusal, st.none() | st.sampled_from((*Domain, "general_harms")), retriable=st.just(True))


@settings(max_examples=300, deadline=None)
@given(policies, requests, assessments(), refusals, st.frozensets(models))
def test_after_a_provider_refusal_only_an_untried_and_accepted_model_follows(
    policy: Policy, request: Request, assessment: Assessment, refusal: ProviderRefusal, others: frozenset[ModelName]
) -> None:
    before = decide(policy, request, assessment, STAMP)
    tried = others | {request.model}
    after = after_provider_refusal(policy, request, before, refusal, tried=tried, stamp=STAMP)
    assert not isinstance(request.acceptance, RequestedOnly) or after is None
    if after is None:
        return
    assert isinstance(after.action, Intervene)
    remedy = after.action.remedy
    assert isinstance(remedy, Redirect)
    assert remedy.to.model not in tried
    assert after.grounds == before.grounds
    check(after, request)
    for last in (after_failed_fallback(after, remedy.to.model), after_last_refusal(after)):
        check(last, request)
