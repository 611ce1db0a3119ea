"""`overt audit scan`: prose, JSON, and the exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from scan_samples import ASKED, OTHER, log_members, message, output, row, sample, write_eval, write_rows

from overt.cli.audit import command
from overt.errors import BadRequest

OWN = row(message(), score=1)
REFUSED = row(message(content=[], stop_reason="refusal"))


def run(*arguments: object) -> Result:
    """The command with these arguments; our own errors are raised."""
    return CliRunner().invoke(command, ["scan", *(str(each) for each in arguments)], catch_exceptions=False)


def read(*arguments: object) -> dict[str, Any]:
    """Its JSON."""
    found: dict[str, Any] = json.loads(run(*arguments, "--json").stdout)
    return found


@pytest.mark.parametrize(
    ("stored", "status"),
    [
        (OWN, 0),
        (row(message(model=f"{ASKED}-20260609")), 0),
        (message(), 0),
        ("{half", 0),
        (row(message(stop_reason="max_tokens")), 0),
        (row(message(model=OTHER)), 1),
        (REFUSED, 1),
        ({"id": "a", "turns": [row(message()), row(message(model=OTHER))]}, 1),
    ],
    ids=["own", "alias", "unknown", "error", "truncated", "served_by_other", "refused", "partial"],
)
def test_only_a_swap_or_a_refusal_is_a_finding(stored: Any, status: int, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [OWN, stored])
    assert run(path).exit_code == status
    assert read(path)["finding"] is bool(status)


def test_the_prose_counts_shows_findings_and_says_what_may_be_claimed(tmp_path: Path) -> None:
    rows = [row(message(), score=1, id=f"t{n}") for n in range(3)]
    rows += [row(message(model=OTHER), score=0, id=f"t{n}") for n in range(3, 12)]
    shown = run(write_rows(tmp_path / "rows.jsonl", rows)).stdout
    assert "12 samples in 1 file" in shown
    assert "served_by_other        9   75.0 %" in shown
    assert f"served_by_other: t3: model: names '{OTHER}', requested was '{ASKED}'" in shown
    assert "as reported       0.250" in shown
    assert "own answers only  1.000  3 of 12 samples, which are not a random part" in shown
    assert "bounds            0.250 to 1.000" in shown
    assert "no claim possible: the bounds are 75.0 points wide" in shown


def test_a_clean_run_lets_its_score_stand(tmp_path: Path) -> None:
    shown = run(write_rows(tmp_path / "rows.jsonl", [row(message(), score=n % 2, id=str(n)) for n in range(10)])).stdout
    assert "the score stands: every answer is the requested model's own" in shown


def test_the_json_has_classes_evidence_and_bounds(tmp_path: Path) -> None:
    records = [sample("a", output()), sample("b", output(OTHER), score="I")]
    found = read(write_eval(tmp_path / "log.eval", log_members(records)))
    assert [(each["id"], each["class"], each["score"]) for each in found["samples"]] == [
        ("a", "own", 1.0),
        ("b", "served_by_other", 0.0),
    ]
    assert found["samples"][1]["evidence"][0]["where"] == "output.model"
    assert found["counts"]["served_by_other"] == 1
    (score,) = found["scores"]
    assert (score["lower"], score["upper"], score["as_reported"], score["own_only"]) == (0.5, 1.0, 0.5, 1.0)
    assert score["ci"][0] <= 0.5
    assert score["claim"].startswith("no claim possible")


def test_a_row_that_cannot_be_read_counts_in_the_score_of_its_run(tmp_path: Path) -> None:
    found = read(write_rows(tmp_path / "rows.jsonl", [OWN, OWN, "{half"]))
    (score,) = found["scores"]
    assert (score["n"], score["own"], score["unknown"], score["requested"]) == (3, 2, 1, ASKED)


def test_runs_of_several_models_have_scores_of_their_own(tmp_path: Path) -> None:
    rows = [OWN, row(message(model=OTHER), asked=OTHER, score=0)]
    found = read(write_rows(tmp_path / "rows.jsonl", rows))
    assert {(each["requested"], each["own_only"]) for each in found["scores"]} == {(ASKED, 1.0), (OTHER, 0.0)}


def test_options_that_fit_nothing_are_bad_input(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [row(message(), score=7)])
    with pytest.raises(BadRequest, match="--score-range"):
        run(path)
    assert "as reported       0.700" in run(path, "--score-range", 0, 10).stdout
    with pytest.raises(BadRequest, match="--strata"):
        run(path, "--score-range", 0, 10, "--strata", "topic")
    log = write_eval(tmp_path / "log.eval", log_members([sample("a", output())]))
    with pytest.raises(BadRequest, match="scored by 'nobody'"):
        run(log, "--scorer", "nobody")
    assert run(path, "--score-range", 1, 1).exit_code == 2
    with pytest.raises(BadRequest, match="no file or folder"):
        run(tmp_path / "missing.eval")


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [row(message(), score=n % 2, id=str(n)) for n in range(30)])
    assert run(path, "--json", "--seed", 3).stdout == run(path, "--json", "--seed", 3).stdout


def test_in_the_folder_of_an_audit_only_its_responses_are_scanned(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    (tmp_path / "prompts.jsonl").write_text('{"pid": "p1", "topic": "a", "prompt": "Why?"}\n')
    write_rows(tmp_path / "responses.jsonl", [OWN, OWN])
    assert "2 samples in 1 file" in run(tmp_path).stdout
