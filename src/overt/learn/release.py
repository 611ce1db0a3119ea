"""The whole way from rows to a release folder, with each slow stage kept in a cache folder.

1. Load the corpus and split it. 2. Build the matrix (cached). 3. Fit the heads (cached, one by one). 4. Fold, and score
with them uncalibrated. 5. Platt scaling. 6. Acting points and error rates, on scores as served. 7. Write the release.
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
from overt.core.domain import BANDS, DOMAINS, Band
from overt.core.finding import ActingPoint, ErrorRate, Release
from overt.learn import cache
from overt.learn.bounds import upper_bound
from overt.learn.calibrate import acting_points, is_general, platt, top_logits
from overt.learn.corpus import Corpus, Row, load_corpus, trainable
from overt.learn.fold import fold
from overt.learn.heads import Head
from overt.learn.matrix import Matrix, build_matrix
from overt.learn.score import scores_of
from overt.learn.split import Role, split
from overt.learn.train import Recipe, fit_one

Floats: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]
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


def fit_heads(plan: Plan, rows: Sequence[Row], progress: Progress) -> Mapping[str, Head | None]:
    """Every head, fitted on these rows (steps 2 and 3)."""
    matrix = matrix_of(plan, rows, progress)
    basis = matrix_name(plan, rows)
    labels = cache.digest_of(basis, plan.recipe, *(row.label for row in rows))
    heads: dict[str, Head | None] = {}
    for name in HEADS:
        progress(f"fitting {name}")
        heads[name] = cache.kept_head(
            plan.cache, f"head-{name}-{labels}", partial(fit_one, rows, matrix, name, plan.recipe)
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


def calibrated(plan: Plan, weights: Weights, rows: Sequence[Row]) -> Calibration:
    """Platt scaling on the calibration rows (step 5)."""
    logits = top_logits(scorer(plan, weights, uncalibrated()), [row.text for row in rows])
    return platt(rows, logits, plan.recipe)


def train_release(plan: Plan, folder: Path, progress: Progress) -> Release:
    """All steps; writes the release and reads it back."""
    roles = split(plan.corpus, plan.recipe.seed)
    rows = trainable(plan.corpus, roles[Role.TRAIN])
    weights = fold(fit_heads(plan, rows, progress), plan.table)
    progress("calibrating")
    calibration = calibrated(plan, weights, trainable(plan.corpus, roles[Role.CALIBRATE]))
    stage = scorer(plan, weights, calibration)
    bounding = [row for row in roles[Role.THRESHOLD] if row.kind != "preamble"]
    progress(f"acting points on {len(bounding):,} rows")
    points = acting_points(bounding, scores_of(stage, [row.text for row in bounding], progress))
    negatives = [row for row in roles[Role.HELD_OUT] if is_general(row)]
    progress(f"error rates on {len(negatives):,} held-out negatives")
    rates = error_rates(scores_of(stage, [row.text for row in negatives], progress), points)
    card = Card(
        name=NAME,
        version=plan.version,
        date=plan.date,
        acting_points=points,
        error_rates=rates,
        training=summary(plan, roles, rows),
    )
    return write_release(folder, card=card, weights=weights, calibration=calibration, vocabulary=plan.vocabulary)


def error_rates(scores: Doubles, points: Sequence[ActingPoint]) -> tuple[ErrorRate, ...]:
    """How many held-out negatives reach the acting point of high_dual, per domain that has one."""
    found = []
    for place, domain in enumerate(DOMAINS):
        threshold = next((p.threshold for p in points if p.domain is domain and p.band is Band.HIGH_DUAL), None)
        if threshold is not None:
            flagged = int((scores[:, place, BANDS.index(Band.HIGH_DUAL)] >= threshold).sum())
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
