"""What shadow mode has shown: how often a candidate would have had something else done, and where.

Releases are compared in pairs; rows of different pairs never mix. The rate's interval is Clopper-Pearson, over the
exchanges that were compared: those that were dropped are counted beside it, and are in no rate.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from overt.core.comparison import Comparison
from overt.core.domain import Digest, ReceiptId
from overt.learn.exact import interval

NEWEST: Final = 20
NO_DOMAIN: Final = "none"

Pair: TypeAlias = tuple[Digest, Digest]
"""The release in use, and the candidate."""


@final
@dataclass(frozen=True, slots=True)
class Cell:
    """How many exchanges of a domain ended so, and would have ended so."""

    domain: str
    current: str
    candidate: str
    count: int

    @property
    def is_flip(self) -> bool:
        """Whether something else would have been done."""
        return self.current != self.candidate


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """One pair of releases. ``since`` and ``until`` are POSIX milliseconds of the first and the last comparison, None
    where all were dropped; ``newest`` the receipts of the last flips, the newest first."""

    current: Digest
    candidate: Digest
    since: int | None
    until: int | None
    cells: tuple[Cell, ...]
    newest: tuple[ReceiptId, ...]
    dropped: int

    @property
    def compared(self) -> int:
        """How many exchanges were compared."""
        return sum(cell.count for cell in self.cells)

    @property
    def flips(self) -> int:
        """How many of them would have ended otherwise."""
        return sum(cell.count for cell in self.cells if cell.is_flip)

    @property
    def interval(self) -> tuple[float, float]:
        """The two-sided 95 % interval of the flip rate."""
        return interval(self.flips, self.compared)


@final
class _Pair:
    """The running count of one pair of releases."""

    def __init__(self) -> None:
        self.cells: Counter[tuple[str, str, str]] = Counter()
        self.newest: deque[ReceiptId] = deque(maxlen=NEWEST)
        self.since: int | None = None
        self.until: int | None = None

    def add(self, comparison: Comparison) -> None:
        """Count one comparison; they come in order."""
        domain = comparison.domain or NO_DOMAIN
        self.cells[domain, comparison.current.outcome, comparison.candidate.outcome] += 1
        self.since = comparison.when if self.since is None else self.since
        self.until = comparison.when
        if comparison.is_flip:
            self.newest.appendleft(comparison.receipt)


@final
class Tally:
    """Counts comparisons as they come, in bounded memory."""

    def __init__(self) -> None:
        self._pairs: dict[Pair, _Pair] = {}

    def add(self, comparisons: Iterable[Comparison]) -> None:
        """Count more of them, in the order in which they were made."""
        for comparison in comparisons:
            pair = comparison.current.release, comparison.candidate.release
            self._pairs.setdefault(pair, _Pair()).add(comparison)

    def flips(self, dropped: Mapping[Pair, int]) -> tuple[Flips, ...]:
        """Every pair that was compared or dropped, the one that was compared last at the end."""
        pairs = {pair: _Pair() for pair in dropped} | self._pairs
        found = [
            Flips(
                current=current,
                candidate=candidate,
                since=pair.since,
                until=pair.until,
                cells=tuple(Cell(*key, count) for key, count in sorted(pair.cells.items())),
                newest=tuple(pair.newest),
                dropped=dropped.get((current, candidate), 0),
            )
            for (current, candidate), pair in pairs.items()
        ]
        return tuple(sorted(found, key=lambda flips: flips.until or 0))
