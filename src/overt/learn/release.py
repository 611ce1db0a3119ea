"""The whole way from rows to a release folder, with each slow stage kept in a cache folder.

1. Load the corpus and split it. 2. Build the matrix (cached). 3. Fit the heads of stage 1 (cached, one by one). 4. Fit
them again without each fold (`overt.learn.folds`), to score its rows as unseen. 5. Platt scaling. 6. Fine-tune stage 2
in the same way (`overt.learn.second`) and join the stages, where an encoder was given. 7. Acting points and error
rates, on scores as served. 8. Write the release.
A cache entry is named by the digest of everything that it depends on, so a stale one is never read.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial, reduce
from operator import add
from pathlib import Path
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.classify.cascade import Cascade
from overt.classify.encoder import Encoder
from overt.classify.features import FORMAT, Extractor
from overt.classify.joint import CEILING, Joint
from overt.classify.model import HEADS, Calibration, Model, Weights, uncalibrated
from overt.classify.release import Card, Second, digest_of, write_release
from overt.classify.stage1 import Stage1
from overt.classify.wordpiece import WordPiece, parse_vocabulary
from overt.core.domain import BANDS, DOMAINS, Band, Domain
from overt.core.finding import ActingPoint, ErrorRate, Release
from overt.learn import cache
from overt.learn.calibrate import acting_points, is_general, matched_points, platt, top_logits
from overt.learn.corpus import Corpus, Row, load_corpus, must_pass, trainable
from overt.learn.exact import upper_bound
from overt.learn.fold import fold
from overt.learn.folds import FOLDS, fold_of
from overt.learn.heads import Head
from overt.learn.join import join, seen_by, some_of
from overt.learn.matrix import Matrix, build_matrix
from overt.learn.schedule import Schedule
from overt.learn.score import Assessor, scores_of
from overt.learn.second import Job, Tune, graphs
from overt.learn.split import Role, split
from overt.learn.train import Recipe, fit_one

Floats: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Progress: TypeAlias = Callable[[str], None]

NAME: Final = "overt-cascade"
STAGE1_NAME: Final = "overt-stage1"
"""Of a release without stage 2."""
LANGUAGES: Final = ("en", "de", "es", "fr", "ja", "pt", "zh")
"""What a release claims to cover: what it was taught in and is measured in."""
ALL: Final = -1
"""The number of the part that leaves nothing out: the release."""
CONFIDENCE: Final = 0.05


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """How stage 2 is made: from the unpacked encoder in a folder, ``workers`` at a time."""

    encoder: Path
    tune: Tune
    workers: int = 1
    schedule: Schedule = field(default_factory=Schedule)


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
    tuning: Tuning | None = None
    spared: tuple[str, ...] = ()
    """The requests of the must-pass suite."""

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


def scorer(plan: Plan, weights: Weights, calibration: Calibration, *, alone: bool = True) -> Stage1:
    """The stage 1 that these weights make, before they are released."""
    release = Release(name=NAME, version=plan.version, digest=digest_of(b"unreleased"))
    model = Model(release=release, weights=weights, calibration=calibration, wordpiece=plan.wordpiece)
    return Stage1(model, alone=alone)


@final
@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one fold, and a classifier's parts that were fitted without them. ``number`` names the fold."""

    number: int
    rows: Sequence[Row]
    weights: Weights
    graph: bytes | None = None


def stage1_parts(plan: Plan, rows: Sequence[Row], matrix: Matrix, progress: Progress) -> tuple[Part, ...]:
    """Every fold with stage-1 weights that never saw it (step 4)."""
    return tuple(_part(plan, rows, matrix, progress, number) for number in range(FOLDS))


def _part(plan: Plan, rows: Sequence[Row], matrix: Matrix, progress: Progress, number: int) -> Part:
    inside = np.asarray([fold_of(row, plan.recipe.seed) == number for row in rows])
    heads = fit_heads(plan, rows, matrix, progress, without=inside, name=f"without fold {number}")
    return Part(number, [row for row, chosen in zip(rows, inside, strict=True) if chosen], fold(heads, plan.table))


