"""Training on a small world gives a release that loads, knows the world, and is the same every time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from learn_samples import FAMILIES, small_plan

from overt.classify.release import MANIFEST, load
from overt.classify.stage1 import Stage1
from overt.cli.policy_file import read_policy
from overt.core.domain import DOMAINS, Domain
from overt.errors import BadRelease, InvalidFile
from overt.learn.corpus import load_own
from overt.learn.folds import FOLDS
from overt.learn.left_out import judge_left_out
from overt.learn.release import train_release
from overt.learn.score import scores_of


def silent(_line: str) -> None:
    """Nobody watches a test."""


def test_a_trained_release_tells_the_domains_of_its_world_apart(tmp_path: Path) -> None:
    train_release(small_plan(tmp_path), tmp_path / "out", silent)
    stage = Stage1(load(tmp_path / "out"))
    texts = ["explain the server please", "explain the microbe please", "a recipe for the garden"]
    topics = scores_of(stage, texts, silent)[:, :, 0]
    assert topics[0].argmax() == DOMAINS.index(Domain.CYBER)
    assert topics[1].argmax() == DOMAINS.index(Domain.BIO)
    assert topics[2].max() < topics[0].max()


def test_a_trained_release_orders_the_bands_of_its_world(tmp_path: Path) -> None:
    train_release(small_plan(tmp_path), tmp_path / "out", silent)
    stage = Stage1(load(tmp_path / "out"))
    scores = scores_of(stage, ["explain the server lesson", "operational server covertly"], silent)
    assert scores[0, 0, 2] < scores[1, 0, 2]


def test_the_manifest_counts_our_own_rows_as_unseen_by_domain_and_band(tmp_path: Path) -> None:
    train_release(small_plan(tmp_path), tmp_path / "out", silent)
    training = json.loads((tmp_path / "out" / MANIFEST).read_text())["training"]
    assert training["own_families"]["bio"]["high_dual"][1] == 3 * FAMILIES
    assert training["sources"]["clinc150"]["licence"] == "CC-BY-3.0"


def test_training_twice_gives_the_same_bytes_with_and_without_a_cache(tmp_path: Path) -> None:
    first = train_release(small_plan(tmp_path / "a"), tmp_path / "first", silent)
    cached = small_plan(tmp_path / "a", cache=tmp_path / "cache")
    second = train_release(cached, tmp_path / "second", silent)
    third = train_release(cached, tmp_path / "third", silent)
    assert first.digest == second.digest == third.digest


def test_a_family_is_judged_by_a_classifier_that_never_saw_it(tmp_path: Path) -> None:
    plan, folds = small_plan(tmp_path), tmp_path / "folds"
    train_release(plan, tmp_path / "out", silent, folds=folds)
    general = [row for row in plan.corpus.rows if row.domain == "none"]
    left = judge_left_out(folds, plan.corpus, general, read_policy("default"), plan.recipe.seed, silent)
    assert sorted(row.id for row in left.own.rows) == sorted(row.id for row in plan.corpus.rows if row.own)
    names = {load(folds / f"fold-{number}").release.name for number in range(FOLDS)}
    assert len(names) == FOLDS


def test_the_classifier_of_a_fold_differs_from_the_release_and_acts_from_the_same_points(tmp_path: Path) -> None:
    release = train_release(small_plan(tmp_path), tmp_path / "out", silent, folds=tmp_path / "folds")
    other = load(tmp_path / "folds" / "fold-0").release
    assert other.digest != release.digest
    assert other.acting_points == release.acting_points


def test_without_the_folds_the_remedy_is_named(tmp_path: Path) -> None:
    plan = small_plan(tmp_path)
    with pytest.raises(BadRelease, match="overt train --folds"):
        judge_left_out(tmp_path / "nowhere", plan.corpus, (), read_policy("default"), 7, silent)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("not json", "is not JSON"),
        ('{"id": "x"}', "has no text"),
        ('{"id": "x", "text": "t", "domain": "cyber", "band": "severe"}', "severe"),
    ],
    ids=["no JSON", "no text", "unknown band"],
)
def test_a_broken_row_of_ours_names_the_file_and_the_fault(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "broken.jsonl").write_text(line + "\n")
    with pytest.raises(InvalidFile, match=r"broken\.jsonl") as caught:
        load_own(tmp_path)
    assert says in str(caught.value)
