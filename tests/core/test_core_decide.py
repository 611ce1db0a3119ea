"""The decision: strictest first, capped by the domain's mode, never a model that the caller does not accept."""

from __future__ import annotations

import pytest
from core_samples import BIG, SMALL, STAMP, TINY, assessment, finding, policy, request, rule
from hypothesis import given
from hypothesis import strategies as st

from overt.core.decide import after_failed_fallback, after_last_refusal, after_provider_refusal, decide
from overt.core.decision import Decision, Intervene, Notify, Pass, Redirect, Refuse, RetryLater, RuleMatch, outcome
from overt.core.domain import BANDS, DOMAINS, Band, Domain, ModelName
from overt.core.exchange import ProviderRefusal
from overt.core.finding import Assessment, Unavailable
from overt.core.notice import Ground
from overt.core.policy import Mode, OnUnavailable, Prescription
from overt.core.request import Acceptance, Fallback, Named, RequestedOnly, ServerChoice
from overt.errors import InvariantBroken

CYBER = Domain.CYBER
HIGH = assessment(finding(CYBER, Band.HIGH_DUAL))


def named(*models: str) -> Named:
    return Named(tuple(Fallback(model=model) for model in models))  # type: ignore[arg-type]


BANDS_AND_OUTCOMES = {None: "pass", Band.BENIGN: "pass", Band.LOW_DUAL: "notify", Band.HIGH_DUAL: "redirect",
                      Band.PROHIBITED: "refuse"}  # fmt: skip


@pytest.mark.parametrize(("band", "expected"), BANDS_AND_OUTCOMES.items(), ids=str)
def test_each_band_leads_to_what_its_rule_prescribes(band: Band | None, expected: str) -> None:
    decision = decide(policy(), request(ServerChoice()), assessment(finding(CYBER, band)), STAMP)
    assert outcome(decision.action) == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(Mode.OFF, "pass"), (Mode.SHADOW, "pass"), (Mode.NOTIFY, "notify"), (Mode.REDIRECT, "redirect"),
     (Mode.REFUSE, "refuse")],
)  # fmt: skip
def test_a_domains_mode_caps_what_its_rules_may_do(mode: Mode, expected: str) -> None:
    found = assessment(finding(CYBER, Band.PROHIBITED))
    decision = decide(policy(modes={CYBER: mode}), request(ServerChoice()), found, STAMP)
    assert outcome(decision.action) == expected


def test_a_match_in_shadow_is_recorded_and_a_match_in_a_domain_that_is_off_is_not() -> None:
    found = assessment(finding(CYBER, Band.HIGH_DUAL), finding(Domain.BIO, Band.HIGH_DUAL))
    modes = {CYBER: Mode.SHADOW, Domain.BIO: Mode.OFF}
    grounds = decide(policy(modes=modes), request(), found, STAMP).grounds
    assert {match.rule.domain for match in grounds.matches if isinstance(match, RuleMatch)} == {CYBER}
    assert not any(match.enforced for match in grounds.matches)


def test_the_strictest_rule_of_any_domain_wins() -> None:
    found = assessment(finding(CYBER, Band.HIGH_DUAL, 0.99), finding(Domain.CHEM, Band.PROHIBITED, 0.6))
    action = decide(policy(), request(ServerChoice()), found, STAMP).action
    assert isinstance(action, Intervene)
    assert action.notice.clause is not None
    assert action.notice.clause.domain is Domain.CHEM


def test_of_equally_strict_rules_the_surest_wins() -> None:
    found = assessment(finding(CYBER, Band.HIGH_DUAL, 0.7), finding(Domain.BIO, Band.HIGH_DUAL, 0.9))
    action = decide(policy(), request(ServerChoice()), found, STAMP).action
    assert isinstance(action, Intervene)
    assert action.notice.clause is not None
    assert action.notice.clause.domain is Domain.BIO


ACCEPTANCES: dict[str, tuple[Acceptance, str | None]] = {
    "nothing else": (RequestedOnly(), None),
    "the policy's choice": (ServerChoice(), SMALL),
    "a list with the policy's second": (named(TINY), TINY),
    "a list in the caller's order": (named(TINY, SMALL), TINY),
    "a list without any of the policy's": (named("other"), None),
}


@pytest.mark.parametrize(("accepts", "expected"), ACCEPTANCES.values(), ids=ACCEPTANCES.keys())
def test_a_redirect_needs_a_model_that_policy_and_caller_both_name(accepts: Acceptance, expected: str | None) -> None:
    action = decide(policy(targets=(SMALL, TINY)), request(accepts), HIGH, STAMP).action
    assert isinstance(action, Intervene)
    if expected is None:
        assert action.remedy == Refuse(SMALL)
        assert action.notice.recommended == SMALL
        assert action.notice.served is None
    else:
        assert isinstance(action.remedy, Redirect)
        assert action.remedy.to.model == action.notice.served == expected


def test_without_any_fallback_the_refusal_recommends_nobody() -> None:
    action = decide(policy(targets=()), request(ServerChoice()), HIGH, STAMP).action
    assert isinstance(action, Intervene)
    assert action.remedy == Refuse(None)


@pytest.mark.parametrize(("band", "expected"), [(Band.HIGH_DUAL, "pass"), (Band.PROHIBITED, "refuse")])
def test_the_lesser_model_itself_answers_what_is_redirected_to_it_and_nothing_worse(band: Band, expected: str) -> None:
    found = assessment(finding(CYBER, band))
    only = policy(rules=tuple(r for r in policy().rules if r.prescription is not Prescription.NOTIFY))
    assert outcome(decide(only, request(model=SMALL), found, STAMP).action) == expected


