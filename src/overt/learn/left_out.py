"""What the classifiers that never saw a fold make of it: the figure to expect on requests from elsewhere.

``overt train`` leaves a release per fold beside the shipped one: the same training, calibration, gates and acting
points, without the fold's public sources and a third of our own families. Each judges its own fold, as served. Several
sources are left out at once, which is stricter than leaving out one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np

from overt.classify.release import read_release
from overt.core.domain import DOMAINS, Band, Domain
from overt.core.policy import Policy
from overt.errors import BadRelease
from overt.learn.corpus import Corpus, Row, is_sensitive
from overt.learn.folds import FOLDS, fold_of
from overt.learn.judged import Bench, Progress, judge_rows
from overt.learn.rates import Rate, auroc, rate

TOPIC_ROWS: Final = 400
"""Rows of a left-out source that its topic is measured on."""
GENERAL_ROWS: Final = 6_000
FEWEST: Final = 20
"""A source with fewer rows on a topic gives no AUROC."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """``bench`` holds all rows that were judged, each by a classifier that never saw its source or family; ``recall``
    the sensitive ones acted on, by source; ``topic`` the AUROC of the topic against general traffic, by source."""

    bench: Bench
    recall: Mapping[Domain, Mapping[str, Rate]]
    topic: Mapping[Domain, Mapping[str, float]]

    @property
    def own(self) -> Bench:
        """Our own requests."""
        return self.bench.pick(lambda row: row.own)


def judge_left_out(
    folds: Path, corpus: Corpus, general: Sequence[Row], policy: Policy, seed: int, progress: Progress
) -> LeftOut:
    """Judge every fold by its release under ``folds``; ``general`` are held-out benign rows about no domain."""
    bench = Bench([], [])
    topic: dict[Domain, dict[str, float]] = {domain: {} for domain in DOMAINS}
    for number in range(FOLDS):
        folder = folds / f"fold-{number}"
        if not folder.is_dir():
            raise BadRelease(f"no release of fold {number} at {str(folder)!r}; run `overt train --folds {folds!s}`")
        classifier = read_release(folder).classifier(traces=False)
        rows = _wanted([row for row in corpus.rows if fold_of(row, seed) == number])
        progress(f"judging fold {number}: {len(rows):,} rows that its classifier never saw")
        judged = Bench(rows, judge_rows(rows, classifier, policy))
        everyday = general[:: max(1, len(general) // GENERAL_ROWS)]
        negatives = Bench(everyday, judge_rows(everyday, classifier, policy))
        _topics(judged, negatives, topic)
        bench += judged
    return LeftOut(bench=bench, recall=_recall(bench), topic=topic)


def _wanted(rows: Sequence[Row]) -> list[Row]:
    """All of our own and all sensitive rows; of the others the first of each source. Preambles never decide."""
    taken: dict[str, int] = {}
    kept = []
    for row in rows:
        taken[row.source] = taken.get(row.source, 0) + 1
        if row.kind != "preamble" and (row.own or is_sensitive(row) or taken[row.source] <= TOPIC_ROWS):
            kept.append(row)
    return kept


def _topics(judged: Bench, negatives: Bench, topic: Mapping[Domain, dict[str, float]]) -> None:
    for place, domain in enumerate(DOMAINS):
        about = judged.pick(_is_about(place, domain)).covered()
        against = negatives.covered().scores(domain, Band.BENIGN)
        for name, part in about.by(lambda row: row.source).items():
            value = auroc(part.scores(domain, Band.BENIGN), against)
            if value is not None and len(part.rows) >= FEWEST:
                topic[domain][name] = value


def _is_about(place: int, domain: Domain) -> Callable[[Row], bool]:
    return lambda row: bool(row.label.topics[place]) and row.domain == domain


def _recall(bench: Bench) -> Mapping[Domain, Mapping[str, Rate]]:
    public = bench.pick(lambda row: is_sensitive(row) and not row.own)
    return {domain: _by_source(public, domain) for domain in DOMAINS}


def _by_source(bench: Bench, domain: Domain) -> Mapping[str, Rate]:
    """Rows of languages that are not covered are named apart: nobody claims to catch them."""
    found: dict[str, Rate] = {}
    for name, part in bench.pick(lambda row: row.domain == domain).by(lambda row: row.source).items():
        covered = part.covered()
        found[name] = rate(covered.acted())
        if len(covered.rows) < len(part.rows):
            missing = len(part.rows) - len(covered.rows)
            found[f"{name}, language not covered"] = Rate(0, missing)
    return found


def pooled(rates: Mapping[str, Rate]) -> Rate:
    """All sources together, languages that are not covered left aside."""
    return sum((found for name, found in rates.items() if "not covered" not in name), Rate(0, 0))


def mean_share(rates: Mapping[str, Rate]) -> float | None:
    """The mean over sources, so that a large one does not speak for all."""
    shares = [r.share for name, r in rates.items() if "not covered" not in name and r.share is not None]
    return float(np.mean(shares)) if shares else None
