"""Several answers per prompt: are the two sides of each prompt one pool? Exact within-prompt permutation.

Three kinds of statistic, each blind to labels but for the final sums (specification 2.1 i):

- *spread* (Gretton et al. 2012): the kernel distance of the two sides of each prompt, summed over prompts;
- *strays*: how much more often one side's answers are unlike the rest of their prompt's pool, by more than `FAR`
  standard deviations; a model that answers in place of another now and then shows here first, at a cost that grows
  with the share of its answers and not with the square of it;
- *direction*: the change of the mean features that is common to all prompts, however small it is in each.

Any numbers of answers are taken as they are; a prompt with one answer a side only takes part in the direction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.audit.stats.draws import Floats, shuffles
from overt.audit.stats.kernels import Matrix, characters, code_points, log_length, words
from overt.audit.stats.paired import Size
from overt.audit.stats.several import Combined, combine

HAMMING: Final = 300
"""Characters that the Hamming kernel compares, place by place."""
WIDTH: Final = 1 << 13
FAR: Final = 0.8
STEADY: Final = 1e-9
Blocks: TypeAlias = npt.NDArray[np.float32]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Prompts with equal numbers of answers. ``texts`` (prompts, answers) are rows of the features: first
    ``reference`` answers of the reference, then those of the endpoint."""

    texts: npt.NDArray[np.int64]
    reference: int

    @property
    def counts(self) -> tuple[int, int, int]:
        """Prompts, reference answers of each, endpoint answers of each."""
        prompts, answers = self.texts.shape
        return prompts, self.reference, answers - self.reference


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """All that the test needs, and no text: for each shape the products of answers within a prompt by kernel
    (prompts, answers, answers) and how far each answer strays from its pool (prompts, answers); and over all shapes,
    in their order, the products (answers, answers) of features whose mean over each prompt's pool is 0."""

    shapes: tuple[Shape, ...]
    within: tuple[Mapping[str, Blocks], ...]
    strays: tuple[Mapping[str, Floats], ...]
    across: Mapping[str, Matrix]


def arranged(prompts: Sequence[tuple[Sequence[str], Sequence[str]]]) -> tuple[list[str], tuple[Shape, ...]]:
    """All texts in one list, and the shapes that say whose they are. ``prompts``: (reference, endpoint) answers."""
    texts: list[str] = []
    rows: dict[tuple[int, int], list[list[int]]] = {}
    for reference, endpoint in prompts:
        start = len(texts)
        texts += [*reference, *endpoint]
        rows.setdefault((len(reference), len(endpoint)), []).append(list(range(start, len(texts))))
    shapes = tuple(Shape(texts=np.array(each), reference=m) for (m, _), each in sorted(rows.items()))
    return texts, shapes


def pooled(texts: Sequence[str], shapes: tuple[Shape, ...]) -> Pool:
    """Features and products of all ``texts``."""
    normed, _ = words(texts, WIDTH)
    return pooled_features(
        hamming=code_points(texts, HAMMING),
        products={"characters": characters(texts, WIDTH), "words": normed},
        directions={"words": normed, "length": log_length(texts)},
        shapes=shapes,
    )


def pooled_features(
    *,
    hamming: npt.NDArray[np.uint32],
    products: Mapping[str, Matrix],
    directions: Mapping[str, Matrix],
    shapes: tuple[Shape, ...],
) -> Pool:
    """As `pooled`, from features of all texts: ``hamming`` (texts, places), the others (texts, features)."""
    within: list[Mapping[str, Blocks]] = []
    for shape in shapes:
        found = {"hamming": same_places(hamming[shape.texts])}
        for name, each in products.items():
            rows = each[shape.texts]
            found[name] = rows @ rows.transpose(0, 2, 1)
        within.append(found)
    return Pool(
        shapes=shapes,
        within=tuple(within),
        strays=tuple({name: strayed(each) for name, each in found.items()} for found in within),
        across={
            name: _inner(np.concatenate([_centred(each[shape.texts]) for shape in shapes]))
            for name, each in directions.items()
        },
    )


def repeated_test(pool: Pool, *, draws: int, seed: int) -> Combined:
    """Could every prompt's answers have been dealt to the two sides at random? Exact, whatever the numbers."""
    found: dict[str, list[Floats]] = {}
    for sides in shuffles(tuple(shape.counts for shape in pool.shapes), draws, seed):
        contrasts = [
            _contrast(each, shape.reference, shape.texts.shape[1])
            for each, shape in zip(sides, pool.shapes, strict=True)
        ]
        for name, values in _statistics(pool, contrasts).items():
            found.setdefault(name, []).append(values)
    return combine({name: np.concatenate(parts) for name, parts in found.items()})


def hamming_test(texts: Sequence[str], shapes: tuple[Shape, ...], *, draws: int, seed: int) -> Combined:
    """The Hamming spread alone: the statistic of Model Equality Testing (Gao, Liang and Guestrin 2025)."""
    codes = code_points(texts, HAMMING)
    blocks = [same_places(codes[shape.texts]) for shape in shapes]
    found: list[Floats] = []
    for sides in shuffles(tuple(shape.counts for shape in shapes), draws, seed):
        found.append(
            sum(
                (
                    _spread(each, _contrast(side, shape.reference, shape.texts.shape[1]))
                    for each, side, shape in zip(blocks, sides, shapes, strict=True)
                ),
                start=np.zeros(len(sides[0])),
            )
        )
    return combine({"hamming spread": np.concatenate(found)})


