"""A promise is not given where it could not be kept: not while entries wait too long, not while too many wait."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import final

import pytest

from overt.core.receipt import Position
from overt.errors import LogUnavailable
from overt.log import log as limits
from overt.log.log import TransparencyLog, start
from overt.log.notary import one_key
from overt.log.parts import Batch, Head, Parts, Queue, TileStore
from overt.testing.contracts.log import included
from overt.testing.log import ORIGIN, known_signer
from overt.testing.parts import MemoryQueue, MemoryTiles, SharedFiles, SharedRows


@final
class Stuck:
    """Something that waits until it is let go."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.free.set()


@final
class StuckTiles:
    """A `TileStore` whose staging can hang, as on a network disk that is gone."""

    def __init__(self, tiles: MemoryTiles, stuck: Stuck) -> None:
        self._tiles = tiles
        self._stuck = stuck
        self.recover = tiles.recover
        self.apply = tiles.apply
        self.publish = tiles.publish
        self.clean = tiles.clean
        self.read = tiles.read
        self.measure = tiles.measure
        self.introduce = tiles.introduce
        self.aclose = tiles.aclose

    async def stage(self, batch: Batch) -> None:
        """Hang."""
        await self._stuck.free.wait()
        await self._tiles.stage(batch)


@final
class StuckQueue:
    """A `Queue` whose commits can hang."""

    def __init__(self, queue: MemoryQueue, stuck: Stuck) -> None:
        self._queue = queue
        self._stuck = stuck
        self.take = queue.take
        self.head = queue.head
        self.lead = queue.lead
        self.index = queue.index
        self.aclose = queue.aclose

    async def put(self, rows: Sequence[tuple[bytes, bytes]]) -> Sequence[int]:
        """Hang."""
        await self._stuck.free.wait()
        return await self._queue.put(rows)

    async def advance(self, old: Head, new: Head, places: Sequence[int], *, epoch: int) -> None:
        """Go on."""
        await self._queue.advance(old, new, places, epoch=epoch)


async def opened(queue: Queue, tiles: TileStore, *, latest: float = limits.LATEST_SECONDS) -> TransparencyLog:
    parts = Parts(where="memory", queue=queue, tiles=tiles)
    return await start(parts, one_key(known_signer(), ORIGIN), period=0.01, latest=latest)


def test_an_entry_that_waits_too_long_for_its_index_stops_promises_until_it_has_one() -> None:
    async def run() -> None:
        stuck = Stuck()
        log = await opened(MemoryQueue(SharedRows()), StuckTiles(MemoryTiles(SharedFiles()), stuck), latest=0.1)
        await included(log, (await log.append(b"before")).leaf)
        stuck.free.clear()
        await log.append(b"waits")
        await asyncio.sleep(0.2)
        with pytest.raises(LogUnavailable, match="has waited"):
            await log.append(b"refused")
        stuck.free.set()
        await included(log, (await retried(log)).leaf)
        await log.aclose()

    asyncio.run(run())


async def retried(log: TransparencyLog) -> Position:
    for _ in range(200):
        try:
            return await log.append(b"again")
        except LogUnavailable:
            await asyncio.sleep(0.01)
    raise AssertionError("the log did not recover")


def test_steady_load_is_not_taken_for_a_delay() -> None:
    async def run() -> None:
        log = await opened(MemoryQueue(SharedRows()), MemoryTiles(SharedFiles()), latest=2.5)
        for first in range(0, 12_000, 400):
            await asyncio.gather(*(log.append(b"%d" % number) for number in range(first, first + 400)))
        await log.aclose()
        assert (await log.checkpoint()).split(b"\n")[1] == b"12000"

    asyncio.run(run())


def test_more_appends_than_may_wait_are_refused_at_once_and_the_others_are_stored() -> None:
    async def run() -> None:
        stuck = Stuck()
        log = await opened(StuckQueue(MemoryQueue(SharedRows()), stuck), MemoryTiles(SharedFiles()))
        stuck.free.clear()
        most = limits.MOST_WAITING + limits.COMMIT_ROWS
        waiting = [asyncio.create_task(log.append(b"%d" % number)) for number in range(most)]
        await asyncio.sleep(0.05)
        more = [asyncio.create_task(log.append(b"more %d" % number)) for number in range(100)]
        await asyncio.sleep(0.05)
        refused = [task for task in (*waiting, *more) if task.done()]
        assert refused
        for task in refused:
            with pytest.raises(LogUnavailable, match="wait to be stored"):
                task.result()
        stuck.free.set()
        stored = await asyncio.gather(*waiting, *more, return_exceptions=True)
        assert sum(not isinstance(each, BaseException) for each in stored) >= limits.MOST_WAITING
        await log.aclose()

    asyncio.run(run())
