"""Check a TOML text against a table: everything well-formed, and every problem with its line and remedy.

What is wrong or unknown is left out of the result, so that callers can go on to look for problems of meaning among
the rest and report all of them together. A text that is not TOML has that one problem.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never, final

from overt.errors import InvalidFile, InvariantBroken, Problem
from overt.tomlfile.lines import Path, find_lines
from overt.tomlfile.shape import (
    Choice,
    Flag,
    Key,
    Kind,
    ManyTables,
    Number,
    OneTable,
    Simple,
    Table,
    Text,
    Texts,
    WordOrNumber,
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One table as it was read: only what is well-formed. ``where`` names it for a person."""

    where: str
    values: Mapping[str, object]
    lines: Mapping[str, int]
    line: int | None

    def maybe(self, key: str) -> str | None:
        """A text, None if it is absent."""
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    def text(self, key: str) -> str:
        """A text, empty if it is absent."""
        return self.maybe(key) or ""

    def number(self, key: str) -> float | None:
        """A number, None if it is absent."""
        value = self.values.get(key)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def flag(self, key: str) -> bool | None:
        """True or false, None if it is absent."""
        value = self.values.get(key)
        return value if isinstance(value, bool) else None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, empty if it is absent."""
        value = self.values.get(key, ())
        return tuple(str(item) for item in value) if isinstance(value, tuple) else ()

    def maybe_table(self, key: str) -> Entry | None:
        """A table within this one, None if it is absent."""
        value = self.values.get(key)
        return value if isinstance(value, Entry) else None

    def table(self, key: str) -> Entry:
        """A table that must be there, in an entry without problems."""
        value = self.maybe_table(key)
        if value is None:
            raise InvariantBroken(f"the table {key!r} is absent from an entry that was read without a problem")
        return value

    def tables(self, key: str) -> tuple[Entry, ...]:
        """The tables of a list, empty if it is absent."""
        value = self.values.get(key, ())
        return tuple(item for item in value if isinstance(item, Entry)) if isinstance(value, tuple) else ()

    def problem(self, key: str, what: str, remedy: str) -> Problem:
        """A problem with one key of this table."""
        where = f"{self.where}, {key}" if self.where else key
        return Problem(where, what, remedy, self.lines.get(key, self.line))


def read(text: str, *, name: str, table: Table) -> tuple[Entry, tuple[Problem, ...]]:
    """What is well-formed in a text, and every problem of form, in the order of lines.

    Raises `InvalidFile` if the text is not TOML at all.
    """
    try:
        raw = tomllib.loads(text)
        lines = find_lines(text)
    except ValueError as error:  # TOMLDecodeError, or a whole number with more digits than Python reads
        raise InvalidFile(name, (_syntax(text, error),)) from error
    except RecursionError as error:
        deep = Problem(
            "file", "it is nested too deeply to be read", "lists and tables need two or three levels at most"
        )
        raise InvalidFile(name, (deep,)) from error
    reader = _Reader(lines)
    entry = reader.entry(raw, table, where="", path=())
    return entry, in_order(reader.problems)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Problems by line; those of the file as a whole first."""
    return tuple(sorted(problems, key=lambda problem: problem.line or 0))