def test_a_release_that_has_earned_no_acting_point_keeps_its_rules_in_shadow() -> None:
    found = assessment(finding(CYBER, Band.HIGH_DUAL), earned=False)
    decision = decide(policy(), request(), found, STAMP)
    assert decision.action == Pass()
    assert decision.grounds.matches


def test_a_number_in_the_policy_needs_no_earned_acting_point() -> None:
    rules = (rule(CYBER, Band.HIGH_DUAL, Prescription.REFUSE, threshold=0.8),)
    found = assessment(finding(CYBER, Band.HIGH_DUAL, 0.85), earned=False)
    assert outcome(decide(policy(rules=rules), request(), found, STAMP).action) == "refuse"


@pytest.mark.parametrize(
    ("answer", "expected"), [(OnUnavailable.RETRY, RetryLater()), (OnUnavailable.NOTIFY, Notify())]
)
def test_a_domain_without_a_finding_is_answered_as_the_policy_says(answer: OnUnavailable, expected: object) -> None:
    missing = assessment(Unavailable(domain=CYBER, reason="it timed out"))
    action = decide(policy(on_unavailable=answer), request(), missing, STAMP).action
    assert isinstance(action, Intervene)
    assert action.remedy == expected
    assert action.notice.ground is Ground.UNAVAILABLE
    assert "it timed out" in action.notice.why


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.SHADOW])
def test_a_missing_finding_of_a_domain_that_does_not_act_changes_nothing(mode: Mode) -> None:
    missing = assessment(Unavailable(domain=CYBER, reason="it timed out"))
    assert decide(policy(modes={CYBER: mode}), request(), missing, STAMP).action == Pass()


findings = st.builds(finding, st.sampled_from(DOMAINS), st.sampled_from([None, *BANDS]), st.floats(0, 1))
acceptances = st.sampled_from([accepts for accepts, _ in ACCEPTANCES.values()])
modes = st.dictionaries(st.sampled_from(DOMAINS), st.sampled_from(list(Mode)))


@given(st.lists(findings, max_size=4), acceptances, modes, st.sampled_from([BIG, SMALL]))
def test_whatever_is_found_the_caller_gets_only_models_that_it_accepts_and_is_told(
    found: list[object], accepts: Acceptance, chosen: dict[Domain, Mode], model: str
) -> None:
    given_policy = policy(modes=chosen, targets=(SMALL, TINY))
    asked = request(accepts, model)  # type: ignore[arg-type]
    decision = decide(given_policy, asked, assessment(*found), STAMP)  # type: ignore[arg-type]
    assert decision == decide(given_policy, asked, assessment(*found), STAMP)  # type: ignore[arg-type]
    if isinstance(decision.action, Intervene):
        notice = decision.action.notice
        assert STAMP.notice_id in notice.text
        assert notice.served in (None, model, SMALL, TINY)
        if isinstance(decision.action.remedy, Redirect):
            assert not isinstance(accepts, RequestedOnly)
            assert notice.served != model


def after(
    accepts: Acceptance,
    *,
    first: Assessment = HIGH,
    tried: tuple[ModelName, ...] = (BIG,),
    category: str = "cyber",
) -> Decision | None:
    asked, chosen = request(accepts), policy(targets=(SMALL, TINY))
    decision = decide(chosen, asked, first, STAMP)
    refusal = ProviderRefusal(category=category, retriable=True)
    return after_provider_refusal(chosen, asked, decision, refusal, tried=frozenset(tried), stamp=STAMP)


def test_after_a_providers_refusal_the_next_accepted_model_answers_and_the_notice_says_whose_refusal_it_was() -> None:
    following = after(ServerChoice(), first=assessment())
    assert following is not None
    action = following.action
    assert isinstance(action, Intervene)
    assert action.remedy == Redirect(Fallback(model=SMALL))
    assert action.notice.ground is Ground.PROVIDER_REFUSAL
    assert "Overt did not make this decision" in action.notice.why


@pytest.mark.parametrize(
    "case",
    [
        pytest.param({"accepts": RequestedOnly()}, id="nothing else is accepted"),
        pytest.param({"accepts": ServerChoice(), "category": "reasoning_extraction"}, id="a category without fallback"),
        pytest.param({"accepts": ServerChoice(), "tried": (BIG, SMALL, TINY)}, id="everybody has declined"),
        pytest.param({"accepts": named("other")}, id="not allowed in the domain of our own rule"),
    ],
)
def test_where_nobody_is_left_the_refusal_stands(case: dict[str, object]) -> None:
    first = {} if case["accepts"] == named("other") else {"first": assessment()}
    assert after(**case, **first) is None  # type: ignore[arg-type]


def test_a_fallback_that_fails_becomes_a_refusal_that_recommends_it() -> None:
    decision = decide(policy(), request(ServerChoice()), HIGH, STAMP)
    action = after_failed_fallback(decision, SMALL).action
    assert isinstance(action, Intervene)
    assert action.remedy == Refuse(SMALL)
    assert action.notice.served is None
    assert f"{SMALL} would answer it" in action.notice.what


def test_a_pass_has_no_fallback_that_could_fail() -> None:
    with pytest.raises(InvariantBroken):
        after_failed_fallback(decide(policy(), request(), assessment(), STAMP), SMALL)


def test_a_last_refusal_leaves_a_pass_a_pass_and_ends_a_redirect() -> None:
    passed = decide(policy(), request(), assessment(), STAMP)
    assert after_last_refusal(passed) == passed
    redirected = decide(policy(), request(ServerChoice()), HIGH, STAMP)
    assert outcome(after_last_refusal(redirected).action) == "refuse"
