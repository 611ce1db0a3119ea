"""How fast a route is asked: so many calls at once, so many a minute, and none while its server asks to wait.

Calls are spread over the minute, each a little later than the limit demands by a random share: a steady beat would
tell a provider that it is being audited. A limit is never exceeded, in no minute whatsoever.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, final

from overt.audit.plan import Route

JITTER: Final = 0.25


@final
class Pace:
    """The pace of one route. ``stopped`` ends every wait."""

    def __init__(self, route: Route, stopped: asyncio.Event) -> None:
        self._at_once = asyncio.Semaphore(route.most_at_once)
        self._every_s = 0.0 if route.most_per_minute is None else 60.0 / route.most_per_minute
        self._next = 0.0
        self._stopped = stopped

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[bool]:
        """A turn to call, in the order of asking; false if the collection stopped before it came."""
        async with self._at_once:
            while not self._stopped.is_set() and (wait := self._next - time.monotonic()) > 0:
                await pause(wait, self._stopped)
            if self._every_s > 0:
                self._next = time.monotonic() + self._every_s * random.uniform(1.0, 1.0 + JITTER)
            yield not self._stopped.is_set()

    def hold(self, seconds: float) -> None:
        """Ask nothing for so long."""
        self._next = max(self._next, time.monotonic() + seconds)


async def pause(seconds: float, stopped: asyncio.Event) -> None:
    """Wait until the time is over or the collection stops, whichever is first."""
    try:
        async with asyncio.timeout(seconds):
            await stopped.wait()
    except TimeoutError:
        return