def suggestion(word: str, known: Iterable[str]) -> str:
    """``did you mean …`` where a known word is close, else the list of known words."""
    options = tuple(map(str, known))
    close = difflib.get_close_matches(word, options, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"write one of: {', '.join(options)}"


def _syntax(text: str, error: ValueError) -> Problem:
    if text.startswith("\ufeff"):
        return Problem("file", "it begins with a byte order mark", "save it as UTF-8 without one", 1)
    found = re.search(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", str(error), re.DOTALL)
    if found is None:
        return Problem("file", f"it is not TOML: {error}", "see https://toml.io for the format")
    what, line, column = found.groups()
    place = f" in column {column}" if column else " at the end of the file"
    number = int(line) if line else text.count("\n") + 1
    return Problem("file", f"it is not TOML: {what}{place}", "see https://toml.io for the format", number)


class _Reader:
    """Walks over a document and gathers problems."""

    def __init__(self, lines: Mapping[Path, int]) -> None:
        self.lines = lines
        self.problems: list[Problem] = []

    def entry(self, raw: Mapping[str, object], table: Table, *, where: str, path: Path) -> Entry:
        """One table."""
        lines = {key: self.lines[(*path, key)] for key in raw if (*path, key) in self.lines}
        values: dict[str, object] = {}
        entry = Entry(where=where, values=values, lines=lines, line=self.lines.get(path))
        for name, value in raw.items():
            key = table.key(name)
            if key is None:
                remedy = table.mistaken.get(name) or suggestion(name, (known.name for known in table.keys))
                self.problems.append(entry.problem(name, "there is no such key", remedy))
                continue
            checked = self.value(entry, key, value, (*path, name))
            if checked is not None:
                values[name] = checked
        self.problems.extend(_absent(entry, table, raw))
        self.problems.extend(_unmet(entry, table))
        return entry

    def value(self, entry: Entry, key: Key, value: object, path: Path) -> object | None:
        """The checked value of a key, None if there was a problem."""
        match key.kind:
            case OneTable(table=table):
                if isinstance(value, dict):
                    return self.entry(value, table, where=f"[{key.name}]", path=path)
            case ManyTables():
                if isinstance(value, list) and all(isinstance(item, dict) for item in value):
                    return self.entries(entry, key, key.kind, value, path)
            case _:
                wrong = mistake(key.kind, value, key.name)
                if wrong is None:
                    return _tidy(key.kind, value)
                self.problems.append(entry.problem(key.name, *wrong))
                return None
        self.problems.append(entry.problem(key.name, *_wrong_type(key.kind, value, key.name)))
        return None

    def entries(
        self, entry: Entry, key: Key, kind: ManyTables, value: list[dict[str, object]], path: Path
    ) -> tuple[Entry, ...]:
        """A list of tables."""
        if len(value) < kind.fewest:
            self.problems.append(entry.problem(key.name, "the list is empty", f"add a [[{key.name}]] table"))
        return tuple(
            self.entry(item, kind.table, where=f"[[{key.name}]] no. {position + 1}", path=(*path, position))
            for position, item in enumerate(value)
        )


def _absent(entry: Entry, table: Table, raw: Mapping[str, object]) -> Iterable[Problem]:
    """A problem for each key that must be given and is not."""
    for key in table.keys:
        if key.why is not None and key.name not in raw:
            yield entry.problem(key.name, "it is missing", f"{key.why}; add {_example(key)}")
    given = [name for name in table.one_of if name in raw]
    if table.one_of and len(given) != 1:
        what = "both are given" if given else "it is missing"
        yield entry.problem(" or ".join(table.one_of), what, table.one_of_why)


def _unmet(entry: Entry, table: Table) -> Iterable[Problem]:
    """A problem for each condition between two well-formed keys that does not hold."""
    for condition in table.conditions:
        name, expected = condition.when
        value = entry.values.get(condition.key)
        if value is None or entry.values.get(name) != expected:
            continue
        if mistake(condition.must, value, condition.key) is not None:
            yield entry.problem(condition.key, f"{quote(value)} {condition.what}", condition.remedy)


def mistake(kind: Simple, value: object, name: str) -> tuple[str, str] | None:
    """What is wrong with a value and the remedy, None if nothing is."""
    match kind:
        case Text():
            return _text_mistake(kind, value, name)
        case Choice(options=options):
            if not isinstance(value, str):
                return _wrong_type(kind, value, name)
            if value in options:
                return None
            return f"{quote(value)} is not one of its words", suggestion(value, options)
        case Number():
            return _number_mistake(kind, value, name)
        case Flag():
            return None if isinstance(value, bool) else _wrong_type(kind, value, name)
        case Texts(item=item):
            return _texts_mistake(kind, item, value, name)
        case WordOrNumber(word=word, number=number):
            return mistake(word if isinstance(value, str) else number, value, name)
        case _ as unreachable:
            assert_never(unreachable)


def _text_mistake(kind: Text, value: object, name: str) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return _wrong_type(kind, value, name)
    if len(value) > kind.longest:
        return f"it has {len(value)} characters", f"use at most {kind.longest}"
    if re.fullmatch(kind.pattern, value) is None:
        shown = "the value" if kind.secret else quote(value)
        return f"{shown} is not {kind.rule}", kind.remedy
    return None


def _number_mistake(kind: Number, value: object, name: str) -> tuple[str, str] | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _wrong_type(kind, value, name)
    if kind.whole and value != value // 1:
        return f"{value!r} is not a whole number", range_words(kind)
    above = kind.above is None or value > kind.above
    enough = kind.at_least is None or value >= kind.at_least
    if above and enough and value <= kind.at_most:
        return None
    return f"{quote(value)} is out of range", range_words(kind)


def range_words(kind: Number) -> str:
    """The range of a number, as a remedy."""
    low = f"above {kind.above:g}" if kind.above is not None else f"of {kind.at_least:g} or more"
    return f"write a {'whole ' if kind.whole else ''}number {low}, at most {kind.at_most:g}"


def _texts_mistake(kind: Texts, item: Text, value: object, name: str) -> tuple[str, str] | None:
    if not isinstance(value, list | tuple):
        return _wrong_type(kind, value, name)
    if len(value) < kind.fewest:
        return "the list is empty", "name at least one, or leave the key out"
    for position, text in enumerate(value):
        wrong = _text_mistake(item, text, name) if isinstance(text, str) else _wrong_type(item, text, name)
        if wrong is not None:
            return f"entry {position + 1}: {wrong[0]}", wrong[1]
        if text in value[:position]:
            return f"{quote(text)} stands in it twice", "name it once"
    return None


def _tidy(kind: Simple, value: object) -> object:
    """A well-formed value as it is kept: prose with single spaces, lists as tuples."""
    match kind:
        case Text(prose=True):
            return " ".join(str(value).split())
        case Texts(item=item) if isinstance(value, list):
            return tuple(_tidy(item, text) for text in value)
        case _:
            return value


def _wrong_type(kind: Kind, value: object, name: str) -> tuple[str, str]:
    """The mistake of giving one type where another is meant."""
    secret = isinstance(kind, Text) and kind.secret
    shown = "the value" if secret or isinstance(value, dict | list) else quote(value)
    if isinstance(kind, Text) and not secret and isinstance(value, int | float) and not isinstance(value, bool):
        return f"{shown} is a number", f'write it in quotes: {name} = "{shown}"'
    return f"{shown} is {_type_words(value)}", _remedy(kind, name)


def _remedy(kind: Kind, name: str) -> str:
    match kind:
        case Text():
            return f'write text in quotes: {name} = "…"'
        case Choice(options=options):
            return f"write one of these in quotes: {', '.join(options)}"
        case Number():
            return f"{range_words(kind)}, without quotes"
        case Flag():
            return f"write {name} = true or {name} = false, without quotes"
        case Texts():
            return f'write a list of texts: {name} = ["…"]'
        case WordOrNumber(word=word, number=number):
            return f"write {word.options[0]!r} in quotes, or {range_words(number).removeprefix('write ')}"
        case OneTable():
            return f"write a table: [{name}]"
        case ManyTables():
            return f"write it as tables with double brackets: [[{name}]]"
        case _ as unreachable:
            assert_never(unreachable)


def _type_words(value: object) -> str:
    match value:
        case bool():
            return "true or false, not what is meant here"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or a time"


def _example(key: Key) -> str:
    """A key as one would begin to write it."""
    match key.kind:
        case OneTable():
            return f"[{key.name}]"
        case ManyTables():
            return f"[[{key.name}]]"
        case Choice(options=options):
            return f"{key.name} = " + " or ".join(f'"{option}"' for option in options)
        case _:
            return f"{key.name} = …"


def quote(value: object) -> str:
    """A value as Python writes it, shortened where it is long."""
    if isinstance(value, int) and value.bit_length() > 200:
        return "the number"
    shown = repr(value)
    return shown if len(shown) <= 70 else f"{shown[:60]}…{shown[-5:]}"
