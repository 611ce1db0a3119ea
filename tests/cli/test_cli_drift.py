"""`overt drift`: from two files of verdicts to a word per check, an exit status, JSON and pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner, Result

from overt.cli.classify import command as classify
from overt.cli.drift import command
from overt.core.domain import DOMAINS
from overt.errors import BadRequest

ROWS = 1_200


def run(*arguments: object) -> Result:
    """The command with these arguments; our own errors are raised."""
    return CliRunner().invoke(command, [str(each) for each in arguments], catch_exceptions=False)


def write(file: Path, rows: Sequence[object]) -> Path:
    """A file of JSON lines."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def verdicts(seed: int, *, flagged: float = 0.05, shifted: bool = False, start: int = 0) -> list[dict[str, Any]]:
    """Verdicts in which every score is drawn, and cyber is flagged at a rate."""
    draw = np.random.default_rng(seed)
    scores = draw.beta(0.9 if shifted else 0.5, 6.0, (ROWS, len(DOMAINS))).round(6)
    hits = draw.random(ROWS) < flagged
    return [
        {
            "id": number,
            "at": start + number,
            "action": "redirect" if hit else "pass",
            "domain": "cyber" if hit else None,
            "findings": [
                {"domain": domain, "topic": 0.9, "low_dual": 0.9, "high_dual": score, "prohibited": 0.0}
                for domain, score in zip(DOMAINS, row.tolist(), strict=True)
            ],
        }
        for number, (row, hit) in enumerate(zip(scores, hits.tolist(), strict=True))
    ]


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    return write(tmp_path / "reference.jsonl", verdicts(1))


def levels(result: Result) -> dict[tuple[str, str | None], str | None]:
    """The word of each check, from JSON."""
    return {(row["check"], row["domain"]): row["level"] for row in json.loads(result.stdout)["checks"]}


def test_equal_traffic_is_steady(reference: Path, tmp_path: Path) -> None:
    found = run("check", reference, write(tmp_path / "current.jsonl", verdicts(2)))
    assert found.exit_code == 0
    assert found.stdout.splitlines()[-1] == "steady"
    assert "  -       0 of 1,200 reference turns are flagged; give at least 10" in found.stdout


def test_more_flags_in_one_domain_gate_that_domain(reference: Path, tmp_path: Path) -> None:
    found = run("check", reference, write(tmp_path / "current.jsonl", verdicts(3, flagged=0.15)), "--json")
    assert found.exit_code == 2
    assert levels(found)["flags", "cyber"] == "gate"
    assert levels(found)["flags", "bio"] is None
    assert json.loads(found.stdout)["rows"]["current"]["rows"] == ROWS


def test_a_gate_says_what_to_do_and_other_scores_are_worth_a_look(reference: Path, tmp_path: Path) -> None:
    shifted = write(tmp_path / "current.jsonl", verdicts(4, shifted=True))
    found, said = run("check", reference, shifted), levels(run("check", reference, shifted, "--json"))
    assert found.exit_code == 2
    assert {said["psi", domain] for domain in DOMAINS} <= {"look", "gate"}
    assert {said["ks", domain] for domain in DOMAINS} == {"look"}
    assert found.stdout.splitlines()[-1] == "gate"
    assert "Lower " in found.stdout


def test_one_file_is_compared_with_itself_across_a_time(tmp_path: Path) -> None:
    both = write(tmp_path / "all.jsonl", [*verdicts(6, flagged=0.2, start=5_000), *verdicts(5, start=1_000)])
    found = run("check", both, "--split", "1970-01-01T01:00:00Z", "--time", "at", "--json")
    assert found.exit_code == 2
    assert levels(found)["flags", "cyber"] == "gate"
    assert levels(found)["psi", "bio"] == "steady"


def test_too_little_to_judge_by_is_not_steady(tmp_path: Path) -> None:
    few = write(tmp_path / "few.jsonl", verdicts(1)[:50])
    found = run("check", few, few)
    assert found.exit_code == 1
    assert found.stdout.splitlines()[-2:] == ["Nothing could be checked.", "look"]


def test_rows_without_a_decision_are_told(reference: Path, tmp_path: Path) -> None:
    rows: list[object] = [*verdicts(2), {"id": "x", "error": "give text"}]
    found = run("check", reference, write(tmp_path / "current.jsonl", rows))
    assert "current: of 1,201 rows, 1 have no decision; no finding in: cyber 1, bio 1" in found.stdout


