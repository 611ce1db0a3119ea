"""Canonical JSON (RFC 8785) for a closed set of values: one value has one encoding, and only that one is read.

Members are sorted; keys are ASCII; numbers are integers that fit a double; nothing is nested deeper than 16.
For these values ``json.dumps`` gives the bytes of RFC 8785 (a test compares the two). Reading refuses floats,
duplicate members, white space, escapes that are not needed, and anything else that would encode differently.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NoReturn

from overt.errors import VerificationFailed

Value = None | bool | int | str | Sequence["Value"] | Mapping[str, "Value"]

LARGEST = 2**53 - 1
DEEPEST = 16
_WHAT = "canonical JSON"


def encode(value: Value) -> bytes:
    """The one encoding, or `VerificationFailed` if the value is outside the closed set."""
    _check(value, DEEPEST)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise VerificationFailed(_WHAT, f"a string holds half of a surrogate pair: {error}") from error


def decode(raw: bytes) -> Value:
    """The value, or `VerificationFailed` unless ``raw`` is exactly its encoding."""
    try:
        value: Value = json.loads(
            raw.decode(), object_pairs_hook=_members, parse_float=_refuse_number, parse_constant=_refuse_number
        )
    except (ValueError, RecursionError) as error:
        raise VerificationFailed(_WHAT, f"not JSON that we read: {error}") from error
    if encode(value) != raw:
        raise VerificationFailed(_WHAT, "the bytes are not the canonical encoding of their value")
    return value


def _check(value: Value, depth: int) -> None:
    if depth == 0:
        raise VerificationFailed(_WHAT, f"nested deeper than {DEEPEST}")
    match value:
        case None | bool() | str():
            return
        case int():
            if abs(value) > LARGEST:
                raise VerificationFailed(_WHAT, f"{value!r} does not fit a double exactly")
        case list() | tuple():
            for item in value:
                _check(item, depth - 1)
        case dict():
            for key, item in value.items():
                if not isinstance(key, str) or not key.isascii():
                    raise VerificationFailed(_WHAT, f"the key {key!r} is not ASCII text")
                _check(item, depth - 1)
        case _:
            raise VerificationFailed(_WHAT, f"{type(value).__name__} has no canonical encoding here")


def _members(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise VerificationFailed(_WHAT, f"a member occurs twice among {[key for key, _ in pairs]!r}")
    return members


def _refuse_number(text: str) -> NoReturn:
    raise VerificationFailed(_WHAT, f"the number {text!r} is not an integer")
