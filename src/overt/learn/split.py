"""Who learns, who scales, who sets thresholds, who judges: a seeded split by source and by family, never by row.

- Evaluation-only sources judge, whole. Threshold sources set thresholds, whole.
- Of every other public source, each group goes to one role by the hash of (seed, source, group).
- Our own rows are few and exact, so all of them train. They judge too, by cross-fitting (`overt.learn.folds`).
- A row of the training role that nearly repeats a row of another role is dropped (`without_echoes`).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from hashlib import blake2b
from typing import Final
from zlib import crc32

from overt.learn.corpus import Corpus, Row
from overt.learn.sources import Use


class Role(StrEnum):
    """What a row is for."""

    TRAIN = "train"
    CALIBRATE = "calibrate"
    THRESHOLD = "threshold"
    HELD_OUT = "held out"


SHARES: Final = ((Role.TRAIN, 0.70), (Role.CALIBRATE, 0.08), (Role.THRESHOLD, 0.12), (Role.HELD_OUT, 0.10))
SHINGLE: Final = 5
"""Words in a shingle."""
ECHO: Final = 0.7
"""The share of a row's shingles that another role also has, from which the row is an echo."""


def split(corpus: Corpus, seed: int) -> dict[Role, list[Row]]:
    """Every row in exactly one role, training rows without echoes of the others."""
    roles: dict[Role, list[Row]] = {role: [] for role in Role}
    for row in corpus.rows:
        roles[_role(corpus.source_of(row).use, row, seed)].append(row)
    others = [row for role, rows in roles.items() if role is not Role.TRAIN for row in rows]
    roles[Role.TRAIN] = without_echoes(roles[Role.TRAIN], others)
    return roles


def _role(use: Use, row: Row, seed: int) -> Role:
    if row.own:
        return Role.TRAIN
    match use:
        case Use.EVALUATE:
            return Role.HELD_OUT
        case Use.THRESHOLD:
            return Role.THRESHOLD
        case Use.TRAIN:
            return _drawn(draw(seed, row.source, row.group))


def draw(seed: int, *names: str) -> float:
    """A number in [0, 1) that depends on nothing but the seed and the names."""
    digest = blake2b("\x1f".join((str(seed), *names)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _drawn(number: float) -> Role:
    passed = 0.0
    for role, share in SHARES:
        passed += share
        if number < passed:
            return role
    return Role.HELD_OUT


def without_echoes(rows: Iterable[Row], others: Iterable[Row]) -> list[Row]:
    """The rows of which less than `ECHO` of the shingles occur among the others."""
    known = {shingle for row in others for shingle in shingles(row.text)}
    return [row for row in rows if not _echoes(shingles(row.text), known)]


def _echoes(found: set[int], known: set[int]) -> bool:
    return bool(found) and len(found & known) >= ECHO * len(found)


def shingles(text: str) -> set[int]:
    """The hashes of every run of `SHINGLE` words; of the whole text where it is shorter."""
    words = text.casefold().split()
    runs = [words[i : i + SHINGLE] for i in range(max(1, len(words) - SHINGLE + 1))]
    return {crc32(" ".join(run).encode("utf-8", "replace")) for run in runs}
