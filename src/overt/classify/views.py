"""The readings of a text: as it stands, and what it may hide (classifiers.md §4.3, items 3 and 6-8).

`views` gives the normalised text first, without encoded blobs that decode to nothing (they cannot be scored, so they
are not: users.md B14), then at most `MOST_VIEWS` further readings, each the text with its hidden parts put in plain
words at their places. A reading other than the first carries a discount in logits, because honest text is full of
encodings; the discount falls away where the text itself asks to decode. ROT13 and reversed readings count only where
they raise a score by more than `MUST_RISE` logits. Decoding nests at most twice. Linear time: decoding shrinks, and
the text was cut to a declared length first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final, final

from overt.classify.decoders import base64_text, escaped_text, hexadecimal_text, is_blob, percent_text, rot13
from overt.classify.text import Edit, Mapped, normalise, rewrite

MOST_VIEWS: Final = 8
MOST_BLOBS: Final = 8
DECODED_DISCOUNT: Final = 0.5
MUST_RISE: Final = 2.0
MOST_DEPTH: Final = 2


LONGEST_PLAIN: Final = 2_000
"""Characters up to which a text is asked whether it is plain at all."""
CAREFUL: Final = 1_000_000
"""The suspicion of a chunk that could hide something by itself."""
TOGETHER: Final = 84
"""The suspicion from which chunks could hide something together: the least common multiple of what one sign weighs
where a view begins at 6 and 14 of them."""


class ViewKind(StrEnum):
    """How a reading was come by."""

    RAW = "raw"
    LEET = "leet"
    DESPACED = "despaced"
    BASE64 = "base64"
    HEX = "hex"
    PERCENT = "percent"
    ESCAPE = "escape"
    ROT13 = "rot13"
    REVERSED = "reversed"
    TAGS = "tags"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One reading. ``discount`` is taken from its logits; with ``must_rise`` it counts only if it raises a score."""

    kind: ViewKind
    mapped: Mapped
    discount: float = 0.0
    must_rise: bool = False


Decoder = Callable[[str], str | None]

_BASE64: Final = re.compile(
    r"[A-Za-z0-9+/_-]{20,}(?:\r?\n[A-Za-z0-9+/_-]{20,}){0,400}(?:\r?\n[A-Za-z0-9+/_-]{1,76})?={0,2}"
)
_HEX: Final = re.compile(r"(?:0x)?[0-9a-fA-F]{32,}|(?:[0-9a-fA-F]{2}[ :,-]){15,}[0-9a-fA-F]{2}")
_PERCENT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ESCAPE: Final = re.compile(r"(?:\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\u\{[0-9A-Fa-f]{1,6}\}|\\U[0-9A-Fa-f]{8})+")
_FEWEST_ESCAPES: Final = 6
_TAGS: Final = re.compile("[\U000e0020-\U000e007e]{8,}")
_LEET_TOKEN: Final = re.compile(r"[A-Za-z0-9@$!|]{2,24}")
_LEET_INNER: Final = re.compile(r"(?<=[A-Za-z0134578@$!|])[0134578@$!|](?=[A-Za-z0134578@$!|]*[A-Za-z])")
_LEET: Final = str.maketrans("0134578@$!|", "oieastbasil")
_NOT_LEET: Final = re.compile(
    r"v?[0-9][0-9.]*[a-z]{0,3}|0x.*|[0-9A-Fa-f]{4,}|(?:[A-Z][a-z]?[0-9]*)+|[A-Za-z]+[0-9]+|[A-Za-z][0-9]{1,2}[A-Za-z]"
)
"""Versions, numbers, digests, formulas, and names like ``mp3``, ``b2b`` and ``i18n``."""
_SHORT_LEET: Final = 3
_LEET_TOKEN_OR_ONE: Final = re.compile(r"[A-Za-z0-9@$!|]{1,24}")
_FEWEST_LEET: Final = 2
_LEET_SHARE: Final = 6
"""Of that many words one, and two in all, say that the whole text is written so."""
_SPACED: Final = re.compile(r"(?<![^\W_])(?:[^\W\d_][ ._*\-]{1,3}){5,}[^\W\d_](?![^\W_])")
_GAP: Final = re.compile(r"[ ._*\-]+")
_ASKS: Final = re.compile(
    r"\b(?:decod|decrypt|decipher|deobfuscat|unscrambl|base ?64|rot-?13|execut|follow|obey|revers)\w*",
    re.IGNORECASE,
)
_EVERYDAY: Final = (
    "the and for with make this that how what you your from can are not have which when into them then here "
    "me to of my would two write why should does out like about who could get need all without explain after they "
    "people before only first want where three use open please small every help keep its give next work their between "
    "last way take still find someone look something old read she her has our any one been did was will over show tell "
    "die und für ist nicht wie ich eine von auf wird ohne kann einen einer mein meine machen einem une pour avec dans "
    "que comment sur est sans qui peut quel comme faire por para como más puedo quiero cómo hacer uma com não mais meu "
    "minha posso quero fazer"
)
"""Words of every day in languages that both readings could be in; turned, each is a word of none of them."""
_SPOKEN: Final = frozenset(_EVERYDAY.split())
_IN_ROT13: Final = frozenset(rot13(word) for word in _SPOKEN)
_BACKWARDS: Final = frozenset(word[::-1] for word in _SPOKEN - {"not", "are", "me", "was"})
"""Not: what is a word in both directions."""
_FEWEST_SPOKEN: Final = 2

