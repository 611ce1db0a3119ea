"""``overt evaluate``: measure a classifier release, and write its cards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from overt.classify.release import MANIFEST, VOCABULARY, load, shipped
from overt.classify.stage1 import Stage1
from overt.cli.policy_file import read_policy, read_policy_text
from overt.core.domain import DOMAINS, Band
from overt.learn.cards import Subject, action_rates, card
from overt.learn.corpus import Corpus, load_corpus
from overt.learn.evaluate import Evaluation, evaluate
from overt.learn.leave_out import LeaveOut
from overt.learn.plots import reliability_plot, score_plot
from overt.learn.rates import percent
from overt.learn.release import Plan
from overt.learn.split import split
from overt.learn.static import load_table
from overt.learn.train import Recipe

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
POLICY = "default"


@click.command()
@click.option("--data", type=FOLDER, required=True, help="The folder of public request corpora (DIR/<source>.jsonl).")
@click.option("--requests", type=FOLDER, default=Path("data/requests"), show_default=True, help="Our own requests.")
@click.option("--weights", type=FOLDER, help="A release of your own; the shipped one otherwise.")
@click.option("--out", type=FOLDER, help="Where the cards, plots and evaluation.json are written.")
@click.option("--leave-out", is_flag=True, help="Also train without each source and family, and judge those (slow).")
@click.option("--static", "table", type=FILE, help="The distilled static table, which --leave-out needs.")
@click.option("--cache", "cache_folder", type=FOLDER, help="Keep slow stages here, to resume.")
@click.option("--json", "as_json", is_flag=True, help="Print evaluation.json instead of the summary.")
def command(
    data: Path,
    requests: Path,
    weights: Path | None,
    out: Path | None,
    leave_out: bool,
    table: Path | None,
    cache_folder: Path | None,
    as_json: bool,
) -> None:
    """Measure false positives, recall, the must-pass suite and action rates, with intervals; write the cards."""
    folder = weights if weights is not None else shipped()
    stage = Stage1(load(folder))
    manifest = json.loads((folder / MANIFEST).read_bytes())
    corpus = load_corpus(data, requests)
    recipe = _recipe(manifest)
    trainer = _leave_out(corpus, recipe, table, cache_folder) if leave_out else None
    measured = evaluate(
        corpus=corpus,
        data=data,
        requests=requests,
        stage=stage,
        timed=Stage1(load(folder)),
        policy=read_policy(POLICY),
        seed=recipe.seed,
        leave_out=trainer,
        progress=_progress,
    )
    subject = Subject(
        release=stage.release,
        manifest=manifest,
        policy=read_policy(POLICY),
        policy_text=read_policy_text(POLICY),
        evaluation=measured,
    )
    if out is not None:
        _write(subject, out)
    click.echo(json.dumps(as_object(measured), indent=1) if as_json else _summary(measured))


def _recipe(manifest: Mapping[str, Any]) -> Recipe:
    """The recipe that the release was trained with: its seed says which rows it never saw."""
    recipe = manifest["training"].get("recipe")
    if not isinstance(recipe, dict):
        raise click.UsageError("the manifest names no recipe, so nobody knows which rows the release never saw")
    return Recipe(**recipe)


def _leave_out(corpus: Corpus, recipe: Recipe, table: Path | None, cache_folder: Path | None) -> LeaveOut:
    if table is None:
        raise click.UsageError("--leave-out trains anew and needs --static FILE")
    plan = Plan(
        corpus=corpus,
        vocabulary=(shipped() / VOCABULARY).read_bytes(),
        table=load_table(table),
        recipe=recipe,
        version="leave-out",
        date="",
        cache=cache_folder,
    )
    return LeaveOut(plan, split(corpus, recipe.seed), _progress)


def _write(subject: Subject, out: Path) -> None:
    plots = out / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    for domain in DOMAINS:
        figures = subject.evaluation.domains[domain]
        point = subject.release.acting_point(domain, Band.HIGH_DUAL)
        _save(out / f"{domain}.md", card(subject, domain))
        _save(plots / f"{domain}-scores.svg", score_plot(f"{domain}: scores, held-out rows", figures.histogram, point))
        _save(
            plots / f"{domain}-reliability.svg",
            reliability_plot(f"{domain}: does the probability mean what it says?", figures.calibration),
        )
    _save(out / "action-rates.md", action_rates(subject))
    _save(out / "evaluation.json", json.dumps(as_object(subject.evaluation), indent=1) + "\n")


def _save(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def as_object(measured: Evaluation) -> dict[str, object]:
    """The evaluation as JSON has it."""
    return asdict(measured)


def _summary(measured: Evaluation) -> str:
    lines = []
    for domain, figures in measured.domains.items():
        general, inside, recall = (
            (sum(found.hits for found in part.values()), sum(found.trials for found in part.values()))
            for part in (figures.general, figures.inside, figures.recall)
        )
        lines.append(
            f"{domain}: general {general[0]}/{general[1]}, benign inside {inside[0]}/{inside[1]}, "
            f"held-out recall {recall[0]}/{recall[1]}"
        )
        for name, found in (measured.left_out or {}).get(domain, {}).items():
            lines.append(f"  left out {name}: {found.hits}/{found.trials} ({percent(found.share)})")
    if measured.suite is not None:
        suite = measured.suite
        lines.append(
            f"must pass: {suite.passed.hits}/{suite.passed.trials}; unmoved by preambles: "
            f"{suite.unmoved.hits}/{suite.unmoved.trials}"
        )
    return "\n".join(lines)


def _progress(line: str) -> None:
    click.echo(line, err=True)
