"""``overt audit test``: files in; prose, JSON and an exit status out."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from overt.cli.audit_test import command
from overt.errors import BadRequest

MEMBERS = {
    "verdict", "p_value", "e_value", "statistic", "kernels", "n_prompts", "n_reference", "n_endpoint", "design",
    "warnings",
}  # fmt: skip


def run(*arguments: object) -> Result:
    """The command with these arguments; our own errors are raised."""
    return CliRunner().invoke(command, [str(each) for each in arguments], catch_exceptions=False)


def rows(model: str, prompts: int, says: str, score: float | None = None) -> list[dict[str, Any]]:
    """One answer a prompt; ``{}`` in ``says`` stands for the prompt."""
    return [
        {"pid": f"p{pid}", "model": model, "rep": 0, "text": says.format(pid * 37 % 23), "score": score}
        for pid in range(prompts)
    ]


def write(file: Path, found: Sequence[object]) -> Path:
    """A file of JSON lines."""
    file.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    return file


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    return write(tmp_path / "reference.jsonl", rows("a", 12, "The answer is {}.", 1.0))


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    return write(tmp_path / "changed.jsonl", rows("b", 12, "Sure! I think that it must be {}, friend.", 0.0))


def test_a_change_is_said_and_exits_with_one(reference: Path, changed: Path) -> None:
    result = run("--reference", reference, "--endpoint", changed)
    assert result.exit_code == 1
    assert (
        "Compared 12 answers of the reference with 12 of the endpoint to 12 prompts (one answer each)." in result.output
    )
    assert "Changed:" in result.output
    assert "12 lost, 0 gained" in result.output


def test_no_change_is_said_and_exits_with_zero(reference: Path) -> None:
    result = run("--reference", reference, "--endpoint", reference)
    assert result.exit_code == 0
    assert "No change detected." in result.output


def test_too_few_prompts_are_said_and_exit_with_zero(tmp_path: Path, reference: Path) -> None:
    few = write(tmp_path / "few.jsonl", rows("b", 4, "Sure! {}"))
    result = run("--reference", reference, "--endpoint", few)
    assert result.exit_code == 0
    assert "Cannot tell:" in result.output
    assert "Note: 8 of 12 prompts of the reference dropped" in result.output


def test_json_has_the_members_of_the_specification(reference: Path, changed: Path) -> None:
    result = run("--reference", reference, "--endpoint", changed, "--json")
    found = json.loads(result.output)
    assert result.exit_code == 1
    assert found.keys() >= MEMBERS
    assert (found["verdict"], found["design"], found["n_prompts"]) == ("changed", "paired", 12)
    assert 0 < found["p_value"] <= 0.05
    assert all(0 < each["p_value"] <= 1 for each in found["kernels"].values())
    assert found["scores"]["lost"] == 12


def test_one_seed_gives_one_answer_and_gzip_is_read(tmp_path: Path, reference: Path, changed: Path) -> None:
    packed = tmp_path / "changed.jsonl.gz"
    packed.write_bytes(gzip.compress(changed.read_bytes()))
    plain = run("--reference", reference, "--endpoint", changed, "--seed", 5, "--json")
    assert run("--reference", reference, "--endpoint", packed, "--seed", 5, "--json").output == plain.output


def test_models_inside_one_file_are_chosen(tmp_path: Path, reference: Path, changed: Path) -> None:
    both = tmp_path / "both.jsonl"
    both.write_bytes(reference.read_bytes() + changed.read_bytes())
    chosen = run("--reference", both, "--endpoint", both, "--model-reference", "a", "--model-endpoint", "b", "--json")
    assert json.loads(chosen.output)["verdict"] == "changed"
    with pytest.raises(BadRequest, match=r"2 models to the same prompts: 'a', 'b'; choose one with --model-ref"):
        run("--reference", both, "--endpoint", both)


def test_a_baseline_is_shown_and_counts(reference: Path, changed: Path) -> None:
    result = run("--reference", reference, "--endpoint", changed, "--aa", changed)
    assert result.exit_code == 0
    assert "The reference against itself: changed" in result.output


def test_prompts_restrict(tmp_path: Path, reference: Path, changed: Path) -> None:
    prompts = write(tmp_path / "prompts.jsonl", [{"pid": f"p{pid}", "topic": "t", "prompt": "?"} for pid in range(9)])
    result = run("--reference", reference, "--endpoint", changed, "--prompts", prompts, "--json")
    assert json.loads(result.output)["n_prompts"] == 9


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path, reference: Path) -> None:
    with pytest.raises(BadRequest, match="missing"):
        run("--reference", reference, "--endpoint", tmp_path / "missing.jsonl")


def test_a_side_that_is_served_by_several_models_is_one_side_and_that_is_said(
    tmp_path: Path, reference: Path, changed: Path
) -> None:
    first, second = reference.read_text().splitlines(), changed.read_text().splitlines()
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text("\n".join([*first[: len(first) // 2], *second[len(second) // 2 :]]) + "\n")
    found = json.loads(run("--reference", reference, "--endpoint", mixed, "--json").output)
    assert found["n_endpoint"] == len(first)
    assert any("say that they are of 2 models: 'a', 'b'" in each for each in found["warnings"])