_LEGIBLE: Final = str.maketrans(
    "",
    "",
    "".join(map(chr, {*range(0xC0, 0x100)} - {0xD7, 0xF7})) + "\u2018\u2019\u201c\u201d\u2013\u2014\u2026\u2022\u20ac"
    "\u00a3\u00ab\u00bb\u00b0\u00b7\u00d7\u00f7",
)
"""Latin-1 letters, quotation marks, dashes and signs: in words or outside them just as they are normalised."""
_LONGEST_CHUNK: Final = 32
_ESCAPING: Final = re.compile(r"[\x1b\\]|%[0-9A-Fa-f]{2}|&[#A-Za-z]|[A-Za-z0-9+/_-]{20}")
_WORD: Final = re.compile(r"""["'(]*[A-Z]?[a-z]{2,18}[.,;:!?"')]*""")
_CHUNK_RUN: Final = re.compile(r"[^\W_]+")
_HEX_PAIR: Final = re.compile(r"[0-9A-Fa-f]{2}")
_HINTS: Final = _IN_ROT13 | _BACKWARDS


def is_legible(text: str) -> bool:
    """Whether normalising leaves the characters that are not ASCII as they are, or changes nothing about words."""
    return text.translate(_LEGIBLE).isascii()


def suspicion(chunk: str) -> int:
    """How much a run of characters between white space could matter to any view but the plain one.

    What could hide something by itself weighs `CAREFUL`. What takes 6 single letters or 14 pairs of hexadecimal
    digits weighs its share of `TOGETHER`, and a word of turned text all of it. A legible text of `LONGEST_PLAIN`
    characters or fewer whose chunks weigh less than that together, or that `hides_across` says is harmless, is *plain*:
    its only view holds the words of its chunks.
    """
    if _WORD.fullmatch(chunk) and chunk.lower() not in _HINTS:
        return 0
    if len(chunk) > _LONGEST_CHUNK or not (chunk.isascii() or is_legible(chunk)) or _ESCAPING.search(chunk):
        return CAREFUL
    if any(_surely_leet(token) for _, _, token in _leet_tokens(chunk)):
        return CAREFUL
    runs = _CHUNK_RUN.findall(chunk)
    single = TOGETHER // 6 * sum(len(run) == 1 for run in runs)
    hexadecimal = TOGETHER // 14 * sum(_HEX_PAIR.fullmatch(run) is not None for run in runs)
    turned = TOGETHER * (chunk.lower() in _HINTS)
    return single + hexadecimal + turned


def hides_across(text: str) -> bool:
    """Whether the chunks of a text, none of which hides anything by itself, could hide something together."""
    if not text.isascii() or _SPACED.search(text) or _HEX.search(text):
        return True
    said = set(text.lower().split())
    return len(_HINTS & said) >= (_FEWEST_SPOKEN if _SPOKEN & said else 1)


def views(raw: str) -> tuple[View, ...]:
    """The readings of a text, the plain one first."""
    mapped = normalise(raw)
    plain = rewrite(mapped, _blob_edits(mapped.text))
    hidden = islice(_hidden(raw, mapped, plain), MOST_VIEWS)
    return (View(kind=ViewKind.RAW, mapped=plain), *hidden)


def _hidden(raw: str, mapped: Mapped, plain: Mapped) -> Iterator[View]:
    discount = 0.0 if _ASKS.search(mapped.text) else DECODED_DISCOUNT
    for kind, reading in _decoded(mapped, MOST_DEPTH):
        yield View(kind=kind, mapped=reading, discount=discount)
    if not raw.isascii():
        tags = _retaken(_as_mapped(raw), _tag_edits(raw))
        if tags is not None:
            yield View(kind=ViewKind.TAGS, mapped=tags, discount=discount)
    for kind, edits in _SPELLINGS:
        reading = rewrite(plain, edits(plain.text))
        if reading is not plain:
            yield View(kind=kind, mapped=reading)
    yield from _turned(plain)


def _decoded(mapped: Mapped, depth: int) -> Iterator[tuple[ViewKind, Mapped]]:
    """The text with its encoded parts decoded in place, one reading for each kind of encoding, then what nests."""
    for kind, edits in _DECODERS:
        reading = _retaken(mapped, edits(mapped.text))
        if reading is None:
            continue
        yield kind, reading
        if depth > 1:
            yield from _decoded(reading, depth - 1)


def _retaken(mapped: Mapped, edits: Iterator[Edit]) -> Mapped | None:
    """The edited text, normalised again, still mapped to the original; None where there was nothing to edit."""
    edited = rewrite(mapped, edits)
    if edited is mapped:
        return None
    again = normalise(edited.text)
    starts = [edited.starts[start] for start in again.starts]
    ends = [edited.ends[end - 1] for end in again.ends]
    return Mapped(again.text, starts, ends, mapped.unread + again.unread)


