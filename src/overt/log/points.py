"""The points of the write path at which a crash leaves a different state on disk.

`open_log` takes a function that is told of each point as it is reached. Tests end the process there, or raise an
error there as a full disk would.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Point(StrEnum):
    """In the order in which they are reached."""

    QUEUE_WRITTEN = "queue written, not committed"
    QUEUED = "queue committed"
    TAKEN = "batch taken"
    STAGED = "tiles staged"
    ADVANCED = "checkpoint advanced, not committed"
    COMMITTED = "checkpoint committed"
    TILE_APPLIED = "one tile applied"
    APPLIED = "all tiles applied"
    PUBLISHED = "checkpoint published"
    CLEANED = "staging removed"


Reached = Callable[[Point], None]


def unwatched(point: Point) -> None:
    """Tell nobody."""
