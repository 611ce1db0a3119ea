"""How the checks ask for what they need: each is a generator that yields a `Step` and is sent what came of it.

So one text of the checks serves the sync and the async transport, and does no input or output itself.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final, TypeVar, final

from overt.proof.reading import reading
from overt.proof.tiles import Reader

T = TypeVar("T")
OK: Final = 200
ABSENT: Final = frozenset((404, 410))


@final
@dataclass(frozen=True, slots=True)
class Get:
    """Fetch a path of the gateway; with the caller's own key if it is ``private``."""

    path: str
    private: bool = False


@final
@dataclass(frozen=True, slots=True)
class Save:
    """Write the memory to its file; what is sent back says nothing."""


@final
@dataclass(frozen=True, slots=True)
class Got:
    """What came: an HTTP status, 0 where no answer came at all, and then the fault in ``body``."""

    status: int
    body: bytes = b""


Step = Get | Save
Course = Generator[Step, Got, T]


@final
class Unreadable(Exception):
    """A file of the log could not be had now; that says nothing about the log yet."""


def get(path: str, *, private: bool = False) -> Course[Got]:
    """Fetch a path; one that fails for no reason of its own is tried again."""
    got = Got(0)
    for _ in range(3):
        got = yield Get(path, private)
        if got.status and got.status < 500:
            break
    return got


def over_log(root: str, compute: Callable[[Reader], T]) -> Course[T]:
    """The result of a computation over the log's files. Raises `Unreadable`."""
    steps = reading(compute)
    try:
        path = next(steps)
        while True:
            path = steps.send((yield from log_file(root, path)))
    except StopIteration as end:
        result: T = end.value
        return result


def log_file(root: str, path: str) -> Course[bytes | None]:
    """One file of the log, None if the log has none. Raises `Unreadable`."""
    got = yield from get(f"{root}/log/{path}")
    if got.status == OK:
        return got.body
    if got.status in ABSENT:
        return None
    raise Unreadable(f"{path} of the log cannot be read: {got.status or got.body.decode('utf-8', 'replace')}")
