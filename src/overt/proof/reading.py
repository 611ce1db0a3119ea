"""Computations over a log's tiles, for readers that cannot read in the middle of one: over a network, or async.

    steps = reading(lambda read: verify_continues(read, old, new))
    path = next(steps)                 # the first file that is needed
    path = steps.send(its_bytes)       # the next one; `StopIteration.value` is the result

The computation is run again for each file that it lacks. It must be a function of the files alone, and let exceptions
of the reader through.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar, final

from overt.proof.tiles import Reader

T = TypeVar("T")


@final
class _Needed(Exception):
    """The computation cannot go on without this file."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def reading(compute: Callable[[Reader], T]) -> Generator[str, bytes | None, T]:
    """Run a computation; yields the path of each file that it needs, and is sent the bytes, None if there are none."""
    files: dict[str, bytes | None] = {}

    def read(path: str) -> bytes | None:
        if path not in files:
            raise _Needed(path)
        return files[path]

    while True:
        try:
            return compute(read)
        except _Needed as needed:
            path = needed.path
        files[path] = yield path
