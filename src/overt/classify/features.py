"""From text to features: the one definition that training and serving share.

FORMAT 1. Changing anything here makes every released set of weights wrong; raise `FORMAT` if you must.

1. ``words(text)`` takes text that `overt.classify.text` has normalised. A word is a run of letters, digits and marks,
   lower-cased (casefold), accents off; an ideograph is a word; ``snake_case`` and ``camelCase`` are cut; runs over
   40 characters are cut every 40.
2. ``windows(n)`` are the ranges of 64 words, stride 32, that are scored by themselves; the last one ends at ``n``.
3. A window counts each distinct word once and each distinct pair of neighbours once, so repetition does not shout.
   - *pieces*: word-piece ids of the distinct words (all nonspacing marks off, as BERT does).
     Value 1/len(pieces) each (the mean of the static part).
   - *terms*: ``crc32("w " + word)`` per distinct word and ``crc32("b " + left + " " + right)`` per distinct pair.
     Value 1/sqrt(len(terms)) each.
   - *grams*: ``crc32("c " + gram)`` for the distinct 3- to 5-character grams of ``<word>``, per distinct word.
     Value 1/sqrt(len(grams)) each.
   Terms and grams share the space of 2**18 hashes; equal ids add up.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import sqrt
from typing import Final, TypeVar, final
from zlib import crc32

from overt.classify.wordpiece import WordPiece, strip_accents

FORMAT: Final = 1
HASHES: Final = 1 << 18
WINDOW: Final = 64
STRIDE: Final = 32
LONGEST_RUN: Final = 40
GRAM_SIZES: Final = (3, 4, 5)

MASK: Final = HASHES - 1
_TERM: Final = crc32(b"w ")
_PAIR: Final = crc32(b"b ")
_GRAM: Final = crc32(b"c ")
_CACHED_WORDS: Final = 1 << 15

# Scripts whose vowel signs are combining marks, which ``\w`` leaves out: Hebrew, Arabic, Indic to Sinhala, Thai, Lao,
# Tibetan, Myanmar, Khmer. Their punctuation (danda, fongman) is rare enough to travel along. The joiners are here
# because normalisation leaves them only inside such words.
_MARKS: Final = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc"
    "\u0900-\u0963\u0966-\u0dff\u0e01-\u0e3a\u0e40-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17d3\u200c\u200d"
)
_HAN: Final = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ceaf\U0002f800-\U0002fa1f"
_RUN: Final = re.compile(rf"[{_HAN}]|(?:(?![{_HAN}])[^\W_]|[{_MARKS}])+")
ASCII_RUN: Final = re.compile(r"[A-Za-z0-9]+")
_HUMP: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_CAMEL: Final = re.compile(r"[a-z][A-Z]")

Cut = TypeVar("Cut", str, bytes)


@final
@dataclass(frozen=True, slots=True)
class Tokens:
    """Words, and where each stands in the text that they were taken from."""

    words: list[str]
    starts: list[int]
    ends: list[int]

    def __len__(self) -> int:
        return len(self.words)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What a window contains, by kind; the module's docstring says what each list holds and weighs."""

    pieces: list[int]
    terms: list[int]
    grams: list[int]

    @property
    def hashed(self) -> list[int]:
        """Terms and grams in one list, the order of `values`."""
        return self.terms + self.grams

    @property
    def values(self) -> list[float]:
        """The value of each entry of `hashed`."""
        term = 1 / sqrt(len(self.terms)) if self.terms else 0.0
        gram = 1 / sqrt(len(self.grams)) if self.grams else 0.0
        return [term] * len(self.terms) + [gram] * len(self.grams)


def words(text: str) -> list[str]:
    """The words of a normalised text, in order."""
    if len(text) <= LONGEST_RUN and text.isascii() and _CAMEL.search(text) is None:
        return ASCII_RUN.findall(text.lower())
    return tokens(text).words


def tokens(text: str) -> Tokens:
    """The words of a normalised text with their places in it."""
    runs = ASCII_RUN if text.isascii() else _RUN
    spans = [run.span() for run in runs.finditer(text)]
    if runs is not ASCII_RUN or _CAMEL.search(text) or any(high - low > LONGEST_RUN for low, high in spans):
        spans = [cut for low, high in spans for cut in _cuts(text[low:high], low, high)]
    found = [(word, low, high) for low, high in spans if (word := _fold(text[low:high]))]
    return Tokens([word for word, _, _ in found], [low for _, low, _ in found], [high for _, _, high in found])


