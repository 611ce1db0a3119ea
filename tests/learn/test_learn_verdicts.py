"""Verdicts read back: what is a flag, what is a score, and what is neither."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from overt.core.domain import DOMAINS, Domain
from overt.errors import BadRequest
from overt.learn.verdicts import Verdicts, divided, instant_of, read_appeals, read_verdicts


def verdict(action: str = "pass", domain: str | None = None, high: float = 0.1, **more: object) -> dict[str, object]:
    """A row as `overt classify --json` prints it, as far as it is read."""
    findings = [
        {"domain": each, "topic": 0.9, "low_dual": 0.9, "high_dual": high, "prohibited": 0.0} for each in DOMAINS
    ]
    return {"id": 1, "action": action, "domain": domain, "findings": findings, **more}


def read(folder: Path, *rows: object, time: str | None = None) -> Verdicts:
    """The verdicts of these rows."""
    (folder / "v.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return read_verdicts(folder / "v.jsonl", time=time)


def test_a_flag_belongs_to_the_domain_that_the_verdict_names(tmp_path: Path) -> None:
    rows = [verdict(action, "bio") for action in ("notify", "redirect", "refuse", "pass")]
    found = read(tmp_path, *rows)
    assert found.flags(Domain.BIO).tolist() == [True, True, True, False]
    assert found.flags(Domain.CHEM).tolist() == [False] * 4


def test_a_score_is_the_probability_of_high_dual_or_worse(tmp_path: Path) -> None:
    assert read(tmp_path, verdict(high=0.25), verdict(high=0)).scores(Domain.CYBER).tolist() == [0.25, 0.0]


def test_what_was_not_decided_is_neither_a_flag_nor_a_score(tmp_path: Path) -> None:
    missing = [{"domain": domain, "unavailable": "it rained", "cause": "fault"} for domain in DOMAINS]
    foreign = [{"domain": domain, "unavailable": "Finnish", "cause": "language"} for domain in DOMAINS]
    found = read(
        tmp_path,
        verdict(),
        {"id": 2, "error": "give text"},
        verdict("error", findings=missing),
        verdict("notify", findings=foreign),
    )
    assert len(found.scores(Domain.BIO)) == len(found.flags(Domain.BIO)) == 1
    assert found.counts() == {"rows": 4, "undecided": 2, "missing": {domain.value: 3 for domain in DOMAINS}}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ([1], "not an object"),
        ({"id": 1, "text": "a request"}, "action"),
        (verdict("notify", "weather"), "weather"),
        (verdict(high=1.5), "1.5"),
        (verdict(high=float("nan")), "nan"),
        (verdict(high=True), "True"),
        (verdict(findings=3), "int"),
    ],
    ids=["a list", "a request", "unknown domain", "above 1", "not a number", "a truth", "no findings"],
)
def test_a_line_that_is_no_verdict_is_named(tmp_path: Path, row: object, says: str) -> None:
    with pytest.raises(BadRequest, match=r"line 2 of .*v\.jsonl") as caught:
        read(tmp_path, verdict(), row)
    assert says in str(caught.value)


def test_one_file_is_divided_at_a_time_and_put_in_order(tmp_path: Path) -> None:
    times = ["2026-11-02T00:00:00Z", 1_793_000_000, "2026-10-31T23:00:00-02:00", "2026-10-01"]
    found = read(tmp_path, *(verdict(high=n / 10, at=when) for n, when in enumerate(times)), time="at")
    before, after = divided(found, instant_of("2026-11-01T01:00Z"))
    assert before.scores(Domain.BIO).tolist() == [0.3, 0.1]
    assert after.scores(Domain.BIO).tolist() == [0.2, 0.0]


@pytest.mark.parametrize("when", [None, True, "yesterday", [1]], ids=repr)
def test_a_row_without_a_time_is_named_where_one_is_needed(tmp_path: Path, when: object) -> None:
    with pytest.raises(BadRequest, match="line 1"):
        read(tmp_path, verdict(at=when), time="at")


def test_appeals_keep_the_order_of_their_audits(tmp_path: Path) -> None:
    rows = [
        {"domain": domain, "overturned": lost} for domain, lost in (("bio", True), ("cyber", False), ("bio", False))
    ]
    (tmp_path / "a").write_text("\n\n".join(json.dumps(row) for row in rows))
    assert read_appeals(tmp_path / "a") == {Domain.BIO: [True, False], Domain.CYBER: [False]}


@pytest.mark.parametrize("row", ['{"domain": "bio"}', '{"domain": "bio", "overturned": 1}', '{"overturned": true}'])
def test_an_appeal_that_says_too_little_is_named(tmp_path: Path, row: str) -> None:
    (tmp_path / "a").write_text(row)
    with pytest.raises(BadRequest, match="line 1"):
        read_appeals(tmp_path / "a")
