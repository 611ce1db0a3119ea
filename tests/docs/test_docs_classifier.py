"""docs/classifier.md says of every aim what the evaluation of the shipped release says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from overt.core.domain import DOMAINS, Domain
from overt.learn.exact import upper_bound

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "classifier.md").read_text(encoding="utf-8")
FOUND: dict[str, Any] = json.loads((DOCS / "cards" / "evaluation.json").read_text(encoding="utf-8"))
FEWEST = 20


def row(start: str) -> str:
    return next(line for line in PAGE.splitlines() if line.startswith(f"| {start}"))


def together(rates: dict[str, dict[str, int]]) -> tuple[int, int]:
    return sum(each["hits"] for each in rates.values()), sum(each["trials"] for each in rates.values())


@pytest.mark.parametrize("domain", DOMAINS)
def test_false_positives_are_those_of_the_evaluation(domain: Domain) -> None:
    figures = FOUND["domains"][domain]
    assert f"{domain} {100 * upper_bound(*together(figures['general']), 0.05):.3f}" in row("real everyday requests")
    hits, trials = together(figures["inside"])
    assert f"{domain} {100 * hits / trials:.2f}" in row("harmless requests inside the domain")


@pytest.mark.parametrize(
    ("domain", "start"), [("cyber", "recall of high_dual"), ("bio", "the same: bio"), ("chem", "the same: chem")]
)
def test_recall_is_that_of_every_source_left_out(domain: str, start: str) -> None:
    for name, rate in FOUND["left_out"][domain].items():
        if rate["trials"] >= FEWEST and "not covered" not in name:
            assert f"{name} {100 * rate['hits'] / rate['trials']:.0f}" in row(start)


@pytest.mark.parametrize("domain", DOMAINS)
def test_topics_are_those_of_the_evaluation(domain: Domain) -> None:
    found = FOUND["topic_auroc"][domain].values()
    assert f"{domain} {sum(found) / len(found):.3f}" in row("AUROC of the topic")


def test_what_is_stable_and_what_is_not_is_told() -> None:
    sensitive = {name: f"{100 * rate['hits'] / rate['trials']:.0f}" for name, rate in FOUND["stable_sensitive"].items()}
    told = row("sensitive ones keep it")
    for name in ("polite padding", "typing errors", "many typing errors"):
        assert f"{name} {sensitive[name]}" in told
    worst = 100 - min(100 * rate["hits"] / rate["trials"] for rate in FOUND["robustness"]["obfuscated"].values())
    assert f"{worst:.1f}" in row("recall lost by obfuscation")
