"""Letters by script: how many of each a text has, and which language a script means.

A script is ranges of letters, the languages written in it, and letters that name one of them. Latin is not among them:
it says nothing by itself. Single Greek and Cyrillic letters are signs of a formula and do not count.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True, slots=True)
class Mark:
    """A text with any of the letters ``has`` and none of ``lacks`` is in this language."""

    code: str
    has: str
    lacks: str = ""


@final
@dataclass(frozen=True, slots=True)
class Script:
    """``languages`` begins with the one that is meant where no mark says otherwise; a letter counts as ``weight``."""

    name: str
    ranges: tuple[tuple[int, int], ...]
    languages: tuple[str, ...]
    marks: tuple[Mark, ...] = ()
    weight: float = 1.0


HAN: Final = "Han"
KANA: Final = "Kana"

SCRIPTS: Final = (
    Script("Greek", ((0x370, 0x3FF), (0x1F00, 0x1FFF)), ("el",)),
    Script(
        "Cyrillic",
        ((0x400, 0x52F),),
        ("ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "mn", "tg", "tt", "ba"),
        (
            Mark("kk", "әғқұ"),
            Mark("mn", "өү"),
            Mark("mk", "ѓќѕ", "ђћ"),
            Mark("sr", "ђћљњј"),
            Mark("be", "ў"),
            Mark("uk", "їєґі"),
            Mark("bg", "ъ", "ыэё"),
            Mark("ru", "ыэё"),
        ),
    ),
    Script("Armenian", ((0x531, 0x587),), ("hy",)),
    Script("Hebrew", ((0x5D0, 0x5EA),), ("he", "yi")),
    Script(
        "Arabic",
        ((0x620, 0x65F), (0x66E, 0x6D3), (0x6FA, 0x6FF)),
        ("ar", "fa", "ur", "ps", "ug", "ku", "sd"),
        (Mark("ur", "ٹڈڑںےۓ"), Mark("ps", "ښځډړږڼ"), Mark("ug", "ېۆۇ"), Mark("fa", "پچژگکی")),
    ),
    Script("Thaana", ((0x780, 0x7B1),), ("dv",)),
    Script("Devanagari", ((0x900, 0x963), (0x970, 0x97F)), ("hi", "mr", "ne", "sa"), (Mark("mr", "ळ"),)),
    Script("Bengali", ((0x980, 0x9E3), (0x9F0, 0x9F1)), ("bn", "as"), (Mark("as", "ৰৱ"),)),
    Script("Gurmukhi", ((0xA00, 0xA7F),), ("pa",)),
    Script("Gujarati", ((0xA80, 0xAFF),), ("gu",)),
    Script("Odia", ((0xB00, 0xB7F),), ("or",)),
    Script("Tamil", ((0xB80, 0xBFF),), ("ta",)),
    Script("Telugu", ((0xC00, 0xC7F),), ("te",)),
    Script("Kannada", ((0xC80, 0xCFF),), ("kn",)),
    Script("Malayalam", ((0xD00, 0xD7F),), ("ml",)),
    Script("Sinhala", ((0xD80, 0xDFF),), ("si",)),
    Script("Thai", ((0xE01, 0xE3A), (0xE40, 0xE4E)), ("th",)),
    Script("Lao", ((0xE80, 0xEDF),), ("lo",)),
    Script("Tibetan", ((0xF40, 0xFBC),), ("bo", "dz")),
    Script("Myanmar", ((0x1000, 0x109F),), ("my",)),
    Script("Georgian", ((0x10A0, 0x10FF),), ("ka",)),
    Script("Ethiopic", ((0x1200, 0x135A),), ("am", "ti"), weight=2.0),
    Script("Khmer", ((0x1780, 0x17D3),), ("km",)),
    Script("Mongolian", ((0x1820, 0x18AA),), ("mn",)),
    Script("Hangul", ((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7A3)), ("ko",), weight=2.0),
    Script(KANA, ((0x3041, 0x309F), (0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF)), ("ja",), weight=2.0),
    Script(HAN, ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FA1F)), ("zh", "ja"), weight=3.0),
)

_IN_FORMULAS: Final = ("Greek", "Cyrillic")
_KANA_SHARE: Final = 0.1
"""Kana among ideographs from which a text is Japanese and not Chinese with a Japanese name in it."""

_ORDERED: Final = sorted((low, high, place) for place, script in enumerate(SCRIPTS) for low, high in script.ranges)
_LOWS: Final = [low for low, _, _ in _ORDERED]


def _ranges(inside: bool) -> str:
    chosen = [script for script in SCRIPTS if (script.name in _IN_FORMULAS) is inside]
    return "".join(f"{chr(low)}-{chr(high)}" for script in chosen for low, high in script.ranges)


_FOREIGN: Final = re.compile(f"[{_ranges(True)}]{{2,}}|[{_ranges(False)}]+")


@final
@dataclass(frozen=True, slots=True)
class Written:
    """How much of a text is in a script, in Latin letters' worth, and the language it is taken for.

    ``named`` says that letters name it; otherwise it may be any language of the script.
    """

    script: Script
    letters: int
    worth: float
    code: str
    named: bool


def has_foreign_letters(text: str) -> bool:
    """Whether any script but Latin is in it."""
    return not text.isascii() and _FOREIGN.search(text) is not None


def without_foreign_letters(text: str) -> str:
    """What is left for Latin."""
    return _FOREIGN.sub(" ", text)


def written(text: str) -> tuple[Written, ...]:
    """The scripts of a text, in the order of `SCRIPTS`, without Latin."""
    seen = Counter("".join(_FOREIGN.findall(text.lower())))
    letters: Counter[int] = Counter()
    for character, count in seen.items():
        letters[_place(character)] += count
    kana = sum(count for place, count in letters.items() if SCRIPTS[place].name == KANA)
    return tuple(_taken(SCRIPTS[place], letters[place], seen, kana) for place in sorted(letters))


def _place(character: str) -> int:
    return _ORDERED[bisect_right(_LOWS, ord(character)) - 1][2]


def _taken(script: Script, letters: int, seen: Mapping[str, int], kana: int) -> Written:
    if script.name == HAN and kana > _KANA_SHARE * (kana + letters):
        return Written(script, letters, letters * script.weight, "ja", named=True)
    for mark in script.marks:
        if any(letter in seen for letter in mark.has) and not any(letter in seen for letter in mark.lacks):
            return Written(script, letters, letters * script.weight, mark.code, named=True)
    return Written(script, letters, letters * script.weight, script.languages[0], named=len(script.languages) == 1)