def calibrated(plan: Plan, weights: Weights, public: Sequence[Row], parts: Sequence[Part]) -> Calibration:
    """Platt scaling of stage 1 on public calibration rows and on our own, the latter cross-fitted (step 5)."""
    sets = [(weights, public), *((part.weights, [row for row in part.rows if row.own]) for part in parts)]
    logits = [top_logits(scorer(plan, each, uncalibrated()), [row.text for row in rows]) for each, rows in sets if rows]
    return platt([row for _, rows in sets for row in rows], np.concatenate(logits), plan.recipe)


@final
@dataclass(frozen=True, slots=True)
class Judged:
    """Rows that the classifiers which scored them had not seen, and their scores (rows, domains, bands)."""

    rows: Sequence[Row]
    scores: Doubles

    def __add__(self, other: Judged) -> Judged:
        return Judged([*self.rows, *other.rows], np.concatenate([self.scores, other.scores]))


def judged(classifier: Assessor, rows: Sequence[Row], progress: Progress) -> Judged:
    """Rows with their scores as served. Rows in a language that is not covered have none and are left out."""
    scores = scores_of(classifier, [row.text for row in rows], progress)
    known: Flags = np.asarray([not np.isnan(each).any() for each in scores], dtype=bool)
    return Judged([row for row, kept in zip(rows, known, strict=True) if kept], scores[known])


def spared_scores(plan: Plan, served: Assessor, progress: Progress) -> Doubles:
    """Scores (requests, domains, bands) of the must-pass suite, without languages that are not covered."""
    scores = scores_of(served, plan.spared, progress)
    return scores[[not np.isnan(each).any() for each in scores]] if len(scores) else scores


def only(found: Judged, wanted: Callable[[Row], bool]) -> Judged:
    """The rows that are wanted, with their scores."""
    kept = np.asarray([wanted(row) for row in found.rows], dtype=bool)
    return Judged([row for row, keep in zip(found.rows, kept, strict=True) if keep], found.scores[kept])


def judged_own(parts: Sequence[tuple[Part, Assessor]], progress: Progress) -> Judged:
    """Our own rows, each scored by the classifier that never saw its family."""
    found = Judged([], np.zeros((0, len(DOMAINS), len(BANDS))))
    for part, classifier in parts:
        found += judged(classifier, [row for row in part.rows if row.own], progress)
    return found


def train_release(plan: Plan, folder: Path, progress: Progress, *, folds: Path | None = None) -> Release:
    """All steps; writes the release, and into ``folds`` the classifiers that never saw a fold. Reads it back."""
    roles = split(plan.corpus, plan.recipe.seed)
    rows = trainable(plan.corpus, roles[Role.TRAIN])
    matrix = matrix_of(plan, rows, progress)
    weights = fold(fit_heads(plan, rows, matrix, progress), plan.table)
    parts = stage1_parts(plan, rows, matrix, progress)
    progress("calibrating stage 1")
    scaling = trainable(plan.corpus, roles[Role.CALIBRATE])
    calibration = calibrated(plan, weights, scaling, parts)
    whole, parts = with_graphs(plan, rows, Part(ALL, (), weights), parts, progress)
    joint = joined(plan, scaling, whole, parts, calibration, progress)
    made = Made(plan, calibration, joint)
    own = judged_own([(part, made.classifier(part)) for part in parts], progress)
    served = made.classifier(whole)
    bounding = [row for row in roles[Role.THRESHOLD] if row.kind != "preamble"]
    progress(f"acting points on {len(bounding):,} rows")
    bound = judged(served, bounding, progress) + own
    points = acting_points(
        bound.rows, bound.scores, above=0.0 if joint is None else CEILING, spared=spared_scores(plan, served, progress)
    )
    negatives = [row for row in roles[Role.HELD_OUT] if is_general(row)]
    progress(f"error rates on {len(negatives):,} held-out negatives")
    held_out = judged(served, negatives, progress)
    rates = error_rates(held_out.scores, points)
    training = {**summary(plan, roles, rows), "own_families": own_actions(own, points)}
    name = STAGE1_NAME if whole.graph is None else NAME
    card = Card(
        name=name,
        version=plan.version,
        date=plan.date,
        acting_points=points,
        error_rates=rates,
        training=training,
    )
    if folds is not None:
        everyday = held_out + only(bound, lambda row: is_general(row) and not row.own)
        for part in parts:
            progress(f"acting points of fold {part.number}, where it is wrong as often as the release")
            other = judged(made.classifier(part), everyday.rows, progress)
            same = replace(card, acting_points=matched_points(points, everyday.scores, other.scores))
            made.write(folds / f"fold-{part.number}", replace(same, name=f"{name}-fold-{part.number}"), part)
    return made.write(folder, card, whole)


