"""What a receipt says of a decision: the reason, the rules in shadow, and whether another model answers."""

from __future__ import annotations

import pytest
from core_samples import BIG, SMALL, STAMP, TRIGGER, asking, decided, finding, missing, notice, policy, rule, uncovered

from overt.core.decide import after_provider_refusal
from overt.core.decision import Action, Intervene, Notify, Pass, Redirect, Refuse, RetryLater, outcome
from overt.core.domain import Band, Domain
from overt.core.exchange import ProviderRefusal
from overt.core.finding import Cause, Trigger
from overt.core.policy import Mode, Prescription
from overt.core.receipt import Reason, is_redirect, reason_of, shadow_rules, unavailable_domains
from overt.core.request import Fallback, ServerChoice


def test_a_pass_has_no_reason() -> None:
    assert reason_of(decided(policy(), finding(0.1))) is None
    assert reason_of(decided(policy(mode=Mode.SHADOW), finding(0.9))) is None


@pytest.mark.parametrize(("trigger", "role"), [(TRIGGER, "tool_result"), (None, None)], ids=["a part", "no part"])
def test_the_reason_of_a_rule_names_rule_domain_band_and_role_and_no_place(
    trigger: Trigger | None, role: str | None
) -> None:
    decision = decided(policy(), finding(0.9, trigger=trigger))
    assert reason_of(decision) == Reason(
        ground="policy", rule="cyber-1", domain="cyber", band="high_dual", trigger=role
    )


def test_the_reason_of_a_missing_finding_names_no_rule() -> None:
    assert reason_of(decided(policy(), missing())) == Reason(
        ground="classifier_unavailable", rule=None, domain=None, band=None, trigger=None
    )


def test_the_reason_of_a_provider_refusal_names_no_rule_of_ours() -> None:
    before = decided(policy(), finding(0.1), acceptance=ServerChoice())
    after = after_provider_refusal(
        policy(),
        asking(ServerChoice()),
        before,
        ProviderRefusal("cyber", retriable=True),
        tried=frozenset({BIG}),
        stamp=STAMP,
    )
    assert after is not None
    assert reason_of(after) == Reason(ground="provider_refusal", rule=None, domain=None, band=None, trigger=None)


def test_the_rules_in_shadow_are_those_that_matched_and_were_not_enforced() -> None:
    rules = (
        rule(),
        rule(number=2, threshold=None),
        rule(number=3, threshold=0.95),
        rule(Prescription.REFUSE, domain=Domain.BIO),
        rule(domain=Domain.CHEM),
    )
    modes = {Domain.CYBER: Mode.REFUSE, Domain.BIO: Mode.SHADOW, Domain.CHEM: Mode.SHADOW}
    findings = finding(0.9), finding(0.9, Band.PROHIBITED, domain=Domain.BIO), missing(Domain.CHEM)
    assert shadow_rules(decided(policy(*rules, modes=modes), *findings)) == ("cyber-2", "bio-1")


def test_the_domains_without_a_finding_are_those_with_rules_in_shadow_too() -> None:
    rules = (rule(), rule(domain=Domain.BIO), rule(domain=Domain.CHEM))
    modes = {
        Domain.CYBER: Mode.REFUSE,
        Domain.BIO: Mode.SHADOW,
        Domain.CHEM: Mode.OFF,
        Domain.FRONTIER_LLM: Mode.REFUSE,
    }
    findings = uncovered(), missing(Domain.BIO), missing(Domain.CHEM), missing(Domain.FRONTIER_LLM)
    decision = decided(policy(*rules, modes=modes), *findings)
    assert unavailable_domains(decision) == {Domain.CYBER: Cause.LANGUAGE, Domain.BIO: Cause.FAULT}


ACTIONS: list[tuple[Action, str]] = [
    (Pass(), "pass"),
    (Intervene(Notify(), notice(served=BIG)), "notify"),
    (Intervene(Redirect(Fallback(model=SMALL)), notice(served=SMALL)), "redirect"),
    (Intervene(Refuse(SMALL), notice()), "refuse"),
    (Intervene(RetryLater(), notice()), "error"),
]


@pytest.mark.parametrize(("action", "word"), ACTIONS, ids=[word for _, word in ACTIONS])
def test_every_action_has_its_word_in_the_receipt(action: Action, word: str) -> None:
    assert outcome(action) == word


def test_a_redirect_is_a_decision_after_which_another_model_answers() -> None:
    assert is_redirect(decided(policy(), finding(0.9), acceptance=ServerChoice()))
    assert not is_redirect(decided(policy(), finding(0.9)))
    assert not is_redirect(decided(policy(), finding(0.1), acceptance=ServerChoice()))
