"""What a right answer is: a closed union of six kinds, each short enough for a machine to check without a judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never, final

from overt.errors import InvariantBroken

LETTERS: Final = "ABCD"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """``places`` decimals are asked for (0: a whole number, exact). One unit of the last place off is still right."""

    value: float
    places: int

    @property
    def tolerance(self) -> float:
        """By how much an answer may differ: nothing for whole numbers, else one unit of the last place."""
        return 0.0 if self.places == 0 else 10.0**-self.places


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word or a name. The first of ``accepted`` is how we write it, the others are as right."""

    accepted: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of four options. ``options`` stand in the order in which they are shown."""

    letter: str
    options: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of text, as a program prints it; runs of blanks are one blank."""

    text: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A list in which the order counts."""

    members: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """A JSON object with at least these members; numbers are compared as numbers."""

    members: tuple[tuple[str, str | float], ...]


Reference = Number | Word | Choice | Line | Row | Fields


def whole(value: float) -> Number:
    """A whole number; `InvariantBroken` where a table makes it a fraction."""
    if value != int(value):
        raise InvariantBroken(f"{value!r} is no whole number: use decimal() in this form")
    return Number(value=int(value), places=0)


def decimal(value: float, places: int) -> Number:
    """A number that is asked for with ``places`` decimals."""
    return Number(value=value, places=places)


def word(*accepted: str) -> Word:
    """A word with its other spellings."""
    return Word(accepted=accepted)


def yes_no(is_so: bool) -> Word:
    """Yes or no."""
    return Word(accepted=("yes" if is_so else "no",))


def line(*parts: object) -> Line:
    """What ``print(*parts)`` prints."""
    return Line(text=" ".join(str(part) for part in parts))


def row(*members: object) -> Row:
    """An ordered list."""
    return Row(members=tuple(str(member) for member in members))


def fields(**members: str | float) -> Fields:
    """A JSON object."""
    return Fields(members=tuple(members.items()))


def written(reference: Reference) -> str:
    """The reference as a good answer writes it after ``Answer:``."""
    match reference:
        case Number(value=value, places=places):
            return f"{value:.{places}f}"
        case Word(accepted=accepted):
            return accepted[0]
        case Choice(letter=letter):
            return letter
        case Line(text=text):
            return text
        case Row(members=members):
            return ", ".join(members)
        case Fields(members=members):
            shown = (
                f'"{name}": ' + (f'"{value}"' if isinstance(value, str) else f"{value}") for name, value in members
            )
            return "{" + ", ".join(shown) + "}"
        case _:
            assert_never(reference)


def slot(reference: Reference) -> str:
    """What a prompt asks to be written after ``Answer:``; it tells the shape and nothing of the answer."""
    match reference:
        case Number(places=0):
            return "<whole number>"
        case Number(places=places):
            return f"<number with {places} decimal{'' if places == 1 else 's'}>"
        case Word(accepted=("yes",)) | Word(accepted=("no",)):
            return "<yes or no>"
        case Word():
            return "<one word or name>"
        case Choice():
            return "<letter>"
        case Line():
            return "<the printed line>"
        case Row():
            return "<list, separated by commas>"
        case Fields(members=members):
            return "<JSON object with " + " and ".join(f'"{name}"' for name, _ in members) + ">"
        case _:
            assert_never(reference)