def with_graphs(
    plan: Plan, rows: Sequence[Row], whole: Part, parts: Sequence[Part], progress: Progress
) -> tuple[Part, tuple[Part, ...]]:
    """The parts with their graphs of stage 2 (step 6); as they are where the plan has no tuning."""
    tuning = plan.tuning
    if tuning is None:
        return whole, tuple(parts)
    with tempfile.TemporaryDirectory() as passing:
        jobs = [
            Job(
                name="all" if part.number == ALL else f"without fold {part.number}",
                rows=tuple(row for row in rows if part.number == ALL or fold_of(row, plan.recipe.seed) != part.number),
                encoder=tuning.encoder,
                vocabulary=plan.vocabulary,
                recipe=plan.recipe,
                schedule=tuning.schedule,
                folder=plan.cache or Path(passing),
            )
            for part in (*parts, whole)
        ]
        made = graphs(jobs, tuning.workers, tuning.tune, progress)
    filled = [replace(part, graph=graph) for part, graph in zip((*parts, whole), made, strict=True)]
    return filled[-1], tuple(filled[:-1])


def joined(
    plan: Plan,
    scaling: Sequence[Row],
    whole: Part,
    parts: Sequence[Part],
    calibration: Calibration,
    progress: Progress,
) -> Joint | None:
    """How the stages join, fitted on rows that neither had seen; None without stage 2."""
    if whole.graph is None:
        return None
    progress("joining the stages")
    sets = [(whole, some_of(scaling)), *((part, some_of(part.rows)) for part in parts)]
    seen = [
        seen_by(rows, scorer(plan, part.weights, calibration, alone=False), Encoder(part.graph, plan.wordpiece))
        for part, rows in sets
        if part.graph is not None
    ]
    return join(reduce(add, seen), plan.recipe)


@final
@dataclass(frozen=True, slots=True)
class Made:
    """What every classifier of one training run shares."""

    plan: Plan
    calibration: Calibration
    joint: Joint | None

    def classifier(self, part: Part) -> Cascade | Stage1:
        """The classifier of a part, before it is released: no acting points, no spans to trace."""
        if part.graph is None or self.joint is None:
            return scorer(self.plan, part.weights, self.calibration)
        stage1 = scorer(self.plan, part.weights, self.calibration, alone=False)
        return Cascade(stage1, Encoder(part.graph, self.plan.wordpiece), self.joint, frozenset(LANGUAGES))

    def write(self, folder: Path, card: Card, part: Part) -> Release:
        """Write the release of a part."""
        second = None if part.graph is None or self.joint is None else Second(part.graph, self.joint, LANGUAGES)
        return write_release(
            folder,
            card=card,
            weights=part.weights,
            calibration=self.calibration,
            vocabulary=self.plan.vocabulary,
            second=second,
        )


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
    tuning: Tuning | None = None,
) -> Plan:
    """A plan over files (step 1)."""
    corpus = load_corpus(data, requests)
    return Plan(
        corpus=corpus,
        vocabulary=vocabulary,
        table=table,
        recipe=recipe,
        version=version,
        date=date,
        cache=cache_folder,
        tuning=tuning,
        spared=must_pass(requests),
    )
