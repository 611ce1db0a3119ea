"""One answer per prompt and side: does the difference of the two answers have a direction over prompts?

d_p = phi(reference answer) - phi(endpoint answer), H = D D' with an empty diagonal, T(s) = s' H s. If the endpoint is
the reference, swapping the two answers to a prompt changes nothing, so all signs s are equally likely: the test is
exact. It asks for a *systematic* change and gains power with prompts, so one answer each is enough (specification
2.1 ii). H may be scaled by anything that ignores signs, such as its own spectrum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from overt.audit.stats.draws import Floats, flips
from overt.audit.stats.kernels import Matrix, characters, columns, first_words, layout, log_length, opening, words
from overt.audit.stats.several import Combined, combine

KERNELS: Final = ("characters", "words", "word counts", "opening", "first words", "layout", "length")
SEEN_BY: Final = "words"
"""The kernel in whose units the size of a change is told: its values lie in [0, 1]."""
STEADY: Final = 1e-12


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How far the sides are apart. ``value`` estimates the squared distance of their mean features without bias, in
    [0, 2] and around 0 for no change; ``low`` and ``high`` bound it by resampling prompts. ``told_apart``: the share of
    pairs in which the direction learned from all *other* pairs picks the reference's answer; 1/2 is chance."""

    value: float
    low: float
    high: float
    told_apart: float | None


def features(texts: Sequence[str]) -> Mapping[str, Matrix]:
    """For each of `KERNELS` the features (texts, columns)."""
    width = columns(len(texts))
    normed, counted = words(texts, width)
    found = (
        characters(texts, width),
        normed,
        counted,
        opening(texts, width),
        first_words(texts),
        layout(texts),
        log_length(texts),
    )
    return dict(zip(KERNELS, found, strict=True))


def differences(reference: Sequence[str], endpoint: Sequence[str]) -> Mapping[str, Matrix]:
    """For each of `KERNELS` the differences (pairs, columns) of the answers to the same prompts, in the same order."""
    half = len(reference)
    return {name: each[:half] - each[half:] for name, each in features([*reference, *endpoint]).items()}


def grams(found: Mapping[str, Matrix]) -> Mapping[str, Floats]:
    """For each kernel its H (pairs, pairs). Flipping the sign of a pair flips its row and column and nothing else."""
    return {
        "characters": _unit(_inner(found["characters"])),
        "words": _flattened(_inner(found["words"])),
        "word counts": _inner(found["word counts"]),
        "opening": _flattened(_inner(_evened(found["opening"]))),
        "first words": _flattened(_inner(found["first words"])),
        "layout": _flattened(_inner(_evened(found["layout"]))),
        "length": _inner(found["length"]),
    }


def paired_test(found: Mapping[str, Matrix], *, draws: int, seed: int) -> Combined:
    """Are the signs of ``found``, by kernel (pairs, features), as good as random? Exact for any number of pairs."""
    return paired_test_of(grams(found), draws=draws, seed=seed)


def paired_test_of(products: Mapping[str, Floats], *, draws: int, seed: int) -> Combined:
    """As `paired_test`, from the products of differences (pairs, pairs); their diagonals are not used."""
    hollow = {name: _hollow(each) for name, each in products.items()}
    pairs = len(next(iter(hollow.values())))
    found: dict[str, list[Floats]] = {name: [] for name in hollow}
    for signs in flips(pairs, draws, seed):
        for name, each in hollow.items():
            found[name].append(np.einsum("bi,bi->b", signs @ each, signs))
    return combine({name: np.concatenate(parts) for name, parts in found.items()})


def paired_size(found: Mapping[str, Matrix], *, alpha: float, resamples: int, seed: int) -> Size:
    """How large the change is, in the kernel `SEEN_BY`, with a (1 - alpha) interval over prompts."""
    products = _hollow(_inner(found[SEEN_BY]))
    pairs = len(products)
    rng = np.random.default_rng(seed)
    weights = np.vstack([np.ones(pairs), rng.multinomial(pairs, np.full(pairs, 1.0 / pairs), resamples)])
    # A prompt drawn twice is not a second prompt: products of a pair with itself stay out, and so out of the divisor.
    divisors = pairs**2 - (weights**2).sum(axis=1)
    values = np.einsum("bi,bi->b", weights @ products, weights) / np.maximum(divisors, 1.0)
    low, high = np.quantile(values[1:], (alpha / 2, 1 - alpha / 2))
    margins = products.sum(axis=1)
    told = (np.count_nonzero(margins > STEADY) + np.count_nonzero(np.abs(margins) <= STEADY) / 2) / pairs
    return Size(value=float(values[0]), low=float(low), high=float(high), told_apart=float(told))


def _inner(rows: npt.NDArray[np.float32]) -> Floats:
    return (rows @ rows.T).astype(np.float64)


def _hollow(products: Floats) -> Floats:
    found = products.copy()
    np.fill_diagonal(found, 0.0)
    return found


def _unit(products: Floats) -> Floats:
    """Every difference counts the same; a pair of equal texts has none and stays 0."""
    own = np.diag(products)
    there = own > 1e-6 * max(float(own.max(initial=0.0)), STEADY)
    scale = np.where(there, 1.0 / np.sqrt(np.where(there, own, 1.0)), 0.0)
    found: Floats = products * np.outer(scale, scale)
    return found


def _flattened(products: Floats) -> Floats:
    """H (H + m I)^-1, m the mean of the diagonal: directions that vary much no longer hide those that vary little."""
    mean = float(np.trace(products)) / max(len(products), 1)
    if mean <= STEADY:
        return np.zeros_like(products)
    found = np.linalg.solve(products + mean * np.eye(len(products)), products)
    return (found + found.T) / 2


def _evened(rows: Matrix) -> Matrix:
    """Columns divided by their spread over pairs, those that hardly vary by the mean spread: blind to signs."""
    power = (rows.astype(np.float64) ** 2).sum(axis=0)
    used = power > 0
    if not used.any():
        return rows
    found: Matrix = (rows / np.sqrt(power + power[used].mean())).astype(np.float32)
    return found