def test_a_picture_of_each_domain_is_drawn(reference: Path, tmp_path: Path) -> None:
    run("check", reference, write(tmp_path / "c.jsonl", verdicts(3, flagged=0.15)), "--plots", tmp_path / "plots")
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {f"{domain}.svg" for domain in DOMAINS}
    assert "cyber: gate" in (tmp_path / "plots" / "cyber.svg").read_text()
    assert ElementTree.parse(tmp_path / "plots" / "bio.svg").getroot().tag.endswith("svg")


def test_what_overt_classify_prints_is_what_is_read(tmp_path: Path) -> None:
    rows = "\n".join(json.dumps({"id": n, "text": f"a song about {n} cats"}) for n in range(3))
    printed = CliRunner().invoke(classify, ["-", "--json"], input=rows + "\n{}").stdout
    (tmp_path / "printed.jsonl").write_text(printed)
    found = run("check", tmp_path / "printed.jsonl", tmp_path / "printed.jsonl", "--json")
    assert json.loads(found.stdout)["rows"]["current"] == {
        "rows": 4,
        "undecided": 1,
        "missing": {domain.value: 1 for domain in DOMAINS},
    }


def test_a_canary_that_was_recorded_is_steady_and_a_changed_one_is_a_gate(tmp_path: Path) -> None:
    requests = write(tmp_path / "requests.jsonl", [{"id": n, "text": f"a song about {n} cats"} for n in range(3)])
    canary = tmp_path / "canary.jsonl"
    made, again = run("canary", canary, "--make", requests), run("canary", canary)
    assert (made.exit_code, again.exit_code) == (0, 0)
    assert again.stdout.startswith("steady: 3 of 3 decisions as recorded")
    canary.write_text(canary.read_text().replace('"action": "pass"', '"action": "refuse"', 1))
    changed, within = run("canary", canary), run("check", "--canary", canary)
    assert (changed.exit_code, within.exit_code) == (2, 2)
    assert "gate: 2 of 3 decisions as recorded" in changed.stdout
    assert "'action': 'refuse'" in changed.stdout
    assert "Lower every domain by one action" in within.stdout
    assert json.loads(run("canary", canary, "--json").stdout)["changed"][0]["id"] == 0


def test_a_canary_of_another_policy_is_worth_a_look(tmp_path: Path) -> None:
    requests = write(tmp_path / "requests.jsonl", [{"id": 1, "text": "hello"}])
    run("canary", tmp_path / "c", "--make", requests, "--policy", "broad")
    assert run("canary", tmp_path / "c").exit_code == 1
    assert run("canary", tmp_path / "c", "--policy", "broad").exit_code == 0


@pytest.mark.parametrize(
    ("lost", "promised", "status"),
    [
        ([True, False, False] * 20, ("0.5",), 0),
        ([True] * 8, ("0.5",), 1),
        ([True] * 30, ("0.9", "bio=0.5"), 2),
        ([True] * 30, ("bio=0.95",), 0),
    ],
    ids=["kept", "a look", "its own promise", "a low promise"],
)
def test_appeals_are_held_against_what_was_promised(
    tmp_path: Path, lost: list[bool], promised: tuple[str, ...], status: int
) -> None:
    appeals = write(tmp_path / "a.jsonl", [{"domain": "bio", "overturned": each} for each in lost])
    options = [part for share in promised for part in ("--promised", share)]
    assert run("check", "--appeals", appeals, *options).exit_code == status


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give a reference"),
        (("one",), "two files"),
        (("one", "two", "three"), "two files"),
        (("one", "two", "--split", "2026-01-01"), "two files"),
        (("--split", "2026-01-01"), "two files"),
        (("one", "--split", "noon"), "ISO 8601"),
        (("--appeals", "appeals"), "--promised"),
        (("--appeals", "appeals", "--promised", "most"), "SHARE"),
        (("--appeals", "appeals", "--promised", "weather=0.1"), "SHARE"),
        (("--appeals", "appeals", "--promised", "1"), "below 1"),
        (("--appeals", "appeals", "--promised", "0.3", "--plots", "p"), "--plots"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_usage_is_refused(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    write(tmp_path / "appeals", [{"domain": "bio", "overturned": True}])
    given = [str(tmp_path / "appeals") if each == "appeals" else each for each in arguments]
    found = run("check", *given)
    assert found.exit_code == 2
    assert says in found.stderr


@pytest.mark.parametrize("content", ["", "nonsense"], ids=["empty", "no JSON"])
def test_a_file_without_appeals_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a").write_text(content)
    with pytest.raises(BadRequest):
        run("check", "--appeals", tmp_path / "a", "--promised", "0.3")
