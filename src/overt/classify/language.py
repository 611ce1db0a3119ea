"""Which language a text is in, and whether that is surely none that a release covers (classifiers.md §4.3, item 10).

A classifier finds nothing in a language that it was not taught, and nothing looks like "none". `uncovered` lets it say
so instead. A language wrongly called uncovered costs a finding, so a doubt is None: a text that is short, mixed with
much English, or mostly code, names and numbers is not surely in any language.

1. Function words. Where enough words are ones that English has and its neighbours have not, the text is English.
2. Scripts. Letters other than Latin are counted by script. A script decides by itself; a few letters name the language
   within it.
3. Sentences. In what is Latin, those that are English by step 1 are set aside. Code, capitals and numbers are left out.
4. Grams. What remains, if it has `FEWEST_WORDS` words, is compared with the table of `overt.classify.grams`.
5. Shares. The language with the most letters is the text's. It is surely uncovered if uncovered languages have `MOST`
   of the letters that are in any language, and `SOME` of all letters.

Takes a text as it was sent, or as `overt.classify.text` normalises it. Deterministic; safe to call from several
threads. The table is read when it is first needed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

from overt.classify.grams import plain, shipped_table
from overt.classify.scripts import Written, has_foreign_letters, without_foreign_letters, written

ENGLISH: Final = "en"
UNKNOWN: Final = "und"
"""The code for a language that cannot be told (ISO 639-2)."""
LATIN: Final = "la"
"""In the table so that names of species and compounds are not taken for Italian. Nobody asks in it."""

PLAINLY: Final = 0.999
"""The probability of what function words, or a script that means one language, decide."""
LIKELY: Final = 0.9
"""Of the most usual language of a script that has several."""
FEWEST_WORDS: Final = 4
"""Different words of two letters or more that are compared with the table; of fewer nothing is said."""
FEWEST_LETTERS: Final = 6
"""Of another script, in the worth of Latin letters; of fewer nothing is said."""
LONGEST_WORD: Final = 40
NAMES: Final = 0.75
"""The share of capitalised words from which words are a list of names."""
MOST_WORDS: Final = 60
"""Words that are compared with the table: of more, the first, the middle and the last twenty."""
SURE: Final = 0.85
"""What the languages that words may be in have to sum up to."""
LEADING: Final = 0.4
"""The least probability of the first among them; below it, the words look like no language in the table."""
MOST: Final = 0.6
SOME: Final = 0.2

_STRONG_WORDS: Final = (
    "the of and what how with that this which who whom whose when where why while because if whether than then"
    " there here not you your yours you're my his she him they them their these those us our it its it's i'm i've i'd"
    " i'll we're let's don't can't won't isn't doesn't didn't what's that's from into about after before without within"
    " through during between both same each some such other others another only just again against below above few"
    " has does did done been being were would could should will much many every first last new old year years off out"
    " something anything someone everyone use used using make makes making made get getting tell know known need needs"
    " write explain please describe following create work works working add fix update remove support allow ensure"
    " provide given choose question answer statement true false best way long translate english meaning means"
)
"""Words that English texts are full of, and texts in the other languages of the table are not."""
_WEAK_WORDS: Final = (
    "a an to in is are be for on by as or at can do have i me we he was all no any more most like one two three also"
    " may so up over under good help show give want name time change list test set check run file code data model"
    " people number"
)
"""Words that count beside those: English is full of them, and so are others."""
_STRONG: Final = frozenset(_STRONG_WORDS.split())
_WEAK: Final = frozenset(_WEAK_WORDS.split())
_STRONG_ALONE: Final = 0.15
_STRONG_AT_LEAST: Final = 0.05
_WITH_WEAK: Final = 0.25

_NO_ASCII_LETTERS: Final = bytes(code for code in range(256) if code > 127 or not chr(code).isalpha())
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_BREAK: Final = re.compile(r"[\n!?;:\"“”„«»()\[\]{}…]+|[.,](?:\s|$)")
_AROUND: Final = ".,;:!?'’‘`*_-–—<>|/&%…"
_LATIN_LETTER: Final = "[A-Za-zÀ-ʯḀ-ỿ\u0300-\u036f]"
_WORD: Final = re.compile(f"{_LATIN_LETTER}+(?:['’ʻʼ-]{_LATIN_LETTER}+)*")
_HUMP: Final = re.compile("[a-zß-ÿ][A-ZÀ-Þ]|[A-Z]{2}|^[A-Z]$")
"""Identifiers, abbreviations and the letters of options and formulas."""


@final
@dataclass(frozen=True, slots=True)
class Language:
    """The language of the largest part of a text, how probable it is there, and how many letters the whole text has.

    ``code`` is of ISO 639-1, or `UNKNOWN` with probability 0 where there is too little to tell.
    """

    code: str
    probability: float
    letters: int


@final
@dataclass(frozen=True, slots=True)
class _Part:
    """Letters in one language: which it may be, the most probable first, and how probable that one is."""

    letters: float
    codes: tuple[str, ...]
    probability: float


def language_of(text: str) -> Language:
    """The language of the largest part of a text."""
    if _is_plainly_english(text):
        return Language(ENGLISH, PLAINLY, _letters(text))
    parts = _parts(text)
    if not parts:
        return Language(UNKNOWN, 0.0, _letters(text))
    largest = max(parts, key=lambda part: part.letters)
    return Language(largest.codes[0], largest.probability, _letters(text))


def uncovered(text: str, covered: frozenset[str]) -> str | None:
    """The ISO 639-1 code of the language of a text that is surely in none of ``covered``; None wherever in doubt."""
    if ENGLISH in covered and _is_plainly_english(text):
        return None
    doubtful = covered | {LATIN, UNKNOWN}
    parts = _parts(text)
    outside = [part for part in parts if doubtful.isdisjoint(part.codes)]
    letters = sum(part.letters for part in outside)
    if not outside or letters < MOST * sum(part.letters for part in parts) or letters < SOME * _letters(text):
        return None
    return max(outside, key=lambda part: part.letters).codes[0]


def _letters(text: str) -> int:
    if text.isascii():
        return len(text.encode().translate(None, _NO_ASCII_LETTERS))
    return sum(map(len, _LETTERS.findall(text)))


def _is_plainly_english(text: str) -> bool:
    """Step 1, for a whole text."""
    return _is_english(text) and not has_foreign_letters(text)


def _is_english(text: str) -> bool:
    words = text.lower().split()
    strong = sum(map(_STRONG.__contains__, words))
    if strong >= _STRONG_ALONE * len(words):
        return strong > 0
    weak = sum(map(_WEAK.__contains__, words))
    return strong >= _STRONG_AT_LEAST * len(words) and strong + weak >= _WITH_WEAK * len(words)


def _parts(text: str) -> list[_Part]:
    """Steps 2 to 4. What is in nobody's language is in no part."""
    composed = unicodedata.normalize("NFC", text)
    foreign = written(composed) if has_foreign_letters(composed) else ()
    parts = [_in_script(found) for found in foreign if found.worth >= FEWEST_LETTERS]
    return [*parts, *_in_latin(without_foreign_letters(composed) if foreign else composed)]


