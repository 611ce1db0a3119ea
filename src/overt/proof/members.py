"""Reading members of a closed schema: exactly the named ones, each of its type, or `VerificationFailed`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar, final

from overt.core.domain import Digest
from overt.errors import VerificationFailed
from overt.proof import b64, canonical

E = TypeVar("E", bound=StrEnum)

_HEX32 = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@final
class Members:
    """The members of one JSON object. ``what`` names it in messages."""

    def __init__(self, what: str, members: Mapping[str, canonical.Value]) -> None:
        self._what = what
        self._members = members

    def text(self, name: str) -> str:
        """A string that is not empty."""
        value = self._members[name]
        if not isinstance(value, str) or not value:
            raise self._wrong(name, "a string that is not empty")
        return value

    def string(self, name: str) -> str:
        """A string, empty or not."""
        value = self._members[name]
        if not isinstance(value, str):
            raise self._wrong(name, "a string")
        return value

    def text_or_none(self, name: str) -> str | None:
        """A string that is not empty, or null."""
        return None if self._members[name] is None else self.text(name)

    def integer(self, name: str) -> int:
        """An integer that is not negative."""
        value = self._members[name]
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self._wrong(name, "an integer that is not negative")
        return value

    def integer_or_none(self, name: str) -> int | None:
        """An integer that is not negative, or null."""
        return None if self._members[name] is None else self.integer(name)

    def word(self, name: str, words: type[E]) -> E:
        """A word of a closed list."""
        value = self._members[name]
        if not isinstance(value, str) or value not in list(words):
            raise self._wrong(name, f"one of {[str(word) for word in words]}")
        return words(value)

    def word_or_none(self, name: str, words: type[E]) -> E | None:
        """A word of a closed list, or null."""
        return None if self._members[name] is None else self.word(name, words)

    def constant(self, name: str, expected: str) -> None:
        """Exactly this string."""
        if self._members[name] != expected:
            raise self._wrong(name, repr(expected))

    def hash(self, name: str) -> bytes:
        """32 bytes in lower-case hexadecimal."""
        value = self._members[name]
        if not isinstance(value, str) or not _HEX32.fullmatch(value):
            raise self._wrong(name, "64 lower-case hexadecimal digits")
        return bytes.fromhex(value)

    def hash_or_none(self, name: str) -> bytes | None:
        """32 bytes in lower-case hexadecimal, or null."""
        return None if self._members[name] is None else self.hash(name)

    def digest(self, name: str) -> Digest:
        """A `Digest`."""
        value = self._members[name]
        if not isinstance(value, str) or not _DIGEST.fullmatch(value):
            raise self._wrong(name, "'sha256:' and 64 lower-case hexadecimal digits")
        return Digest(value)

    def base64(self, name: str) -> bytes:
        """Bytes in strict base64."""
        return b64.decode(self.text(name), f"{self._what}.{name}")

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings that are not empty."""
        value = self._members[name]
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self._wrong(name, "a list of strings")
        return tuple(str(item) for item in value)

    def mapping(self, name: str) -> Members:
        """An object with any members; see `names`."""
        value = self._members[name]
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return Members(f"{self._what}.{name}", value)

    def object(self, name: str, names: frozenset[str]) -> Members:
        """An object with exactly these members."""
        return members_of(self._members[name], f"{self._what}.{name}", names)

    def object_or_none(self, name: str, names: frozenset[str]) -> Members | None:
        """An object with exactly these members, or null."""
        return None if self._members[name] is None else self.object(name, names)

    def names(self) -> tuple[str, ...]:
        """The names of the members."""
        return tuple(self._members)

    def _wrong(self, name: str, expected: str) -> VerificationFailed:
        return VerificationFailed(self._what, f"member {name!r} is {self._members[name]!r}, expected {expected}")


def members_of(
    value: canonical.Value, what: str, names: frozenset[str], optional: frozenset[str] = frozenset()
) -> Members:
    """The members of an object that has exactly these names, and perhaps some of the ``optional`` ones."""
    if not isinstance(value, dict):
        raise VerificationFailed(what, f"expected an object, got {type(value).__name__}")
    if frozenset(value) - optional != names:
        missing, unknown = sorted(names - frozenset(value)), sorted(frozenset(value) - names - optional)
        raise VerificationFailed(what, f"missing members {missing!r}, unknown members {unknown!r}")
    return Members(what, value)


def word_of(value: canonical.Value) -> str | None:
    """The string that a value is, if it is one: for choosing a schema by a member."""
    return value if isinstance(value, str) else None
