"""The whole way from rows to a release folder, with each slow stage kept in a cache folder.

1. Load the corpus and split it. 2. Build the matrix (cached). 3. Fit the heads (cached, one by one). 4. Fit them again
without each part of our own families, to score those as unseen. 5. Platt scaling. 6. Acting points and error rates, on
scores as served. 7. Write the release.
A cache entry is named by the digest of everything that it depends on, so a stale one is never read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.classify.features import FORMAT, Extractor
from overt.classify.model import HEADS, Calibration, Model, Weights, uncalibrated
from overt.classify.release import Card, digest_of, write_release
from overt.classify.stage1 import Stage1
from overt.classify.wordpiece import WordPiece, parse_vocabulary
from overt.core.domain import BANDS, DOMAINS, Band, Domain
from overt.core.finding import ActingPoint, ErrorRate, Release
from overt.learn import cache
from overt.learn.bounds import upper_bound
from overt.learn.calibrate import acting_points, is_general, platt, top_logits
from overt.learn.corpus import Corpus, Row, load_corpus, trainable
from overt.learn.fold import fold
from overt.learn.heads import Head
from overt.learn.matrix import Matrix, build_matrix
from overt.learn.score import scores_of
from overt.learn.split import FOLDS, Role, part_of, split
from overt.learn.train import Recipe, fit_one

Floats: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Progress: TypeAlias = Callable[[str], None]

NAME: Final = "overt-stage1"
CONFIDENCE: Final = 0.05


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a training run rests on. ``table`` is the static table, all zeros where none is used."""

    corpus: Corpus
    vocabulary: bytes
    table: Floats
    recipe: Recipe
    version: str
    date: str
    cache: Path | None = None

    @property
    def wordpiece(self) -> WordPiece:
        """The word pieces of the vocabulary."""
        return WordPiece(parse_vocabulary(self.vocabulary, "vocab.txt"))


def fit_heads(
    plan: Plan,
    rows: Sequence[Row],
    matrix: Matrix,
    progress: Progress,
    *,
    without: Flags | None = None,
    name: str = "all",
) -> Mapping[str, Head | None]:
    """Every head, fitted on these rows, or on all but some of them (step 3). ``name`` says which in the cache."""
    lines = matrix if without is None else matrix.of_rows(~without)
    basis = cache.digest_of(name, matrix_name(plan, rows), plan.recipe, *(row.label for row in rows))
    heads: dict[str, Head | None] = {}
    for head in HEADS:
        progress(f"fitting {head} ({name})")
        heads[head] = cache.kept_head(
            plan.cache, f"head-{head}-{basis}", partial(fit_one, rows, lines, head, plan.recipe)
        )
    return heads


def matrix_name(plan: Plan, rows: Sequence[Row]) -> str:
    """The name under which the features of these rows are kept."""
    basis = (FORMAT, digest_of(plan.table.tobytes()), plan.recipe.seed)
    return f"matrix-{cache.digest_of(*basis, *(row.text for row in rows))}"


def matrix_of(plan: Plan, rows: Sequence[Row], progress: Progress) -> Matrix:
    """The features of these rows (step 2)."""
    progress(f"features of {len(rows):,} rows")
    texts = [row.text for row in rows]
    name = matrix_name(plan, rows)
    return cache.kept_matrix(plan.cache, name, lambda: build_matrix(texts, Extractor(plan.wordpiece), plan.table))


def scorer(plan: Plan, weights: Weights, calibration: Calibration) -> Stage1:
    """The classifier that these weights make, before they are released."""
    release = Release(name=NAME, version=plan.version, digest=digest_of(b"unreleased"))
    model = Model(release=release, weights=weights, calibration=calibration, wordpiece=plan.wordpiece)
    return Stage1(model)


@final
@dataclass(frozen=True, slots=True)
class Part:
    """Some of our own rows, and weights that were fitted without their families."""

    rows: Sequence[Row]
    weights: Weights


def own_parts(plan: Plan, rows: Sequence[Row], matrix: Matrix, progress: Progress) -> tuple[Part, ...]:
    """Our own rows in parts, each with weights that never saw it (step 4)."""
    return tuple(_own_part(plan, rows, matrix, progress, number) for number in range(FOLDS))


def _own_part(plan: Plan, rows: Sequence[Row], matrix: Matrix, progress: Progress, number: int) -> Part:
    inside = np.asarray([row.own and part_of(row, plan.recipe.seed) == number for row in rows])
    heads = fit_heads(plan, rows, matrix, progress, without=inside, name=f"without part {number} of our own")
    return Part([row for row, chosen in zip(rows, inside, strict=True) if chosen], fold(heads, plan.table))


def calibrated(plan: Plan, weights: Weights, public: Sequence[Row], parts: Sequence[Part]) -> Calibration:
    """Platt scaling on public calibration rows and on our own, the latter cross-fitted (step 5)."""
    sets = [(weights, public), *((part.weights, part.rows) for part in parts)]
    logits = [top_logits(scorer(plan, each, uncalibrated()), [row.text for row in rows]) for each, rows in sets if rows]
    return platt([row for _, rows in sets for row in rows], np.concatenate(logits), plan.recipe)


