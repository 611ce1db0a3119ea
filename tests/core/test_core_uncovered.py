"""A language that the release does not cover: never "nothing found", never "try again", and the policy answers."""

from __future__ import annotations

import re

import pytest
from core_samples import (
    BIG,
    SMALL,
    STAMP,
    decided,
    finding,
    intervention,
    missing,
    policy,
    released,
    rule,
    uncovered,
)

from overt.core.decision import Intervene, Notify, Pass, Redirect, Refuse, Remedy, RetryLater, UnavailableMatch, outcome
from overt.core.domain import DOMAINS, Band, Domain
from overt.core.finding import Cause, Finding, Unavailable
from overt.core.languages import language_name
from overt.core.notice import Ground
from overt.core.policy import Mode, OnUnavailable, OnUncovered, Prescription
from overt.core.receipt import Reason, reason_of, unavailable_domains
from overt.core.request import Fallback, ServerChoice

BIO = Domain.BIO
NOTIFY, RECORD, REFUSE = OnUncovered.NOTIFY, OnUncovered.RECORD, OnUncovered.REFUSE
TOLD: dict[OnUncovered, Remedy] = {NOTIFY: Notify(), REFUSE: Refuse()}


def test_an_old_call_means_a_fault() -> None:
    old = Unavailable(domain=BIO, reason="it took longer than 2 s")
    assert (old.cause, old.language) == (Cause.FAULT, None)


@pytest.mark.parametrize("mode", [Mode.NOTIFY, Mode.REDIRECT, Mode.REFUSE])
@pytest.mark.parametrize("fault", OnUnavailable)
@pytest.mark.parametrize("answer", [NOTIFY, REFUSE])
def test_it_is_answered_as_the_policy_says_and_not_like_a_fault(
    answer: OnUncovered, fault: OnUnavailable, mode: Mode
) -> None:
    chosen = policy(mode=mode, on_unavailable=fault, on_uncovered=answer)
    action = intervention(decided(chosen, uncovered(), acceptance=ServerChoice()))
    assert action.remedy == TOLD[answer]
    told = action.notice
    assert (told.ground, told.clause, told.recommended) == (Ground.UNCOVERED, None, None)
    assert told.served == (BIG if answer is NOTIFY else None)


@pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.NOTIFY, Mode.REFUSE])
def test_where_it_is_only_recorded_it_passes_and_is_on_record(mode: Mode) -> None:
    decision = decided(policy(mode=mode, on_uncovered=RECORD), uncovered())
    assert decision.action == Pass()
    assert decision.grounds.matches == (UnavailableMatch(uncovered(), mode is not Mode.SHADOW),)
    assert unavailable_domains(decision) == {Domain.CYBER: Cause.LANGUAGE}


@pytest.mark.parametrize("answer", OnUncovered)
def test_in_shadow_it_passes_and_is_on_record_whatever_the_policy_says(answer: OnUncovered) -> None:
    decision = decided(policy(mode=Mode.SHADOW, on_uncovered=answer), uncovered())
    assert decision.action == Pass()
    assert unavailable_domains(decision) == {Domain.CYBER: Cause.LANGUAGE}


@pytest.mark.parametrize("answer", OnUncovered)
def test_in_a_domain_that_is_off_or_has_no_rules_it_changes_nothing(answer: OnUncovered) -> None:
    off = decided(policy(mode=Mode.OFF, on_uncovered=answer), uncovered())
    without = decided(policy(on_uncovered=answer), uncovered(BIO))
    for decision in (off, without):
        assert decision.action == Pass()
        assert unavailable_domains(decision) == {}


@pytest.mark.parametrize("answer", OnUncovered)
def test_it_matters_only_where_a_rule_could_have_acted(answer: OnUncovered) -> None:
    unearned = policy(rule(threshold=None), on_uncovered=answer)
    assert decided(unearned, uncovered()).action == Pass()
    earned = released({(Domain.CYBER, Band.HIGH_DUAL): 0.5})
    assert outcome(decided(unearned, uncovered(), release=earned).action) == {
        NOTIFY: "notify",
        RECORD: "pass",
        REFUSE: "refuse",
    }.get(answer)


@pytest.mark.parametrize("answer", OnUncovered)
@pytest.mark.parametrize(
    "findings",
    [(uncovered(BIO), finding(0.9)), (finding(0.9), uncovered(BIO))],
    ids=["missing first", "missing last"],
)
@pytest.mark.parametrize("prescription", [Prescription.REDIRECT, Prescription.REFUSE])
def test_a_rule_that_moves_the_request_comes_first(
    prescription: Prescription, findings: tuple[Finding | Unavailable, ...], answer: OnUncovered
) -> None:
    chosen = policy(rule(prescription), rule(Prescription.REFUSE, domain=BIO), on_uncovered=answer)
    action = intervention(decided(chosen, *findings, acceptance=ServerChoice()))
    moved: Remedy = Redirect(Fallback(model=SMALL)) if prescription is Prescription.REDIRECT else Refuse()
    assert (action.remedy, action.notice.ground) == (moved, Ground.POLICY)


