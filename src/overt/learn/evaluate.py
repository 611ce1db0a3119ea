"""Everything that is measured about a release, as one value.

Figures per domain come from rows that the release was not trained on: the held-out role of the seeded split, which the
manifest names, and whole sources that are for evaluation only. Rows of unknown domain are in no rate. Action rates per
file are over every row of the file, trained on or not, and say so. What a release catches in sources and families that
it has never seen is measured on the classifiers of the folds (`overt.learn.left_out`); with them our own rows join the
figures, each judged by the classifier that never saw its family. Rows in a language that is not covered are in no rate
but their own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.classify.cascade import Cascade
from overt.core.domain import DOMAINS, Domain
from overt.core.policy import Policy
from overt.learn.calibrate import is_benign_in, is_general
from overt.learn.corpus import Corpus, Row, is_sensitive
from overt.learn.cost import CostPoint, cost_curve
from overt.learn.judged import Bench, Judgement, Progress, judge_file
from overt.learn.left_out import LeftOut, judge_left_out
from overt.learn.rates import Bin, Rate, auroc, rate, recall_at, reliability
from overt.learn.robust import Robustness, robustness
from overt.learn.score import Assessor
from overt.learn.split import Role, draw, split
from overt.learn.suite import Latency, ParaphraseResult, SuiteResult, examine, latency, paraphrase_stability, stability

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

SAMPLE: Final = 400
"""Requests in the stability and latency samples."""
HISTOGRAM_BINS: Final = 20
NOT_COVERED: Final = "language not covered"
LENGTHS: Final = ((60, "to 60 characters"), (200, "61 to 200"), (600, "201 to 600"), (2_000, "601 to 2,000"))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FileActions:
    """What was done with the rows of one file that the source describes alike."""

    file: str
    about: str
    rows: int
    actions: Mapping[str, int]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DomainFigures:
    """The held-out figures of one domain. ``general`` (real everyday requests), ``traps`` (our own everyday requests,
    many of them written to look suspicious) and ``inside`` are false-positive rates, ``recall`` is by source and band,
    ``histogram`` counts scores of high_dual in equal bins for three kinds of rows."""

    general: Mapping[str, Rate]
    traps: Mapping[str, Rate]
    inside: Mapping[str, Rate]
    recall: Mapping[str, Rate]
    by_language: Mapping[str, Rate]
    auroc_general: float | None
    auroc_inside: float | None
    recall_general_01: float | None
    recall_inside_1: float | None
    calibration: tuple[Bin, ...]
    histogram: Mapping[str, tuple[int, ...]]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageFigures:
    """One language: benign requests about no domain acted on, sensitive ones acted on (judged as unseen), and the rows
    that got no probability because the language is not covered, of all rows."""

    general: Rate
    recall: Rate
    uncovered: Rate


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Everything that was measured. What needs the classifiers of the folds is None without them."""

    files: tuple[FileActions, ...]
    domains: Mapping[Domain, DomainFigures]
    suite: SuiteResult | None
    stable_sensitive: Mapping[str, Rate]
    stable_benign: Mapping[str, Rate]
    paraphrased: ParaphraseResult | None
    robustness: Robustness
    languages: Mapping[str, LanguageFigures]
    lengths: Mapping[str, LanguageFigures]
    looked_again: Rate
    cost: tuple[CostPoint, ...]
    latency: Latency
    left_out: Mapping[Domain, Mapping[str, Rate]] | None
    topic_auroc: Mapping[Domain, Mapping[str, float]] | None
    second_annotator: Mapping[str, Mapping[str, Rate]] | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is measured, on what. ``timed`` is a second classifier with cold caches, which also traces its triggers, for
    latency and deleted spans; ``folds`` the folder of the classifiers that never saw a fold, None to do without."""

    corpus: Corpus
    data: Path
    requests: Path
    labels: Path
    classifier: Assessor
    timed: Assessor
    policy: Policy
    seed: int
    folds: Path | None


def evaluate(task: Task, progress: Progress) -> Evaluation:
    """Measure a release."""
    judged = {path.stem: _judge(path, task, progress) for path in _files(task.data, task.requests)}
    held_out = _bench(task.corpus, judged, task.seed)
    left = _left_out(task, held_out, progress)
    unseen = held_out if left is None else held_out + left.own
    progress("suite and stability")
    sensitive = _sample([row for row in task.corpus.rows if row.own and is_sensitive(row)], task.seed)
    benign = _sample([row for row in task.corpus.rows if row.own and row.intent == "benign"], task.seed)
    everyday = held_out.pick(is_general).covered()
    spent = latency(task.timed, _sample(held_out.rows, task.seed), progress)
    return Evaluation(
        files=tuple(entry for name, rows in judged.items() for entry in _actions(name, rows)),
        domains={domain: figures(unseen.covered(), domain) for domain in DOMAINS},
        suite=examine(task.requests, task.classifier, task.policy),
        stable_sensitive=stability(task.classifier, task.policy, sensitive),
        stable_benign=stability(task.classifier, task.policy, benign),
        paraphrased=paraphrase_stability(task.requests, task.classifier, task.policy),
        robustness=robustness(task.classifier, task.timed, task.policy, sensitive, task.requests, progress),
        languages=_grouped(held_out, left, lambda row: row.lang),
        lengths=_grouped(held_out, left, _length),
        looked_again=rate(np.asarray([judgement.looked_again for judgement in everyday.judgements], bool)),
        cost=_cost(task, everyday, sensitive),
        latency=spent,
        left_out=left.recall if left is not None else None,
        topic_auroc=left.topic if left is not None else None,
        second_annotator=_relabelled(left.bench, task.labels) if left is not None else None,
    )


def _cost(task: Task, everyday: Bench, sensitive: Sequence[str]) -> tuple[CostPoint, ...]:
    """Nothing for a release of stage 1 alone."""
    if not isinstance(task.classifier, Cascade):
        return ()
    return cost_curve(task.classifier, [row.text for row in everyday.rows], sensitive)


def _left_out(task: Task, held_out: Bench, progress: Progress) -> LeftOut | None:
    if task.folds is None:
        return None
    general = [row for row in held_out.rows if is_general(row)]
    return judge_left_out(task.folds, task.corpus, general, task.policy, task.seed, progress)


def _grouped(held_out: Bench, left: LeftOut | None, key: Callable[[Row], str]) -> Mapping[str, LanguageFigures]:
    """False positives of held-out everyday requests, and recall by classifiers that never saw the request, by group."""
    everyday = held_out.pick(is_general)
    sensitive = Bench([], []) if left is None else left.bench.pick(is_sensitive)
    groups = sorted({key(row) for row in (*everyday.rows, *sensitive.rows)})
    return {group: _group(everyday, sensitive, _in_group(key, group)) for group in groups}


def _in_group(key: Callable[[Row], str], group: str) -> Callable[[Row], bool]:
    return lambda row: key(row) == group


def _group(everyday: Bench, sensitive: Bench, inside: Callable[[Row], bool]) -> LanguageFigures:
    benign, harmful = everyday.pick(inside), sensitive.pick(inside)
    every = [*benign.judgements, *harmful.judgements]
    return LanguageFigures(
        general=rate(benign.covered().acted()),
        recall=rate(harmful.covered().acted()),
        uncovered=rate(np.asarray([judgement.uncovered for judgement in every], bool)),
    )


def _length(row: Row) -> str:
    """The bucket of a request by its length in characters."""
    return next((name for most, name in LENGTHS if len(row.text) <= most), "over 2,000 characters")


def _relabelled(bench: Bench, labels: Path) -> Mapping[str, Mapping[str, Rate]]:
    """Rows of unseen sources by the band that a second annotator gave them, blind: acted on, by source and band."""
    path = labels / "second_annotator.jsonl"
    if not path.is_file():
        return {}
    bands = {row["id"]: str(row["band"]) for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
    known = bench.pick(lambda row: row.id in bands).covered()
    return {
        source: {band: rate(part.acted()) for band, part in rows.by(lambda row: bands[row.id]).items()}
        for source, rows in known.by(lambda row: row.source).items()
    }


def _files(data: Path, requests: Path) -> list[Path]:
    return [*sorted(data.glob("*.jsonl")), *sorted(requests.glob("*.jsonl"))]


def _judge(path: Path, task: Task, progress: Progress) -> list[Judgement]:
    progress(f"deciding {path.name}")
    return list(judge_file(path, task.classifier, task.policy))


def _bench(corpus: Corpus, judged: Mapping[str, Sequence[Judgement]], seed: int) -> Bench:
    """The held-out rows with their judgements."""
    known = {(file, judgement.id): judgement for file, rows in judged.items() for judgement in rows}
    held_out = [row for row in split(corpus, seed)[Role.HELD_OUT] if row.kind != "preamble"]
    pairs = [(row, known.get((_file(row), row.id))) for row in held_out]
    found = [(row, judgement) for row, judgement in pairs if judgement is not None and judgement.error is None]
    return Bench([row for row, _ in found], [judgement for _, judgement in found])


def _file(row: Row) -> str:
    return row.source.partition("-")[2] if row.own else row.source


def _actions(file: str, judgements: Sequence[Judgement]) -> Iterable[FileActions]:
    for about in sorted({judgement.about for judgement in judgements}):
        counted = Counter(_outcome(judgement) for judgement in judgements if judgement.about == about)
        yield FileActions(file=file, about=about, rows=counted.total(), actions=dict(sorted(counted.items())))


def _outcome(judgement: Judgement) -> str:
    """The action, or that there was nothing to rest one on."""
    return NOT_COVERED if judgement.uncovered else judgement.action


def figures(bench: Bench, domain: Domain) -> DomainFigures:
    """The held-out figures of a domain."""
    general = bench.pick(is_general)
    inside = bench.pick(lambda row: is_benign_in(row, domain))
    sensitive = bench.pick(lambda row: row.domain == domain and is_sensitive(row))
    banded = bench.pick(lambda row: row.domain == domain and (row.label.ceiling < 2 or row.label.floor >= 2))
    scores = {
        "general": general.scores(domain),
        "benign inside": inside.scores(domain),
        "sensitive": sensitive.scores(domain),
    }
    return DomainFigures(
        general=_rates(general.pick(lambda row: not row.own), lambda row: row.source, domain),
        traps=_rates(general.pick(lambda row: row.own), lambda row: row.source, domain),
        inside=_rates(inside, lambda row: row.source, None),
        recall=_rates(sensitive.pick(lambda row: not row.own), lambda row: f"{row.source}, {row.intent}", None),
        by_language=_rates(sensitive, lambda row: row.lang, None),
        auroc_general=auroc(scores["sensitive"], scores["general"]),
        auroc_inside=auroc(scores["sensitive"], scores["benign inside"]),
        recall_general_01=recall_at(scores["sensitive"], scores["general"], 0.001),
        recall_inside_1=recall_at(scores["sensitive"], scores["benign inside"], 0.01),
        calibration=reliability(banded.scores(domain), _sensitive_flags(banded)),
        histogram={name: _histogram(values.tolist()) for name, values in scores.items()},
    )


def _rates(bench: Bench, key: Callable[[Row], str], domain: Domain | None) -> Mapping[str, Rate]:
    return {name: rate(part.acted(domain)) for name, part in bench.by(key).items()}


def _sensitive_flags(bench: Bench) -> Flags:
    return np.asarray([is_sensitive(row) for row in bench.rows], dtype=bool)


def _histogram(scores: Sequence[float]) -> tuple[int, ...]:
    counted = Counter(min(int(score * HISTOGRAM_BINS), HISTOGRAM_BINS - 1) for score in scores)
    return tuple(counted[place] for place in range(HISTOGRAM_BINS))


def _sample(rows: Sequence[Row], seed: int) -> list[str]:
    drawn = sorted(rows, key=lambda row: draw(seed, "sample", row.source, row.id))
    return [row.text for row in drawn[:SAMPLE]]
