"""What follows when things take another course: a provider refuses, a fallback fails, every model declined."""

from __future__ import annotations

import pytest
from core_samples import (
    BIG,
    OTHER,
    SMALL,
    STAMP,
    TINY,
    accepting,
    asking,
    decided,
    finding,
    intervention,
    missing,
    policy,
    rule,
)

from overt.core.decide import after_failed_fallback, after_last_refusal, after_provider_refusal
from overt.core.decision import Decision, Intervene, Notify, Pass, Redirect, Refuse
from overt.core.domain import Domain, ModelName
from overt.core.exchange import ProviderRefusal
from overt.core.notice import Ground
from overt.core.policy import Policy, Prescription
from overt.core.request import Acceptance, Fallback, Named, RequestedOnly, ServerChoice
from overt.errors import InvariantBroken

FALLBACKS = {(BIG, Domain.CYBER): (SMALL, TINY), (BIG, Domain.BIO): (OTHER,)}
POLICY: Policy = policy(rule(), rule(domain=Domain.BIO), fallbacks=FALLBACKS)


def passed(acceptance: Acceptance) -> Decision:
    """Nothing found."""
    return decided(POLICY, finding(0.1), acceptance=acceptance)


def redirected(acceptance: Acceptance) -> Decision:
    """Our own cyber rule put another model in place."""
    decision = decided(POLICY, finding(0.9), acceptance=acceptance)
    assert isinstance(intervention(decision).remedy, Redirect)
    return decision


def following(
    decision: Decision, acceptance: Acceptance, *tried: ModelName, category: str | None = "cyber"
) -> Decision | None:
    refusal = ProviderRefusal(category, retriable=True)
    request = asking(acceptance)
    return after_provider_refusal(POLICY, request, decision, refusal, tried=frozenset(tried), stamp=STAMP)


@pytest.mark.parametrize(
    ("acceptance", "category", "tried", "expected"),
    [
        pytest.param(RequestedOnly(), "cyber", [BIG], None, id="no other model is accepted"),
        pytest.param(ServerChoice(), "cyber", [BIG], SMALL, id="the policy's first choice for the category"),
        pytest.param(ServerChoice(), "bio", [BIG], OTHER, id="another category has another choice"),
        pytest.param(ServerChoice(), "cyber", [BIG, SMALL], TINY, id="the next one that was not tried"),
        pytest.param(ServerChoice(), "cyber", [BIG, SMALL, TINY], None, id="all were tried"),
        pytest.param(ServerChoice(), "chem", [BIG], None, id="a category without a fallback"),
        pytest.param(ServerChoice(), "general_harms", [BIG], None, id="a category that is none of ours"),
        pytest.param(ServerChoice(), None, [BIG], None, id="no category"),
        pytest.param(accepting(OTHER, SMALL), "cyber", [BIG], OTHER, id="the caller's own list, in its order"),
        pytest.param(accepting(OTHER, SMALL), None, [BIG], OTHER, id="the caller's own list, without a category"),
        pytest.param(accepting(OTHER, SMALL), "cyber", [BIG, OTHER], SMALL, id="the caller's next"),
        pytest.param(accepting(OTHER), "cyber", [BIG, OTHER], None, id="the caller's list is exhausted"),
        pytest.param(accepting(), "cyber", [BIG], None, id="an empty list"),
    ],
)
def test_a_provider_refusal_of_a_passed_request_moves_on_to(
    acceptance: Acceptance, category: str | None, tried: list[ModelName], expected: ModelName | None
) -> None:
    before = passed(acceptance)
    after = following(before, acceptance, *tried, category=category)
    if expected is None:
        assert after is None
        return
    assert after is not None
    assert after.grounds == before.grounds
    action = intervention(after)
    assert action.remedy == Redirect(Fallback(model=expected))
    assert (action.notice.requested, action.notice.served) == (BIG, expected)


def test_the_notice_of_a_provider_refusal_says_whose_decision_it_was() -> None:
    after = following(passed(ServerChoice()), ServerChoice(), BIG)
    assert after is not None
    told = intervention(after).notice
    assert (told.ground, told.provider_category, told.clause) == (Ground.PROVIDER_REFUSAL, "cyber", None)
    assert told.what == "small-1 answers this request instead of big-1."
    assert "Overt did not make this decision" in told.why
    assert "turn to the provider" in told.redress