def where(text: str, count: int) -> list[tuple[int, int]]:
    """Where the words of a plain text stand; it has ``count`` of them."""
    if text.isascii():
        runs = [run.span() for run in ASCII_RUN.finditer(text)]
        if len(runs) == count:
            return runs
    found = tokens(text)
    return list(zip(found.starts, found.ends, strict=True))


def _fold(word: str) -> str:
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFD", word.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not "\u0300" <= c <= "\u036f"))


def _cuts(run: str, start: int, end: int) -> list[tuple[int, int]]:
    if end - start > LONGEST_RUN:
        return [(low, min(low + LONGEST_RUN, end)) for low in range(start, end, LONGEST_RUN)]
    if _CAMEL.search(run) is not None and run.isascii():
        humps = [hump.span() for hump in _HUMP.finditer(run)]
        if _is_identifier(run, [high - low for low, high in humps]):
            return [(start + low, start + high) for low, high in humps]
    return [(start, end)]


def _is_identifier(run: str, sizes: list[int]) -> bool:
    """``getUserById`` is cut; ``mRNA``, ``PowerShell`` and ``mAlWaRe`` are not: names stay whole, tricks fail."""
    enough = len(sizes) >= (2 if run[0].islower() else 3)
    return enough and min(sizes) >= 2 and max(sizes) >= 4 and sum(sizes) == len(run)


def windows(count: int) -> list[tuple[int, int]]:
    """The ranges of words that are scored by themselves. None where there are no words."""
    if count == 0:
        return []
    if count <= WINDOW:
        return [(0, count)]
    return [(start, min(start + WINDOW, count)) for start in range(0, count - STRIDE, STRIDE)]


def term_id(word: str) -> int:
    """The hash of a word."""
    return crc32(encoded(word), _TERM) & MASK


def pair_id(left: str, right: str) -> int:
    """The hash of two neighbours."""
    return crc32(encoded(right), pair_prefix(encoded(left))) & MASK


def pair_prefix(left: bytes) -> int:
    """The hash of a pair as far as its left word goes: ``crc32(right, pair_prefix(left)) & MASK`` is its id."""
    return crc32(left + b" ", _PAIR)


def gram_ids(word: str) -> list[int]:
    """The hashes of the character grams of a word with its boundaries marked."""
    return [crc32(gram, _GRAM) & MASK for gram in _grams(f"<{word}>")]


def encoded(word: str) -> bytes:
    """The bytes of a word that are hashed."""
    return word.encode("utf-8", "replace")


def _grams(marked: str) -> Iterable[bytes]:
    """The distinct grams; of an ASCII word the bytes are cut, which costs half."""
    if not marked.isascii():
        return map(encoded, dict.fromkeys(_slices(marked)))
    return dict.fromkeys(_slices(marked.encode("ascii")))


def _slices(marked: Cut) -> list[Cut]:
    size = len(marked)
    return [marked[start : start + length] for length in GRAM_SIZES for start in range(size - length + 1)]


@final
class Extractor:
    """Features of windows of words, with what a word gives by itself kept in a bounded cache."""

    def __init__(self, wordpiece: WordPiece) -> None:
        self._wordpiece = wordpiece
        self._word = lru_cache(_CACHED_WORDS)(self._of_word)

    def _of_word(self, word: str) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
        return self._wordpiece.pieces(strip_accents(word)), term_id(word), tuple(gram_ids(word))

    def features(self, window: Sequence[str]) -> Features:
        """The features of one window of words; give it at most `WINDOW` of them."""
        pieces: list[int] = []
        terms: list[int] = []
        grams: list[int] = []
        for word in dict.fromkeys(window):
            word_pieces, term, word_grams = self._word(word)
            pieces.extend(word_pieces)
            terms.append(term)
            grams.extend(word_grams)
        terms.extend(pair_id(left, right) for left, right in dict.fromkeys(pairwise(window)))
        return Features(pieces=pieces, terms=terms, grams=grams)

    def of_text(self, text: str) -> list[Features]:
        """The features of each window of a normalised text."""
        found = words(text)
        return [self.features(found[low:high]) for low, high in windows(len(found))]
