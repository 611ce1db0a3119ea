"""Texts as rows of numbers, so that an inner product says how alike two texts are.

Every feature is a function of one text alone, worked out for all texts at once and blind to which side a text is from:
so the permutations of `overt.audit.stats.draws` stay exact whatever is chosen here. n-grams are hashed into 2^18
buckets, damped, normalised and then laid onto `WIDTH` signed columns (a count sketch: Charikar, Chen and
Farach-Colton 2002), whose inner products are those of the n-grams up to about 1/sqrt(WIDTH).
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

Matrix: TypeAlias = npt.NDArray[np.float32]
Hashes: TypeAlias = npt.NDArray[np.uint64]

BUCKETS: Final = 1 << 18
NAMES: Final = 1 << 12
"""Columns of `first_words`."""
MOST_COLUMNS: Final = 1 << 16
MOST_CELLS: Final = 1 << 25
"""Of a sketch: 128 MiB."""
LONGEST: Final = 4_000
"""Characters of a text that are looked at."""
OPENING: Final = 60
CHARACTERS: Final = 5
"""The longest character n-gram."""
FIRST_WORDS: Final = 4
AT_A_TIME: Final = 256
ODD: Final = np.uint64(0x9E3779B97F4A7C15)
OTHER: Final = np.uint64(0xBF58476D1CE4E5B9)
TOKEN: Final = re.compile(r"\w+|[^\w\s]|\n+")
FORMAT: Final = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"^\s*[-*•]\s",
        r"^\s*\d+[.)]\s",
        r"^#+\s",
        r"\*\*",
        r"```",
        r"\n\n",
        r"(?<!\n)\n(?!\n)",
        r":$",
        "`",
    )
)
"""Bullets, numbered items, headings, bold, code blocks, paragraphs, lines, colons at line ends, code."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How often each bucket is in each of ``texts`` texts: three arrays, one entry for each bucket of each text."""

    texts: int
    rows: npt.NDArray[np.int64]
    buckets: npt.NDArray[np.int64]
    counts: npt.NDArray[np.float64]


def code_points(texts: Sequence[str], length: int) -> npt.NDArray[np.uint32]:
    """(texts, length): the first ``length`` code points of each, and 0 after its end."""
    found = np.zeros((len(texts), length), np.uint32)
    for row, text in enumerate(texts):
        points = _points(text[:length])
        found[row, : len(points)] = points
    return found


def character_grams(texts: Sequence[str], longest: int = CHARACTERS) -> Counts:
    """All character n-grams, n = 1 … ``longest``, of the first `LONGEST` characters."""
    return _counted([_grams(_points(text[:LONGEST]).astype(np.uint64), longest) for text in texts])


def word_grams(texts: Sequence[str]) -> Counts:
    """Words, marks and line breaks, alone and in twos, in lower case."""
    return _counted([_grams(_words(text), 2) for text in texts])


def columns(texts: int) -> int:
    """Of a sketch of so many texts: a power of 2, the more the fewer texts there are."""
    return max(NAMES, min(MOST_COLUMNS, 1 << (MOST_CELLS // max(texts, 1)).bit_length() - 1))


def sketch(found: Counts, values: npt.NDArray[np.float64], *, width: int, normed: bool) -> Matrix:
    """(texts, width): ``values``, one for each entry of ``found``, on signed columns; rows of length 1 if ``normed``.

    ``width`` is a power of 2, at most `MOST_COLUMNS`.
    """
    if normed:
        lengths = np.sqrt(np.bincount(found.rows, values**2, minlength=found.texts))
        values = values / lengths[found.rows]
    signs = 1.0 - 2.0 * (found.buckets // (BUCKETS // 2))
    flat = np.bincount(found.rows * width + found.buckets % width, values * signs, minlength=found.texts * width)
    return flat.reshape(found.texts, width).astype(np.float32)


def characters(texts: Sequence[str], width: int) -> Matrix:
    """Character n-grams, by the logarithm of their counts, each row of length 1."""
    found = character_grams(texts)
    return sketch(found, np.log1p(found.counts), width=width, normed=True)


def words(texts: Sequence[str], width: int) -> tuple[Matrix, Matrix]:
    """Words and pairs of words by the root of their counts: each row of length 1, and as they are."""
    found = word_grams(texts)
    roots = np.sqrt(found.counts)
    return sketch(found, roots, width=width, normed=True), sketch(found, roots, width=width, normed=False)


def opening(texts: Sequence[str], width: int) -> Matrix:
    """Character n-grams of the first `OPENING` characters, each row of length 1."""
    found = character_grams([text[:OPENING] for text in texts])
    return sketch(found, np.sqrt(found.counts), width=width, normed=True)


def first_words(texts: Sequence[str]) -> Matrix:
    """The first word, the first two, … as one name each: how an answer begins."""
    found = np.zeros((len(texts), NAMES), np.float32)
    for row, text in enumerate(texts):
        begin = TOKEN.findall(text[: 4 * OPENING].lower())[:FIRST_WORDS]
        for count in range(1, len(begin) + 1):
            found[row, zlib.crc32(" ".join(begin[:count]).encode("utf-8", "surrogatepass")) % NAMES] = 1.0
    return found


def layout(texts: Sequence[str]) -> Matrix:
    """(texts, 9): the logarithm of how often each of `FORMAT` is used."""
    rows = [[math.log1p(len(pattern.findall(text[:LONGEST]))) for pattern in FORMAT] for text in texts]
    return np.array(rows, np.float32).reshape(len(texts), len(FORMAT))


def log_length(texts: Sequence[str]) -> Matrix:
    """(texts, 1): the logarithm of one more than the number of characters."""
    return np.array([[math.log1p(len(text))] for text in texts], np.float32).reshape(len(texts), 1)


def _points(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint32)


def _words(text: str) -> Hashes:
    found = TOKEN.findall(text[:LONGEST].lower())
    return np.array([zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in found], np.uint64)


def _grams(units: Hashes, longest: int) -> Hashes:
    """The hashes of all runs of 1 … ``longest`` units, each made from the run that is one shorter."""
    found: list[Hashes] = []
    running = np.zeros(len(units), np.uint64)
    for size in range(1, min(longest, len(units)) + 1):
        running = _mixed((running[: len(units) - size + 1] + np.uint64(size)) * ODD + units[size - 1 :])
        found.append(running)
    return np.concatenate(found) if found else running


def _mixed(hashes: Hashes) -> Hashes:
    stirred = (hashes ^ (hashes >> np.uint64(29))) * OTHER
    return stirred ^ (stirred >> np.uint64(32))


def _counted(grams: Sequence[Hashes]) -> Counts:
    """Sorted and counted some texts at a time, so that memory does not grow with all of them at once."""
    keys: list[npt.NDArray[np.int64]] = []
    counts: list[npt.NDArray[np.int64]] = []
    for start in range(0, len(grams), AT_A_TIME):
        part = grams[start : start + AT_A_TIME]
        rows = np.repeat(np.arange(start, start + len(part)), [len(each) for each in part])
        found, times = np.unique(
            rows * BUCKETS + (np.concatenate(part) % np.uint64(BUCKETS)).astype(np.int64), return_counts=True
        )
        keys.append(found)
        counts.append(times)
    every = np.concatenate(keys) if keys else np.zeros(0, np.int64)
    return Counts(
        texts=len(grams),
        rows=every // BUCKETS,
        buckets=every % BUCKETS,
        counts=np.concatenate(counts).astype(np.float64) if counts else np.zeros(0),
    )
