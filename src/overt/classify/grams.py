"""Languages written in Latin letters, told apart by byte grams.

`Table.probabilities` compares words with a table that `overt.learn.language_table` makes. At every place of the text
the longest gram of the table that ends there counts; a gram speaks for a language by its weight times the logarithm of
how often it was seen. The sum is divided by the square root of the text's length, which keeps probabilities honest
from one line to a page, since neighbouring grams repeat one another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from io import BytesIO
from itertools import chain
from math import sqrt
from pathlib import Path
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.errors import BadRelease

Floats: TypeAlias = npt.NDArray[np.float32]

TABLE_DIGEST: Final = "39dd1dd0c119470e6407347ccde781833f300924dac4ae5ecd337845e64da060"
"""SHA-256 of the table's file, which is of one release with this code."""
LONGEST: Final = 6
"""Bytes of the longest gram."""
CACHED_WORDS: Final = 8_192
_FILE: Final = "languages.npz"


@final
@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The row of each gram, its weights for ``languages`` in units of the row's step, and a bias of each language."""

    languages: tuple[str, ...]
    rows: dict[bytes, int]
    weights: npt.NDArray[np.int8]
    steps: Floats
    bias: Floats

    def probabilities(self, words: Sequence[str]) -> Floats:
        """How probable each language is; the biases alone where no gram is known."""
        counts = Counter(chain.from_iterable(_rows(self, word) for word in words))
        rows = np.fromiter(counts, np.int64, len(counts))
        spoken = np.log1p(np.fromiter(counts.values(), np.float32, len(counts))) * self.steps[rows]
        length = 1 + sum(len(word) + 1 for word in words)
        logits = (spoken @ self.weights[rows] + self.bias) / np.float32(sqrt(length))
        raised: Floats = np.exp(logits - logits.max())
        total: Floats = raised / raised.sum()
        return total


@lru_cache(CACHED_WORDS)
def _rows(table: Table, word: str) -> tuple[int, ...]:
    """Which grams count in a word: at every place the longest that ends there."""
    spelt = f" {word} ".encode("utf-8", "replace")
    found = []
    for end in range(2, len(spelt) + 1):
        for start in range(max(0, end - LONGEST), end):
            row = table.rows.get(spelt[start:end])
            if row is not None:
                found.append(row)
                break
    return tuple(found)


def plain(text: str) -> str:
    """Lower case and one apostrophe, as the table's grams are spelt."""
    return text.replace("İ", "I").lower().replace("’", "'")


@cache
def shipped_table() -> Table:
    """The table of this package, read once. Two threads that ask first at the same time both read it, to no harm."""
    path = Path(__file__).parent / _FILE
    packed = path.read_bytes()
    if sha256(packed).hexdigest() != TABLE_DIGEST:
        raise BadRelease(f"{str(path)!r} is not the table this code was released with; install overt again")
    return unpacked(packed)


def unpacked(packed: bytes) -> Table:
    """A table from the bytes of its file."""
    with np.load(BytesIO(packed), allow_pickle=False) as arrays:
        grams = arrays["grams"].tobytes().split(b"\n")
        return Table(
            tuple(arrays["languages"].tolist()),
            {gram: row for row, gram in enumerate(grams)},
            arrays["weights"],
            arrays["steps"],
            arrays["bias"],
        )


def packed(table: Table) -> bytes:
    """A table as the bytes of its file."""
    written = BytesIO()
    np.savez_compressed(
        written,
        languages=np.asarray(table.languages),
        grams=np.frombuffer(b"\n".join(table.rows), np.uint8),
        weights=table.weights,
        steps=table.steps,
        bias=table.bias,
    )
    return written.getvalue()
