"""A text of somebody else's, made safe to put before a judge: it can neither end its quotation nor play another role.

1. The spellings that chat templates give a meaning (``<|…|>``, ``<guardian>``, ``<think>``, ``<score>``) are broken by
   a blank, because servers may read them as control tokens wherever they stand.
2. The text stands between two lines with a mark that does not occur in it. The mark depends on the text alone, so equal
   texts give equal questions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from typing import Final, final

_TEMPLATE: Final = re.compile(r"<(?=\||/?(?:no-)?(?:guardian|think|score)\b)|\|(?=>)", re.IGNORECASE)
_MARK_DIGITS: Final = 16


@final
@dataclass(frozen=True, slots=True)
class Quoted:
    """A text between its marks."""

    begin: str
    text: str
    end: str

    def __str__(self) -> str:
        return f"{self.begin}\n{self.text}\n{self.end}"


def harmless(text: str) -> str:
    """The text without control spellings and lone surrogates."""
    return _TEMPLATE.sub(lambda found: f"{found.group()} ", text.encode("utf-8", "replace").decode("utf-8"))


def quote(text: str) -> Quoted:
    """The text between two marks that do not occur in it."""
    safe = harmless(text)
    mark = first_absent(safe, _marks(safe))
    return Quoted(f"[data {mark} begins]", safe, f"[data {mark} ends]")


def first_absent(text: str, marks: Iterable[str]) -> str:
    """The first mark that does not occur in the text. There must be one."""
    return next(mark for mark in marks if mark not in text)


def _marks(text: str) -> Iterator[str]:
    seed = sha256(text.encode()).digest()
    for number in count():
        yield sha256(seed + number.to_bytes(4, "big")).hexdigest()[:_MARK_DIGITS]