def _as_mapped(raw: str) -> Mapped:
    return Mapped(raw, range(len(raw)), range(1, len(raw) + 1))


def _blob_edits(text: str) -> Iterator[Edit]:
    """Encoded runs that no reading of ours can score."""
    for found in _BASE64.finditer(text):
        if is_blob(found.group()):
            yield found.start(), found.end(), " "


def _decode_edits(pattern: re.Pattern[str], decoder: Decoder) -> Callable[[str], Iterator[Edit]]:
    """Encoded runs that decode to text, the first `MOST_BLOBS` of them; what does not decode does not count."""

    def edits(text: str) -> Iterator[Edit]:
        tried = ((found.span(), decoder(found.group())) for found in pattern.finditer(text))
        decoded = ((start, end, f" {plain} ") for (start, end), plain in tried if plain is not None)
        return islice(decoded, MOST_BLOBS)

    return edits


def _escape_edits(pattern: re.Pattern[str], decoder: Decoder, mark: str) -> Callable[[str], Iterator[Edit]]:
    """Runs of escapes, each put in plain letters at its place so that words grow together again."""

    def edits(text: str) -> Iterator[Edit]:
        if text.count(mark) < _FEWEST_ESCAPES:
            return
        for found in pattern.finditer(text):
            plain = decoder(found.group())
            if plain is not None:
                yield found.start(), found.end(), plain

    return edits


_DECODERS: Final[Sequence[tuple[ViewKind, Callable[[str], Iterator[Edit]]]]] = (
    (ViewKind.BASE64, _decode_edits(_BASE64, base64_text)),
    (ViewKind.HEX, _decode_edits(_HEX, hexadecimal_text)),
    (ViewKind.PERCENT, _escape_edits(_PERCENT, percent_text, "%")),
    (ViewKind.ESCAPE, _escape_edits(_ESCAPE, escaped_text, "\\")),
)


def _tag_edits(raw: str) -> Iterator[Edit]:
    """Invisible tag characters spell ASCII."""
    for found in _TAGS.finditer(raw):
        yield found.start(), found.end(), " " + "".join(chr(ord(c) - 0xE0000) for c in found.group()) + " "


def _leet_edits(text: str) -> list[Edit]:
    """Digits and signs as letters, in every short word once one longer word is surely written so; in all words, and in
    numbers, where a good share is."""
    found = _leet_tokens(text)
    sure = sum(_surely_leet(token) for _, _, token in found)
    if sure == 0:
        return []
    if sure >= _FEWEST_LEET and sure * _LEET_SHARE >= text.count(" ") + 1:
        everywhere = [(token.start(), token.end(), token.group()) for token in _LEET_TOKEN_OR_ONE.finditer(text)]
        return [(start, end, token.translate(_LEET)) for start, end, token in everywhere if not token.isalpha()]
    return [
        (start, end, token.translate(_LEET))
        for start, end, token in found
        if len(token) <= _SHORT_LEET or _surely_leet(token)
    ]


def _leet_tokens(text: str) -> list[Edit]:
    found = ((token.start(), token.end(), token.group()) for token in _LEET_TOKEN.finditer(text))
    return [token for token in found if not token[2].isalpha() and not token[2].isdigit()]


def _surely_leet(token: str) -> bool:
    letters = sum(map(str.isalpha, token))
    return letters >= 2 and _LEET_INNER.search(token) is not None and _NOT_LEET.fullmatch(token) is None


def _despaced_edits(text: str) -> Iterator[Edit]:
    """Letters set apart, joined: one sign between letters is nothing, more are a gap between words."""
    for found in _SPACED.finditer(text):
        yield found.start(), found.end(), _GAP.sub(lambda gap: "" if len(gap.group()) == 1 else " ", found.group())


_SPELLINGS: Final[Sequence[tuple[ViewKind, Callable[[str], Iterable[Edit]]]]] = (
    (ViewKind.LEET, _leet_edits),
    (ViewKind.DESPACED, _despaced_edits),
)


def _turned(mapped: Mapped) -> Iterator[View]:
    """ROT13 and reversed text, where the turned text has words that people say. One such word is enough where the text
    as it stands has none; then the turned reading is the one that makes sense, and counts as any other."""
    spoken = set(mapped.text.lower().split())
    stands = len(spoken & _SPOKEN)
    if len(spoken & _IN_ROT13) >= (_FEWEST_SPOKEN if stands else 1):
        yield _turn(ViewKind.ROT13, Mapped(rot13(mapped.text), mapped.starts, mapped.ends, mapped.unread), stands)
    if len(spoken & _BACKWARDS) >= (_FEWEST_SPOKEN if stands else 1):
        turned = Mapped(mapped.text[::-1], mapped.starts[::-1], mapped.ends[::-1], mapped.unread)
        yield _turn(ViewKind.REVERSED, turned, stands)


def _turn(kind: ViewKind, mapped: Mapped, stands: int) -> View:
    return View(kind=kind, mapped=mapped, discount=DECODED_DISCOUNT if stands else 0.0, must_rise=bool(stands))
