"""``overt calibrate``: acting points from your own traffic. The same weights, and a bound that is about your users."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from overt.classify.release import read_release, shipped
from overt.classify.rows import BadRow
from overt.core.domain import DOMAINS, Band, Digest
from overt.core.finding import Release
from overt.errors import BadRequest
from overt.learn.rates import percent
from overt.learn.recalibrate import (
    ALPHA,
    DELTA,
    Outcome,
    Promise,
    Recalibrated,
    as_object,
    rate_objects,
    recalibrate,
    refuse_full,
    top_rows,
    write_derived,
)
from overt.learn.traffic import Kept, Traffic, read_traffic, scorer

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
STOPPED: Final = 130
SHOWN: Final = 5
"""Rows without a score that are shown; the others are only counted."""


@click.command()
@click.argument("traffic", type=FILE)
@click.option("--out", type=FOLDER, required=True, help="Where the derived release is written; a new folder.")
@click.option("--weights", type=FOLDER, help="The release to derive from; the shipped one otherwise.")
@click.option(
    "--alpha",
    "alphas",
    metavar="BAND=SHARE",
    multiple=True,
    help=f"The promised bound of a band: {', '.join(f'{band}={alpha}' for band, alpha in ALPHA.items())}.",
)
@click.option(
    "--delta", default=DELTA, show_default=True, type=click.FloatRange(0, 0.5, min_open=True), help="For all bounds."
)
@click.option("--lengths", metavar="N,N", default="", help="Promise the bounds in each length bucket (characters).")
@click.option("--top", type=FILE, help="Write the rows that score highest here, for a person to look at.")
@click.option("--scores", type=FILE, help="Keep scores here, to go on after a stop; OUT.scores.jsonl otherwise.")
@click.option("--release-version", "version", help="The parent's version and the date otherwise.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    traffic: Path,
    out: Path,
    weights: Path | None,
    alphas: tuple[str, ...],
    delta: float,
    lengths: str,
    top: Path | None,
    scores: Path | None,
    version: str | None,
    as_json: bool,
) -> None:
    """Choose acting points on TRAFFIC, benign requests of your own as they were served, and write a release.

    A row of TRAFFIC is one turn, as `overt classify` reads it. Exit 0 if every claim was shown, 1 if the release was
    written but a domain stays in shadow or a row has no score, 2 if nothing was written.
    """
    promise = Promise(alpha={**ALPHA, **_alphas(alphas)}, delta=delta, lengths=_lengths(lengths))
    refuse_full(out)
    parent = weights if weights is not None else shipped()
    parts = read_release(parent)
    kept = Kept(scores if scores is not None else Path(f"{out}.scores.jsonl"), parts.model.release.digest)
    try:
        read = read_traffic(traffic, scorer(parts), kept, _progress)
    except KeyboardInterrupt:
        _progress(f"stopped; every score so far is in {kept.file}, and the same command goes on from there")
        raise SystemExit(STOPPED) from None
    if not read.turns:
        raise BadRequest(f"{str(traffic)!r} holds no turn that can be scored; give one JSON object a line")
    if top is not None:
        _write_top(top, traffic, read)
    found = recalibrate(parts, read, promise)
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    name = version if version is not None else f"{parts.model.release.version.partition('+')[0]}+calibrated.{date}"
    release = write_derived(parent, out, found, read, version=name, date=date)
    click.echo(_json(release, found, read) if as_json else _prose(release, found, read, out))
    raise SystemExit(1 if read.unread or any(each.threshold is None for each in found.outcomes) else 0)


def _alphas(given: Sequence[str]) -> Mapping[Band, float]:
    return dict(_alpha(each) for each in given)


def _alpha(given: str) -> tuple[Band, float]:
    name, _, share = given.partition("=")
    try:
        found = next(band for band in ALPHA if band == name), float(share)
    except (StopIteration, ValueError) as fault:
        raise click.BadParameter(f"{given!r} is not BAND=SHARE with a band of {', '.join(ALPHA)}") from fault
    if not 0 < found[1] < 1:
        raise click.BadParameter(f"{given!r}: a share is between 0 and 1")
    return found


def _lengths(given: str) -> tuple[int, ...]:
    try:
        ends = tuple(int(end) for end in given.split(",")) if given else ()
    except ValueError as fault:
        raise click.BadParameter(f"{given!r} is not a list of whole numbers such as 1000,8000") from fault
    if any(low >= high for low, high in zip((0, *ends), ends, strict=False)):
        raise click.BadParameter(f"{given!r}: give lengths above 0 in rising order")
    return ends


def _write_top(top: Path, traffic: Path, read: Traffic) -> None:
    rows = top_rows(traffic, read)
    top.write_text("".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows), encoding="ascii", newline="\n")
    _progress(
        f"{len(rows)} rows that score highest are in {top}: look at them. A row that is not benign makes the points "
        f"stricter than they need to be; take it out of {traffic} and run this again, the other scores are kept"
    )


def _progress(line: str) -> None:
    click.echo(line, err=True)


def _json(release: Release, found: Recalibrated, read: Traffic) -> str:
    members = {
        "release": _pinned(release),
        "turns": len(read.turns),
        "uncovered": read.uncovered,
        "unread": [{"id": row.id, "error": row.error} for row in read.unread],
        "claims": [as_object(each) for each in found.outcomes],
        "error_rates": rate_objects(found.rates),
    }
    return json.dumps(members, ensure_ascii=False, indent=2)


def _pinned(release: Release) -> dict[str, str | Digest]:
    return {"name": release.name, "version": release.version, "digest": release.digest}


def _prose(release: Release, found: Recalibrated, read: Traffic, out: Path) -> str:
    half, distinct = int(read.first_half().sum()), int(read.distinct().sum())
    lines = [
        f"{release.name} {release.version} {release.digest} in {out}",
        f"{len(read.turns):,} turns ({distinct:,} distinct): {half:,} chose the acting points, "
        f"{len(read.turns) - half:,} were held out",
        *(_said(each, found.promise) for each in found.outcomes),
        *(
            f"  {rate.domain}: acts on {rate.flagged:,} of {rate.negatives:,} held-out turns "
            f"(95 % sure: at most {percent(rate.upper95, 3)})"
            for rate in found.rates
        ),
        *_silent(found),
        *_uncovered(read.uncovered),
        *_unread(read.unread),
    ]
    return "\n".join(lines)


def _said(outcome: Outcome, promise: Promise) -> str:
    name = f"  {outcome.domain} {outcome.band}"
    was = "in shadow before" if outcome.before is None else f"{outcome.before:.4f} before"
    bound = f"at most {percent(promise.alpha[outcome.band], 3)} of turns"
    if outcome.threshold is not None:
        return f"{name}: acts from {outcome.threshold:.4f} ({was}), {bound}"
    if outcome.contradicted:
        hits, turns = outcome.held_out
        return f"{name}: shadow ({was}): {hits:,} of {turns:,} held-out turns contradict {bound}; are the halves alike?"
    if not outcome.lacks:
        return f"{name}: shadow ({was}): no acting point is low enough"
    lacks = "; ".join(
        f"{lack.negatives:,} negatives{_bucket(lack.bucket)} do not suffice, {lack.needed:,} would"
        + (f" ({lack.hits:,} of them score the highest there is)" if lack.hits else "")
        for lack in outcome.lacks
    )
    return f"{name}: shadow ({was}): to show {bound}, {lacks}"


def _bucket(bucket: tuple[int, int | None]) -> str:
    low, high = bucket
    if high is None:
        return f" longer than {low:,}" if low >= 0 else ""
    return f" of {low + 1:,} to {high:,} characters"


def _silent(found: Recalibrated) -> list[str]:
    acting = {rate.domain for rate in found.rates}
    missing = [domain for domain in DOMAINS if domain not in acting]
    if not missing:
        return []
    return [
        f"In shadow for high_dual: {', '.join(missing)}. Half of a file chooses, so give about twice what is needed."
    ]


def _uncovered(turns: int) -> list[str]:
    return [f"turns in languages that the release does not cover, in no figure: {turns:,}"] if turns else []


def _unread(rows: Sequence[BadRow]) -> list[str]:
    if not rows:
        return []
    shown = [f"  {row.id}: {row.error}" for row in rows[:SHOWN]]
    return [f"rows without a score, which count as nothing: {len(rows):,}", *shown]
