"""The table of `overt.classify.language`: which byte grams speak for which language, cut out of py3langid's model.

py3langid (BSD-3-Clause) counts 100,000 byte grams for 140 languages; its model takes half a second and 100 MB to load.
This keeps the languages that are written in Latin letters and are asked in, and the `GRAMS` grams that tell them apart
best. Nothing is estimated anew, and no text is needed:

1. Every gram is put in the form in which we read text: lower case, one word with a space around it, so that of a gram
   over two words the part in the second one is left. Equal grams add up; those of other scripts are left out.
2. A gram is worth its frequency times the variance over languages of what it adds to its longest kept ending.
3. What a dropped gram counted, its longest kept ending counts from now on: at every place of a text the longest gram
   that ends there is the one that counts, there as here.
4. Logarithms of the frequencies, less their mean over languages, in `LEVELS` steps of the largest one of a row.

Rebuild: install the extra `train`, call `write_table(PATH)` (five seconds, 460 MB), and put the digest of the file into
`overt.classify.grams`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from py3langid.langid import MODEL_DIR, MODEL_FILE
from py3langid.modelio import load_model

from overt.classify.grams import Table, packed, plain

Doubles: TypeAlias = npt.NDArray[np.float64]

GRAMS: Final = 16_000
LEVELS: Final = 15
"""Of either sign. A hundred and twenty-seven separate no better and take half as much space again."""
LANGUAGES: Final = (
    *("af", "az", "ca", "cs", "cy", "da", "de", "en", "es", "et", "eu", "fi", "fr", "ga", "ha", "hr", "ht", "hu", "id"),
    *("ig", "is", "it", "la", "lt", "lv", "mg", "ms", "mt", "nl", "no", "pl", "pt", "ro", "rw", "sk", "sl", "so", "sq"),
    *("sv", "sw", "tl", "tr", "uz", "vi", "xh", "yo", "zu"),
)
"""Without those that short texts of a larger neighbour are taken for (Galician, Occitan, Luxembourgish), so that a text
in one of them is taken for the neighbour. Croatian stands for Bosnian and for Serbian in Latin letters."""

_HALVES: Final = "\udcc3-\udcc9\udccc\udce1\udc80-\udcbf"
"""Bytes that stand in the middle of a Latin letter, as ``surrogateescape`` reads them."""
_NO_LETTER: Final = re.compile("[^\\w'\u0300-\u036f\udc80-\udcff]+|[\\d_]+")
_LATIN: Final = re.compile(f"[a-z' \u00c0-\u036f\u1e00-\u1eff{_HALVES}]+")


def write_table(path: Path) -> None:
    """Make the table from the installed py3langid and write it."""
    path.write_bytes(packed(make_table()))


def make_table(size: int = GRAMS) -> Table:
    """The table, made from the installed py3langid."""
    logs, bias, languages, moves, rows, found = load_model(MODEL_DIR / MODEL_FILE)
    chosen = [languages.index(language) for language in LANGUAGES]
    frequencies = np.exp(np.asarray(logs)[:, chosen].astype(np.float64))
    spelt = _spelt(np.asarray(moves).reshape(-1, 256), np.asarray(rows))
    kept = _pruned(_in_our_form(_shortest(spelt, found), frequencies), size)
    return _quantised(kept, np.asarray(bias)[chosen])


def _spelt(moves: npt.NDArray[np.unsignedinteger], rows: npt.NDArray[np.unsignedinteger]) -> list[bytes]:
    """What has been read in each state of the automaton: the shortest way to it from the start."""
    spelt: list[bytes | None] = [None] * len(rows)
    spelt[0] = b""
    edge = np.zeros(1, np.int64)
    while len(edge):
        reached = moves[rows[edge]].astype(np.int64).ravel()
        states, places = np.unique(reached, return_index=True)
        fresh = [(int(s), int(p)) for s, p in zip(states, places, strict=True) if spelt[s] is None]
        for state, place in fresh:
            spelt[state] = (spelt[edge[place >> 8]] or b"") + bytes([place & 255])
        edge = np.asarray([state for state, _ in fresh], np.int64)
    return [gram or b"" for gram in spelt]


def _shortest(spelt: list[bytes], found: list[int]) -> Mapping[int, bytes]:
    """The gram of each feature: of the states that report it, the one with least before it."""
    grams: dict[int, bytes] = {}
    for gram, feature in zip(spelt, found, strict=True):
        if feature >= 0 and (feature not in grams or len(gram) < len(grams[feature])):
            grams[feature] = gram
    return grams


def _in_our_form(grams: Mapping[int, bytes], frequencies: Doubles) -> dict[bytes, Doubles]:
    """Step 1."""
    formed: dict[bytes, Doubles] = {}
    for feature, gram in sorted(grams.items()):
        form = _form(gram)
        if form is not None:
            formed[form] = formed.get(form, np.zeros(len(LANGUAGES))) + frequencies[feature]
    return formed


def _form(gram: bytes) -> bytes | None:
    """A gram as it would be read by us; None for one of another script, or of spaces. Halves of letters stay."""
    spaced = _NO_LETTER.sub(" ", plain(gram.decode("utf-8", "surrogateescape")))
    if not _LATIN.fullmatch(spaced) or spaced == " ":
        return None
    last_word = max(0, spaced.rfind(" ", 0, len(spaced) - 1))
    return spaced[last_word:].encode("utf-8", "surrogateescape")


def _endings(gram: bytes) -> Iterator[bytes]:
    """The proper endings of a gram, the longest first."""
    return (gram[start:] for start in range(1, len(gram)))


def _pruned(formed: Mapping[bytes, Doubles], size: int) -> dict[bytes, Doubles]:
    """Steps 2 and 3."""

    def worth(gram: bytes) -> float:
        ending = next((e for e in _endings(gram) if e in formed), None)
        adds = np.log(formed[gram]) - (np.log(formed[ending]) if ending is not None else 0.0)
        return float(formed[gram].mean() * adds.var())

    ordered = sorted(formed, key=lambda gram: (-worth(gram), gram))
    kept = {gram: formed[gram].copy() for gram in sorted(ordered[:size])}
    for gram in ordered[size:]:
        ending = next((e for e in _endings(gram) if e in kept), None)
        if ending is not None:
            kept[ending] += formed[gram]
    return kept


def _quantised(kept: Mapping[bytes, Doubles], bias: npt.NDArray[np.floating]) -> Table:
    """Step 4."""
    logs = np.log(np.asarray(list(kept.values())))
    logs -= logs.mean(axis=1, keepdims=True)
    steps = np.abs(logs).max(axis=1) / LEVELS
    weights = np.round(logs / steps[:, None]).astype(np.int8)
    level = (bias - bias.mean()).astype(np.float32)
    return Table(LANGUAGES, {gram: row for row, gram in enumerate(kept)}, weights, steps.astype(np.float32), level)