MERE = {NOTIFY: (Notify(), Ground.UNCOVERED), RECORD: (Notify(), Ground.POLICY), REFUSE: (Refuse(), Ground.UNCOVERED)}


@pytest.mark.parametrize("answer", OnUncovered)
def test_a_mere_notice_of_a_rule_gives_way_to_an_answer_and_not_to_a_record(answer: OnUncovered) -> None:
    chosen = policy(rule(Prescription.NOTIFY), rule(Prescription.REFUSE, domain=BIO), on_uncovered=answer)
    decision = decided(chosen, finding(0.9), uncovered(BIO))
    action = intervention(decision)
    assert (action.remedy, action.notice.ground) == MERE[answer]
    assert unavailable_domains(decision) == {BIO: Cause.LANGUAGE}


BOTH = {
    (OnUnavailable.RETRY, NOTIFY): (RetryLater(), Ground.UNAVAILABLE),
    (OnUnavailable.RETRY, RECORD): (RetryLater(), Ground.UNAVAILABLE),
    (OnUnavailable.RETRY, REFUSE): (RetryLater(), Ground.UNAVAILABLE),
    (OnUnavailable.NOTIFY, NOTIFY): (Notify(), Ground.UNAVAILABLE),
    (OnUnavailable.NOTIFY, RECORD): (Notify(), Ground.UNAVAILABLE),
    (OnUnavailable.NOTIFY, REFUSE): (Refuse(), Ground.UNCOVERED),
}


@pytest.mark.parametrize(("answers", "expected"), BOTH.items(), ids=[f"{fault}, {other}" for fault, other in BOTH])
@pytest.mark.parametrize("turned", [False, True], ids=["fault first", "language first"])
def test_a_fault_comes_first_but_a_mere_notice_of_it_does_not_let_through_what_is_refused(
    answers: tuple[OnUnavailable, OnUncovered], expected: tuple[Remedy, Ground], turned: bool
) -> None:
    chosen = policy(rule(), rule(domain=BIO), on_unavailable=answers[0], on_uncovered=answers[1])
    findings = (uncovered(), missing(BIO)) if turned else (missing(), uncovered(BIO))
    decision = decided(chosen, *findings)
    action = intervention(decision)
    assert (action.remedy, action.notice.ground) == expected
    assert sorted(unavailable_domains(decision).values()) == [Cause.FAULT, Cause.LANGUAGE]


def told(answer: OnUncovered, language: str | None = "ko") -> Intervene:
    """What is done, and told, where no domain could be checked."""
    chosen = policy(*(rule(domain=domain) for domain in DOMAINS), on_uncovered=answer)
    return intervention(decided(chosen, *(uncovered(domain, language) for domain in DOMAINS)))


@pytest.mark.parametrize("answer", TOLD)
def test_the_notice_names_the_language_and_the_domains_and_how_to_contest(answer: OnUncovered) -> None:
    text = told(answer).notice.text
    assert "took this request to be in Korean (ko), which its release does not cover" in text
    assert "not checked (domains: cyber, bio, chem, frontier_llm)" in text
    assert "says nothing about your request or about you" in text
    assert f"quote notice {STAMP.notice_id} to {STAMP.contact}" in text
    assert "send it again" not in text
    assert len(text.split()) < 120


def test_a_refusal_says_that_it_is_not_about_the_content_and_a_mere_notice_has_no_need_to() -> None:
    assert "The refusal is not about the content" in told(REFUSE).notice.why
    assert "refus" not in told(NOTIFY).notice.text


@pytest.mark.parametrize("answer", TOLD)
def test_a_language_that_nobody_named_is_told_without_a_name(answer: OnUncovered) -> None:
    why = told(answer, None).notice.why
    assert "to be in a language which its release does not cover" in why
    assert "None" not in why


@pytest.mark.parametrize("answer", TOLD)
def test_the_reason_in_the_receipt_is_the_language_and_no_rule(answer: OnUncovered) -> None:
    decision = decided(policy(on_uncovered=answer), uncovered())
    assert reason_of(decision) == Reason(ground="language_not_covered", rule=None, domain=None, band=None, trigger=None)


@pytest.mark.parametrize(
    ("code", "expected"),
    [("ko", "Korean (ko)"), ("aa", "Afar (aa)"), ("zu", "Zulu (zu)"), ("nb", "Norwegian Bokmål (nb)"), ("und", "und")],
)
def test_a_language_has_its_english_name_or_else_its_code(code: str, expected: str) -> None:
    assert language_name(code) == expected


def test_every_two_letter_code_of_iso_639_1_has_a_name_on_one_line() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    named = [language_name(a + b) for a in letters for b in letters if language_name(a + b) != a + b]
    assert len(named) == 183
    assert len(set(named)) == 183
    assert all(re.fullmatch(r"[A-Z][^\n,()]+ \([a-z]{2}\)", name) for name in named)
