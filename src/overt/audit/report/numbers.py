"""A result as canonical JSON, and two of them compared.

1. A float is a string: its ten leading digits, written as the shortest text that Python reads back as the same float
   (``"0.0125"``, ``"-3.2e-07"``). Whole numbers are numbers, amounts of money the text of their decimal.
2. Two results are equal *to the bit* where all their values are the same.
3. p-values, counts, amounts, words and verdicts must be the same: a p-value is a count over a count.
4. Statistics and sizes are sums of floats, some in single precision, and every kind of processor adds in its own
   order: between kinds they differ by up to 2.1e-5 of their value (measured). They may differ by `CLOSE`, and it is
   said how many do.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final, final

from overt.audit.planning.encode import money_text
from overt.errors import InvariantBroken
from overt.proof import canonical

DIGITS: Final = 10
CLOSE: Final = 1e-4
"""Of the larger of two numbers."""
TINY: Final = 5e-5
"""So near to 0 that a share of it is too little."""
EXACT: Final = frozenset(("p_value", "p_margin", "p_change", "placebo_p", "alpha", "margin", "cost", "budget", "power"))
"""Members that are never merely close."""
_FLOAT: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+(?:e[+-][0-9]+)?|e[+-][0-9]+)")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Two results held against each other: how many values are the same, how many are close, and what differs first."""

    same: int = 0
    close: int = 0
    differs: str | None = None

    def __add__(self, other: Agreement) -> Agreement:
        return Agreement(
            same=self.same + other.same,
            close=self.close + other.close,
            differs=self.differs if self.differs is not None else other.differs,
        )


def number_text(number: float) -> str:
    """A float as it is published; see the module."""
    if not math.isfinite(number):
        raise InvariantBroken(f"{number!r} is no number that can be published: say None where nothing is known")
    rounded = float(f"{number:.{DIGITS - 1}e}")
    return repr(0.0 if rounded == 0 else rounded)


def value_of(found: object) -> canonical.Value:
    """Dataclasses, sequences, words and numbers as values that have one encoding."""
    match found:
        case Enum():
            return str(found.value)
        case None | bool() | int() | str():
            return found
        case float():
            return number_text(found)
        case Decimal():
            return money_text(found)
        case Mapping():
            return {str(name): value_of(value) for name, value in found.items()}
        case Sequence():
            return [value_of(each) for each in found]
        case _ if dataclasses.is_dataclass(found) and not isinstance(found, type):
            return {each.name: value_of(getattr(found, each.name)) for each in dataclasses.fields(found)}
        case _:
            raise InvariantBroken(f"a result holds {found!r}, which has no encoding")


def compared(published: canonical.Value, again: canonical.Value, where: str = "result") -> Agreement:
    """What was published against what was worked out again, member by member."""
    match published, again:
        case dict(), dict():
            return _members(published, again, where)
        case list(), list() if len(published) == len(again):
            parts = (
                compared(one, other, f"{where}[{place}]")
                for place, (one, other) in enumerate(zip(published, again, strict=True))
            )
            return sum(parts, Agreement())
        case str(), str() if _are_close(published, again, where):
            return Agreement(close=1)
        case _ if type(published) is type(again) and published == again:
            return Agreement(same=1)
        case _:
            return Agreement(differs=f"{where} is {_short(published)}, and the records give {_short(again)}")


def _members(published: Mapping[str, canonical.Value], again: Mapping[str, canonical.Value], where: str) -> Agreement:
    if published.keys() != again.keys():
        odd = sorted(published.keys() ^ again.keys())
        return Agreement(differs=f"{where} has other members: {', '.join(odd)}")
    return sum((compared(published[name], again[name], f"{where}.{name}") for name in published), Agreement())


def _are_close(published: str, again: str, where: str) -> bool:
    if published == again or where.rpartition(".")[2] in EXACT:
        return False
    if _FLOAT.fullmatch(published) is None or _FLOAT.fullmatch(again) is None:
        return False
    one, other = float(published), float(again)
    if not (math.isfinite(one) and math.isfinite(other)):
        return False
    return abs(one - other) <= max(TINY, CLOSE * max(abs(one), abs(other)))


def _short(value: canonical.Value) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
