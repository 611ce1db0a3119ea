"""``overt audit topic``: did an endpoint change more on a topic than on its control? Prints what each part says."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from overt.audit.compare import match, of_model
from overt.audit.rows import read_answers, read_prompts
from overt.audit.topic import TopicAudit, audit_topic
from overt.audit.topic_rows import Asked

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("topic")
@click.option("--reference", type=FILE, required=True, help="Answers of the trusted side, JSON lines.")
@click.option("--endpoint", type=FILE, required=True, help="Answers of the side that is audited.")
@click.option("--prompts", "prompts_file", type=FILE, required=True, help="Prompts with pid, topic and prompt.")
@click.option("--topic", required=True, metavar="T", help="The topic that may have been treated otherwise.")
@click.option("--control", required=True, multiple=True, metavar="C", help="The matched topic; may be repeated.")
@click.option("--difficulty", type=FILE, help="Scored answers of other models: how hard each prompt is.")
@click.option("--margin", type=click.FloatRange(0, 1), default=0.05, show_default=True, help="Of score, for a claim.")
@click.option("--alpha", type=click.FloatRange(0, 0.5, min_open=True), default=0.05, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the permutations.")
@click.option("--model-reference", metavar="NAME", help="Which model of the reference's file.")
@click.option("--model-endpoint", metavar="NAME", help="Which model of the endpoint's file.")
@click.option("--json", "for_machines", is_flag=True, help="Print JSON.")
def command(
    reference: Path,
    endpoint: Path,
    prompts_file: Path,
    topic: str,
    control: tuple[str, ...],
    difficulty: Path | None,
    margin: float,
    alpha: float,
    seed: int,
    model_reference: str | None,
    model_endpoint: str | None,
    for_machines: bool,
) -> None:
    """Say whether the endpoint changed more on topic T than on control C.

    Exit status: 0 no change, or it cannot be told; 1 changed, on the topic or everywhere; 2 bad input.
    """
    before = of_model(read_answers(reference), model_reference, "reference")
    after = of_model(read_answers(endpoint), model_endpoint, "endpoint")
    prompts = read_prompts(prompts_file)
    match(before, after, prompts)
    found = audit_topic(
        before,
        after,
        prompts,
        Asked(topic=topic, control=control, margin=margin, alpha=alpha, seed=seed),
        difficulty=() if difficulty is None else read_answers(difficulty),
    )
    click.echo(_as_json(found) if for_machines else _as_prose(found, topic, control))
    raise SystemExit(int(found.verdict.is_finding))


def _as_json(found: TopicAudit) -> str:
    return json.dumps(asdict(found), ensure_ascii=False, indent=2)


def _as_prose(found: TopicAudit, topic: str, control: tuple[str, ...]) -> str:
    lines = [
        f"{found.verdict}: {topic} ({found.n_target} prompts) against {', '.join(control)} ({found.n_control})",
        *_numbers(found),
        *_splits(found),
        *(f"note: {warning}" for warning in found.warnings),
    ]
    return "\n".join(lines)


def _numbers(found: TopicAudit) -> list[str]:
    if found.p_value is None:
        return []
    lines = [f"  p {_p(found.p_value)}, among {found.placebos} placebo topics {_p(found.placebo_p)}"]
    if found.delta is not None and found.ci is not None:
        low, high = found.ci
        lines.append(f"  the topic lost {found.delta:+.3f} more ({low:+.3f} to {high:+.3f}; margin {found.margin})")
    if found.score is not None:
        lines.append(f"  scores alone p {_p(found.score.p_value)}, beyond the margin {_p(found.score.p_margin)}")
    if found.text is not None:
        lines.append(f"  texts alone p {_p(found.text.p_value)}; any change at all {_p(found.p_change)}")
    return lines


def _splits(found: TopicAudit) -> list[str]:
    lines: list[str] = []
    if found.signal is not None:
        before, after = found.signal.reference, found.signal.endpoint
        lines.append(
            f"  ability d' {before.sensitivity:.2f} -> {after.sensitivity:.2f}, "
            f"bias c {before.criterion:+.2f} -> {after.criterion:+.2f}"
        )
    for name, split in (("topic", found.target_refusals), ("control", found.control_refusals)):
        if split is not None and (split.reference or split.endpoint):
            lines.append(f"  refusals on the {name} {split.reference:.3f} -> {split.endpoint:.3f}")
    return lines


def _p(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"
