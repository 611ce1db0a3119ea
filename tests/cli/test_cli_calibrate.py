"""`overt calibrate`: from traffic to a derived release, in prose and JSON, stopped and resumed."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from overt.classify.release import MANIFEST, read_release, shipped
from overt.cli.calibrate import STOPPED, command
from overt.core.domain import Band, Domain
from overt.errors import BadRequest
from overt.learn.recalibrate import negatives_needed

EASY = ("--alpha", "high_dual=0.2", "--alpha", "prohibited=0.2", "--delta", "0.5")


def run(*arguments: object) -> Result:
    """The command with these arguments; our own errors are raised."""
    return CliRunner().invoke(command, [str(each) for each in arguments], catch_exceptions=False)


def write(file: Path, count: int, *more: str) -> Path:
    """Traffic of harmless turns, and some more lines."""
    rows = [json.dumps({"id": number, "text": f"a song about {number} cats"}) for number in range(count)]
    file.write_text("\n".join([*rows, *more]) + "\n", encoding="utf-8")
    return file


def test_traffic_gives_a_release_that_loads_and_says_where_it_comes_from(tmp_path: Path) -> None:
    found = run(write(tmp_path / "t.jsonl", 80), "--out", tmp_path / "out", *EASY)
    release = read_release(tmp_path / "out").model.release
    parent = read_release(shipped()).model.release
    said = json.loads((tmp_path / "out" / MANIFEST).read_bytes())["calibration"]
    assert found.exit_code == 0
    assert found.stdout.startswith(f"{release.name} {parent.version.partition('+')[0]}+calibrated.")
    assert str(release.digest) in found.stdout
    assert (said["parent"], said["traffic"]["turns"]) == (parent.digest, 80)
    assert release.acting_point(Domain.BIO, Band.HIGH_DUAL) is not None


def test_too_little_traffic_says_which_domains_stay_in_shadow_and_what_it_would_take(tmp_path: Path) -> None:
    found = run(write(tmp_path / "t.jsonl", 20), "--out", tmp_path / "out")
    assert found.exit_code == 1
    assert f"{negatives_needed(0.001, 0.05 / 7, 0):,} would" in found.stdout
    assert "In shadow for high_dual: cyber, bio, chem, frontier_llm." in found.stdout
    assert read_release(tmp_path / "out").model.release.acting_point(Domain.CYBER, Band.HIGH_DUAL) is None


def test_json_holds_every_claim_and_every_row_without_a_score(tmp_path: Path) -> None:
    file = write(tmp_path / "t.jsonl", 80, '{"id": "empty"}')
    found = run(file, "--out", tmp_path / "out", "--json", "--release-version", "7", *EASY)
    said = json.loads(found.stdout)
    assert found.exit_code == 1
    assert said["release"]["version"] == "7"
    assert [row["id"] for row in said["unread"]] == ["empty"]
    assert len(said["claims"]) == 7


def test_the_rows_to_look_at_are_written(tmp_path: Path) -> None:
    found = run(write(tmp_path / "t.jsonl", 30), "--out", tmp_path / "out", "--top", tmp_path / "top", *EASY)
    rows = [json.loads(line) for line in (tmp_path / "top").read_text().splitlines()]
    assert len(rows) == 4 * 30
    assert set(rows[0]) == {"domain", "rank", "line", "half", "high_dual", "prohibited", "row"}
    assert "look at them" in found.stderr


def test_a_second_run_scores_nothing_again_and_a_third_of_the_same_is_the_same(tmp_path: Path) -> None:
    file = write(tmp_path / "t.jsonl", 1_000)
    run(file, "--out", tmp_path / "a", "--scores", tmp_path / "kept", *EASY)
    kept = (tmp_path / "kept").read_bytes()
    again = run(file, "--out", tmp_path / "b", "--scores", tmp_path / "kept", *EASY)
    assert "1,000 rows (1,000 scores were there already)" in again.stderr
    assert (tmp_path / "kept").read_bytes() == kept
    assert read_release(tmp_path / "a").model.release == read_release(tmp_path / "b").model.release


def test_what_was_scored_before_an_interrupt_is_kept(tmp_path: Path) -> None:
    file, kept = write(tmp_path / "t.jsonl", 30_000), tmp_path / "out.scores.jsonl"

    def interrupt() -> None:
        while not (kept.exists() and kept.stat().st_size > 10_000):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    found = run(file, "--out", tmp_path / "out")
    assert found.exit_code == STOPPED
    assert "the same command goes on from there" in found.stderr
    assert not (tmp_path / "out").exists()
    lines = kept.read_bytes().splitlines()
    assert len(lines) > 20
    assert [json.loads(line)["turn"] for line in lines[1:]]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--alpha", "high_dual"), "BAND=SHARE"),
        (("--alpha", "low_dual=0.1"), "BAND=SHARE"),
        (("--alpha", "high_dual=1"), "between 0 and 1"),
        (("--alpha", "high_dual=nan"), "between 0 and 1"),
        (("--lengths", "10,5"), "rising"),
        (("--lengths", "0"), "above 0"),
        (("--lengths", "ten"), "whole numbers"),
        (("--delta", "0"), "delta"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_usage_is_refused_before_anything_is_scored(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    found = run(write(tmp_path / "t.jsonl", 3), "--out", tmp_path / "out", *arguments)
    assert found.exit_code == 2
    assert says in found.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["t.jsonl"]


def test_a_folder_that_is_in_use_is_refused_before_anything_is_scored(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="not an empty folder"):
        run(write(tmp_path / "t.jsonl", 3), "--out", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["t.jsonl"]


def test_a_file_without_a_turn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="holds no turn"):
        run(write(tmp_path / "t.jsonl", 0, "not json"), "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
