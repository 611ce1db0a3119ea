"""How the two stages are joined: a small logistic regression per head, and a gate per domain.

Fitted on rows that neither stage had seen: public calibration rows by the released stages, our own rows and the
sources of each fold by the stages that never saw them. Rows of one window only, so that what is fitted is what is
served. A gate is as high as it can be while the share of sensitive requests that it hides, among those that both stages
together would find, is at most `HIDDEN`, every source counting the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from overt.classify.encoder import Encoder
from overt.classify.joint import Joint, logit
from overt.classify.model import NEVER, OUTPUTS, WIDTH
from overt.classify.stage1 import Stage1
from overt.core.domain import BANDS, DOMAINS, Band
from overt.learn.corpus import OWN, Row
from overt.learn.lessons import answers_of
from overt.learn.train import Recipe, row_weights

Floats: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

MOST_PER_SOURCE: Final = 600
BATCH: Final = 256
HIDDEN: Final = 0.02
FOUND: Final = 0.4
"""Joint probability of high_dual from which a sensitive request counts as found."""
HIGHEST_GATE: Final = 0.6
LOWEST_GATE: Final = 0.001
PRIOR: Final = (0.3, 1.0, 0.0)
_HIGH: Final = BANDS.index(Band.HIGH_DUAL)
HELD: Final = 1e-3
"""How strongly the regression is held to `PRIOR`."""


@final
@dataclass(frozen=True, slots=True)
class Seen:
    """Rows with what each stage says about them: probabilities (rows, 4, 4) of stage 1, logits (rows, 16) of stage 2,
    and the highest high_dual probabilities (rows, 4) that stage 1 gives in any view or sentence: what gates see."""

    rows: Sequence[Row]
    first: Floats
    second: Floats
    heard: Floats

    def __add__(self, other: Seen) -> Seen:
        return Seen(
            [*self.rows, *other.rows],
            np.concatenate([self.first, other.first]),
            np.concatenate([self.second, other.second]),
            np.concatenate([self.heard, other.heard]),
        )


def some_of(rows: Sequence[Row], most: int = MOST_PER_SOURCE) -> list[Row]:
    """The first rows of each public source, and all of our own."""
    taken: Counter[str] = Counter()
    kept = []
    for row in rows:
        taken[row.source] += 1
        if row.own or taken[row.source] <= most:
            kept.append(row)
    return kept


def seen_by(rows: Sequence[Row], stage1: Stage1, encoder: Encoder) -> Seen:
    """What both stages say about the rows of one window; longer rows are left out."""
    kept: list[Row] = []
    texts: list[str] = []
    logits: list[Floats] = []
    heard: list[Floats] = []
    for row in rows:
        plain = stage1.score_views(row.text)[0]
        if len(plain.logits) == 1:
            kept.append(row)
            texts.append(plain.view.mapped.text)
            logits.append(plain.logits)
            heard.append(stage1.score(row.text).probabilities[:, _HIGH])
    if not kept:
        nothing = np.zeros((0, len(DOMAINS), len(OUTPUTS)), np.float32)
        return Seen([], nothing, np.zeros((0, WIDTH), np.float32), nothing[:, :, 0])
    second = [encoder.logits(texts[low : low + BATCH]) for low in range(0, len(texts), BATCH)]
    return Seen(kept, stage1.probabilities(np.concatenate(logits)), np.concatenate(second), np.stack(heard))


def join(seen: Seen, recipe: Recipe) -> Joint:
    """The numbers that join the stages."""
    weights = row_weights(seen.rows, recipe)
    first = logit(seen.first).reshape(len(seen.rows), WIDTH).astype(np.float64)
    linear, deep, bias = (np.zeros(WIDTH, np.float32) for _ in range(3))
    answers, told = (np.stack(part) for part in zip(*(answers_of(row.label) for row in seen.rows), strict=True))
    for head in range(WIDTH):
        known = told[:, head] > 0
        if head != NEVER and known.any():
            features = np.column_stack([first[known, head], seen.second[known, head]])
            linear[head], deep[head], bias[head] = _fitted(features, answers[known, head] > 0, weights[known])
    plain = Joint(linear=linear, deep=deep, bias=bias, gates=np.zeros(len(DOMAINS), np.float32))
    return Joint(linear=linear, deep=deep, bias=bias, gates=_gates(seen, plain))


def _fitted(features: Doubles, positive: Flags, weights: Doubles) -> tuple[float, float, float]:
    """Weights (not below 0) and bias of least weighted log loss, held to `PRIOR`."""
    share, sign, prior = weights / weights.sum(), np.where(positive, 1.0, -1.0), np.asarray(PRIOR)

    def loss(point: Doubles) -> float:
        fit = share @ np.logaddexp(0.0, -sign * (features @ point[:2] + point[2]))
        return float(fit + HELD * ((point - prior)[:2] ** 2).sum())

    found = minimize(loss, prior, method="L-BFGS-B", bounds=[(0.0, 3.0), (0.0, 3.0), (-8.0, 8.0)])
    return float(found.x[0]), float(found.x[1]), float(found.x[2])


def _gates(seen: Seen, joint: Joint) -> Floats:
    together = joint.probabilities(seen.first, seen.second)
    gates = np.full(len(DOMAINS), HIGHEST_GATE, np.float32)
    for place in range(len(DOMAINS)):
        chosen = [
            number
            for number, row in enumerate(seen.rows)
            if row.label.topics[place] and row.label.floor >= _HIGH and together[number, place, _HIGH] >= FOUND
        ]
        if chosen:
            gates[place] = _gate(seen.heard[chosen, place], [_origin(seen.rows[number]) for number in chosen])
    return gates


def _origin(row: Row) -> str:
    return OWN if row.own else row.source


def _gate(heard: Floats, origins: Sequence[str]) -> float:
    """The weighted quantile, every origin counting the same."""
    sizes = Counter(origins)
    shares = np.asarray([1 / (sizes[origin] * len(sizes)) for origin in origins])
    order = np.argsort(heard)
    first = int(np.searchsorted(np.cumsum(shares[order]), HIDDEN))
    return float(np.clip(heard[order][min(first, len(order) - 1)], LOWEST_GATE, HIGHEST_GATE))
