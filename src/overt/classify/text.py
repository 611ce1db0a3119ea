"""Normalised text that remembers where it came from.

Every step is a list of edits on a `Mapped` text, so a span of what was scored always points into what was sent.
Steps (classifiers.md §4.3): 0 cut the middle of an over-long text and say how much; 1 terminal escapes, HTML entities,
literal ``\\n``; 2 NFKC, invisible characters, stacked marks, look-alike letters in words of mixed script.
Linear in the length of the text. What the text may hide beyond that is the business of `overt.classify.views`.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

from overt.classify.confusables import ALWAYS_LATIN, LATIN_LOOKALIKES

HEAD_CHARACTERS: Final = 48_000
TAIL_CHARACTERS: Final = 16_000
"""The declared cap: of a longer text the first 48,000 and the last 16,000 characters (some 8,000 words) are read."""

MOST_MARKS: Final = 2
"""Marks kept per base letter: two, since Vietnamese needs them; more is decoration."""

Edit = tuple[int, int, str]
"""Replace ``text[low:high]`` by this."""

_PLAIN: Final = re.compile(
    r"\x1b\[[0-9;?]{0,32}[ -/]?[@-~]|&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});|[\ud800-\udfff]"
)
_LITERAL_BREAK: Final = re.compile(r"\\[nrt]")
_INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\ufff9-\ufffc\U000e0000-\U000e01ef"
)
_MARK: Final = "\u0300-\u034e\u0350-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u3099\u309a"
_CLUSTER: Final = re.compile(
    rf"[{_INVISIBLE}]+|[\u1100-\u115e]?[\u1161-\u11a7]{{1,4}}[\u11a8-\u11ff]{{0,4}}"
    rf"|[\x00-\x7f][{_MARK}]+|[^\x00-\x7f][{_MARK}]*"
)
_IS_INVISIBLE: Final = re.compile(rf"[{_INVISIBLE}]+")
_OVERLAY: Final = re.compile("[\u0335-\u0338\u1ab0-\u1aff\u20d0-\u20ff\ufe20-\ufe2f]")
_JOINERS: Final = "\u200c\u200d"
_JOINING: Final = re.compile("[\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\ufb50-\ufdff\ufe70-\ufefc]")
_TOKEN: Final = re.compile(r"[^\W\d_](?:[^\W_])+")
_HAS_LATIN: Final = re.compile("[A-Za-z\u00c0-\u024f]")


@final
@dataclass(frozen=True, slots=True)
class Mapped:
    """A text whose character ``i`` came from ``starts[i]:ends[i]`` of the original; ``unread`` characters were cut."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]
    unread: int = 0

    def original(self, low: int, high: int) -> tuple[int, int]:
        """Where ``text[low:high]`` came from. The range must not be empty."""
        return min(self.starts[low:high]), max(self.ends[low:high])


def normalise(raw: str) -> Mapped:
    """The text as it is scored, mapped to ``raw``."""
    mapped = _cut(raw)
    mapped = rewrite(mapped, _plain_edits(mapped.text))
    if mapped.text.isascii():
        return mapped
    mapped = rewrite(mapped, _cluster_edits(mapped.text))
    return rewrite(mapped, _lookalike_edits(mapped.text))


def rewrite(mapped: Mapped, edits: Iterable[Edit]) -> Mapped:
    """Apply edits that are in order and do not overlap."""
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    done = 0

    def keep(low: int, high: int) -> None:
        pieces.append(mapped.text[low:high])
        starts.extend(mapped.starts[low:high])
        ends.extend(mapped.ends[low:high])

    for low, high, replacement in edits:
        keep(done, low)
        first, last = mapped.original(low, high)
        pieces.append(replacement)
        starts.extend([first] * len(replacement))
        ends.extend([last] * len(replacement))
        done = high
    if done == 0:
        return mapped
    keep(done, len(mapped.text))
    return Mapped("".join(pieces), starts, ends, mapped.unread)


def _cut(raw: str) -> Mapped:
    size = len(raw)
    whole = Mapped(raw, range(size), range(1, size + 1))
    unread = size - HEAD_CHARACTERS - TAIL_CHARACTERS
    if unread <= 0:
        return whole
    resume = size - TAIL_CHARACTERS
    return Mapped(
        f"{raw[:HEAD_CHARACTERS]}\n{raw[resume:]}",
        [*range(HEAD_CHARACTERS + 1), *range(resume, size)],
        [*range(1, HEAD_CHARACTERS + 1), resume, *range(resume + 1, size + 1)],
        unread,
    )


def _plain_edits(text: str) -> Iterator[Edit]:
    """Step 1. A backslash before n, r or t is a line break in quoted text, unless Windows paths are about."""
    found = [(m.start(), m.end(), _plain(m.group())) for m in _PLAIN.finditer(text)]
    if "\\" in text and ":\\" not in text:
        found.extend((m.start(), m.end(), " ") for m in _LITERAL_BREAK.finditer(text))
        found.sort()
    return (edit for edit in found if edit[2] != text[edit[0] : edit[1]])


def _plain(found: str) -> str:
    return html.unescape(found).encode("utf-8", "replace").decode() if found[0] == "&" else " "


def _cluster_edits(text: str) -> Iterator[Edit]:
    """Step 2: what each character, with the marks on it, is replaced by."""
    for found in _CLUSTER.finditer(text):
        cluster = found.group()
        if _IS_INVISIBLE.fullmatch(cluster):
            replacement = cluster if _joins(text, found.start(), found.end()) else ""
        else:
            replacement = _composed(cluster)
        if replacement != cluster:
            yield found.start(), found.end(), replacement


def _joins(text: str, start: int, end: int) -> bool:
    """Whether a joiner stands inside a word of a script that is spelt with joiners."""
    inside = end == start + 1 and text[start] in _JOINERS and start > 0 and end < len(text)
    return inside and bool(_JOINING.match(text[start - 1])) and bool(_JOINING.match(text[end]))


def _composed(cluster: str) -> str:
    if len(cluster) > 1:
        cluster = _OVERLAY.sub("", cluster)[: 1 + MOST_MARKS] if not _is_jamo(cluster) else cluster
    composed = unicodedata.normalize("NFKC", cluster)
    return "".join(ALWAYS_LATIN.get(character, character) for character in composed)


def _is_jamo(cluster: str) -> bool:
    return "\u1100" <= cluster[0] <= "\u11ff"


def _lookalike_edits(text: str) -> Iterator[Edit]:
    """Words that mix Latin letters with look-alikes of another script; whole words in that script stay as they are."""
    for found in _TOKEN.finditer(text):
        token = found.group()
        if token.isascii() or not _HAS_LATIN.search(token):
            continue
        for place, character in enumerate(token, found.start()):
            latin = LATIN_LOOKALIKES.get(character)
            if latin is not None:
                yield place, place + 1, latin
