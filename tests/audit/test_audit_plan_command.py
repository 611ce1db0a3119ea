"""``overt audit plan``: what it prints, what it writes, and when it refuses."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from overt.audit.planning.seal import KEY_FILE, PLAN_FILE, VKEY_FILE, read_plan
from overt.cli.audit_plan import command
from overt.errors import BadRequest, InvalidFile

PLAN = """
question = "change"
[[prompts]]
file = "prompts.jsonl"
[[routes]]
name = "direct"
role = "reference"
api = "anthropic"
base_url = "https://api.example.com"
model = "big-1"
max_tokens = 300
price = { input = 3, output = 15 }
[[routes]]
name = "reseller"
role = "endpoint"
api = "chat"
base_url = "https://reseller.example.com"
model = "big-1"
max_tokens = 300
"""
FREE = PLAN.replace("price = { input = 3, output = 15 }\n", "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [{"pid": f"p{number}", "topic": "ab"[number % 2], "prompt": "Why? " * 20} for number in range(240)]
    (tmp_path / "prompts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path


def plan(folder: Path, text: str, *options: str) -> Result:
    (folder / "plan.toml").write_text(text)
    arguments = [str(folder / "plan.toml"), "--out", str(folder / "audit"), *options]
    return CliRunner().invoke(command, arguments)


def in_json(folder: Path, text: str, *options: str, code: int = 0) -> Any:
    result = plan(folder, text, "--json", *options)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def pilot(folder: Path, *, changed: bool, scored: bool = False) -> tuple[str, ...]:
    """Two files of answers to forty prompts; where they are changed, one side is terse."""
    sides = []
    for side in ("before", "after"):
        terse = changed and side == "after"
        rows = []
        for number in range(40):
            # Which side has the longer number turns about, so that unchanged sides differ in no direction.
            factor = 7 if (side == "after") == (number % 4 < 2) else 3
            text = f"{'No' if terse else 'I would say that it is'} {number * factor}."
            score = float(number % 4 > 0) * float(not terse or number % 2)
            row = {"pid": f"p{number}", "model": side, "rep": 0, "text": text}
            rows.append({**row, "score": score} if scored else row)
        path = folder / f"{side}.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)))
        sides.append(str(path))
    return ("--pilot", *sides)


def test_a_plan_is_shown_signed_and_written(folder: Path) -> None:
    result = plan(folder, PLAN, "--budget", "5.00")
    assert result.exit_code == 0, result.output
    out = folder / "audit"
    sealed = read_plan(out)
    assert sealed.digest in result.output
    assert (out / VKEY_FILE).read_text().strip() in result.output
    assert f"A key was made: {out / KEY_FILE}" in result.output
    assert stat.S_IMODE((out / KEY_FILE).stat().st_mode) == 0o600
    assert str(sealed.plan.budget) == "5.00"
    assert sealed.plan.power is not None
    assert sealed.plan.power > 0.8
    assert len(sealed.plan.prompts) == 240
    assert "an assumption" in result.output


def test_a_key_of_ones_own_signs(folder: Path) -> None:
    key = folder / "my.key"
    first = in_json(folder, FREE, "--power", "0", "--key", str(key))
    assert key.exists()
    assert not (folder / "audit" / KEY_FILE).exists()
    (folder / "audit" / PLAN_FILE).unlink()
    second = in_json(folder, FREE, "--power", "0", "--key", str(key))
    assert first["vkey"] == second["vkey"]


def test_a_signed_plan_is_not_written_over(folder: Path) -> None:
    assert plan(folder, FREE, "--power", "0").exit_code == 0
    before = (folder / "audit" / PLAN_FILE).read_bytes()
    again = plan(folder, FREE, "--power", "0")
    assert isinstance(again.exception, BadRequest)
    assert "name a new folder" in str(again.exception)
    assert (folder / "audit" / PLAN_FILE).read_bytes() == before


def test_a_price_needs_a_budget(folder: Path) -> None:
    result = plan(folder, PLAN)
    assert result.exit_code == 2
    assert "--budget" in result.output
    assert not (folder / "audit").exists()
    assert plan(folder, FREE, "--power", "0").exit_code == 0


def test_a_budget_that_is_too_small_is_refused_with_what_it_buys(folder: Path) -> None:
    found = in_json(folder, PLAN, "--budget", "0.40", code=1)
    assert not found["ok"]
    assert "budget is 0.40" in found["reason"]
    assert not (folder / "audit").exists()
    affordable = found["affordable_pairs"]
    assert 0 < affordable < 240
    row = next(row for row in found["table"] if row["pairs"] == affordable)
    assert float(row["expected"]) <= 0.40
    assert row["power"] < found["power"]["power"]
    prose = plan(folder, PLAN, "--budget", "0.40")
    assert prose.exit_code == 1
    assert "Cannot be answered" in prose.output
    assert f"pays for about {affordable} pairs" in prose.output
    assert "Nothing was written" in prose.output


def test_a_plan_that_would_see_too_little_is_refused_with_what_it_needs(folder: Path) -> None:
    small = FREE.replace('file = "prompts.jsonl"', 'file = "prompts.jsonl"\nmost = 15')
    found = in_json(folder, small, code=1)
    assert found["pairs"] == 30
    assert found["power"]["power"] < 0.9
    assert found["needed_pairs"] > 30
    assert not (folder / "audit").exists()
    assert in_json(folder, small, "--power", "0.01")["ok"]


def test_a_pilot_tells_a_change_from_none(folder: Path) -> None:
    changed = in_json(folder, FREE, *pilot(folder, changed=True))
    assert changed["basis"] == "a pilot of 40 pairs, by texts"
    assert changed["power"]["power"] > 0.95
    assert changed["watch_pairs"] < 100
    (folder / "audit" / PLAN_FILE).unlink()
    same = in_json(folder, FREE, *pilot(folder, changed=False), code=1)
    assert same["table"][0]["power"] < 0.5


def test_a_topic_is_predicted_from_scores(folder: Path) -> None:
    topic = FREE.replace('question = "change"', 'question = "topic"\ntopic = "a"\ncontrol = "b"')
    without = in_json(folder, topic)
    assert without["power"] is None
    graded = topic.replace('file = "prompts.jsonl"', 'set = "cyber"').replace(
        'topic = "a"\ncontrol = "b"', 'topic = "cyber"\ncontrol = "control_cyber"\ncheckers = "cyber"'
    )
    (folder / "audit" / PLAN_FILE).unlink()
    found = in_json(folder, graded, "--effect", "0.3", "--power", "0.01")
    assert "an assumed effect of 0.300 (to be said above 0.05)" in found["basis"]
    assert found["watch_pairs"] > 0
    assert found["pairs"] * 2 == found["prompts"]
    assert [row["power"] for row in found["table"]] == sorted(row["power"] for row in found["table"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(("--effect", "mood"), "neither points of score", id="an unknown change"),
        pytest.param(("--effect", "-1"), "not above 0", id="a gain"),
        pytest.param(("--budget", "nan"), "no amount", id="no amount"),
        pytest.param(("--budget", "five"), "no amount", id="words"),
        pytest.param(("--share", "0"), "0", id="no share"),
    ],
)
def test_bad_options_are_refused(folder: Path, options: tuple[str, ...], said: str) -> None:
    result = plan(folder, FREE, *options)
    assert result.exit_code == 2
    assert said in result.output
    assert not (folder / "audit").exists()


def test_points_of_score_need_a_grader(folder: Path) -> None:
    result = plan(folder, FREE, "--effect", "0.1")
    assert isinstance(result.exception, BadRequest)
    assert "grades nothing" in str(result.exception)


def test_a_plan_with_problems_writes_nothing(folder: Path) -> None:
    result = plan(folder, FREE.replace('"reference"', '"judge"'))
    assert isinstance(result.exception, InvalidFile)
    assert not (folder / "audit").exists()
