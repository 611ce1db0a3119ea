"""Acting points from an operator's own benign traffic, and the release that is the same but for them.

1. The traffic is split in half by the names of its turns (`overt.learn.traffic`). One half chooses, one is held out.
2. A claim is: in this domain, at most alpha of the turns reach the acting point of this band. Each is tested by itself
   (Learn-then-Test, fixed sequence, Clopper-Pearson), in each length bucket that is promised, at an equal share of
   delta. So all claims hold together with confidence 1 - delta, in each bucket and over all of them.
3. Equal turns count as often as they were served, and the bound must also hold where each counts once: copies of one
   harmless turn prove little.
4. The loosest point that the strictest bucket allows is taken, and never one that stage 1 could reach by itself
   (`overt.classify.joint`) or below fair odds (`FLOOR`).
5. Where the negatives do not suffice there is no point, and the domain and band stay in shadow. So they do where the
   held-out half contradicts the claim: then the halves are not alike, and the bound is worth nothing.

What is shown is about turns in the languages that the release covers; nothing is found in others. Both halves are taken
to be drawn from the traffic to come. The points of other bands are the parent's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.classify.joint import CEILING
from overt.classify.model import NEVER, OUTPUTS
from overt.classify.release import MANIFEST, Parts, read_release
from overt.core.domain import BANDS, DOMAINS, Band, Domain
from overt.core.finding import ActingPoint, ErrorRate, Release
from overt.errors import BadRequest
from overt.learn.bounds import GRID_STEP, ltt_threshold
from overt.learn.calibrate import FLOOR
from overt.learn.exact import lower_bound, upper_bound
from overt.learn.release import error_rates
from overt.learn.traffic import Traffic, chooses, rows_at

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

ALPHA: Final[Mapping[Band, float]] = {Band.HIGH_DUAL: 0.001, Band.PROHIBITED: 0.0005}
DELTA: Final = 0.05
TOP: Final = 100
"""Rows per domain that a person should look at."""
METHOD: Final = "Learn-then-Test, fixed sequence, Clopper-Pearson"
UNIT: Final = "turn"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What is to be shown: a bound per band, the level at which all bounds hold together, and the upper ends (in
    characters) of the length buckets in each of which they hold; beyond the last there is one more bucket."""

    alpha: Mapping[Band, float]
    delta: float = DELTA
    lengths: tuple[int, ...] = ()

    @property
    def claims(self) -> tuple[tuple[Domain, Band], ...]:
        """Domain and band of every claim, without the band that does not exist."""
        pairs = ((domain, band) for domain in DOMAINS for band in BANDS if band in self.alpha)
        return tuple(pair for pair in pairs if _head(*pair) != NEVER)

    @property
    def buckets(self) -> tuple[tuple[int, int | None], ...]:
        """Lengths ``low`` (excluded) to ``high`` (included); everything is one bucket where none is promised."""
        ends = (*self.lengths, None)
        return tuple(zip((-1, *self.lengths), ends, strict=True))

    @property
    def share(self) -> float:
        """The part of delta that one test has."""
        return self.delta / (len(self.claims) * len(self.buckets))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """A bucket in which the negatives do not suffice: ``hits`` of ``negatives`` reach even the strictest point. With
    as many hits it would take ``needed`` of them."""

    bucket: tuple[int, int | None]
    hits: int
    negatives: int
    needed: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a claim. ``threshold`` is None in shadow, because of ``lacks`` or because it was contradicted;
    ``before`` is the parent's. ``chosen`` and ``held_out`` are hits and turns at the threshold in each half."""

    domain: Domain
    band: Band
    before: float | None
    threshold: float | None
    lacks: tuple[Lack, ...] = ()
    contradicted: bool = False
    chosen: tuple[int, int] = (0, 0)
    held_out: tuple[int, int] = (0, 0)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Recalibrated:
    """The outcomes of all claims, all acting points of the derived release, and its error rates."""

    promise: Promise
    outcomes: tuple[Outcome, ...]
    points: tuple[ActingPoint, ...]
    rates: tuple[ErrorRate, ...]


