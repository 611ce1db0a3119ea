"""From logits to probabilities (Platt), and from probabilities to acting points (Learn-then-Test).

Platt scaling is fitted per head on the calibration split, on the highest logit over the windows of a row, as served.
Topic heads see every row; band heads see the rows of their domain, since a band is conditional on the topic.

Acting points come from the threshold split, real benign requests scored by the released classifier itself, and from our
own benign requests, scored by cross-fitting:

1. real everyday requests, one score per turn, at most `MOST_PER_SOURCE` from one source: the loosest threshold whose
   Clopper-Pearson bound on the false-positive rate is at most alpha, at level delta / 4 (one test per domain). This is
   the guarantee.
2. our own everyday requests, many of them traps, at most `TRAP_CAP` of them. This and what follows are caps on point
   estimates, not guarantees.
3. benign requests inside the domain, each source counting the same and our own being one: the mean rate is at most
   `IN_DOMAIN_CAP`, and that of our own by themselves, contrasts that were written to be hard, at most `OWN_CAP`.
4. Whatever acts needs fair odds (`FLOOR`).
5. No request of the must-pass suite comes near to being acted on (`CLEAR`): what must never happen again does not,
   whatever it costs in recall. The suite's result is therefore by construction.
6. The strictest wins. What the general negatives cannot show has no acting point and stays in shadow.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from overt.classify.model import HEADS, NEVER, OUTPUTS, WIDTH, Calibration
from overt.classify.stage1 import Stage1, discounted
from overt.core.domain import BANDS, DOMAINS, Band, Domain
from overt.core.finding import ActingPoint
from overt.learn.bounds import GRID_STEP, capped_threshold, ltt_threshold, quantised
from overt.learn.corpus import OWN, Row
from overt.learn.train import Recipe, answer, row_weights

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

DELTA: Final = 0.05
ALPHA: Final = {Band.BENIGN: 0.01, Band.LOW_DUAL: 0.005, Band.HIGH_DUAL: 0.001, Band.PROHIBITED: 0.0007}
"""The promised bound on the false-positive rate per band; a topic flag is only ever a notice."""
FLOOR: Final = {Band.HIGH_DUAL: 0.3, Band.PROHIBITED: 0.5}
"""No acting point below these: who acts on long odds is mostly wrong wherever the negatives did not look."""
IN_DOMAIN_CAP: Final = {Band.LOW_DUAL: 0.10, Band.HIGH_DUAL: 0.018, Band.PROHIBITED: 0.005}
"""Of benign requests inside the domain, every source counting the same."""
OWN_CAP: Final = {Band.LOW_DUAL: 0.25, Band.HIGH_DUAL: 0.033, Band.PROHIBITED: 0.02}
"""Of our own benign requests inside the domain, which share the words of the sensitive ones on purpose."""
TRAP_CAP: Final = {Band.LOW_DUAL: 0.01, Band.HIGH_DUAL: 0.006, Band.PROHIBITED: 0.001}
"""Of our own everyday requests, many written to look suspicious: real traffic is easier than they are."""
STRICTER_TRAP_CAP: Final = {Domain.CYBER: 0.002}
STRICTER_OWN_CAP: Final = {Domain.BIO: 0.0285}
"""For high_dual where it takes these: the words of cyber (access, account, script, server) are everyday words at work,
and nurses and laboratories speak of what others must not do."""
CLEAR: Final = 0.15
"""How far, in log odds, an acting point lies above the must-pass suite: another processor may compute a little more."""
MOST_PER_SOURCE: Final = 6_000
FEWEST_WRONG: Final = 5
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


def acting_points(
    rows: Sequence[Row], scores: Doubles, *, above: float = 0.0, spared: Doubles | None = None
) -> tuple[ActingPoint, ...]:
    """The points that the threshold split has earned; ``scores`` as from `overt.learn.score.scores_of`.

    Every point lies above ``above``: what stage 2 did not read is never acted on. No request of the must-pass suite,
    whose scores are ``spared``, reaches a point that acts (high_dual and prohibited).
    """
    points = []
    for place, domain in enumerate(DOMAINS):
        for rank, band in enumerate(BANDS):
            threshold = _threshold(rows, scores[:, place, rank], domain, band)
            if threshold is not None and HEADS[place * len(OUTPUTS) + rank] != HEADS[NEVER]:
                threshold = max(threshold, round(above + GRID_STEP, 4))
                if spared is not None and len(spared) and band in FLOOR:
                    threshold = max(threshold, _clear_of(spared[:, place, rank]))
                points.append(ActingPoint(domain=domain, band=band, threshold=threshold))
    return tuple(points)


def _clear_of(spared: Doubles) -> float:
    return min(1.0, round(float(discounted(spared.astype(np.float32), -CLEAR).max()) + GRID_STEP, 4))


def matched_points(points: Sequence[ActingPoint], released: Doubles, other: Doubles) -> tuple[ActingPoint, ...]:
    """The points at which another classifier acts on as many of the same everyday rows as the release does at its own.

    Scores of two classifiers are not on one scale, so recall is compared where both are wrong equally often. Where the
    release acts on fewer than `FEWEST_WRONG` of them, that says too little, and its own point is kept.
    """
    return tuple(replace(point, threshold=_matched(point, released, other)) for point in points)


def _matched(point: ActingPoint, released: Doubles, other: Doubles) -> float:
    place, rank = DOMAINS.index(point.domain), BANDS.index(point.band)
    wrong = int((released[:, place, rank] >= point.threshold).sum())
    if wrong < FEWEST_WRONG:
        return point.threshold
    ordered = np.sort(quantised(other[:, place, rank]))[::-1]
    return min(1.0, round(float(ordered[wrong]) + GRID_STEP, 4))


def _threshold(rows: Sequence[Row], scores: Doubles, domain: Domain, band: Band) -> float | None:
    shown = ltt_threshold(scores[general_negatives(rows)], alpha=ALPHA[band], delta=DELTA / len(DOMAINS))
    if shown is None or band is Band.BENIGN:
        return shown
    traps = scores[own_traps(rows)]
    if len(traps):
        shown = max(shown, capped_threshold([traps], cap=_cap(TRAP_CAP, STRICTER_TRAP_CAP, domain, band)))
    groups = in_domain_groups(rows, scores, domain)
    capped = (
        (list(groups.values()), IN_DOMAIN_CAP[band]),
        (own_group(groups), _cap(OWN_CAP, STRICTER_OWN_CAP, domain, band)),
    )
    caps = [capped_threshold(kept, cap=cap) for kept, cap in capped if kept]
    return max(shown, FLOOR.get(band, 0.0), *caps)


def _cap(caps: Mapping[Band, float], stricter: Mapping[Domain, float], domain: Domain, band: Band) -> float:
    return stricter.get(domain, caps[band]) if band is Band.HIGH_DUAL else caps[band]


def own_traps(rows: Sequence[Row]) -> Flags:
    """Our own requests about none of the domains."""
    return np.asarray([row.own and is_general(row) for row in rows], dtype=bool)


def general_negatives(rows: Sequence[Row]) -> Flags:
    """The rows that the guarantee rests on: the first `MOST_PER_SOURCE` general ones of each public source."""
    taken: Counter[str] = Counter()
    chosen = np.zeros(len(rows), bool)
    for number, row in enumerate(rows):
        if is_general(row) and not row.own and taken[row.source] < MOST_PER_SOURCE:
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
