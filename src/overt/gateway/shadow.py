"""Shadow mode: a candidate release judges every exchange after the one in use has, and nobody is told.

1. An exchange is offered when its answer is ready; offering costs nothing and never fails.
2. What waits is bounded by number and by size. An exchange that finds no room is dropped and counted.
3. One exchange at a time is judged, with a rest after each, so that at most a quarter of the time goes to it.
4. The same policy decides on what the candidate found; both outcomes and all probabilities are kept, and no text.

Nothing here can reach an answer: the reply's bytes are the same with and without it. A judge is never asked for the
candidate, so that it is never slowed: where there is one, both releases are compared as they are without it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from overt.core.comparison import Comparison, side
from overt.core.decide import decide
from overt.core.decision import Decision
from overt.core.domain import Digest
from overt.core.finding import Assessment
from overt.core.notice import Stamp
from overt.core.policy import Policy
from overt.core.request import Request
from overt.errors import OperatorError
from overt.ports import Classifier, Clock, Comparisons

MOST_WAITING: Final = 256
MOST_CHARACTERS: Final = 8_000_000
"""Of all requests that wait together."""
KEPT_AT_ONCE: Final = 64
REST: Final = 3.0
"""How long to rest after a comparison, in times of what it took."""
LONGEST_SECONDS: Final = 5.0
"""For one comparison; one that takes longer is dropped."""
LAST_SECONDS: Final = 2.0
"""How long the gateway's end waits for what still waits here."""

log = logging.getLogger("overt.shadow")


@final
@dataclass(frozen=True, slots=True)
class Seen:
    """An exchange as it was judged and decided."""

    request: Request
    assessment: Assessment
    decision: Decision
    stamp: Stamp


Beside: TypeAlias = Callable[[Seen], None]
"""Is told of every exchange whose answer is ready. Returns at once and raises nothing."""


def nobody(seen: Seen) -> None:
    """Tell nobody."""
    del seen


@final
@dataclass(frozen=True, slots=True)
class _Waiting:
    seen: Seen
    when: int
    size: int


@final
class Shadow:
    """See the module. ``using`` is the release in use; ``current`` assesses by it alone, None where it has no judge."""

    def __init__(
        self,
        *,
        candidate: Classifier,
        using: Digest,
        current: Classifier | None,
        policy: Policy,
        comparisons: Comparisons,
        clock: Clock,
    ) -> None:
        self._candidate = candidate
        self._using = using
        self._current = current
        self._policy = policy
        self._comparisons = comparisons
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._characters = 0
        self._dropped = 0
        self._arrived = asyncio.Event()
        self._closing = asyncio.Event()
        self._ends = float("inf")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to compare."""
        self._task = asyncio.create_task(self._work(), name="overt-shadow")

    def see(self, seen: Seen) -> None:
        """Take an exchange, or count that there was no room (a `Beside`)."""
        size = sum(len(segment.text) for segment in seen.request.segments)
        if len(self._waiting) >= MOST_WAITING or self._characters + size > MOST_CHARACTERS:
            self._dropped += 1
        else:
            self._waiting.append(_Waiting(seen, int(self._clock.now() * 1000), size))
            self._characters += size
        self._arrived.set()

    async def aclose(self) -> None:
        """Compare what still waits, none that begins after `LAST_SECONDS`; count the rest as dropped. Idempotent."""
        self._ends = min(self._ends, time.monotonic() + LAST_SECONDS)
        self._closing.set()
        self._arrived.set()
        if self._task is not None:
            await self._task

    async def _work(self) -> None:
        closing = False
        while not closing:
            await self._arrived.wait()
            self._arrived.clear()
            closing = self._closing.is_set()
            await self._round()
        self._dropped += len(self._waiting)
        self._waiting.clear()
        await self._keep([])

    async def _round(self) -> None:
        """Everything that waits, one by one; kept when `KEPT_AT_ONCE` are done, and at the end."""
        done: list[Comparison] = []
        while self._waiting and time.monotonic() < self._ends:
            started = time.perf_counter()
            done += await self._next()
            if len(done) >= KEPT_AT_ONCE:
                await self._keep(done)
                done = []
            await self._rest(REST * (time.perf_counter() - started))
        await self._keep(done)

    async def _next(self) -> list[Comparison]:
        """The comparison of what has waited longest; none if it failed, which is counted as dropped."""
        waiting = self._waiting.popleft()
        self._characters -= waiting.size
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                return [await self._compared(waiting)]
        except Exception as fault:  # noqa: BLE001  one request must not end shadow mode, nor its text be logged
            log.warning("an exchange could not be compared: %s", type(fault).__name__)
            self._dropped += 1
            return []

    async def _compared(self, waiting: _Waiting) -> Comparison:
        seen = waiting.seen
        before, decision = seen.assessment, seen.decision
        if self._current is not None:
            before = await self._current.assess(seen.request)
            decision = decide(self._policy, seen.request, before, seen.stamp)
        after = await self._candidate.assess(seen.request)
        return Comparison(
            receipt=seen.stamp.receipt_id,
            when=waiting.when,
            current=side(decision, before),
            candidate=side(decide(self._policy, seen.request, after, seen.stamp), after),
        )

    async def _rest(self, seconds: float) -> None:
        """Leave the time to others; not while the gateway ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    async def _keep(self, done: list[Comparison]) -> None:
        """Keep comparisons and the count of what was dropped. What cannot be kept is counted as dropped."""
        try:
            if done:
                await self._comparisons.keep(done)
        except OperatorError as error:
            log.warning("%d comparisons could not be kept: %s", len(done), error)
            self._dropped += len(done)
        dropped, self._dropped = self._dropped, 0
        if not dropped:
            return
        try:
            await self._comparisons.add_dropped(self._using, self._candidate.release.digest, dropped)
        except OperatorError as error:
            log.warning("%d dropped exchanges could not be counted yet: %s", dropped, error)
            self._dropped += dropped
