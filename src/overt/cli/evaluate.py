"""``overt evaluate``: measure a classifier release, and write its cards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from overt.classify.release import MANIFEST, read_release, shipped
from overt.cli.policy_file import read_policy, read_policy_text
from overt.core.domain import DOMAINS, Band
from overt.core.finding import Release
from overt.learn.agreement import Agreement, agreement, read_labels
from overt.learn.cards import Subject, action_rates, card
from overt.learn.corpus import load_corpus
from overt.learn.evaluate import Evaluation, Task, evaluate
from overt.learn.plots import cost_plot, reliability_plot, score_plot
from overt.learn.rates import percent

FOLDER = click.Path(file_okay=False, path_type=Path)
POLICY = "default"


@click.command()
@click.option("--data", type=FOLDER, required=True, help="The folder of public request corpora (DIR/<source>.jsonl).")
@click.option("--requests", type=FOLDER, default=Path("data/requests"), show_default=True, help="Our own requests.")
@click.option("--weights", type=FOLDER, help="A release of your own; the shipped one otherwise.")
@click.option("--out", type=FOLDER, help="Where the cards, plots and evaluation.json are written.")
@click.option("--folds", type=FOLDER, help="What `overt train --folds` wrote: judge sources and families as unseen.")
@click.option("--labels", type=FOLDER, default=Path("data/labels"), show_default=True, help="A second annotator's.")
@click.option("--json", "as_json", is_flag=True, help="Print evaluation.json instead of the summary.")
def command(
    data: Path,
    requests: Path,
    weights: Path | None,
    out: Path | None,
    folds: Path | None,
    labels: Path,
    as_json: bool,
) -> None:
    """Measure false positives, recall, the must-pass suite and action rates, with intervals; write the cards."""
    folder = weights if weights is not None else shipped()
    parts = read_release(folder)
    manifest = json.loads((folder / MANIFEST).read_bytes())
    task = Task(
        corpus=load_corpus(data, requests),
        data=data,
        requests=requests,
        labels=labels,
        classifier=parts.classifier(traces=False),
        timed=parts.classifier(),
        policy=read_policy(POLICY),
        seed=_seed(manifest),
        folds=folds,
    )
    measured = evaluate(task, _progress)
    subject = Subject(
        release=parts.model.release,
        manifest=manifest,
        policy=task.policy,
        policy_text=read_policy_text(POLICY),
        evaluation=measured,
        agreement=_agreement(task),
    )
    if out is not None:
        _write(subject, out)
    click.echo(json.dumps(as_object(measured, subject.release), indent=1) if as_json else _summary(measured))


def _seed(manifest: Mapping[str, Any]) -> int:
    """The seed that the release was trained with: it says which rows the release never saw."""
    recipe = manifest["training"].get("recipe")
    if not isinstance(recipe, dict):
        raise click.UsageError("the manifest names no recipe, so nobody knows which rows the release never saw")
    return int(recipe["seed"])


def _agreement(task: Task) -> Mapping[str, Agreement]:
    path = task.labels / "second_annotator_own.jsonl"
    return agreement(task.corpus.rows, read_labels(path)) if path.is_file() else {}


def _write(subject: Subject, out: Path) -> None:
    plots = out / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    # First what was measured, for a quarter of an hour: a fault in a card must not lose it.
    _save(out / "evaluation.json", json.dumps(as_object(subject.evaluation, subject.release), indent=1) + "\n")
    for domain in DOMAINS:
        figures = subject.evaluation.domains[domain]
        point = subject.release.acting_point(domain, Band.HIGH_DUAL)
        _save(out / f"{domain}.md", card(subject, domain))
        _save(plots / f"{domain}-scores.svg", score_plot(f"{domain}: scores, held-out rows", figures.histogram, point))
        _save(
            plots / f"{domain}-reliability.svg",
            reliability_plot(f"{domain}: does the probability mean what it says?", figures.calibration),
        )
    curve = [(point.looked_again.share or 0.0, point.kept.share or 0.0) for point in subject.evaluation.cost]
    if curve:
        _save(plots / "cost.svg", cost_plot("What looking again costs", curve))
    _save(out / "action-rates.md", action_rates(subject))


def _save(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def as_object(measured: Evaluation, release: Release) -> dict[str, object]:
    """The evaluation as JSON has it, with the digest of the release that it is about."""
    return {"release": release.digest, **asdict(measured)}


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
