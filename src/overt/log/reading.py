"""What is computed from a log's files by a pure function, for files that lie in a `TileStore`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from overt.log.parts import TileStore
from overt.proof.reading import reading
from overt.proof.tiles import Reader

T = TypeVar("T")


async def over(tiles: TileStore, work: Callable[[Reader], T]) -> T:
    """What ``work`` gives for the store's files. It is begun anew for each file that it asks for, so it must ask for
    few: the right edge, the tiles of one proof."""
    steps = reading(work)
    answer: bytes | None = None
    while True:
        try:
            path = steps.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        answer = await tiles.read(path)
