"""What may stand in a TOML file: kinds of values, keys, tables, and conditions between the keys of one table.

The reader and the JSON Schema are both made from these values, so that they cannot drift apart. Patterns describe the
whole value and stay within what Python and ECMA-262 read alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, final

LINE = r"[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?"
"""One line without blanks at its ends and without control characters."""

SENTENCES = r"[^\x00-\x08\x0e-\x1f\x7f]*[^\x00-\x20\x7f][.!?][\"')\]]*[ \t\r\n]*"
"""Text of any number of lines that ends like a sentence."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text of which the whole matches ``pattern``. ``rule`` says so in words, to be read after "is not".

    ``prose`` text may be broken into lines freely: it is read with single spaces. A ``secret`` is never quoted back.
    """

    pattern: str = LINE
    rule: str = "one line of text"
    remedy: str = "write one line, without blanks at its ends"
    longest: int = 200
    prose: bool = False
    secret: bool = False


@final
@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    options: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number above ``above`` (if given) or at least ``at_least``, and at most ``at_most``."""

    above: float | None = None
    at_least: float | None = None
    at_most: float
    whole: bool = False


@final
@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """A list of different texts, at least ``fewest`` of them."""

    item: Text
    fewest: int = 0


@final
@dataclass(frozen=True, slots=True)
class WordOrNumber:
    """One of a few words, or else a number."""

    word: Choice
    number: Number


@final
@dataclass(frozen=True, slots=True)
class OneTable:
    """A table: ``[name]``."""

    table: Table


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ManyTables:
    """A list of tables: ``[[name]]``, at least ``fewest`` of them."""

    table: Table
    fewest: int = 0


Simple: TypeAlias = Text | Choice | Number | Flag | Texts | WordOrNumber
Kind: TypeAlias = Simple | OneTable | ManyTables


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key. ``why`` is the reason why it must be given, None where it may be left out.

    ``default`` is what leaving it out means, for the schema; code applies it where the value is built.
    """

    name: str
    kind: Kind
    about: str
    why: str | None = None
    default: str | float | bool | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Where key ``when[0]`` is ``when[1]``, the value of ``key`` must also match ``must``."""

    when: tuple[str, str]
    key: str
    must: Text | Choice
    what: str
    remedy: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The keys of one table, the conditions between them, and keys of which exactly one must be given.

    ``mistaken`` maps keys that people may try, though there are none, to the remedy.
    """

    about: str
    keys: tuple[Key, ...]
    conditions: tuple[Condition, ...] = ()
    one_of: tuple[str, ...] = ()
    one_of_why: str = ""
    mistaken: Mapping[str, str] = field(default_factory=dict)

    def key(self, name: str) -> Key | None:
        """The key with this name, None if the table has none."""
        return next((key for key in self.keys if key.name == name), None)
