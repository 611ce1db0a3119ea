"""What a dry run says about a row, given what a classifier found."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from overt.classify.rows import Row, parse_row
from overt.classify.verdict import judge, request_of
from overt.core.domain import Domain
from overt.policy.bundle import load_bundled
from overt.testing.classifier import FixedClassifier


def verdict(text: str, classifier: FixedClassifier | None = None) -> dict[str, Any]:
    """The row for a text under the policy that is used without a choice."""
    row = parse_row(json.dumps({"id": 1, "text": text}).encode(), 1)
    assert isinstance(row, Row)
    assessment = asyncio.run((classifier or FixedClassifier()).assess(request_of(row)))
    return judge(row, load_bundled("default"), assessment, ms=0.25)


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
    assert row["findings"][1] == {"domain": "bio", "unavailable": "the test asked for it"}
