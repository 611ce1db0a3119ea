"""What a release catches in sources and families that its training has never seen.

Leave one source out: everything of a source is taken from training, calibration and thresholds; the heads of one domain
are fitted and bounded anew; then the source's own rows are scored as served. Our own requests are one source in many
families, so they are cross-fitted: each family is scored by weights that were fitted without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.classify.model import HEADS
from overt.core.domain import DOMAINS, Band, Domain
from overt.core.finding import ActingPoint
from overt.learn import cache
from overt.learn.calibrate import acting_points
from overt.learn.corpus import Row, trainable
from overt.learn.fold import fold
from overt.learn.heads import Head
from overt.learn.release import (
    Plan,
    Progress,
    acts,
    calibrated,
    fit_heads,
    judged,
    judged_own,
    matrix_name,
    matrix_of,
    own_parts,
    scorer,
)
from overt.learn.split import Role
from overt.learn.train import fit_one

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]


@final
@dataclass(frozen=True, slots=True)
class Acted:
    """Rows that a classifier had not seen, their scores (rows, domains, bands), and whether each was acted on."""

    rows: Sequence[Row]
    scores: Doubles
    acted: Flags


@final
class LeaveOut:
    """Trains without some rows and scores those. The matrix of all rows is built once, our own rows are scored once."""

    def __init__(self, plan: Plan, roles: Mapping[Role, list[Row]], progress: Progress) -> None:
        self._plan = plan
        self._progress = progress
        self._roles = roles
        self._rows = trainable(plan.corpus, roles[Role.TRAIN])
        self._matrix = matrix_of(plan, self._rows, progress)
        self._parts = own_parts(plan, self._rows, self._matrix, progress)
        self._full = fit_heads(plan, self._rows, self._matrix, progress)

    def source(self, name: str, domain: Domain) -> Acted:
        """The rows of a source that are high_dual or worse in a domain, judged by heads that never saw the source."""
        self._progress(f"leaving out {name} for {domain}")
        plan = self._plan
        weights = fold(self._fit(name, domain), plan.table)
        scale = [row for row in trainable(plan.corpus, self._roles[Role.CALIBRATE]) if row.source != name]
        calibration = calibrated(plan, weights, scale, self._parts)
        stage = scorer(plan, weights, calibration)
        bounding = [row for row in self._roles[Role.THRESHOLD] if row.kind != "preamble" and row.source != name]
        bound = judged(stage, bounding, _silent) + judged_own(plan, self._parts, calibration, _silent)
        points = acting_points(bound.rows, bound.scores)
        wanted = [row for row in plan.corpus.rows if row.source == name and _is_harmful(row, domain)]
        found = judged(stage, wanted, _silent)
        return Acted(found.rows, found.scores, acts(found.scores, points, domain))

    def own(self, points: Sequence[ActingPoint]) -> Acted:
        """All of our own requests, each judged at the released acting points by heads that never saw its family."""
        self._progress("judging our own families, each left out")
        plan = self._plan
        weights = fold(self._full, plan.table)
        calibration = calibrated(plan, weights, trainable(plan.corpus, self._roles[Role.CALIBRATE]), self._parts)
        found = judged_own(plan, self._parts, calibration, _silent)
        flags = np.any([acts(found.scores, points, domain) for domain in DOMAINS], axis=0)
        return Acted(found.rows, found.scores, flags)

    def _fit(self, name: str, domain: Domain) -> Mapping[str, Head | None]:
        kept = np.asarray([row.source != name for row in self._rows])
        lines = self._matrix.of_rows(kept)
        basis = cache.digest_of(
            name, matrix_name(self._plan, self._rows), self._plan.recipe, *(r.label for r in self._rows)
        )
        fitted = dict(self._full)
        for head in HEADS:
            if head.startswith(f"{domain}."):
                fitted[head] = cache.kept_head(
                    self._plan.cache,
                    f"out-{head}-{basis}",
                    partial(fit_one, self._rows, lines, head, self._plan.recipe),
                )
        return fitted


def _is_harmful(row: Row, domain: Domain) -> bool:
    return row.domain == domain and row.label.floor >= Band.HIGH_DUAL.rank


def _silent(line: str) -> None:
    """Scoring parts says nothing by itself."""
