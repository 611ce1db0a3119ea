"""The sentences say what happened, why, and what now; they blame nobody and stay short."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from core_samples import (
    BIG,
    ERROR_RATE,
    SMALL,
    STAMP,
    TRIGGER,
    decided,
    finding,
    intervention,
    missing,
    policy,
    released,
    rule,
    uncovered,
)

from overt.core import wording
from overt.core.decision import Redirect
from overt.core.domain import Band, Domain
from overt.core.finding import ErrorRate
from overt.core.notice import Clause, Confidence, Notice
from overt.core.policy import OnUnavailable, OnUncovered, Prescription
from overt.core.request import Role, ServerChoice

CLAUSE = Clause(
    rule=rule().id,
    title=rule().title,
    domain=Domain.CYBER,
    band=Band.HIGH_DUAL,
    confidence=Confidence.HIGH,
    trigger=TRIGGER,
    error_rate=ERROR_RATE,
)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        pytest.param(
            wording.redirected(BIG, SMALL),
            "small-1 answers this request instead of big-1.",
            id="a lesser model answers",
        ),
        pytest.param(wording.refused(BIG, None), "No model answered this request to big-1.", id="no model answers"),
        pytest.param(
            wording.refused(BIG, SMALL),
            "No model answered this request to big-1. small-1 would answer it.",
            id="no model answers, and one would",
        ),
        pytest.param(
            wording.notified(BIG), "big-1 answers this request, unmodified.", id="the requested model answers"
        ),
        pytest.param(
            wording.postponed(BIG),
            "This request to big-1 was not answered, because it could not be checked. You may send it again.",
            id="it could not be checked",
        ),
    ],
)
def test_what_happened_is_said_in_plain_words(sentence: str, expected: str) -> None:
    assert sentence == expected


@pytest.mark.parametrize(
    ("role", "words"),
    [
        (Role.SYSTEM, "the system prompt"),
        (Role.TOOL_SCHEMA, "a tool description"),
        (Role.USER, "your message"),
        (Role.ASSISTANT, "an earlier answer"),
        (Role.TOOL_RESULT, "a tool result"),
    ],
)
def test_the_part_that_decided_is_named_with_its_place(role: Role, words: str) -> None:
    assert wording.part(replace(TRIGGER, role=role)) == f"{words} (characters 10 to 90 of segment 2)"


def test_without_a_part_that_decided_it_is_the_whole_request() -> None:
    assert wording.part(None) == "the request as a whole"


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        pytest.param(ERROR_RATE, "flagged 3 of 4000 harmless requests (at most 0.19 %, with 95 %", id="some"),
        pytest.param(
            ErrorRate(domain=Domain.CYBER, flagged=0, negatives=300, upper95=0.00994),
            "flagged 0 of 300 harmless requests (at most 0.99 %, with 95 %",
            id="none",
        ),
        pytest.param(None, "How often this cyber check is wrong has not been measured.", id="not measured"),
    ],
)
def test_the_error_rate_is_said_or_that_nobody_has_measured_it(rate: ErrorRate | None, said: str) -> None:
    assert said in wording.error_rate(rate, Domain.CYBER)


def test_why_a_rule_was_applied_names_part_rule_policy_confidence_reason_and_error_rate() -> None:
    text = wording.why_rule(policy(), rule(), CLAUSE)
    for expected in (
        "An automated check read a tool result",
        "as exploit development (rule cyber-1, policy sample 3, confidence high).",
        "Exploits serve both sides.",
        "flagged 3 of 4000",
    ):
        assert expected in text


def test_why_nobody_could_check_blames_the_check() -> None:
    text = wording.why_unavailable(Domain.BIO, "it took longer than 2 s")
    assert text.startswith("The bio classifier gave no finding: it took longer than 2 s.")
    assert "fault of the check" in text
    assert "nothing about you" in text


@pytest.mark.parametrize(
    ("category", "expected"),
    [("cyber", "declined it (category: cyber)."), (None, "declined it."), ("", "declined it.")],
    ids=["with a category", "without one", "with a blank one"],
)
def test_why_a_provider_declined_is_the_providers_own_word(category: str | None, expected: str) -> None:
    text = wording.why_provider(BIG, category)
    assert f"The provider of big-1 {expected}" in text
    assert "Overt did not make this decision and cannot review it." in text


@pytest.mark.parametrize("redress", [wording.redress, wording.redress_provider], ids=["ours", "the provider's"])
def test_how_to_contest_names_the_notice_and_whom_to_write_to(redress: object) -> None:
    assert callable(redress)
    text = redress(STAMP)
    assert "quote notice ntc_7" in text
    assert text.endswith("to appeals@gate.example.")


def test_our_own_decision_says_that_it_is_no_accusation_and_the_providers_where_to_turn() -> None:
    assert "not a finding that you broke a rule" in wording.redress(STAMP)
    assert "turn to the provider" in wording.redress_provider(STAMP)


def notices() -> Iterator[Notice]:
    """One of each kind that `decide` makes."""
    for prescription in Prescription:
        yield intervention(decided(policy(rule(prescription)), finding(0.9), acceptance=ServerChoice())).notice
    for answer in OnUnavailable:
        yield intervention(decided(policy(on_unavailable=answer), missing())).notice
    for other in (OnUncovered.NOTIFY, OnUncovered.REFUSE):
        yield intervention(decided(policy(on_uncovered=other), uncovered())).notice


@pytest.mark.parametrize("told", list(notices()), ids=lambda told: f"{told.ground}: {told.what}")
def test_no_notice_accuses_or_hides(told: Notice) -> None:
    text = told.text.lower()
    for phrase in ("you violated", "violation", "your account", "suspicious", "abuse", "unfortunately", "enhance"):
        assert phrase not in text
    assert told.id in told.text
    assert STAMP.contact in told.text
    assert "big-1" in told.what


def test_a_redirect_with_every_part_is_told_in_less_than_120_words() -> None:
    release = released({}, ERROR_RATE)
    action = intervention(decided(policy(), finding(0.9, trigger=TRIGGER), acceptance=ServerChoice(), release=release))
    assert isinstance(action.remedy, Redirect)
    assert "flagged 3 of 4000" in action.notice.text
    assert len(action.notice.text.split()) < 120