@pytest.mark.parametrize(
    ("acceptance", "category", "tried", "expected"),
    [
        pytest.param(ServerChoice(), "bio", [BIG, SMALL], TINY, id="the rule's domain, not the provider's category"),
        pytest.param(ServerChoice(), None, [BIG, SMALL], TINY, id="the rule's domain, without a category"),
        pytest.param(ServerChoice(), "bio", [BIG, SMALL, TINY], None, id="none left in the rule's domain"),
        pytest.param(
            accepting(SMALL, OTHER, TINY), "bio", [BIG, SMALL], TINY, id="skips what the policy does not name"
        ),
        pytest.param(accepting(SMALL, OTHER), "bio", [BIG, SMALL], None, id="accepted, but not named by the policy"),
    ],
)
def test_our_own_rule_stays_binding_after_a_provider_refusal(
    acceptance: Acceptance, category: str | None, tried: list[ModelName], expected: ModelName | None
) -> None:
    before = redirected(acceptance)
    after = following(before, acceptance, *tried, category=category)
    if expected is None:
        assert after is None
        return
    assert after is not None
    action, first = intervention(after), intervention(before).notice
    assert action.remedy == Redirect(Fallback(model=expected))
    assert action.notice.served == expected
    assert action.notice.what == f"{expected} answers this request instead of {BIG}."
    assert (action.notice.ground, action.notice.clause) == (Ground.POLICY, first.clause)
    assert (action.notice.why, action.notice.redress, action.notice.id) == (first.why, first.redress, first.id)


def test_the_callers_changes_go_along_to_the_next_model() -> None:
    changed = Fallback(model=TINY, overrides={"max_tokens": 5})
    acceptance = Named((Fallback(model=SMALL), changed))
    after = following(redirected(acceptance), acceptance, BIG, SMALL)
    assert after is not None
    assert intervention(after).remedy == Redirect(changed)


def test_a_fallback_that_failed_becomes_an_open_refusal_that_recommends_it() -> None:
    before = redirected(ServerChoice())
    after = after_failed_fallback(before, SMALL)
    action, first = intervention(after), intervention(before).notice
    assert action.remedy == Refuse(SMALL)
    assert (action.notice.served, action.notice.recommended) == (None, SMALL)
    assert action.notice.what == "No model answered this request to big-1. small-1 would answer it."
    assert (action.notice.why, action.notice.clause, action.notice.id) == (first.why, first.clause, first.id)
    assert after.grounds == before.grounds


def test_a_pass_has_no_fallback_that_can_fail() -> None:
    with pytest.raises(InvariantBroken, match="only a redirect"):
        after_failed_fallback(passed(ServerChoice()), SMALL)


def test_after_the_last_refusal_of_a_redirect_nobody_answered_and_nobody_is_recommended() -> None:
    before = redirected(ServerChoice())
    after = after_last_refusal(before)
    action = intervention(after)
    assert action.remedy == Refuse()
    assert (action.notice.served, action.notice.recommended) == (None, None)
    assert action.notice.what == "No model answered this request to big-1."
    assert action.notice.why == intervention(before).notice.why
    assert after.grounds == before.grounds


def test_after_the_last_refusal_of_a_pass_the_pass_stands() -> None:
    before = passed(ServerChoice())
    assert after_last_refusal(before) is before
    assert before.action == Pass()


def test_a_course_of_three_refusals_tells_each_step_under_one_notice_id() -> None:
    acceptance = ServerChoice()
    first = following(passed(acceptance), acceptance, BIG)
    assert first is not None
    second = following(first, acceptance, BIG, SMALL)
    assert second is not None
    assert following(second, acceptance, BIG, SMALL, TINY) is None
    last = after_last_refusal(second)
    told = [step.action.notice for step in (first, second, last) if isinstance(step.action, Intervene)]
    assert [one.served for one in told] == [SMALL, TINY, None]
    assert {one.id for one in told} == {STAMP.notice_id}
    assert {one.ground for one in told} == {Ground.PROVIDER_REFUSAL}


def test_a_missing_finding_in_shadow_leaves_the_course_of_a_provider_refusal_alone() -> None:
    before = decided(POLICY, missing(Domain.CHEM), acceptance=ServerChoice())
    after = following(before, ServerChoice(), BIG)
    assert after is not None
    assert intervention(after).notice.ground is Ground.PROVIDER_REFUSAL


def notified(acceptance: Acceptance) -> Decision:
    """Our own rule only told of a finding; the requested model was to answer."""
    told = policy(rule(Prescription.NOTIFY), fallbacks=FALLBACKS)
    decision = decided(told, finding(0.9), acceptance=acceptance)
    assert isinstance(intervention(decision).remedy, Notify)
    return decision


def test_a_provider_refusal_after_a_mere_notice_is_told_as_the_providers() -> None:
    moved = following(notified(ServerChoice()), ServerChoice(), BIG)
    assert moved is not None
    assert intervention(moved).notice.ground is Ground.PROVIDER_REFUSAL


def test_after_the_last_refusal_a_mere_notice_stands() -> None:
    decision = notified(ServerChoice())
    assert after_last_refusal(decision) == decision
    with pytest.raises(InvariantBroken):
        after_failed_fallback(decision, SMALL)
