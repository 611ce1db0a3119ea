"""Everything that is measured about a release, as one value.

Figures per domain come from rows that the release was not trained on: the held-out role of the seeded split, which the
manifest names, and whole sources that are for evaluation only. Rows of unknown domain are in no rate. Action rates per
file are over every row of the file, trained on or not, and say so. What a release catches in sources that training has
never seen, and how our own families score by weights that never saw them, is measured by `overt.learn.leave_out`,
which trains anew; with it our own cross-fitted rows join the figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.classify.stage1 import Stage1
from overt.core.domain import DOMAINS, Band, Domain
from overt.core.finding import ActingPoint
from overt.core.policy import Policy
from overt.learn.calibrate import is_benign_in, is_general
from overt.learn.corpus import Corpus, Row
from overt.learn.judged import Bench, Judgement, Progress, judge_file
from overt.learn.leave_out import LeaveOut
from overt.learn.rates import Bin, Rate, auroc, rate, recall_at, reliability
from overt.learn.release import acts
from overt.learn.split import Role, draw, split
from overt.learn.suite import Latency, SuiteResult, examine, latency, stability

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

SAMPLE: Final = 400
"""Requests in the stability and latency samples."""
HISTOGRAM_BINS: Final = 20
LEFT_OUT: Final = (
    ("cysecbench", Domain.CYBER),
    ("cse_interpreter", Domain.CYBER),
    ("catqa", Domain.CYBER),
    ("harmfulqa", Domain.CYBER),
    ("air_bench_examples", Domain.CYBER),
    ("ailuminate_demo", Domain.BIO),
    ("harmfulqa", Domain.BIO),
    ("ailuminate_demo", Domain.CHEM),
    ("catqa", Domain.CHEM),
)


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
    """The held-out figures of one domain. ``general`` and ``inside`` are false-positive rates, ``recall`` is by source
    and band, ``histogram`` counts scores of high_dual in equal bins for three kinds of rows."""

    general: Mapping[str, Rate]
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
class LeftOut:
    """Recall on sources that training had not seen, and our own rows as judged without their families."""

    sources: Mapping[Domain, Mapping[str, Rate]]
    own: Bench


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Everything that was measured."""

    files: tuple[FileActions, ...]
    domains: Mapping[Domain, DomainFigures]
    suite: SuiteResult | None
    stable_sensitive: Mapping[str, Rate]
    stable_benign: Mapping[str, Rate]
    latency: Latency
    left_out: Mapping[Domain, Mapping[str, Rate]] | None


def evaluate(
    *,
    corpus: Corpus,
    data: Path,
    requests: Path,
    stage: Stage1,
    timed: Stage1,
    policy: Policy,
    seed: int,
    leave_out: LeaveOut | None,
    progress: Progress,
) -> Evaluation:
    """Measure a release. ``timed`` is a second classifier with cold caches, for the latency."""
    judged = {path.stem: _judge(path, stage, policy, progress) for path in _files(data, requests)}
    held_out = _bench(corpus, judged, seed)
    left_out = _left_out(leave_out, stage.release.acting_points) if leave_out is not None else None
    bench = held_out if left_out is None else held_out + left_out.own
    progress("suite and stability")
    sensitive = _sample([row for row in corpus.rows if row.own and _is_sensitive(row)], seed)
    benign = _sample([row for row in corpus.rows if row.own and row.intent == "benign"], seed)
    return Evaluation(
        files=tuple(entry for name, rows in judged.items() for entry in _actions(name, rows)),
        domains={domain: figures(bench, domain) for domain in DOMAINS},
        suite=examine(requests, stage, policy),
        stable_sensitive=stability(stage, policy, sensitive),
        stable_benign=stability(stage, policy, benign),
        latency=latency(timed, _sample(held_out.rows, seed), progress),
        left_out=left_out.sources if left_out is not None else None,
    )


def _files(data: Path, requests: Path) -> list[Path]:
    return [*sorted(data.glob("*.jsonl")), *sorted(requests.glob("*.jsonl"))]


def _judge(path: Path, stage: Stage1, policy: Policy, progress: Progress) -> list[Judgement]:
    progress(f"deciding {path.name}")
    return list(judge_file(path, stage, policy))


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
        counted = Counter(judgement.action for judgement in judgements if judgement.about == about)
        yield FileActions(file=file, about=about, rows=counted.total(), actions=dict(sorted(counted.items())))


def figures(bench: Bench, domain: Domain) -> DomainFigures:
    """The held-out figures of a domain."""
    general = bench.pick(is_general)
    inside = bench.pick(lambda row: is_benign_in(row, domain))
    sensitive = bench.pick(lambda row: row.domain == domain and _is_sensitive(row))
    banded = bench.pick(lambda row: row.domain == domain and (row.label.ceiling < 2 or row.label.floor >= 2))
    scores = {
        "general": general.scores(domain),
        "benign inside": inside.scores(domain),
        "sensitive": sensitive.scores(domain),
    }
    return DomainFigures(
        general=_rates(general, lambda row: row.source, domain),
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
    return np.asarray([_is_sensitive(row) for row in bench.rows], dtype=bool)


def _is_sensitive(row: Row) -> bool:
    """Whether a row is known to be high_dual or worse."""
    return row.label.floor >= Band.HIGH_DUAL.rank and row.domain in DOMAINS


def _histogram(scores: Sequence[float]) -> tuple[int, ...]:
    counted = Counter(min(int(score * HISTOGRAM_BINS), HISTOGRAM_BINS - 1) for score in scores)
    return tuple(counted[place] for place in range(HISTOGRAM_BINS))


def _sample(rows: Sequence[Row], seed: int) -> list[str]:
    drawn = sorted(rows, key=lambda row: draw(seed, "sample", row.source, row.id))
    return [row.text for row in drawn[:SAMPLE]]


def _left_out(leave_out: LeaveOut, points: Sequence[ActingPoint]) -> LeftOut:
    sources: dict[Domain, dict[str, Rate]] = {domain: {} for domain in DOMAINS}
    for name, domain in LEFT_OUT:
        judged = leave_out.source(name, domain)
        if judged.rows:
            sources[domain][name] = rate(judged.acted)
    own = leave_out.own(points)
    flags = {domain: acts(own.scores, points, domain) for domain in DOMAINS}
    judgements = [
        _own_judgement(row, own.scores[place], next((d for d in DOMAINS if flags[d][place]), None))
        for place, row in enumerate(own.rows)
    ]
    return LeftOut(sources=sources, own=Bench(own.rows, judgements))


def _own_judgement(row: Row, numbers: Doubles, because: Domain | None) -> Judgement:
    action = "pass" if because is None else "redirect"
    return Judgement(id=row.id, about=f"{row.domain}/{row.intent}", action=action, because=because, numbers=numbers)
