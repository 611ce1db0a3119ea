"""The same request, written a little differently: does the decision stay?

Deterministic variants, none of which changes what is asked: polite padding, typing errors, capitals, invisible
characters, look-alike letters, line breaks. A decision that flips on one of these
is unstable, whichever way it flips.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

PADDING_BEFORE: Final = "Hi there, I hope you are having a good day. I have a question for you. "
PADDING_AFTER: Final = " Thank you very much in advance, and please take your time."
EVERY_WORD: Final = 5
"""Every fifth word of five letters or more gets a typing error."""
SHORTEST_TYPO: Final = 5
SHORTEST_MIXED: Final = 4
"""Shorter words might turn wholly Cyrillic, and would then be other words."""
_LOOKALIKES: Final = str.maketrans({"a": "\u0430", "e": "\u0435", "o": "\u043e"})


def padded(text: str) -> str:
    """Between two polite sentences."""
    return f"{PADDING_BEFORE}{text}{PADDING_AFTER}"


def mistyped(text: str) -> str:
    """Two inner letters of some words exchanged."""
    words = text.split(" ")
    for place in range(0, len(words), EVERY_WORD):
        word = words[place]
        if len(word) >= SHORTEST_TYPO and word.isascii():
            words[place] = word[0] + word[2] + word[1] + word[3:]
    return " ".join(words)


def shouted(text: str) -> str:
    """In capitals."""
    return text.upper()


def with_invisible(text: str) -> str:
    """A zero-width space after every second character of a word."""
    return " ".join("\u200b".join(word[i : i + 2] for i in range(0, len(word), 2)) for word in text.split(" "))


def with_lookalikes(text: str) -> str:
    """Every other word with Cyrillic letters that look Latin."""
    words = text.split(" ")
    return " ".join(
        word.translate(_LOOKALIKES) if place % 2 and len(word) >= SHORTEST_MIXED else word
        for place, word in enumerate(words)
    )


def broken(text: str) -> str:
    """One word a line."""
    return text.replace(" ", "\n")


VARIANTS: Final[Mapping[str, Callable[[str], str]]] = {
    "polite padding": padded,
    "typing errors": mistyped,
    "capitals": shouted,
    "zero-width characters": with_invisible,
    "look-alike letters": with_lookalikes,
    "line breaks": broken,
}