def negatives_needed(alpha: float, delta: float, hits: int) -> int:
    """The fewest negatives with which ``hits`` false positives keep the bound at alpha (classifiers.md section 3)."""
    low, high = hits, hits + 1
    while upper_bound(hits, high, delta) > alpha:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if upper_bound(hits, middle, delta) > alpha else (low, middle)
    return high


def recalibrate(parts: Parts, traffic: Traffic, promise: Promise) -> Recalibrated:
    """Test every claim on the traffic."""
    outcomes = tuple(_outcome(parts, traffic, promise, domain, band) for domain, band in promise.claims)
    chosen = {
        (each.domain, each.band): ActingPoint(domain=each.domain, band=each.band, threshold=each.threshold)
        for each in outcomes
        if each.threshold is not None
    }
    kept = {(p.domain, p.band): p for p in parts.model.release.acting_points if p.band not in promise.alpha}
    found = kept | chosen
    points = tuple(found[domain, band] for domain in DOMAINS for band in BANDS if (domain, band) in found)
    return Recalibrated(
        promise=promise,
        outcomes=outcomes,
        points=points,
        rates=error_rates(traffic.scores[~traffic.first_half()], points),
    )


def _outcome(parts: Parts, traffic: Traffic, promise: Promise, domain: Domain, band: Band) -> Outcome:
    scores = traffic.scores[:, DOMAINS.index(domain), BANDS.index(band)]
    before = parts.model.release.acting_point(domain, band)
    half, alpha = traffic.first_half(), promise.alpha[band]
    thresholds, lacks = [lowest_point(parts, band)], []
    for bucket, inside in _bucketed(traffic, promise):
        # The second test is a restriction of the first and no claim of its own: see 3 above.
        for counted in (half & inside, half & inside & traffic.distinct()):
            found = ltt_threshold(scores[counted], alpha=alpha, delta=promise.share)
            if found is None:
                lacks.append(_lack(scores[counted], bucket, alpha, promise.share))
                break
            thresholds.append(found)
    threshold = max(thresholds)
    if lacks or threshold > 1:
        return Outcome(domain=domain, band=band, before=before, threshold=None, lacks=tuple(lacks))
    chosen, held_out = _counted(scores[half], threshold), _counted(scores[~half], threshold)
    contradicted = held_out[1] > 0 and lower_bound(*held_out, promise.share) > alpha
    return Outcome(
        domain=domain,
        band=band,
        before=before,
        threshold=None if contradicted else threshold,
        contradicted=contradicted,
        chosen=chosen,
        held_out=held_out,
    )


def lowest_point(parts: Parts, band: Band) -> float:
    """No acting point is below this: fair odds, and above what stage 1 may say by itself where there are two stages."""
    alone = 0.0 if parts.joint is None else round(CEILING + GRID_STEP, 4)
    return max(FLOOR.get(band, 0.0), alone)


def _bucketed(traffic: Traffic, promise: Promise) -> Iterator[tuple[tuple[int, int | None], Flags]]:
    lengths = traffic.lengths()
    for low, high in promise.buckets:
        yield (low, high), (lengths > low) & (lengths <= (inf if high is None else high))


def _lack(scores: Doubles, bucket: tuple[int, int | None], alpha: float, delta: float) -> Lack:
    hits = _counted(scores, 1.0)[0]
    needed = negatives_needed(alpha, delta, hits)
    return Lack(bucket=bucket, hits=hits, negatives=len(scores), needed=needed)


def _counted(scores: Doubles, threshold: float) -> tuple[int, int]:
    return int((scores >= threshold).sum()), len(scores)


def _head(domain: Domain, band: Band) -> int:
    return DOMAINS.index(domain) * len(OUTPUTS) + BANDS.index(band)


