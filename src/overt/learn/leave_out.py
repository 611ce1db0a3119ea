"""What a release catches in sources and families that its training has never seen.

Leave one source out: everything of a source is taken from training, calibration and thresholds; the heads of one domain
are fitted and bounded anew; then the source's own rows are scored as served. Our own requests are one source in many
families, so they are left out a fold of families at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.classify.model import HEADS
from overt.classify.stage1 import Stage1
from overt.core.domain import BANDS, DOMAINS, Band, Domain
from overt.core.finding import ActingPoint
from overt.learn import cache
from overt.learn.calibrate import acting_points
from overt.learn.corpus import Row, trainable
from overt.learn.fold import fold
from overt.learn.heads import Head
from overt.learn.release import Plan, Progress, calibrated, matrix_of, scorer
from overt.learn.score import scores_of
from overt.learn.split import Role, draw
from overt.learn.train import fit_one

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

FOLDS: Final = 4


@final
@dataclass(frozen=True, slots=True)
class Judged:
    """Rows that a classifier had not seen, their scores (rows, domains, bands), and whether each was acted on."""

    rows: Sequence[Row]
    scores: Doubles
    acted: Flags


@final
class LeaveOut:
    """Trains without some rows and scores those. The matrix of all rows is built once."""

    def __init__(self, plan: Plan, roles: Mapping[Role, list[Row]], progress: Progress) -> None:
        self._plan = plan
        self._progress = progress
        self._roles = roles
        self._rows = trainable(plan.corpus, roles[Role.TRAIN])
        self._matrix = matrix_of(plan, self._rows, progress)

    def source(self, name: str, domain: Domain) -> Judged:
        """The rows of a source that are high_dual or worse in a domain, judged by heads that never saw the source."""
        self._progress(f"leaving out {name} for {domain}")
        kept = np.asarray([row.source != name for row in self._rows])
        judged = [
            row
            for row in self._plan.corpus.rows
            if row.source == name and row.domain == domain and row.label.floor >= Band.HIGH_DUAL.rank
        ]
        return self._judge(f"source-{name}", kept, judged, domains=(domain,), without=lambda row: row.source == name)

    def own(self) -> Judged:
        """All of our own requests, each judged by heads that never saw its family."""
        parts = [self._own_fold(number) for number in range(FOLDS)]
        rows = [row for part in parts for row in part.rows]
        return Judged(
            rows, np.concatenate([part.scores for part in parts]), np.concatenate([part.acted for part in parts])
        )

    def _own_fold(self, number: int) -> Judged:
        self._progress(f"leaving out fold {number + 1} of {FOLDS} of our own families")
        in_fold = partial(_in_fold, number=number)
        kept = np.asarray([not in_fold(row) for row in self._rows])
        judged = [row for row in self._plan.corpus.rows if in_fold(row)]
        return self._judge(f"own-{number}", kept, judged, domains=DOMAINS, without=in_fold)

    def _judge(
        self,
        name: str,
        kept: Flags,
        judged: Sequence[Row],
        *,
        domains: Sequence[Domain],
        without: Callable[[Row], bool],
    ) -> Judged:
        heads = self._fit(name, kept, domains)
        weights = fold(heads, self._plan.table)
        scale = [row for row in trainable(self._plan.corpus, self._roles[Role.CALIBRATE]) if not without(row)]
        stage = scorer(self._plan, weights, calibrated(self._plan, weights, scale))
        bounding = [row for row in self._roles[Role.THRESHOLD] if row.kind != "preamble" and not without(row)]
        points = acting_points(bounding, self._scores(stage, bounding))
        scores = self._scores(stage, judged)
        acted = np.any([acts(scores, points, domain) for domain in domains], axis=0)
        return Judged(judged, scores, acted)

    def _fit(self, name: str, kept: Flags, domains: Sequence[Domain]) -> Mapping[str, Head | None]:
        lines = self._matrix.of_rows(kept)
        basis = cache.digest_of(name, self._plan.recipe, *(row.id + str(row.label) for row in self._rows))
        wanted = [head for head in HEADS if any(head.startswith(f"{domain}.") for domain in domains)]
        fitted: dict[str, Head | None] = dict.fromkeys(HEADS)
        for head in wanted:
            fitted[head] = cache.kept_head(
                self._plan.cache, f"out-{head}-{basis}", partial(fit_one, self._rows, lines, head, self._plan.recipe)
            )
        return fitted

    def _scores(self, stage: Stage1, rows: Sequence[Row]) -> Doubles:
        return scores_of(stage, [row.text for row in rows], _silent)


def acts(scores: Doubles, points: Sequence[ActingPoint], domain: Domain) -> Flags:
    """Which rows the default policy acts on for a domain: high_dual or prohibited reaches its acting point."""
    place = DOMAINS.index(domain)
    found = np.zeros(len(scores), dtype=bool)
    for band in (Band.HIGH_DUAL, Band.PROHIBITED):
        threshold = next((p.threshold for p in points if p.domain is domain and p.band is band), None)
        if threshold is not None:
            found |= scores[:, place, BANDS.index(band)] >= threshold
    return found


def _in_fold(row: Row, number: int) -> bool:
    return row.own and int(draw(0, "fold", row.group) * FOLDS) == number


def _silent(line: str) -> None:
    """Scoring parts says nothing by itself."""
