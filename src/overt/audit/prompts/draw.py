"""Drawing by digest: the same key gives the same draw on every machine and in every version of Python."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from overt.errors import BadRequest

TRIES: Final = 4_000
T = TypeVar("T")


def pick(key: str, count: int) -> int:
    """A number from 0 to ``count`` - 1."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % count


def shuffled(key: str, members: Sequence[T]) -> tuple[T, ...]:
    """The members in an order that the key decides."""
    order = sorted(range(len(members)), key=lambda place: hashlib.sha256(f"{key}#{place}".encode()).digest())
    return tuple(members[place] for place in order)


def draws(
    key: str, choices: Mapping[str, Sequence[object]], holds: Callable[..., bool] | None, count: int
) -> tuple[dict[str, object], ...]:
    """``count`` different draws that ``holds``; a longer run begins with the shorter one.

    `BadRequest` where the choices do not give as many.
    """
    found: list[dict[str, object]] = []
    for attempt in range(TRIES):
        if len(found) == count:
            break
        drawn = {name: options[pick(f"{key}#{attempt}#{name}", len(options))] for name, options in choices.items()}
        if drawn not in found and (holds is None or holds(**drawn)):
            found.append(drawn)
    if len(found) < count:
        raise BadRequest(f"{key!r} has {len(found)} different draws, not {count}: ask for fewer `times`")
    return tuple(found)


def number_lists(
    key: str, count: int, *, length: int, among: Sequence[int], distinct: bool = False
) -> tuple[list[int], ...]:
    """``count`` lists of numbers for tables and programs; with ``distinct`` no number is twice in a list."""
    return tuple(_numbers(f"{key}#{at}", length, among, distinct=distinct) for at in range(count))


def _numbers(key: str, length: int, among: Sequence[int], *, distinct: bool) -> list[int]:
    if distinct:
        return list(shuffled(key, among)[:length])
    return [among[pick(f"{key}#{place}", len(among))] for place in range(length)]
