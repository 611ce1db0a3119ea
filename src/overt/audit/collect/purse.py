"""The money of a run: what is spent and what calls under way may cost together never exceed the limit.

1. Before a call leaves, the most that it may cost is set aside. It is given back, and the true cost booked, when the
   call has ended.
2. Whoever asks for an amount waits while calls under way may turn out cheaper, and is refused when none is.
3. Where a route charged more than we thought possible (a hidden system prompt is charged to the caller), its later
   calls set aside as much more.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import final

from overt.audit.collect.cost import FREE


@final
class Purse:
    """See the module."""

    def __init__(self, *, limit: Decimal, spent: Decimal) -> None:
        self._limit = limit
        self._spent = spent
        self._aside = FREE
        self._dearer: dict[str, Decimal] = {}
        self._changed = asyncio.Event()

    @property
    def spent(self) -> Decimal:
        """What calls that ended cost."""
        return self._spent

    @property
    def aside(self) -> Decimal:
        """What calls under way may cost."""
        return self._aside

    @property
    def limit(self) -> Decimal:
        """The most that may be spent."""
        return self._limit

    def margin(self, route: str) -> Decimal:
        """By how much more than the most that we think possible must be set aside for a call of this route."""
        return self._dearer.get(route, Decimal(1))

    async def take(self, amount: Decimal) -> bool:
        """Set an amount aside, and say whether that was possible."""
        while amount > 0 and self._spent + self._aside + amount > self._limit:
            if self._aside == 0:
                return False
            await self._changed.wait()
        self._aside += amount
        return True

    def give_back(self, amount: Decimal) -> None:
        """A call that was not made."""
        self._aside -= amount
        self._wake()

    def book(self, route: str, *, aside: Decimal, most: Decimal, cost: Decimal) -> None:
        """A call has ended: ``aside`` was set aside for it, ``most`` was thought possible, ``cost`` it was."""
        self._aside -= aside
        self._spent += cost
        if most > 0:
            self._dearer[route] = max(self._dearer.get(route, Decimal(1)), cost / most)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
