"""BERT's uncased tokenisation in plain Python: basic splitting, then greedy longest-match word pieces.

Gives the same ids as the reference tokeniser of all-MiniLM-L6-v2 (without its special tokens); a table of recorded
answers holds it to that. A word is cut once and kept in a bounded cache of this object.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, final

from overt.errors import BadRelease

CACHED_WORDS: Final = 1 << 15
LONGEST_WORD: Final = 100
"""A longer word is unknown, as in the reference."""
UNKNOWN: Final = "[UNK]"

_IDEOGRAPHS: Final = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


@final
class WordPiece:
    """A vocabulary, and how words are cut into it."""

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self._vocabulary = vocabulary
        self._unknown = vocabulary[UNKNOWN]
        self._cached = lru_cache(CACHED_WORDS)(self._cut)

    def __len__(self) -> int:
        return len(self._vocabulary)

    def pieces(self, word: str) -> tuple[int, ...]:
        """The ids of one lower-cased word without spaces or punctuation; unknown as a whole if any part is."""
        return self._cached(word)

    def encode(self, text: str) -> list[int]:
        """The ids of a text, without special tokens."""
        return [piece for word in basic(text) for piece in self._cached(word)]

    def _cut(self, word: str) -> tuple[int, ...]:
        if len(word) > LONGEST_WORD:
            return (self._unknown,)
        found: list[int] = []
        start = 0
        while start < len(word):
            end = self._longest(word, start)
            if end == start:
                return (self._unknown,)
            found.append(self._vocabulary[_piece(word, start, end)])
            start = end
        return tuple(found)

    def _longest(self, word: str, start: int) -> int:
        """Where the longest known piece from ``start`` ends; ``start`` itself if there is none."""
        end = len(word)
        while end > start and _piece(word, start, end) not in self._vocabulary:
            end -= 1
        return end


def _piece(word: str, start: int, end: int) -> str:
    return word[start:end] if start == 0 else "##" + word[start:end]


def parse_vocabulary(content: bytes, name: str) -> dict[str, int]:
    """The pieces of a ``vocab.txt``, one a line, numbered from 0."""
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError as fault:
        raise BadRelease(f"{name!r} is not UTF-8 ({fault}); give the vocab.txt of a BERT-uncased tokeniser") from fault
    vocabulary = {piece.rstrip("\r"): number for number, piece in enumerate(lines) if piece}
    if UNKNOWN not in vocabulary:
        raise BadRelease(f"{name!r} has no piece {UNKNOWN!r}; give the vocab.txt of a BERT-uncased tokeniser")
    return vocabulary


def basic(text: str) -> list[str]:
    """The words of a text: cleaned, lower-cased, accents off, punctuation and ideographs apart."""
    cleaned = "".join(_clean(text))
    return [part for word in cleaned.split() for part in _apart(strip_accents(word.lower()))]


def strip_accents(word: str) -> str:
    """Decompose and drop every nonspacing mark, as the reference does."""
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFD", word) if unicodedata.category(c) != "Mn")


def _clean(text: str) -> Iterator[str]:
    for character in text:
        code = ord(character)
        if character in " \t\n\r":
            yield " "
        elif code in (0, 0xFFFD) or unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs"):
            continue
        elif code >= 0x3400 and is_ideograph(code):
            yield f" {character} "
        else:
            yield character


def is_ideograph(code: int) -> bool:
    """Whether BERT sets this code point apart as a word of its own (CJK, not kana and not hangul)."""
    return any(low <= code <= high for low, high in _IDEOGRAPHS)


def _apart(word: str) -> Iterator[str]:
    """Punctuation characters by themselves, the runs between them as words."""
    start = 0
    for place, character in enumerate(word):
        if _is_punctuation(character):
            if place > start:
                yield word[start:place]
            yield character
            start = place + 1
    if start < len(word):
        yield word[start:]


def _is_punctuation(character: str) -> bool:
    code = ord(character)
    if code < 128:
        return 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return unicodedata.category(character).startswith("P")