def _in_script(found: Written) -> _Part:
    if found.named:
        return _Part(found.worth, (found.code,), PLAINLY)
    others = (code for code in found.script.languages if code != found.code)
    return _Part(found.worth, (found.code, *others), LIKELY)


def _in_latin(text: str) -> list[_Part]:
    """Steps 3 and 4."""
    english, rest = 0, list[str]()
    for sentence in _BREAK.split(text.lower() if text.isupper() else text):
        words = list(_words(sentence))
        if _is_english(sentence):
            english += sum(map(len, words))
        else:
            rest.extend(words)
    parts = [_Part(english, (ENGLISH,), PLAINLY)] if english else []
    return [*parts, _by_grams(rest)] if _says_enough(rest) else parts


def _words(sentence: str) -> Iterator[str]:
    """Words of a language: no code, no abbreviations, nothing with a digit in it."""
    for token in sentence.split():
        bare = token.strip(_AROUND)
        if len(bare) <= LONGEST_WORD and _WORD.fullmatch(bare) and not _HUMP.search(bare):
            yield bare


def _says_enough(words: Sequence[str]) -> bool:
    if len({word for word in words if len(word) > 1}) < FEWEST_WORDS:
        return False
    return sum(word[0].isupper() for word in words) < NAMES * len(words)


def _by_grams(words: Sequence[str]) -> _Part:
    """Step 4."""
    table = shipped_table()
    probabilities = table.probabilities([plain(word) for word in _sample(words)]).tolist()
    ordered = sorted(zip(probabilities, table.languages, strict=True), reverse=True)
    leading = ordered[0][0]
    codes, held = list[str](), 0.0
    for probability, code in ordered:
        codes.append(code)
        held += probability
        if held >= SURE:
            break
    unknown = () if leading >= LEADING else (UNKNOWN,)
    return _Part(sum(map(len, words)), (*codes, *unknown), round(leading, 4))


def _sample(words: Sequence[str]) -> Sequence[str]:
    if len(words) <= MOST_WORDS:
        return words
    third, middle = MOST_WORDS // 3, len(words) // 2
    return [*words[:third], *words[middle - third // 2 : middle + third // 2], *words[-third:]]