def refuse_full(folder: Path) -> None:
    """Raises `BadRequest` where something would be overwritten."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise BadRequest(f"{str(folder)!r} is not an empty folder; give a new one, so that nothing is overwritten")


def write_derived(
    parent: Path, folder: Path, found: Recalibrated, traffic: Traffic, *, version: str, date: str
) -> Release:
    """Write the release ``parent`` with these acting points into an empty folder, and read it back.

    Every file but the manifest is copied byte for byte. Cards are not: they describe the parent.
    """
    refuse_full(folder)
    release, raw = read_release(parent).model.release, (parent / MANIFEST).read_bytes()
    manifest: dict[str, Any] = json.loads(raw)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (name for name in manifest["files"] if Path(name).name == name):
        (folder / name).write_bytes((parent / name).read_bytes())
    derived = manifest | {
        "version": version,
        "date": date,
        "acting_points": [{"domain": p.domain, "band": p.band, "threshold": p.threshold} for p in found.points],
        "error_rates": rate_objects(found.rates),
        "calibration": calibration(found, traffic) | {"parent": release.digest, "date": date},
        # How often our own requests were acted on was counted at the parent's acting points.
        "training": {key: value for key, value in manifest["training"].items() if key != "own_families"},
    }
    text = json.dumps(derived, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")
    return read_release(folder).model.release


def calibration(found: Recalibrated, traffic: Traffic) -> dict[str, object]:
    """What a derived manifest says about where its acting points come from."""
    half, distinct, promise = traffic.first_half(), traffic.distinct(), found.promise
    return {
        "method": METHOD,
        "unit": UNIT,
        "traffic": {
            "digest": traffic.digest,
            "turns": len(traffic.turns),
            "distinct": int(distinct.sum()),
            "unread": len(traffic.unread),
            "uncovered": traffic.uncovered,
        },
        "chosen_on": {"turns": int(half.sum()), "distinct": int((half & distinct).sum())},
        "held_out": {"turns": int((~half).sum()), "distinct": int((~half & distinct).sum())},
        "alpha": {band.value: promise.alpha[band] for band in BANDS if band in promise.alpha},
        "delta": promise.delta,
        "delta_per_test": promise.share,
        "lengths_in_characters": list(promise.lengths),
        "claims": [as_object(each) for each in found.outcomes],
    }


def as_object(outcome: Outcome) -> dict[str, object]:
    """A claim and what became of it, as JSON has it."""
    return {
        "domain": outcome.domain,
        "band": outcome.band,
        "parent": outcome.before,
        "threshold": outcome.threshold,
        "chosen_on": list(outcome.chosen),
        "held_out": list(outcome.held_out),
        "contradicted": outcome.contradicted,
        "lacks": [
            {"longer_than": low, "up_to": high, "hits": lack.hits, "negatives": lack.negatives, "needed": lack.needed}
            for lack in outcome.lacks
            for low, high in (lack.bucket,)
        ],
    }


def rate_objects(rates: Sequence[ErrorRate]) -> list[dict[str, object]]:
    """Error rates as a manifest has them."""
    return [{"domain": r.domain, "flagged": r.flagged, "negatives": r.negatives, "upper95": r.upper95} for r in rates]


def top_rows(file: Path, traffic: Traffic) -> Sequence[Mapping[str, object]]:
    """The `TOP` distinct turns of each domain that score highest for high_dual, with the rows as they were given."""
    distinct = np.flatnonzero(traffic.distinct())
    ranked: list[tuple[Domain, int, int]] = []
    for place, domain in enumerate(DOMAINS):
        high = traffic.scores[distinct, place, BANDS.index(Band.HIGH_DUAL)]
        best = distinct[np.argsort(-high, kind="stable")[:TOP]]
        ranked.extend((domain, rank, int(number)) for rank, number in enumerate(best, 1))
    rows = rows_at(file, [traffic.turns[number].line for _, _, number in ranked])
    return [
        _top_row(traffic, domain, number) | {"rank": rank, "row": rows[traffic.turns[number].line]}
        for domain, rank, number in ranked
    ]


def _top_row(traffic: Traffic, domain: Domain, number: int) -> dict[str, object]:
    turn, scores = traffic.turns[number], traffic.scores[number, DOMAINS.index(domain)]
    found = {band.value: float(scores[BANDS.index(band)]) for band in (Band.HIGH_DUAL, Band.PROHIBITED)}
    half = "choosing" if chooses(turn.name) else "held out"
    return {"domain": domain, "line": turn.line, "half": half, **found}
