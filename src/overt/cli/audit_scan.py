"""``overt audit scan``: which model really answered in stored runs, and what the score is worth then."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from overt.audit.scan.bounds import corrected
from overt.audit.scan.inspect_log import Options
from overt.audit.scan.read import Scan, scan
from overt.audit.scan.sample import Sample
from overt.audit.scan.shown import Score, as_object, as_prose
from overt.errors import BadRequest


@click.command("scan")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--requested", metavar="MODEL", help="The model that was asked for, where the files do not name it.")
@click.option("--scorer", metavar="NAME", help="Whose score to read from Inspect logs; the first otherwise.")
@click.option("--strata", multiple=True, metavar="MEMBER", help="Metadata (or members of rows) that make strata.")
@click.option("--score-range", nargs=2, type=float, default=(0.0, 1.0), show_default=True, metavar="WORST BEST")
@click.option(
    "--delta",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="How far missing answers of a stratum may differ from its own.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the bootstrap of tasks.")
@click.option("--json", "for_machines", is_flag=True, help="Print JSON: every sample with its evidence.")
def command(
    paths: tuple[Path, ...],
    requested: str | None,
    scorer: str | None,
    strata: tuple[str, ...],
    score_range: tuple[float, float],
    delta: float,
    seed: int,
    for_machines: bool,
) -> None:
    """Say who answered in stored runs. Nothing is sent anywhere.

    PATH: logs of Inspect (.eval, .json), raw responses (.jsonl, .json, .sse, also .gz), the folder of an Overt log, or
    a folder of such files.

    Exit status: 0 nothing found, 1 another model answered or a request was refused, 2 bad input.
    """
    if score_range[0] == score_range[1]:
        raise click.BadParameter("the worst and the best score are equal", param_hint="--score-range")
    options = Options(requested=requested, scorer=scorer, strata=strata)
    found = scan(paths, options, _progress if sys.stderr.isatty() else _silent)
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    _check_choices(found, options)
    scores = _scores(found.samples, score_range, delta, seed)
    click.echo(json.dumps(as_object(found, scores), ensure_ascii=False) if for_machines else as_prose(found, scores))
    if any(sample.kind.is_finding for sample in found.samples):
        raise SystemExit(1)


def _check_choices(found: Scan, options: Options) -> None:
    if options.scorer is not None and all(sample.score is None for sample in found.samples):
        raise BadRequest(f"no sample is scored by {options.scorer!r}; see 'scores' in the log for the names")
    if options.strata and all(sample.stratum is None for sample in found.samples):
        raise BadRequest(f"no sample has all of {', '.join(options.strata)} for --strata; name members of its metadata")


def _scores(samples: Sequence[Sample], scale: tuple[float, float], delta: float, seed: int) -> list[Score]:
    """The corrected score of every run that has scores."""
    asked: dict[str, set[str]] = {}
    for sample in samples:
        asked.setdefault(sample.group, set()).update(filter(None, (sample.requested,)))
    runs: dict[tuple[str, str | None], list[Sample]] = {}
    for sample in samples:
        # A row that cannot be read names no model; it counts in the only run that it can be of.
        only = next(iter(asked[sample.group])) if len(asked[sample.group]) == 1 else None
        runs.setdefault((sample.group, sample.requested or only), []).append(sample)
    found = []
    for (group, requested), members in runs.items():
        try:
            made = corrected(members, scale=scale, delta=delta, seed=seed)
        except ValueError as error:
            raise BadRequest(f"{error}; give --score-range WORST BEST") from error
        if made is not None:
            found.append(Score(group=group, requested=requested, corrected=made))
    return found


def _progress(file: str, done: int, total: int) -> None:
    share = f" {done:,} of {total:,}" if total else ""
    click.echo(f"\r\x1b[K{Path(file).name}{share}", nl=False, err=True)


def _silent(file: str, done: int, total: int) -> None:
    del file, done, total