@final
@dataclass(frozen=True, slots=True)
class Judged:
    """Rows that the weights which scored them had not seen, and their scores (rows, domains, bands)."""

    rows: Sequence[Row]
    scores: Doubles

    def __add__(self, other: Judged) -> Judged:
        return Judged([*self.rows, *other.rows], np.concatenate([self.scores, other.scores]))


def judged(stage: Stage1, rows: Sequence[Row], progress: Progress) -> Judged:
    """Rows with their scores as served."""
    return Judged(rows, scores_of(stage, [row.text for row in rows], progress))


def judged_own(plan: Plan, parts: Sequence[Part], calibration: Calibration, progress: Progress) -> Judged:
    """Our own rows, each scored by the weights that never saw its family."""
    found = Judged([], np.zeros((0, len(DOMAINS), len(BANDS))))
    for part in parts:
        found += judged(scorer(plan, part.weights, calibration), part.rows, progress)
    return found


def train_release(plan: Plan, folder: Path, progress: Progress) -> Release:
    """All steps; writes the release and reads it back."""
    roles = split(plan.corpus, plan.recipe.seed)
    rows = trainable(plan.corpus, roles[Role.TRAIN])
    matrix = matrix_of(plan, rows, progress)
    weights = fold(fit_heads(plan, rows, matrix, progress), plan.table)
    parts = own_parts(plan, rows, matrix, progress)
    progress("calibrating")
    calibration = calibrated(plan, weights, trainable(plan.corpus, roles[Role.CALIBRATE]), parts)
    own = judged_own(plan, parts, calibration, progress)
    stage = scorer(plan, weights, calibration)
    bounding = [row for row in roles[Role.THRESHOLD] if row.kind != "preamble"]
    progress(f"acting points on {len(bounding):,} rows")
    bound = judged(stage, bounding, progress) + own
    points = acting_points(bound.rows, bound.scores)
    negatives = [row for row in roles[Role.HELD_OUT] if is_general(row)]
    progress(f"error rates on {len(negatives):,} held-out negatives")
    rates = error_rates(judged(stage, negatives, progress).scores, points)
    card = Card(
        name=NAME,
        version=plan.version,
        date=plan.date,
        acting_points=points,
        error_rates=rates,
        training={**summary(plan, roles, rows), "own_families": own_actions(own, points)},
    )
    return write_release(folder, card=card, weights=weights, calibration=calibration, vocabulary=plan.vocabulary)


def own_actions(own: Judged, points: Sequence[ActingPoint]) -> Mapping[str, Mapping[str, Sequence[int]]]:
    """By domain and band of our own cross-fitted requests: on how many the default policy acts, and of how many."""
    acted = np.any([acts(own.scores, points, domain) for domain in DOMAINS], axis=0)
    counted: dict[str, dict[str, list[int]]] = {}
    for row, flag in zip(own.rows, acted, strict=True):
        count = counted.setdefault(row.domain, {}).setdefault(row.intent, [0, 0])
        count[0] += int(flag)
        count[1] += 1
    return counted


def acts(scores: Doubles, points: Sequence[ActingPoint], domain: Domain) -> Flags:
    """Which rows the default policy acts on for a domain: high_dual or prohibited reaches its acting point."""
    place = DOMAINS.index(domain)
    found = np.zeros(len(scores), dtype=bool)
    for band in (Band.HIGH_DUAL, Band.PROHIBITED):
        threshold = next((p.threshold for p in points if p.domain is domain and p.band is band), None)
        if threshold is not None:
            found |= scores[:, place, BANDS.index(band)] >= threshold
    return found


def error_rates(scores: Doubles, points: Sequence[ActingPoint]) -> tuple[ErrorRate, ...]:
    """On how many held-out negatives the default policy acts, per domain that has an acting point for it."""
    found = []
    for domain in DOMAINS:
        if any(point.domain is domain and point.band is Band.HIGH_DUAL for point in points):
            flagged = int(acts(scores, points, domain).sum())
            bound = upper_bound(flagged, len(scores), CONFIDENCE)
            found.append(ErrorRate(domain=domain, flagged=flagged, negatives=len(scores), upper95=round(bound, 6)))
    return tuple(found)


def summary(plan: Plan, roles: Mapping[Role, Sequence[Row]], trained: Sequence[Row]) -> Mapping[str, object]:
    """What a manifest says about the training: rows per source with its licence, rows per role, the recipe."""
    counted = Counter(row.source for row in trained)
    return {
        "recipe": asdict(plan.recipe),
        "rows": {role.value: len(rows) for role, rows in roles.items()},
        "sources": {
            row.source: {"licence": plan.corpus.source_of(row).licence, "rows": counted[row.source]}
            for row in {row.source: row for row in trained}.values()
        },
    }


def load_plan(
    *,
    data: Path | None,
    requests: Path,
    vocabulary: bytes,
    table: Floats,
    recipe: Recipe,
    version: str,
    date: str,
    cache_folder: Path | None,
) -> Plan:
    """A plan over files (step 1)."""
    corpus = load_corpus(data, requests)
    return Plan(
        corpus=corpus, vocabulary=vocabulary, table=table, recipe=recipe, version=version, date=date, cache=cache_folder
    )
