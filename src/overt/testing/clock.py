"""A clock that stands until it is told to move."""

from __future__ import annotations

from typing import final


@final
class ManualClock:
    """Implements `ports.Clock`. Starts at 2026-11-23 00:00:00 UTC unless told otherwise."""

    def __init__(self, start: float = 1_795_392_000.0) -> None:
        self._now = start

    def now(self) -> float:
        """POSIX seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on (or back, with a negative number)."""
        self._now += seconds
