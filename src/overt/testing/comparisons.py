"""Comparisons in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import final

from overt.core.comparison import Comparison
from overt.core.domain import Digest
from overt.errors import OperatorError


@final
class MemoryComparisons:
    """Implements `ports.Comparisons` without a file. `fail` makes the next `keep` raise, once."""

    def __init__(self) -> None:
        self._rows: list[Comparison] = []
        self._dropped: Counter[tuple[Digest, Digest]] = Counter()
        self._failing = False

    @property
    def rows(self) -> tuple[Comparison, ...]:
        """Everything that was kept, in order."""
        return tuple(self._rows)

    def fail(self) -> None:
        """Make the next `keep` raise `OperatorError` and keep nothing."""
        self._failing = True

    async def keep(self, comparisons: Sequence[Comparison]) -> None:
        """Keep comparisons."""
        if self._failing:
            self._failing = False
            raise OperatorError("keep was told to fail")
        self._rows += comparisons

    async def add_dropped(self, current: Digest, candidate: Digest, count: int) -> None:
        """Count what was not compared."""
        self._dropped[current, candidate] += count

    async def page(self, after: int, most: int) -> Sequence[tuple[int, Comparison]]:
        """Comparisons by number."""
        return [(number, row) for number, row in enumerate(self._rows, 1) if number > after][:most]

    async def dropped(self) -> Mapping[tuple[Digest, Digest], int]:
        """How many were not compared."""
        return dict(self._dropped)

    async def aclose(self) -> None:
        """Nothing to release."""
