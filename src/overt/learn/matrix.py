"""Rows to numbers: one line per window, with exactly the features that serving uses.

A line has hashed features (sparse) and the mean of the static vectors of its pieces (dense). ``row`` says which row a
line belongs to. Long rows give their first, middle and last windows: a request says what it wants near its ends.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from overt.classify.features import HASHES, Extractor, Features, windows, words
from overt.classify.text import normalise

Floats: TypeAlias = npt.NDArray[np.float32]

KEPT_WINDOWS = 4
MANY_WORDS = 4_096
"""Training reads no further into a text."""


@final
@dataclass(frozen=True, slots=True)
class Matrix:
    """Lines of features: ``hashed`` (lines x 2**18), ``static`` (lines x width), and the row of each line."""

    hashed: csr_matrix
    static: Floats
    row: npt.NDArray[np.int64]

    def of_rows(self, chosen: npt.NDArray[np.bool_]) -> Matrix:
        """The lines of the chosen rows; rows keep their numbers."""
        lines = np.flatnonzero(chosen[self.row])
        return Matrix(self.hashed[lines], self.static[lines], self.row[lines])


def build_matrix(texts: Sequence[str], extractor: Extractor, table: Floats) -> Matrix:
    """The matrix of texts, in their order."""
    row, starts, ids, values = array("q"), array("q", [0]), array("i"), array("f")
    static: list[Floats] = []
    for number, text in enumerate(texts):
        for found in windows_of(text, extractor):
            ids.extend(found.hashed)
            values.extend(found.values)
            starts.append(len(ids))
            row.append(number)
            static.append(_mean(table, found.pieces))
    shape = (len(row), HASHES)
    hashed = csr_matrix((np.frombuffer(values, np.float32), np.frombuffer(ids, np.int32), np.asarray(starts)), shape)
    hashed.sum_duplicates()
    dense = np.stack(static) if static else np.zeros((0, table.shape[1]), np.float32)
    return Matrix(hashed, dense, np.asarray(row, dtype=np.int64))


def windows_of(text: str, extractor: Extractor) -> Iterator[Features]:
    """The features of the windows that training reads."""
    found = words(normalise(text).text)[:MANY_WORDS]
    ranges = windows(len(found))
    if len(ranges) > KEPT_WINDOWS:
        ranges = [ranges[round(i * (len(ranges) - 1) / (KEPT_WINDOWS - 1))] for i in range(KEPT_WINDOWS)]
    for low, high in ranges:
        yield extractor.features(found[low:high])


def _mean(table: Floats, pieces: Sequence[int]) -> Floats:
    if not pieces:
        return np.zeros(table.shape[1], np.float32)
    return np.asarray(table[list(pieces)].mean(axis=0), dtype=np.float32)
