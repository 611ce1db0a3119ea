"""How well the language check tells what a release covers from what it does not, language by language.

For a language that is covered, every row that is called uncovered is wrong, and its finding is lost. For one that is
not, a row that is not called so is a silent "none". `measure` counts both, and apart from all rows those that say
enough to be told: four words, or twelve letters of a script without spaces.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, final

from overt.classify.language import FEWEST_WORDS, language_of, uncovered
from overt.classify.scripts import has_foreign_letters
from overt.learn.corpus import Row
from overt.learn.rates import Rate

MIXED: Final = "und"
"""The language of rows in several."""
ENOUGH_LETTERS: Final = 12
MOST_NAMED: Final = 20


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageFigures:
    """What was said of the rows in a language.

    ``said`` is how many were called uncovered, of all and of those that say enough; ``taken_for`` what those were
    taken for, the most frequent first; ``wrong`` the first ids, at most `MOST_NAMED`, of rows that say enough and of
    which the wrong was said.
    """

    covered: bool
    said: Rate
    said_enough: Rate
    taken_for: Mapping[str, int]
    wrong: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class _Said:
    id: str
    code: str | None
    enough: bool


def measure(rows: Iterable[Row], covered: frozenset[str]) -> Mapping[str, LanguageFigures]:
    """The figures of each language that rows are in, in alphabetical order. Rows in several languages are left out."""
    said: defaultdict[str, list[_Said]] = defaultdict(list)
    for row in rows:
        if row.lang != MIXED:
            said[row.lang].append(_Said(row.id, uncovered(row.text, covered), _says_enough(row.text)))
    return {language: _figures(said[language], language in covered) for language in sorted(said)}


def _says_enough(text: str) -> bool:
    unspaced = has_foreign_letters(text) and language_of(text).letters >= ENOUGH_LETTERS
    return unspaced or len(text.split()) >= FEWEST_WORDS


def _figures(said: list[_Said], covered: bool) -> LanguageFigures:
    enough = [each for each in said if each.enough]
    named = Counter(each.code for each in said if each.code is not None)
    wrong = [each.id for each in enough if (each.code is not None) is covered]
    return LanguageFigures(
        covered=covered,
        said=Rate(sum(each.code is not None for each in said), len(said)),
        said_enough=Rate(sum(each.code is not None for each in enough), len(enough)),
        taken_for=dict(named.most_common()),
        wrong=tuple(wrong[:MOST_NAMED]),
    )
