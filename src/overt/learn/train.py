"""Rows and matrix to sixteen fitted heads.

A topic head learns from every row whose topic is known. A band head (at least low_dual, high_dual, prohibited) learns
from the rows of its domain whose band interval decides the question, and from a share of all other benign rows as
negatives. No source dominates: the total weight of a source grows with the square root of its rows. Our own rows count
more, because their bands are exact, and rows with a contrasting twin more again: they teach the difference, not the
vocabulary. Rows of several windows share their weight among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.classify.model import HEADS, NEVER, OUTPUTS
from overt.core.domain import DOMAINS
from overt.learn.corpus import Row
from overt.learn.heads import Head, Lesson, fit_head
from overt.learn.matrix import Matrix
from overt.learn.split import draw

Doubles: TypeAlias = npt.NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The numbers that were chosen by leaving sources and families out (docs/cards)."""

    topic_l2: float = 3e-6
    band_l2: float = 1e-5
    outside_share: float = 0.3
    own_weight: float = 4.0
    twin_weight: float = 2.0
    seed: int = 7


@final
@dataclass(frozen=True, slots=True)
class Answer:
    """What a row says to a head: yes or no, and whether it only stands for the world outside the domain."""

    positive: bool
    outside: bool = False


TOPIC: Final = 0


def fit_one(rows: Sequence[Row], matrix: Matrix, name: str, recipe: Recipe) -> Head | None:
    """The head of this name; None for the one that does not exist, or where no row is positive."""
    number = HEADS.index(name)
    if number == NEVER:
        return None
    lesson = lesson_for(rows, matrix, row_weights(rows, recipe), number, recipe)
    if not lesson.positive.any():
        return None
    penalty = recipe.topic_l2 if number % len(OUTPUTS) == TOPIC else recipe.band_l2
    return fit_head(matrix, lesson, l2=penalty)


def lesson_for(rows: Sequence[Row], matrix: Matrix, weights: Doubles, number: int, recipe: Recipe) -> Lesson:
    """What head ``number`` learns from the rows."""
    domain, output = divmod(number, len(OUTPUTS))
    answers = [answer(row, domain, output, recipe) for row in rows]
    told = np.asarray([answer is not None for answer in answers])
    positive = np.asarray([answer is not None and answer.positive for answer in answers])
    lines = np.flatnonzero(told[matrix.row])
    of_row = matrix.row[lines]
    count = np.bincount(matrix.row, minlength=len(rows))
    return Lesson(lines, positive[of_row], weights[of_row] / count[of_row])


def answer(row: Row, domain: int, output: int, recipe: Recipe) -> Answer | None:
    """What a row says to a head; None where it says nothing."""
    topic = row.label.topics[domain]
    if output == TOPIC:
        return None if topic is None else Answer(topic)
    if topic:
        return _banded(row, output)
    if row.label.ceiling < output or topic is False:
        kept = draw(recipe.seed, "outside", DOMAINS[domain], row.id) < recipe.outside_share
        return Answer(False, outside=True) if kept else None
    return None


def _banded(row: Row, output: int) -> Answer | None:
    if row.label.floor >= output:
        return Answer(True)
    return Answer(False) if row.label.ceiling < output else None


def row_weights(rows: Sequence[Row], recipe: Recipe) -> Doubles:
    """How much each row counts."""
    sizes = Counter(row.source for row in rows)
    return np.asarray([_weight(row, sizes[row.source], recipe) for row in rows])


def _weight(row: Row, size: int, recipe: Recipe) -> float:
    weight = row.label.weight / float(np.sqrt(size))
    if row.own:
        weight *= recipe.own_weight
    return weight * recipe.twin_weight if row.twin else weight
