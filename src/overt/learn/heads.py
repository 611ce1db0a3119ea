"""Sixteen linear heads, each a weighted logistic regression with an L2 penalty, solved by L-BFGS.

One solver for the sparse and the dense part: loss = mean_i w_i log(1 + exp(-y_i f_i)) + (l2 / 2) |weights|^2, without
a penalty on the bias. The dense part is multiplied by `STATIC_GAIN` while it is fitted, which only changes how strongly
the penalty holds it. Deterministic: no shuffling, no random start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias, cast, final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from overt.classify.features import HASHES
from overt.learn.matrix import Matrix

Floats: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]

STATIC_GAIN: Final = 3.0
ITERATIONS: Final = 120


@final
@dataclass(frozen=True, slots=True)
class Head:
    """A fitted head: the logit is ``bias + hashed . x + static . mean``."""

    bias: float
    hashed: Floats
    static: Floats

    def logits(self, matrix: Matrix) -> Floats:
        """One logit per line."""
        return cast("Floats", matrix.hashed @ self.hashed + matrix.static @ self.static + np.float32(self.bias))


@final
@dataclass(frozen=True, slots=True)
class Lesson:
    """What one head learns: the lines, whether each is positive, and how much each counts."""

    lines: npt.NDArray[np.int64]
    positive: npt.NDArray[np.bool_]
    weight: Doubles


def fit_head(matrix: Matrix, lesson: Lesson, *, l2: float) -> Head:
    """The head that fits a lesson."""
    hashed, static = matrix.hashed[lesson.lines], matrix.static[lesson.lines] * np.float32(STATIC_GAIN)
    used = np.flatnonzero(np.bincount(hashed.indices, minlength=HASHES) > 1)
    loss = objective(csr_matrix(hashed[:, used]), static, lesson, l2)
    start = np.zeros(len(used) + static.shape[1] + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS, "maxcor": 8})
    weights = cast("Doubles", found.x)
    full = np.zeros(HASHES, np.float32)
    full[used] = weights[: len(used)]
    return Head(float(weights[-1]), full, (weights[len(used) : -1] * STATIC_GAIN).astype(np.float32))


def objective(
    hashed: csr_matrix, static: Floats, lesson: Lesson, l2: float
) -> Callable[[Doubles], tuple[float, Doubles]]:
    """The loss and its gradient, as a function of all weights in one vector with the bias last."""
    sign = np.where(lesson.positive, 1.0, -1.0)
    weight = lesson.weight / lesson.weight.sum()
    width = hashed.shape[1]
    turned = csr_matrix(hashed.T)

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        single = flat.astype(np.float32)
        margin = sign * (hashed @ single[:width] + static @ single[width:-1] + flat[-1])
        pull = -sign * weight / (1.0 + np.exp(np.clip(margin, -60, 60)))
        narrow = pull.astype(np.float32)
        gradient = np.concatenate([turned @ narrow, static.T @ narrow, [pull.sum()]]).astype(np.float64)
        gradient[:-1] += l2 * flat[:-1]
        value = float(weight @ np.logaddexp(0.0, -margin) + 0.5 * l2 * (flat[:-1] @ flat[:-1]))
        return value, gradient

    return loss
