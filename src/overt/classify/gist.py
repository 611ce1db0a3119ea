"""What is asked, without the small talk around it.

A request between polite or everyday sentences is the same request, but whoever reads all of it at once hears it less.
So stage 1 also hears each sentence by itself, which may open a gate, and stage 2 also reads the *gist* of a text: the
sentences together that stage 1 is not sure about. They stay together because one such sentence often excuses another.
Linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from overt.classify.text import Edit, Mapped, rewrite

SMALL_TALK: Final = 0.5
"""The share of a gate below which a sentence is small talk."""
MOST_SENTENCES: Final = 128
"""What follows that many sentences counts as one."""
FEWEST_WORDS: Final = 3
"""Fewer words are part of the sentence that follows, or of the last one."""

_BREAK: Final = re.compile(r"[.!?…][\"'”’»)\]]*\s+|\s*\n\s*|[。！？]+\s*")
_WORD: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")


def has_sentences(text: str) -> bool:
    """Whether anything ends a sentence before the end of the text; a look that costs little."""
    return _BREAK.search(text, 0, max(len(text) - 1, 0)) is not None


def sentences(text: str) -> list[tuple[int, int]]:
    """Where the sentences of a text stand, one after the other and together all of it."""
    found: list[tuple[int, int]] = []
    start = 0
    for ending in _BREAK.finditer(text):
        if len(found) + 1 == MOST_SENTENCES:
            break
        if _is_enough(text[start : ending.end()]):
            found.append((start, ending.end()))
            start = ending.end()
    if start < len(text):
        if found and not _is_enough(text[start:]):
            start = found.pop()[0]
        found.append((start, len(text)))
    return found


def several(text: str) -> list[tuple[int, int]]:
    """The sentences of a text; none where there is but one."""
    found = sentences(text) if has_sentences(text) else []
    return found if len(found) > 1 else []


def speaking(openings: Sequence[float]) -> list[bool] | None:
    """Which sentences are kept, by how far each opens the gates; None where all of them are, or none."""
    kept = [opening >= SMALL_TALK for opening in openings]
    return kept if any(kept) and not all(kept) else None


def without_small_talk(mapped: Mapped, spans: Sequence[tuple[int, int]], kept: Sequence[bool]) -> Mapped:
    """The text without the sentences that are not kept, mapped to the original."""
    return rewrite(mapped, _cuts(spans, kept))


def _cuts(spans: Sequence[tuple[int, int]], kept: Sequence[bool]) -> Iterator[Edit]:
    for (start, end), keep in zip(spans, kept, strict=True):
        if not keep:
            yield start, end, " "


def _is_enough(text: str) -> bool:
    words = _WORD.finditer(text)
    return sum(1 for _ in zip(range(FEWEST_WORDS), words, strict=False)) == FEWEST_WORDS
