"""A scan as an object for machines and as prose for people. Both say the same; neither says why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from overt.audit.scan.bounds import Corrected, Interval
from overt.audit.scan.read import Scan
from overt.audit.scan.sample import Evidence, Kind, Sample

WIDE: Final = 0.10
"""Bounds further apart than this carry no claim about the model's score."""
SHOWN: Final = 10
"""Findings that are shown one by one; the others are only counted."""
_SAID: Final[Mapping[Kind, str]] = {
    Kind.SERVED_BY_OTHER: "another model answered",
    Kind.PARTIAL: "another model answered some turns",
    Kind.REFUSED: "refused",
    Kind.ERROR: "no readable answer",
    Kind.TRUNCATED: "cut off",
    Kind.ALIAS: "the requested alias, by its full name",
    Kind.OWN: "the requested model answered",
    Kind.UNKNOWN: "nothing recorded says who answered",
}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The corrected score of one run: its group and the requested model. None where no sample has a score."""

    group: str
    requested: str | None
    corrected: Corrected


def claim(found: Corrected) -> str:
    """What may be said of the requested model's score."""
    if found.own == found.number:
        return "the score stands: every answer is the requested model's own"
    points = 100 * found.bounds.width
    if found.bounds.width > WIDE:
        return f"no claim possible: the bounds are {points:.1f} points wide"
    return f"the requested model's score on these samples is known to within {points:.1f} points"


# --- For machines -----------------------------------------------------------------------------------------------------


def as_object(scan: Scan, scores: Sequence[Score]) -> dict[str, Any]:
    """Everything, sample by sample with its evidence."""
    counts = Counter(sample.kind for sample in scan.samples)
    return {
        "files": [{"path": path, "kind": kind, "samples": number} for path, kind, number in scan.files],
        "total": len(scan.samples),
        "counts": {kind.value: counts[kind] for kind in Kind},
        "finding": any(sample.kind.is_finding for sample in scan.samples),
        "scores": [_score_object(score) for score in scores],
        "notes": list(scan.notes),
        "samples": [_sample_object(sample) for sample in scan.samples],
    }


def _sample_object(sample: Sample) -> dict[str, Any]:
    return {
        "file": sample.file,
        "id": sample.id,
        "epoch": sample.epoch,
        "group": sample.group,
        "class": sample.kind.value,
        "standing": sample.standing.value,
        "requested": sample.requested,
        "served": sample.served,
        "turns": sample.turns,
        "turns_by_other": sample.others,
        "score": sample.score,
        "task": sample.task,
        "stratum": sample.stratum,
        "evidence": [{"class": each.kind.value, "where": each.where, "what": each.what} for each in sample.evidence],
    }


def _score_object(score: Score) -> dict[str, Any]:
    found = score.corrected
    strata = found.stratified
    return {
        "group": score.group,
        "requested": score.requested,
        "n": found.number,
        "tasks": found.tasks,
        "own": found.own,
        "other": found.other,
        "refused": found.refused,
        "unknown": found.unknown,
        "as_reported": found.reported,
        "own_only": found.own_only,
        "lower": found.bounds.lower,
        "upper": found.bounds.upper,
        "ci": _pair(found.interval),
        "monotone_lower": found.monotone,
        "stratified": None
        if strata is None
        else {
            "strata": strata.strata,
            "without_own": strata.without_own,
            "estimate": _pair(strata.estimate),
            "sensitive": _pair(strata.sensitive),
            "delta": strata.delta,
        },
        "claim": claim(found),
    }


def _pair(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.lower, interval.upper]


# --- For people -------------------------------------------------------------------------------------------------------


def as_prose(scan: Scan, scores: Sequence[Score]) -> str:
    """A summary, the first findings, and the scores."""
    counts = Counter(sample.kind for sample in scan.samples)
    total = len(scan.samples)
    lines = [f"{total:,} samples in {len(scan.files):,} {'file' if len(scan.files) == 1 else 'files'}"]
    lines += [
        f"  {kind.value:<16}{counts[kind]:>8,}  {100 * counts[kind] / total:5.1f} %  {_SAID[kind]}"
        for kind in Kind
        if counts[kind]
    ]
    lines += _findings([sample for sample in scan.samples if sample.kind.is_finding])
    lines += [line for score in scores for line in _score_lines(score)]
    lines += [f"note: {note}" for note in scan.notes]
    return "\n".join(lines)


def _findings(found: Sequence[Sample]) -> Iterator[str]:
    if not found:
        return
    yield ""
    for sample in found[:SHOWN]:
        shown = _telling(sample)
        turns = f", {sample.others} of {sample.turns} turns" if sample.kind is Kind.PARTIAL else ""
        epoch = f" epoch {sample.epoch}" if sample.epoch != 1 else ""
        yield f"{sample.kind.value}: {sample.id}{epoch}{turns}: {shown.where}: {shown.what}"
    if len(found) > SHOWN:
        yield f"... and {len(found) - SHOWN:,} more; --json lists every sample with its evidence"


def _telling(sample: Sample) -> Evidence:
    """The first evidence for the class of a finding; every finding has one."""
    wanted = Kind.SERVED_BY_OTHER if sample.kind is Kind.PARTIAL else sample.kind
    return next(each for each in sample.evidence if each.kind is wanted)


def _score_lines(score: Score) -> Iterator[str]:
    found = score.corrected
    yield ""
    yield f"score of {score.requested or 'an unnamed model'}" + (f" on {score.group}" if score.group else "")
    if found.reported is not None:
        yield f"  as reported       {found.reported:.3f}  refusals without a score counted 0"
    if found.own_only is not None:
        selected = "" if found.own == found.number else ", which are not a random part"
        yield f"  own answers only  {found.own_only:.3f}  {found.own:,} of {found.number:,} samples{selected}"
    covered = "" if found.interval is None else f"  95 % interval {_shown(found.interval)}"
    yield f"  bounds            {_shown(found.bounds)}{covered}"
    if found.other:
        yield f"  monotone          from {found.monotone:.3f}, if the requested model is never worse than the other one"
    strata = found.stratified
    if strata is not None:
        empty = f", {strata.without_own} without an own answer" if strata.without_own else ""
        sensitive = f"{_shown(strata.sensitive)} if what is missing differs by up to {strata.delta:g}"
        yield f"  by {strata.strata} strata       {_shown(strata.estimate)}{empty}; {sensitive}"
    yield f"  {claim(found)}"


def _shown(interval: Interval) -> str:
    if interval.width < 0.0005:
        return f"{interval.lower:.3f}"
    return f"{interval.lower:.3f} to {interval.upper:.3f}"
