"""How an answer is written, as numbers: the features on which the text e-process bets.

Three views of a text: its *voice* (format, punctuation and the commonest English words), its *opening* (the first
characters, each at its place) and its *letters* (hashed runs of one to three characters, for any script). The scales
below are fixed; they weigh what told models apart in public comparisons. No choice of them can cost validity: the
e-process holds for any features that are fixed before the answers are seen. They only make it faster or slower.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]

READ: Final = 4000
"""Characters of a text that are read; the rest is ignored."""
OPENING: Final = 60
PLACES: Final = 8192
LETTERS: Final = 8192

SIZES: Final = (0.21, 0.25, 0.24, 0.19, 0.18)
"""Scales of: log length, log lines, log sentences, log words a sentence, letters a word."""
COUNTED: Final = (
    (re.compile(r"^\s*[-*•]\s", re.M), 0.11),
    (re.compile(r"^\s*\d+[.)]\s", re.M), 0.11),
    (re.compile(r"^#+\s", re.M), 0.23),
    (re.compile(r"\*\*"), 0.10),
    (re.compile(r"```"), 0.37),
    (re.compile(r"\n\n"), 0.19),
    (re.compile(r","), 0.18),
    (re.compile(r";"), 0.11),
    (re.compile(r":"), 0.17),
    (re.compile(r"\("), 0.13),
    (re.compile(r"[\"“”]"), 0.07),
    (re.compile(r"'"), 0.13),
    (re.compile(r"!"), 0.22),
    (re.compile(r"\?"), 0.16),
    (re.compile(r"—|–| - "), 0.10),
    (re.compile(r"\d"), 0.13),
    (re.compile(r"[A-Z]"), 0.24),
    (re.compile(r"`"), 0.18),
    (re.compile(r"[^\x00-\x7f]"), 0.09),
)
"""Marks that are counted, each with the scale of the logarithm of its count plus one."""
EDGES: Final = (0.17, 0.25, 0.45, 0.08, 0.23, 0.17)
"""Scales of: opens lower-case, with a digit, with a bracket or backquote; ends a sentence, a bracket; opens with I."""

WORD: Final = re.compile(r"\w+")
SENTENCE_END: Final = re.compile(r"[.!?](?:\s|$)")
TOKEN: Final = re.compile(r"\w+|[^\w\s]|\n+")
COMMON: Final = tuple(
    (
        ". the , and a is : of to ' in ) ( ¶ it \" 1 ¶¶ this answer { } as 2 for with if - 3 reasoning not ` input on "
        "are an will be json that 5 by 4 [ ] or from which then so can each 6 given 7 first at no therefore return "
        "you since all these 0 into over have 8 i text any here using 9 = we your its there find but when than check "
        "more they their * \\ also step checks two such other ! one need new after like let some however use has up "
        "about time should value + while case does personal between where empty only / them make resulting length "
        "because based even method less key equal help individual last end create what result may how depends out "
        "before through provide start original used process yes including well designed world different experience "
        "remember specific do would finally approximately odd back remove often without question might both get set "
        "making true ensure understand was re same way most take consider could many results important include until "
        "who work high ? second sure information just count becomes false various see creates long people add x "
        "appends next non now during final three steps contains within life been values good space otherwise found "
        "keep place once determine current following times known example few my complex order # cannot means note "
        "part best down due type starting ; creating several itself together being right role day simple around large "
        "position system impact quality want questions own our completed single significant specified none made "
        "effectively development apply small social leading already called except language condition analyze problem "
        "essential potential change still lead open ai "
        "s t m d ll ve don doesn isn won certainly overall additionally instead below above hope feel maybe really "
        "very quite me him her she he lets allow allows ensures provides great please thank thanks sorry apologize "
        "unfortunately furthermore moreover conclusion summary "
    )
    .replace("¶", "\n")
    .split(" ")[:-1]
)
"""The commonest tokens of model answers, "¶" for a new line: rarer words say what is talked about, not by whom."""
NUMBER: Final = {token: place for place, token in enumerate(COMMON)}
STIRRING: Final = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9], dtype=np.uint64)


def voices(texts: Sequence[str]) -> Rows:
    """Format, punctuation and common words: N texts to N rows. Columns are scaled to be compared as they are."""
    return np.array([[*_form(text[:READ]), *_common(text[:READ])] for text in texts], dtype=np.float64)


def openings(texts: Sequence[str]) -> Rows:
    """The first 60 characters, each with its place, hashed: N rows. The product of two rows is a Hamming similarity."""
    rows = np.zeros((len(texts), PLACES))
    for row, text in zip(rows, texts, strict=True):
        placed = (f"{place}{letter}" for place, letter in enumerate(text[:OPENING]))
        places = [zlib.crc32(each.encode(errors="surrogatepass")) % PLACES for each in placed]
        np.add.at(row, places, 1 / math.sqrt(OPENING))
    return rows


def letters(texts: Sequence[str]) -> Rows:
    """Hashed runs of one to three characters: N rows of length one (an empty text has a row of zeros)."""
    rows = np.zeros((len(texts), LETTERS))
    for row, text in zip(rows, texts, strict=True):
        found = np.bincount(_runs(text[:READ]), minlength=LETTERS)
        row[:] = np.sqrt(found / max(int(found.sum()), 1))
    return rows


def _form(text: str) -> list[float]:
    words = len(WORD.findall(text))
    sentences = max(len(SENTENCE_END.findall(text)), 1)
    sizes = (
        math.log1p(len(text)),
        math.log1p(text.count("\n") + 1),
        math.log1p(sentences),
        math.log1p(max(words, 1) / sentences),
        max(len(text), 1) / (max(words, 1) + 1) / 2,
    )
    first, last = text[:1], text[-1:]
    edges = (
        first.islower(),
        first.isdigit(),
        first in ("{", "[", "`"),
        last in (".", "!", "?"),
        last in ("}", "`"),
        text[:2] == "I ",
    )
    return [
        *(scale * size for scale, size in zip(SIZES, sizes, strict=True)),
        *(scale * math.log1p(len(mark.findall(text))) for mark, scale in COUNTED),
        *(scale * edge for scale, edge in zip(EDGES, edges, strict=True)),
    ]


def _common(text: str) -> Rows:
    tokens = TOKEN.findall(text.lower())
    known = [NUMBER[token] for token in tokens if token in NUMBER]
    return np.sqrt(np.bincount(known, minlength=len(COMMON)) / max(len(tokens), 1))


def _runs(text: str) -> NDArray[np.int64]:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    times, stir = STIRRING
    mixed, found = np.zeros(len(codes), dtype=np.uint64), list[NDArray[np.uint64]]()
    for length in (1, 2, 3):
        if len(codes) < length:
            break
        mixed = mixed[: len(codes) - length + 1] * times + codes[length - 1 :] + np.uint64(length)
        mixed = (mixed ^ (mixed >> np.uint64(31))) * stir
        found.append((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(51))
    return np.concatenate(found).astype(np.int64) if found else np.zeros(0, dtype=np.int64)
