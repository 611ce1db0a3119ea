"""Sixteen linear heads over the features of a window: for each domain topic, >= low_dual, >= high_dual, >= prohibited.

    logit_h(window) = bias_h + mean over pieces of static[piece, h]
                             + sum over terms of hashed[term, h] / sqrt(terms)
                             + sum over grams of hashed[gram, h] / sqrt(grams)

Heads are linear, so what a word contributes is exact, and the rows of a word are kept in a bounded cache.
`Model.logits` (cached rows) and `Model.logits_of` (straight from `Features`) agree to rounding of float32.

Probabilities: topic is Platt-scaled; a band is topic times the Platt-scaled band head, with the cumulative minimum, so
topic >= low_dual >= high_dual >= prohibited. frontier_llm has no prohibited band: it is always 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from overt.classify.features import HASHES, Extractor, Features, gram_ids, pair_id, term_id, windows
from overt.classify.wordpiece import WordPiece, strip_accents
from overt.core.domain import DOMAINS, Domain
from overt.core.finding import Release

Floats = NDArray[np.float32]

OUTPUTS: Final = ("topic", "low_dual", "high_dual", "prohibited")
HEADS: Final = tuple(f"{domain}.{output}" for domain in DOMAINS for output in OUTPUTS)
WIDTH: Final = len(HEADS)
NEVER: Final = DOMAINS.index(Domain.FRONTIER_LLM) * len(OUTPUTS) + OUTPUTS.index("prohibited")
"""The head that does not exist: nothing about frontier_llm is prohibited."""

CACHED_WORDS: Final = 20_000
_STATIC: Final = slice(0, WIDTH)
_TERM: Final = slice(WIDTH, 2 * WIDTH)
_GRAM: Final = slice(2 * WIDTH, 3 * WIDTH)
_ROW: Final = 3 * WIDTH + 2
_FARTHEST: Final = 30.0
"""Logits are cut here before they become probabilities: beyond it float32 knows only 0 and 1."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The arrays of a release. ``hashed[i]`` are the weights of hash ``rows[i]``, to be multiplied by ``scale``."""

    bias: Floats
    static: NDArray[np.float16]
    rows: NDArray[np.int32]
    hashed: NDArray[np.int8]
    scale: Floats


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Platt scaling per head, in the order of `HEADS`: p = sigmoid(slope * logit + intercept)."""

    slope: Floats
    intercept: Floats


def pack(*, bias: Floats, static: Floats, hashed: Floats) -> Weights:
    """Weights as they are released, from trained ones: ``static`` is (vocabulary, 16), ``hashed`` is (2**18, 16).

    Hashed weights become int8 with a scale per head; rows that round to zero everywhere are left out.
    """
    largest = np.abs(hashed).max(axis=0)
    scale = np.where(largest > 0, largest / 127.0, 1.0).astype(np.float32)
    rounded = np.rint(hashed / scale).astype(np.int8)
    rows = np.flatnonzero(rounded.any(axis=1)).astype(np.int32)
    return Weights(
        bias=bias.astype(np.float32),
        static=static.astype(np.float16),
        rows=rows,
        hashed=rounded[rows],
        scale=scale,
    )


def uncalibrated() -> Calibration:
    """Slope 1 and intercept 0: what training starts from."""
    return Calibration(slope=np.ones(WIDTH, np.float32), intercept=np.zeros(WIDTH, np.float32))


@final
class Model:
    """A released set of weights that scores words. Safe to use from several threads."""

    def __init__(self, *, release: Release, weights: Weights, calibration: Calibration, wordpiece: WordPiece) -> None:
        self.release = release
        self.extractor = Extractor(wordpiece)
        self._wordpiece = wordpiece
        self._weights = weights
        self._hashed = np.concatenate([weights.hashed, np.zeros((1, WIDTH), np.int8)])
        self._calibration = calibration
        self._place = _places(weights.rows)
        self._row = lru_cache(CACHED_WORDS)(self._of_word)

    def logits(self, words: Sequence[str]) -> Floats:
        """The 16 logits of each of ``windows(len(words))``: shape (windows, 16)."""
        ranges = windows(len(words))
        if not ranges:
            return np.zeros((0, WIDTH), np.float32)
        rows = self._rows(words)
        pairs = self._pairs(words)
        if len(ranges) == 1:
            kept, kept_pairs = _first_places(words), _first_places(list(pairwise(words)))
            return self._combine(rows[kept].sum(0), pairs[kept_pairs].sum(0), len(kept), len(kept_pairs))[None]
        before = np.asarray(_previous(words))
        pair_before = np.asarray(_previous(list(pairwise(words))))
        return np.stack([self._window(rows, pairs, before, pair_before, low, high) for low, high in ranges])

    def logits_of(self, features: Sequence[Features]) -> Floats:
        """The same logits computed straight from the features: the reference that serving is tested against."""
        return np.stack([self._of_features(each) for each in features]) if features else np.zeros((0, WIDTH), "f4")

    def contributions(self, window: Sequence[str]) -> Floats:
        """What each word of one window adds to each logit: shape (words, 16). With the bias they sum to the logit.

        A word that occurs k times gives each occurrence a k-th; a pair gives half to each of its words.
        """
        rows, count = self._rows(window), len(window)
        shares = _shares(window)
        kept = _first_places(window)
        neighbours = list(pairwise(window))
        pieces, grams = rows[kept, -2].sum(), rows[kept, -1].sum()
        terms = len(kept) + len(set(neighbours))
        given = (
            rows[:, _STATIC] / max(pieces, 1.0)
            + rows[:, _TERM] / np.sqrt(max(terms, 1))
            + rows[:, _GRAM] / np.sqrt(max(grams, 1.0))
        ) * shares[:, None]
        halves = self._pairs(window) * (_shares(neighbours)[:, None] / (2 * np.sqrt(max(terms, 1))))
        given[: count - 1] += halves
        given[1:] += halves
        summed: Floats = given.astype(np.float32)
        return summed

    def probabilities(self, logits: Floats) -> Floats:
        """Calibrated and ordered: shape (windows, 4 domains, 4 outputs)."""
        scaled = np.clip(logits * self._calibration.slope + self._calibration.intercept, -_FARTHEST, _FARTHEST)
        single = 1.0 / (1.0 + np.exp(-scaled))
        single[:, NEVER] = 0.0
        stacked = single.reshape(-1, len(DOMAINS), len(OUTPUTS))
        stacked[:, :, 1:] *= stacked[:, :, :1]
        ordered: Floats = np.minimum.accumulate(stacked, axis=2)
        return ordered

    def nothing(self) -> Floats:
        """The probabilities of a text without a word: what the biases alone say. Shape (4, 4)."""
        first: Floats = self.probabilities(self._weights.bias[None])[0]
        return first

    def toward(self, contributions: Floats, domain: int) -> Floats:
        """How far each word speaks for topic and high_dual of a domain, in calibrated logits."""
        slope = self._calibration.slope
        topic, high = domain * len(OUTPUTS), domain * len(OUTPUTS) + OUTPUTS.index("high_dual")
        summed: Floats = contributions[:, topic] * slope[topic] + contributions[:, high] * slope[high]
        return summed

    def _window(
        self,
        rows: Floats,
        pairs: Floats,
        before: NDArray[np.int64],
        pair_before: NDArray[np.int64],
        low: int,
        high: int,
    ) -> Floats:
        first = before[low:high] < low
        first_pair = pair_before[low : high - 1] < low
        words, neighbours = rows[low:high][first].sum(0), pairs[low : high - 1][first_pair].sum(0)
        return self._combine(words, neighbours, int(first.sum()), int(first_pair.sum()))

    def _combine(self, words: Floats, pairs: Floats, distinct: int, distinct_pairs: int) -> Floats:
        static = words[_STATIC] / max(float(words[-2]), 1.0)
        terms = (words[_TERM] + pairs) / np.sqrt(distinct + distinct_pairs)
        grams = words[_GRAM] / np.sqrt(max(float(words[-1]), 1.0))
        logits: Floats = (self._weights.bias + static + terms + grams).astype(np.float32)
        return logits

    def _rows(self, words: Sequence[str]) -> Floats:
        row = self._row
        return np.concatenate([row(word) for word in words]).reshape(-1, _ROW)

    def _pairs(self, words: Sequence[str]) -> Floats:
        ids = [pair_id(left, right) for left, right in pairwise(words)]
        scaled: Floats = self._hashed[self._place[ids]] * self._weights.scale
        return scaled

    def _of_word(self, word: str) -> Floats:
        pieces = list(self._wordpiece.pieces(strip_accents(word)))
        grams = gram_ids(word)
        row = np.empty(_ROW, np.float32)
        row[_STATIC] = self._weights.static[pieces].sum(0, dtype=np.float32)
        row[_TERM] = self._sum([term_id(word)])
        row[_GRAM] = self._sum(grams)
        row[-2:] = len(pieces), len(grams)
        return row

    def _sum(self, ids: list[int]) -> Floats:
        summed: Floats = self._hashed[self._place[ids]].sum(0, dtype=np.float32) * self._weights.scale
        return summed

    def _of_features(self, features: Features) -> Floats:
        hashed = self._hashed[self._place[features.hashed]] * self._weights.scale
        static = self._weights.static[features.pieces].astype(np.float32)
        values = np.asarray(features.values, np.float32)
        mean = static.sum(0) / max(len(static), 1)
        logits: Floats = (self._weights.bias + mean + values @ hashed).astype(np.float32)
        return logits


def _places(rows: NDArray[np.int32]) -> NDArray[np.int32]:
    """For each hash its place in the table; hashes without weights share the last place, which holds zeros."""
    places = np.full(HASHES, len(rows), np.int32)
    places[rows] = np.arange(len(rows), dtype=np.int32)
    return places


def _first_places(things: Sequence[object]) -> list[int]:
    seen: dict[object, int] = {}
    for place, thing in enumerate(things):
        seen.setdefault(thing, place)
    return list(seen.values())


def _previous(things: Sequence[object]) -> list[int]:
    """For each thing the place of the equal one before it, -1 if there is none."""
    latest: dict[object, int] = {}
    before = []
    for place, thing in enumerate(things):
        before.append(latest.get(thing, -1))
        latest[thing] = place
    return before


def _shares(things: Sequence[object]) -> Floats:
    counts: dict[object, int] = {}
    for thing in things:
        counts[thing] = counts.get(thing, 0) + 1
    return np.asarray([1 / counts[thing] for thing in things], np.float32)
