"""``overt audit test``: is the endpoint another than the reference? From two files of answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from overt.audit.compare import Comparison, Design, compare, of_model
from overt.audit.rows import Answer, Prompt, read_answers, read_prompts
from overt.audit.stats.graded import Graded
from overt.audit.stats.paired import Size
from overt.audit.topic import ability_and_bias
from overt.audit.verdict import Verdict
from overt.cli.ability import split_as_object, split_as_prose

FILE = click.Path(dir_okay=False, path_type=Path)
SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
SAID = {
    Verdict.CHANGED: "Changed: the answers of the two sides are not those of one model served in one way.",
    Verdict.NO_CHANGE: "No change detected. That is not proof of none: 'overt audit plan' says how small a change so "
    "many prompts would find.",
    Verdict.CANNOT_TELL: "Cannot tell: so few answers could not have shown a change, however large.",
}


@click.command("test")
@click.option("--reference", required=True, type=FILE, help="Answers of the reference: JSON lines, may be gzip.")
@click.option("--endpoint", required=True, type=FILE, help="Answers of the endpoint to the same prompts.")
@click.option("--prompts", type=FILE, help="Compare these prompts only.")
@click.option("--alpha", default=0.05, show_default=True, type=SHARE, help="The share of false alarms that is allowed.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the permutations.")
@click.option("--model-reference", metavar="NAME", help="Which model of the reference's file.")
@click.option("--model-endpoint", metavar="NAME", help="Which model of the endpoint's file.")
@click.option("--aa", type=FILE, help="The reference's answers from another day: how much it differs from itself.")
@click.option("--json", "for_machines", is_flag=True, help="Print JSON.")
def command(
    reference: Path,
    endpoint: Path,
    prompts: Path | None,
    alpha: float,
    seed: int,
    model_reference: str | None,
    model_endpoint: str | None,
    aa: Path | None,
    for_machines: bool,
) -> None:
    """Compare two files of answers to the same prompts; one answer per prompt is enough.

    A row is {"pid", "model", "rep", "text"} and, where answers are graded, "score" from 0 to 1. Nothing is sent.

    Exit status: 0 no change detected or cannot tell, 1 changed, 2 bad input.
    """
    asked = None if prompts is None else read_prompts(prompts)
    before = of_model(read_answers(reference), model_reference, "reference")
    after = of_model(read_answers(endpoint), model_endpoint, "endpoint")
    found = compare(
        before,
        after,
        prompts=asked,
        alpha=alpha,
        seed=seed,
        again=None if aa is None else of_model(read_answers(aa), model_reference, "reference"),
    )
    split = ability_and_bias(_among(before, asked), _among(after, asked), alpha=alpha)
    if for_machines:
        click.echo(json.dumps(as_object(found) | {"ability": split_as_object(split)}, ensure_ascii=False))
    else:
        click.echo("\n".join((as_prose(found), *split_as_prose(split))))
    if found.verdict.is_finding:
        raise SystemExit(1)


def _among(answers: Sequence[Answer], asked: Sequence[Prompt] | None) -> tuple[Answer, ...]:
    pids = None if asked is None else {prompt.pid for prompt in asked}
    return tuple(answer for answer in answers if pids is None or answer.pid in pids)


def as_object(found: Comparison) -> dict[str, Any]:
    """For ``--json``: the members of the specification (§13), and those that say how large a change is."""
    return {
        "verdict": str(found.verdict),
        "p_value": found.p_value,
        "e_value": found.e_value,
        "statistic": found.statistic,
        "kernels": {each.name: {"statistic": each.standardised, "p_value": each.p_value} for each in found.kernels},
        "n_prompts": found.n_prompts,
        "n_reference": found.n_reference,
        "n_endpoint": found.n_endpoint,
        "design": str(found.design),
        "warnings": list(found.warnings),
        "alpha": found.alpha,
        "seed": found.seed,
        "draws": found.draws,
        "effect": None if found.effect is None else _size(found.effect),
        "scores": None if found.scores is None else _graded(found.scores),
        "baseline": None if found.baseline is None else as_object(found.baseline),
    }


def as_prose(found: Comparison) -> str:
    """For people: what was compared, the verdict, how large, and what to know."""
    how = "one answer each" if found.design is Design.PAIRED else "several answers each, compared within prompts"
    lines = [
        f"Compared {found.n_reference:,} answers of the reference with {found.n_endpoint:,} of the endpoint to "
        f"{found.n_prompts:,} prompts ({how}).",
        SAID[found.verdict],
        f"p = {found.p_value:.3g} at alpha {found.alpha:g}; e-value {found.e_value:.3g}.",
    ]
    if found.effect is not None:
        lines.append(_size_in_words(found.effect, 1 - found.alpha))
    if found.scores is not None:
        each = found.scores
        lines.append(
            f"Scores: {each.difference:+.3f} ({each.low:+.3f} to {each.high:+.3f}) over {each.prompts:,} prompts, "
            f"{each.lost:,} lost, {each.gained:,} gained; p = {each.p_value:.3g} ({each.test})."
        )
    if found.baseline is not None:
        lines.append(f"The reference against itself: {found.baseline.verdict}, p = {found.baseline.p_value:.3g}.")
    strongest = sorted(found.kernels, key=lambda seen: seen.p_value)[:3]
    lines.append("Seen best in: " + ", ".join(f"{seen.name} (p = {seen.p_value:.3g})" for seen in strongest) + ".")
    return "\n".join([*lines, *(f"Note: {warning}." for warning in found.warnings)])


def _size_in_words(size: Size, confidence: float) -> str:
    told = "" if size.told_apart is None else f" From other pairs one tells {size.told_apart:.0%} of pairs apart."
    return (
        f"Size: {size.value:.3g} ({confidence:.0%} interval {size.low:.3g} to {size.high:.3g}); 0 is none, 2 the most."
        + told
    )


def _size(size: Size) -> dict[str, float | None]:
    return {"value": size.value, "low": size.low, "high": size.high, "told_apart": size.told_apart}


def _graded(found: Graded) -> dict[str, float | int | str]:
    return {
        "prompts": found.prompts,
        "difference": found.difference,
        "low": found.low,
        "high": found.high,
        "lost": found.lost,
        "gained": found.gained,
        "p_value": found.p_value,
        "test": found.test,
    }
