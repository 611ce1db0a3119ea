"""What a dry run says about a row, given what a classifier found."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from overt.classify.rows import Row, parse_row
from overt.classify.verdict import judge, request_of
from overt.core.domain import Domain
from overt.core.finding import Finding
from overt.core.policy import OnUncovered, Policy
from overt.policy.bundle import load_bundled
from overt.testing.classifier import FixedClassifier


def verdict(text: str, classifier: FixedClassifier | None = None, policy: Policy | None = None) -> dict[str, Any]:
    """The row for a text, under the policy that is used without a choice if none is given."""
    row = parse_row(json.dumps({"id": 1, "text": text}).encode(), 1)
    assert isinstance(row, Row)
    assessment = asyncio.run((classifier or FixedClassifier()).assess(request_of(row)))
    return judge(row, policy or load_bundled("default"), assessment, ms=0.25)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", ("pass", None, None, None)),
        ("cyber:benign", ("pass", None, "cyber", "benign")),
        ("chem:low_dual", ("pass", None, "chem", "low_dual")),
        ("cyber:high_dual", ("redirect", "cyber-2", "cyber", "high_dual")),
        ("bio:prohibited", ("refuse", "bio-1", "bio", "prohibited")),
        ("cyber:high_dual bio:prohibited", ("refuse", "bio-1", "bio", "prohibited")),
        ("frontier_llm:high_dual", ("redirect", "frontier_llm-1", "frontier_llm", "high_dual")),
    ],
)
def test_the_verdict_names_what_decided(text: str, expected: tuple[str | None, ...]) -> None:
    row = verdict(text)
    assert (row["action"], row["rule"], row["domain"], row["band"]) == expected


def test_the_trigger_is_that_of_the_domain_that_decided() -> None:
    text = "cyber:high_dual bio:prohibited"
    assert verdict(text)["trigger"] == {"segment": 0, "role": "user", "start": 16, "end": len(text)}


def test_a_missing_finding_is_an_error_with_its_reason() -> None:
    row = verdict("hello", FixedClassifier(unavailable=frozenset({Domain.BIO})))
    assert row["action"] == "error"
    assert row["findings"][1] == {
        "domain": "bio",
        "unavailable": "the test asked for it",
        "cause": "fault",
        "language": None,
    }


def test_a_language_that_is_not_covered_is_neither_a_pass_nor_an_error() -> None:
    row = verdict("cyber:prohibited", FixedClassifier(uncovered="ko"))
    assert row["action"] == "notify"
    assert [row[name] for name in ("rule", "domain", "band", "trigger")] == [None] * 4
    assert {(each["cause"], each["language"]) for each in row["findings"]} == {("language", "ko")}
    assert json.loads(json.dumps(row)) == row


@pytest.mark.parametrize(("answer", "action"), [(OnUncovered.RECORD, "pass"), (OnUncovered.REFUSE, "refuse")])
def test_a_dry_run_in_such_a_language_does_what_the_policy_says(answer: OnUncovered, action: str) -> None:
    policy = replace(load_bundled("default"), on_uncovered=answer)
    assert verdict("hello", FixedClassifier(uncovered="ko"), policy)["action"] == action


STAGES = {
    "none is known": (None, (), ["stage1"]),
    "of the domain that the row is about": (Domain.BIO, ("stage1", "stage2", "judge"), ["stage1", "stage2", "judge"]),
    "of another domain": (Domain.CHEM, ("stage1", "judge"), ["stage1"]),
}


@pytest.mark.parametrize(("domain", "stages", "expected"), STAGES.values(), ids=STAGES.keys())
def test_the_stages_are_those_that_spoke_on_what_the_row_is_about(
    domain: Domain | None, stages: tuple[str, ...], expected: list[str]
) -> None:
    assert _with_stages("bio:high_dual", domain, stages)["stages"] == expected


def test_where_a_row_is_about_nothing_the_most_stages_that_spoke_are_given() -> None:
    assert _with_stages("hello", Domain.CHEM, ("stage1", "stage2"))["stages"] == ["stage1", "stage2"]


def _with_stages(text: str, domain: Domain | None, stages: tuple[str, ...]) -> dict[str, Any]:
    """The row for a text in one of whose domains these stages spoke."""
    row = parse_row(json.dumps({"id": 1, "text": text}).encode(), 1)
    assert isinstance(row, Row)
    assessment = asyncio.run(FixedClassifier().assess(request_of(row)))
    findings = tuple(
        replace(found, stages=stages) if isinstance(found, Finding) and found.domain is domain else found
        for found in assessment.findings
    )
    return judge(row, load_bundled("default"), replace(assessment, findings=findings), ms=0.25)
