"""From logits to probabilities (Platt), and from probabilities to acting points (Learn-then-Test).

Platt scaling is fitted per head on the calibration split, on the highest logit over the windows of a row, as served.
Topic heads see every row; band heads see the rows of their domain, since a band is conditional on the topic.

Acting points come from the threshold split, real benign requests scored by the released classifier itself, and from our
own benign requests, scored by cross-fitting:

1. general negatives, one score per turn, at most `MOST_PER_SOURCE` from one source so that no easy source dilutes the
   rate: the loosest threshold whose Clopper-Pearson bound on the false-positive rate is at most alpha, at level
   delta / 4 (one test per domain). This is the guarantee.
2. benign requests inside the domain, each source counting the same and our own being one: the mean rate is at most
   `IN_DOMAIN_CAP`, and so is the rate of our own by themselves, which are the hard ones. This is a cap on a point
   estimate, not a guarantee.
3. Whatever acts needs even odds (`FLOOR`).
4. The strictest wins. What the general negatives cannot show has no acting point and stays in shadow.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from overt.classify.model import HEADS, NEVER, OUTPUTS, WIDTH, Calibration
from overt.classify.stage1 import Stage1
from overt.core.domain import BANDS, DOMAINS, Band, Domain
from overt.core.finding import ActingPoint
from overt.learn.bounds import capped_threshold, ltt_threshold
from overt.learn.corpus import OWN, Row
from overt.learn.train import Recipe, answer, row_weights

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

DELTA: Final = 0.05
ALPHA: Final = {Band.BENIGN: 0.01, Band.LOW_DUAL: 0.01, Band.HIGH_DUAL: 0.0025, Band.PROHIBITED: 0.0007}
"""The promised bound on the false-positive rate per band; a topic flag is only ever a notice."""
FLOOR: Final = {Band.HIGH_DUAL: 0.5, Band.PROHIBITED: 0.5}
"""No acting point below these: who acts on less than even odds is mostly wrong wherever the negatives did not look."""
IN_DOMAIN_CAP: Final = {Band.LOW_DUAL: 0.10, Band.HIGH_DUAL: 0.04, Band.PROHIBITED: 0.01}
MOST_PER_SOURCE: Final = 1_500
FEWEST: Final = 20
"""A source with fewer benign rows in the domain says nothing about a rate."""
PRIOR: Final = 0.02
"""How strongly slope and intercept are held to 1 and 0 where there is little to calibrate on."""


def top_logits(stage: Stage1, texts: Sequence[str]) -> Doubles:
    """The highest uncalibrated logit of each head over the windows of the plain reading: shape (texts, heads)."""
    found = np.full((len(texts), WIDTH), np.nan)
    for number, text in enumerate(texts):
        logits = stage.score_views(text)[0].logits
        if len(logits):
            found[number] = logits.max(axis=0)
    return found


def platt(rows: Sequence[Row], logits: Doubles, recipe: Recipe) -> Calibration:
    """Slope and intercept per head; ``rows`` are public calibration rows and our own, cross-fitted."""
    weights = row_weights(rows, recipe)
    slope, intercept = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
    for number in range(WIDTH):
        if number != NEVER:
            told, positive = _told(rows, logits, number, recipe)
            slope[number], intercept[number] = fit_platt(logits[told, number], positive[told], weights[told])
    return Calibration(slope=slope, intercept=intercept)


def _told(rows: Sequence[Row], logits: Doubles, number: int, recipe: Recipe) -> tuple[Flags, Flags]:
    domain, output = divmod(number, len(OUTPUTS))
    answers = [answer(row, domain, output, recipe) for row in rows]
    told = np.asarray([found is not None and not found.outside for found in answers])
    positive = np.asarray([found is not None and found.positive for found in answers])
    return told & np.isfinite(logits[:, number]), positive


def fit_platt(logits: Doubles, positive: Flags, weights: Doubles) -> tuple[float, float]:
    """The slope (above 0) and intercept of least weighted log loss, held to (1, 0) by a weak prior."""
    if not positive.any() or positive.all():
        return 1.0, 0.0
    share, sign = weights / weights.sum(), np.where(positive, 1.0, -1.0)

    def loss(point: Doubles) -> float:
        slope = np.exp(point[0])
        fit = share @ np.logaddexp(0.0, -sign * (slope * logits + point[1]))
        return float(fit + PRIOR / len(logits) * (point @ point))

    found = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=[(-2.0, 2.0), (-8.0, 8.0)])
    return float(np.exp(found.x[0])), float(found.x[1])


def acting_points(rows: Sequence[Row], scores: Doubles) -> tuple[ActingPoint, ...]:
    """The points that the threshold split has earned; ``scores`` as from `overt.learn.score.scores_of`."""
    points = []
    for place, domain in enumerate(DOMAINS):
        for rank, band in enumerate(BANDS):
            threshold = _threshold(rows, scores[:, place, rank], domain, band)
            if threshold is not None and HEADS[place * len(OUTPUTS) + rank] != HEADS[NEVER]:
                points.append(ActingPoint(domain=domain, band=band, threshold=threshold))
    return tuple(points)


def _threshold(rows: Sequence[Row], scores: Doubles, domain: Domain, band: Band) -> float | None:
    shown = ltt_threshold(scores[general_negatives(rows)], alpha=ALPHA[band], delta=DELTA / len(DOMAINS))
    if shown is None or band is Band.BENIGN:
        return shown
    groups = in_domain_groups(rows, scores, domain)
    caps = [
        capped_threshold(kept, cap=IN_DOMAIN_CAP[band]) for kept in (list(groups.values()), own_group(groups)) if kept
    ]
    return max(shown, FLOOR.get(band, 0.0), *caps)


def general_negatives(rows: Sequence[Row]) -> Flags:
    """The rows that the guarantee rests on: the first `MOST_PER_SOURCE` general ones of each source."""
    taken: Counter[str] = Counter()
    chosen = np.zeros(len(rows), bool)
    for number, row in enumerate(rows):
        if is_general(row) and taken[row.source] < MOST_PER_SOURCE:
            taken[row.source] += 1
            chosen[number] = True
    return chosen


def is_general(row: Row) -> bool:
    """Whether a row is benign and about none of the domains, and no preamble (which never decides)."""
    return row.domain == "none" and row.intent == "benign" and row.kind != "preamble"


def is_benign_in(row: Row, domain: Domain) -> bool:
    """Whether a row is a benign request in this domain."""
    return row.domain == domain and row.intent == "benign" and row.kind != "preamble"


def in_domain_groups(rows: Sequence[Row], scores: Doubles, domain: Domain) -> dict[str, Doubles]:
    """The scores of benign requests in the domain, by source; our own requests are one source."""
    by_source: dict[str, list[float]] = defaultdict(list)
    for row, score in zip(rows, scores, strict=True):
        if is_benign_in(row, domain):
            by_source[OWN if row.own else row.source].append(float(score))
    return {name: np.asarray(found) for name, found in by_source.items() if len(found) >= FEWEST}


def own_group(groups: dict[str, Doubles]) -> list[Doubles]:
    """Our own requests by themselves, where there are enough of them."""
    return [groups[OWN]] if OWN in groups else []
