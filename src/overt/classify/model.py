"""Sixteen linear heads over the features of a window: for each domain topic, >= low_dual, >= high_dual, >= prohibited.

    logit_h(window) = bias_h + mean over pieces of static[piece, h]
                             + sum over terms of hashed[term, h] / sqrt(terms)
                             + sum over grams of hashed[gram, h] / sqrt(grams)

Heads are linear, so what a word contributes is exact, and what a word adds to a window is kept as a row.
`Model.logits` (kept rows) and `Model.logits_of` (straight from `Features`) agree to rounding of float32. A result
depends on the text alone, to the last bit: sums run in the order of the words, whatever was kept.

Probabilities: topic is Platt-scaled; a band is topic times the Platt-scaled band head, with the cumulative minimum, so
topic >= low_dual >= high_dual >= prohibited. frontier_llm has no prohibited band: it is always 0.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from math import exp, inf, sqrt
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from overt.classify.features import (
    HASHES,
    MASK,
    Extractor,
    Features,
    encoded,
    gram_ids,
    pair_prefix,
    term_id,
    windows,
    words,
)
from overt.classify.memory import Lexicon
from overt.classify.views import CAREFUL, LONGEST_PLAIN, TOGETHER, hides_across, is_legible, suspicion
from overt.classify.wordpiece import WordPiece, strip_accents
from overt.core.domain import DOMAINS, Domain
from overt.core.finding import Release

Floats = NDArray[np.float32]

OUTPUTS: Final = ("topic", "low_dual", "high_dual", "prohibited")
HEADS: Final = tuple(f"{domain}.{output}" for domain in DOMAINS for output in OUTPUTS)
WIDTH: Final = len(HEADS)
NEVER: Final = DOMAINS.index(Domain.FRONTIER_LLM) * len(OUTPUTS) + OUTPUTS.index("prohibited")
"""The head that does not exist: nothing about frontier_llm is prohibited."""

CACHED_WORDS: Final = 16_000
CACHED_CHUNKS: Final = 10_000
"""What stands between white space. Words and chunks are kept in two generations of these sizes."""
_MOST_WORDS: Final = 4
"""Words in a chunk that is kept; more of them hang together only in what is not plain text."""
_TOPIC: Final = OUTPUTS.index("topic")
_HIGH: Final = OUTPUTS.index("high_dual")
_PARTS: Final = 3
_TERM: Final = 1
_ROW: Final = _PARTS * WIDTH + 2
"""A row holds what a word adds by its pieces, as a term and by its grams (16 each), and how many pieces and grams."""
_FLOAT: Final = np.dtype(np.float32)
_SHORT: Final = np.dtype(np.int16)
_INDEX: Final = np.dtype(np.int64)
_MASK: Final = np.array(MASK)
_TWO: Final = np.array([[place * len(OUTPUTS) + each for each in (_TOPIC, _HIGH)] for place in range(len(DOMAINS))])
"""Per domain the heads that a trigger is about, and their columns in a row."""
_SIX: Final = np.concatenate([_TWO + part * WIDTH for part in range(_PARTS)], axis=1)
_FARTHEST: Final = 30.0
"""Logits are cut here before they become probabilities: beyond it float32 knows only 0 and 1."""
MILLION: Final = 1e6
"""Probabilities are told to six decimals."""


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


class Known(NamedTuple):
    """A word as it is kept: its row, the two halves of the hashes of pairs that it stands in, and, on the first word
    of a chunk, how suspicious the chunk is (`overt.classify.views.suspicion`)."""

    word: str
    row: bytes
    content: bytes
    prefix: int
    suspicion: int = 0


Counted: TypeAlias = tuple[Sequence[str], Floats, NDArray[np.int8], Sequence[float], tuple[float, float, float]]
"""The words of a window, a row per distinct word, the hashed weights of each distinct pair of neighbours, the sum of
the rows, and what pieces, terms and grams count."""

Share = TypeVar("Share", float, NDArray[Any])

Told: TypeAlias = tuple[float, float, float, float]
"""The outputs of a domain, to six decimals."""

_SUSPICION: Final = attrgetter("suspicion")
_CAREFULLY: Final = (Known("", b"", b"", 0, CAREFUL),)
"""A chunk that must not be read by itself."""


@final
class Model:
    """A released set of weights that scores words. Safe to use from several threads."""

    def __init__(self, *, release: Release, weights: Weights, calibration: Calibration, wordpiece: WordPiece) -> None:
        self.release = release
        self.extractor = Extractor(wordpiece)
        self._wordpiece = wordpiece
        self._bias, self._static, self._scale = weights.bias, weights.static, weights.scale
        self._calibration = calibration
        self._table = _table(weights)
        self._linear = _lines(weights, uncalibrated())
        self._falling = _lines(weights, calibration, sign=-1.0)
        self._sides = [_side(weights.scale, calibration.slope, place) for place in range(len(DOMAINS))]
        self._words = Lexicon(CACHED_WORDS, self._of_word)
        self._chunks = Lexicon(CACHED_CHUNKS, self._of_chunk)

    def logits(self, words: Sequence[str]) -> Floats:
        """The 16 logits of each of ``windows(len(words))``: shape (windows, 16)."""
        known = self._words.all(words)
        logits = [_summed(self.counted(known[low:high]), self._linear) for low, high in windows(len(known))]
        return np.array(logits, np.float32).reshape(-1, WIDTH)

    def logits_of(self, features: Sequence[Features]) -> Floats:
        """The same logits computed straight from the features: the reference that serving is tested against."""
        return np.stack([self._of_features(each) for each in features]) if features else np.zeros((0, WIDTH), "f4")

    def plain(self, text: str) -> Sequence[Known] | None:
        """The words of a text that needs no normalising and hides nothing; None of any other text.

        They are the words of its only view, found at a fraction of the cost.
        """
        if len(text) > LONGEST_PLAIN or not (text.isascii() or is_legible(text)):
            return None
        known = self.known(text)
        suspected = sum(map(_SUSPICION, known))
        if not known or suspected >= CAREFUL or (suspected >= TOGETHER and hides_across(text)):
            return None
        return known

    def known(self, text: str) -> list[Known]:
        """The words between the white spaces of a plain text, or of a part of it."""
        return list(chain.from_iterable(self._chunks.all(text.split())))

    def window(self, words: Sequence[str]) -> Counted:
        """A window of at least one word."""
        return self.counted(self._words.all(words))

    def counted(self, known: Sequence[Known]) -> Counted:
        """The same of words that were looked up."""
        words, rows, contents, prefixes, _ = zip(*known)  # noqa: B905  all are of one length, and this is hot
        ids = list(map(crc32, contents[1:], prefixes))
        if len(set(words)) < len(words):
            rows = tuple(dict(zip(words, rows, strict=True)).values())
            if len(set(ids)) < len(ids):
                ids = list(dict(zip(pairwise(words), ids, strict=True)).values())
        stacked = np.frombuffer(b"".join(rows), _FLOAT).reshape(len(rows), _ROW)
        pairs = self._table.take(np.array(ids, _INDEX) & _MASK, 0)
        sums = np.add.reduce(stacked).tolist()
        *_, pieces, grams = sums
        weights = 1 / (pieces or 1.0), 1 / sqrt(len(rows) + len(ids)), 1 / (sqrt(grams) or 1.0)
        return words, stacked, pairs, sums, weights

    def told(self, counted: Counted) -> list[Told]:
        """The probabilities of one window as `probabilities` gives them, to six decimals. Per domain.

        In plain floats, because for sixteen numbers Python is faster than numpy. Raises `ValueError` where something
        is not a number.
        """
        odds = [1.0 + exp(_FARTHEST if z > _FARTHEST else z) for z in _summed(counted, self._falling)]
        told = []
        for first in range(0, WIDTH, len(OUTPUTS)):
            topic = MILLION / odds[first]
            low, high, worst = topic / odds[first + 1], topic / odds[first + 2], topic / odds[first + 3]
            high = low if low < high else high
            worst = high if high < worst else worst
            told.append((round(topic) / MILLION, round(low) / MILLION, round(high) / MILLION, round(worst) / MILLION))
        return told

    def contributions(self, window: Sequence[str]) -> Floats:
        """What each word of one window adds to each logit: shape (words, 16). With the bias they sum to the logit.

        A word that occurs k times gives each occurrence a k-th; a pair gives half to each of its words.
        """
        words, rows, pairs, _, weights = self.window(window)
        parts = rows[:, : _PARTS * WIDTH].reshape(-1, _PARTS, WIDTH) * np.array(weights, np.float32)[:, None]
        halves = pairs * (self._scale * np.float32(weights[_TERM] / 2))
        given = np.array(_spread(list(parts.sum(1)), words), np.float32)
        shared = np.array(_spread(list(halves), list(pairwise(words))), np.float32).reshape(-1, WIDTH)
        given[:-1] += shared
        given[1:] += shared
        return given

    def speaks(self, counted: Counted, place: int) -> list[float]:
        """How far each word of a window speaks for topic and high_dual of a domain, by its contributions, in calibrated
        logits. What speaks against them counts nothing."""
        words, rows, pairs, _, (by_pieces, by_terms, by_grams) = counted
        topic, high, topic_half, high_half = self._sides[place]
        given = [
            by_pieces * (topic * a + high * b) + by_terms * (topic * c + high * d) + by_grams * (topic * e + high * f)
            for a, b, c, d, e, f in rows.take(_SIX[place], 1).tolist()
        ]
        topic_half, high_half = topic_half * by_terms, high_half * by_terms
        halves = [topic_half * a + high_half * b for a, b in pairs.take(_TWO[place], 1).tolist()]
        if len(given) < len(words):
            given = _spread(given, words)
        if len(halves) < len(words) - 1:
            halves = _spread(halves, list(pairwise(words)))
        sides = zip(given, [0.0, *halves], [*halves, 0.0], strict=True)
        return [both if (both := own + left + right) > 0.0 else 0.0 for own, left, right in sides]

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
        first: Floats = self.probabilities(self._bias[None])[0]
        return first

    def _of_chunk(self, chunk: str) -> tuple[Known, ...]:
        """The words between two white spaces; the first carries the suspicion that the chunk raises."""
        suspected = suspicion(chunk)
        found = words(chunk) if suspected < CAREFUL else []
        if suspected >= CAREFUL or len(found) > _MOST_WORDS:
            return _CAREFULLY
        known = self._words.all(found)
        if suspected:
            known[0] = known[0]._replace(suspicion=suspected)
        return tuple(known)

    def _of_word(self, word: str) -> Known:
        pieces, grams = self._wordpiece.pieces(strip_accents(word)), gram_ids(word)
        content = encoded(word)
        parts = np.empty((_PARTS, WIDTH), np.float32)
        parts[0] = self._static[pieces[0]] if len(pieces) == 1 else self._static.take(pieces, 0).sum(0, np.float32)
        parts[_TERM] = self._table[term_id(word)]
        parts[2] = np.add.reduce(self._table.take(np.array(grams, _INDEX), 0), 0, _FLOAT)
        parts[1:] *= self._scale
        counts = np.array((len(pieces), len(grams)), np.float32)
        return Known(word, parts.tobytes() + counts.tobytes(), content, pair_prefix(content))

    def _of_features(self, features: Features) -> Floats:
        hashed = self._table[features.hashed] * self._scale
        static = self._static[features.pieces].astype(np.float32)
        values = np.asarray(features.values, np.float32)
        mean = static.sum(0) / max(len(static), 1)
        logits: Floats = (self._bias + mean + values @ hashed).astype(np.float32)
        return logits


def _table(weights: Weights) -> NDArray[np.int8]:
    """The hashed weights by hash; hashes without weights hold zeros."""
    table = np.zeros((HASHES, WIDTH), np.int8)
    table[weights.rows] = weights.hashed
    return table


Line: TypeAlias = tuple[float, float, float]
"""Of a head: where it begins, the factor of what words add, and the factor of the unscaled sum of pairs."""


def _lines(weights: Weights, calibration: Calibration, sign: float = 1.0) -> list[Line]:
    """What makes calibrated logits from sums; with ``sign`` -1 falling ones, where the head that does not exist is
    never reached."""
    columns = zip(
        weights.bias.tolist(),
        weights.scale.tolist(),
        calibration.slope.tolist(),
        calibration.intercept.tolist(),
        strict=True,
    )
    lines = [
        (sign * (slope * bias + shift), sign * slope, sign * slope * scale) for bias, scale, slope, shift in columns
    ]
    if sign < 0:
        lines[NEVER] = inf, 0.0, 0.0
    return lines


def _summed(counted: Counted, lines: Sequence[Line]) -> list[float]:
    """A number per head for one window. Sums are taken in the order of the words, so nothing but them matters."""
    _, _, pairs, sums, (by_pieces, by_terms, by_grams) = counted
    paired = np.add.reduce(pairs, 0, _SHORT).tolist()
    return [
        start + slope * (by_pieces * piece + by_terms * term + by_grams * gram) + by_terms * step * pair
        for (start, slope, step), piece, term, gram, pair in zip(  # noqa: B905  sums go on
            lines, sums, sums[WIDTH:], sums[2 * WIDTH :], paired
        )
    ]


def _side(scale: Floats, slope: Floats, place: int) -> tuple[float, float, float, float]:
    """What topic and high_dual of a domain weigh where a word speaks for it, and half of it for an unscaled pair."""
    topic, high = (place * len(OUTPUTS) + output for output in (_TOPIC, _HIGH))
    per_pair = slope * scale / 2
    return float(slope[topic]), float(slope[high]), float(per_pair[topic]), float(per_pair[high])


def _spread(given: Sequence[Share], things: Sequence[Hashable]) -> list[Share]:
    """Per occurrence of each thing its share of what is given per distinct thing."""
    counts: dict[Hashable, int] = {}
    for thing in things:
        counts[thing] = counts.get(thing, 0) + 1
    shares = {thing: each / count for (thing, count), each in zip(counts.items(), given, strict=True)}
    return [shares[thing] for thing in things]