def repeated_size(pool: Pool, *, alpha: float, resamples: int, seed: int) -> Size | None:
    """The mean over prompts of the unbiased squared distance of the two sides by words, with a (1 - alpha) interval
    over prompts; None where no prompt has two answers on both sides."""
    found = [
        _distances(within["words"].astype(np.float64), shape.reference)
        for within, shape in zip(pool.within, pool.shapes, strict=True)
        if min(shape.counts[1:]) >= 2
    ]
    if not found:
        return None
    values = np.concatenate(found)
    rng = np.random.default_rng(seed)
    means = rng.multinomial(len(values), np.full(len(values), 1.0 / len(values)), resamples) @ values / len(values)
    low, high = np.quantile(means, (alpha / 2, 1 - alpha / 2))
    return Size(value=float(values.mean()), low=float(low), high=float(high), told_apart=None)


def same_places(codes: npt.NDArray[np.uint32]) -> Blocks:
    """(prompts, answers, answers): the share of places that two answers have in common; ``codes`` has places last."""
    prompts, answers, places = codes.shape
    found = np.zeros((prompts, answers, answers), np.float32)
    for first in range(answers):
        equal = codes[:, first : first + 1] == codes[:, first:]
        found[:, first, first:] = np.count_nonzero(equal, axis=2) / places
        found[:, first:, first] = found[:, first, first:]
    return found


def strayed(products: Blocks) -> Floats:
    """(prompts, answers): by how many standard deviations beyond `FAR` an answer is less alike to its pool than its
    pool is on average; 0 for those nearer. The mean over each prompt is taken off."""
    answers = products.shape[1]
    own = np.einsum("pii->pi", products)
    alike = (products.sum(axis=2, dtype=np.float64) - own) / max(answers - 1, 1)
    away = alike.mean(axis=1, keepdims=True) - alike
    spread = away.std(axis=1, keepdims=True)
    standard: Floats = np.where(spread > STEADY, away / np.where(spread > STEADY, spread, 1.0), 0.0)
    # Two answers are equally far from each other: rounding must not decide which of them strays.
    beyond = np.maximum(standard - FAR, 0.0) if answers > 2 else np.zeros_like(standard)
    found: Floats = beyond - beyond.mean(axis=1, keepdims=True)
    return found


def _statistics(pool: Pool, contrasts: Sequence[Blocks]) -> Mapping[str, Floats]:
    spreads: dict[str, Floats] = {}
    strays: dict[str, Floats] = {}
    for within, away, contrast in zip(pool.within, pool.strays, contrasts, strict=True):
        for name, products in within.items():
            _add(spreads, f"{name} spread", _spread(products, contrast))
            _add(strays, f"{name} strays", contrast.reshape(len(contrast), -1) @ away[name].reshape(-1))
    rows = np.concatenate([contrast.reshape(len(contrast), -1) for contrast in contrasts], axis=1)
    return {
        **spreads,
        **{name: np.abs(values) for name, values in strays.items()},
        **{
            f"{name} direction": np.einsum("bi,bi->b", rows @ products, rows, dtype=np.float64)
            for name, products in pool.across.items()
        },
    }


def _add(found: dict[str, Floats], name: str, values: npt.NDArray[np.floating]) -> None:
    found[name] = found[name] + values if name in found else values.astype(np.float64)


def _contrast(sides: npt.NDArray[np.bool_], reference: int, answers: int) -> Blocks:
    """(draws, prompts, answers): mean of the reference less mean of the endpoint, every prompt with equal noise."""
    endpoint = answers - reference
    scale = math.sqrt(reference * endpoint / answers)
    found: Blocks = np.where(sides, np.float32(scale / reference), np.float32(-scale / endpoint))
    return found


def _spread(products: Blocks, contrast: Blocks) -> Floats:
    """(draws): the squared distance of the two sides of a prompt, summed over prompts."""
    turned = contrast.transpose(1, 0, 2)
    found: Floats = np.einsum("pbi,pbi->b", turned @ products, turned, dtype=np.float64)
    return found


def _centred(features: Matrix) -> Matrix:
    """(prompts, answers, features) less the mean of each prompt, as (answers, features)."""
    found: Matrix = (features - features.mean(axis=1, keepdims=True)).reshape(-1, features.shape[2])
    return found


def _inner(rows: Matrix) -> Matrix:
    """Products without those of a row with itself: these do not depend on labels where sides are equally large."""
    found: Matrix = rows @ rows.T
    np.fill_diagonal(found, 0.0)
    return found


def _distances(products: Floats, reference: int) -> Floats:
    """The unbiased squared distance of the two sides of each prompt, each with at least two answers."""
    first, second = products[:, :reference, :reference], products[:, reference:, reference:]
    apart = products[:, :reference, reference:].mean(axis=(1, 2))
    found: Floats = _off_diagonal_mean(first) + _off_diagonal_mean(second) - 2 * apart
    return found


def _off_diagonal_mean(products: Floats) -> Floats:
    answers = products.shape[1]
    whole = products.sum(axis=(1, 2)) - np.einsum("pii->p", products)
    found: Floats = whole / (answers * (answers - 1))
    return found
