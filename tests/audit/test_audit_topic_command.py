"""``overt audit topic`` as it is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from overt.cli.audit_topic import command
from overt.errors import BadRequest


def rows(path: Path, found: list[dict[str, object]]) -> str:
    path.write_text("\n".join(json.dumps(row) for row in found), encoding="utf-8")
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Forty prompts a side; the endpoint gets three of four of the topic wrong, and one of eight of the control."""
    names = [(f"{topic}-{n}", topic, n) for topic in ("ml", "web") for n in range(40)]
    wrong = {"ml": lambda n: n % 4 != 0, "web": lambda n: n % 8 == 0}
    answers: list[dict[str, object]] = [
        {"pid": pid, "model": "m", "rep": 0, "text": f"It is {n}.", "score": 1} for pid, _, n in names
    ]
    now: list[dict[str, object]] = [
        {"pid": pid, "model": "m", "rep": 0, "text": f"It is {n}.", "score": int(not wrong[topic](n))}
        for pid, topic, n in names
    ]
    asked: list[dict[str, object]] = [{"pid": pid, "topic": topic, "prompt": "?"} for pid, topic, _ in names]
    return [
        "--reference",
        rows(tmp_path / "reference.jsonl", answers),
        "--endpoint",
        rows(tmp_path / "endpoint.jsonl", now),
        "--prompts",
        rows(tmp_path / "prompts.jsonl", asked),
    ]


def test_a_finding_is_json_and_exit_status_one(files: list[str]) -> None:
    ran = CliRunner().invoke(command, [*files, "--topic", "ml", "--control", "web", "--json"])
    found = json.loads(ran.output)
    assert ran.exit_code == 1
    assert found["verdict"] == "changed more on topic than on matched control"
    assert found["delta"] == pytest.approx(0.75 - 0.125)
    assert found["ci"][0] < found["delta"] < found["ci"][1]
    assert 0 < found["placebo_p"] <= 0.05
    assert (found["n_target"], found["n_control"]) == (40, 40)


def test_the_other_way_round_the_topic_lost_less(files: list[str]) -> None:
    ran = CliRunner().invoke(command, [*files, "--topic", "web", "--control", "ml", "--json"])
    assert ran.exit_code == 1
    assert json.loads(ran.output)["verdict"] == "changed"


def test_prose_says_the_verdict_first_and_then_the_numbers(files: list[str]) -> None:
    ran = CliRunner().invoke(command, [*files, "--topic", "ml", "--control", "web"])
    lines = ran.output.splitlines()
    assert lines[0] == "changed more on topic than on matched control: ml (40 prompts) against web (40)"
    assert "+0.625" in ran.output
    assert any(line.startswith("note: placebo topics") for line in lines)


def test_an_unchanged_endpoint_is_fine(files: list[str]) -> None:
    same = [*files[:3], files[1], *files[4:]]
    ran = CliRunner().invoke(command, [*same, "--topic", "ml", "--control", "web", "--json"])
    assert ran.exit_code == 0
    assert json.loads(ran.output)["verdict"] == "no change detected"


def test_an_unknown_topic_is_bad_input(files: list[str]) -> None:
    ran = CliRunner().invoke(command, [*files, "--topic", "law", "--control", "web"])
    assert isinstance(ran.exception, BadRequest)
