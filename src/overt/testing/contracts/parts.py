"""What every adapter of `overt.log.parts` keeps. Each check takes a way to open one more adapter of the same fresh log
(another process would open it so), and closes what it opened. For whole logs see `overt.testing.contracts.log`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Final

from overt.errors import LogUnavailable, Superseded
from overt.log.parts import PENDING, Batch, Head, Memory, Queue, TileStore
from overt.proof.merkle import leaf_hash
from overt.proof.tiles import CHECKPOINT, Edge, grow

OpenQueue = Callable[[], Awaitable[Queue]]
OpenTiles = Callable[[], Awaitable[TileStore]]
OpenMemory = Callable[[], Awaitable[Memory]]
QueueCheck = Callable[[OpenQueue], Coroutine[object, object, None]]
TilesCheck = Callable[[OpenTiles], Coroutine[object, object, None]]
MemoryCheck = Callable[[OpenMemory], Coroutine[object, object, None]]


# --- queue -----------------------------------------------------------------------------------------------------------


async def a_fresh_queue_is_empty(open_queue: OpenQueue) -> None:
    """No rows, the empty head, no index; also for a second process."""
    async with _both(open_queue) as (one, two):
        for queue in (one, two):
            assert await queue.head() == Head()
            assert list(await queue.take(10)) == []
            assert await queue.index(leaf_hash(b"x")) is None


async def rows_are_taken_in_the_order_of_their_places(open_queue: OpenQueue) -> None:
    """By whichever process they were put, and again until they have an index."""
    async with _both(open_queue) as (one, two):
        first = await one.put(_rows(b"a", b"b"))
        second = await two.put(_rows(b"c"))
        assert len({*first, *second}) == 3
        taken = await one.take(10)
        assert [place for place, _ in taken] == sorted([*first, *second])
        assert {entry for _, entry in taken} == {b"a", b"b", b"c"}
        assert list(await one.take(2)) == list(taken)[:2]
        assert list(await two.take(10)) == list(taken)


async def a_known_leaf_keeps_its_place(open_queue: OpenQueue) -> None:
    """In the same transaction, in a later one, from another process, and after it has an index."""
    async with _both(open_queue) as (one, two):
        places = await one.put(_rows(b"a", b"a", b"b"))
        assert places[0] == places[1] != places[2]
        assert list(await two.put(_rows(b"b", b"a"))) == [places[2], places[0]]
        await _sequence(one, Head(), Head(2, b"\x01" * 32))
        assert list(await two.put(_rows(b"a"))) == [places[0]]
        assert list(await two.take(10)) == []


async def rows_put_at_the_same_time_are_each_there_once(open_queue: OpenQueue) -> None:
    """From two processes, some of them equal."""
    async with _both(open_queue) as (one, two):
        batches = [_rows(*(b"%d" % (n % 60) for n in range(start, start + 10))) for start in range(0, 200, 10)]
        places = await asyncio.gather(*((one, two)[i % 2].put(batch) for i, batch in enumerate(batches)))
        taken = await one.take(1000)
        assert sorted(entry for _, entry in taken) == sorted(b"%d" % n for n in range(60))
        assert {place for batch in places for place in batch} == {place for place, _ in taken}


async def advancing_gives_indexes_and_moves_the_head(open_queue: OpenQueue) -> None:
    """Contiguous from the old size on; the other process sees both; rows that came later wait."""
    async with _both(open_queue) as (one, two):
        await one.put(_rows(b"a", b"b"))
        await _sequence(one, Head(), Head(2, b"\x01" * 32))
        await two.put(_rows(b"c"))
        await _sequence(one, Head(2, b"\x01" * 32), Head(3, b"\x02" * 32))
        assert await two.head() == Head(3, b"\x02" * 32)
        assert [await two.index(leaf_hash(entry)) for entry in (b"a", b"b", b"c")] == [0, 1, 2]
        assert list(await two.take(10)) == []


async def another_head_is_not_advanced(open_queue: OpenQueue) -> None:
    """Neither another size nor another root; nothing happens."""
    async with _both(open_queue) as (one, _):
        await one.put(_rows(b"a"))
        epoch = await one.lead()
        assert epoch is not None
        taken = await one.take(10)
        for old in (Head(1, b"\x01" * 32), Head(0, b"\x01" * 32)):
            await _is_superseded(one, old, Head(old.size + 1, b"\x02" * 32), [taken[0][0]], epoch)
        assert await one.head() == Head()
        assert list(await one.take(10)) == list(taken)


async def one_process_leads_and_the_next_one_has_a_higher_epoch(open_queue: OpenQueue) -> None:
    """The lead is kept until it is given up; whoever had it cannot write in its epoch any more."""
    async with _both(open_queue) as (one, two):
        before = await one.lead()
        assert before is not None
        assert await one.lead() == before
        assert await two.lead() is None
        await one.put(_rows(b"a"))
        await one.aclose()
        after = await _leads(two)
        assert after > before
        ((place, _),) = await two.take(10)
        await _is_superseded(two, Head(), Head(1, b"\x01" * 32), [place], before)
        await two.advance(Head(), Head(1, b"\x01" * 32), [place], epoch=after)
        assert await two.index(leaf_hash(b"a")) == 0


async def what_was_put_is_there_after_closing(open_queue: OpenQueue) -> None:
    """Closing again is harmless."""
    queue = await open_queue()
    places = await queue.put(_rows(b"a"))
    await queue.aclose()
    await queue.aclose()
    again = await open_queue()
    try:
        assert list(await again.take(10)) == [(places[0], b"a")]
    finally:
        await again.aclose()


QUEUE_CONTRACT: Final[tuple[QueueCheck, ...]] = (
    a_fresh_queue_is_empty,
    rows_are_taken_in_the_order_of_their_places,
    a_known_leaf_keeps_its_place,
    rows_put_at_the_same_time_are_each_there_once,
    advancing_gives_indexes_and_moves_the_head,
    another_head_is_not_advanced,
    one_process_leads_and_the_next_one_has_a_higher_epoch,
    what_was_put_is_there_after_closing,
)


# --- tiles -----------------------------------------------------------------------------------------------------------


async def nothing_is_there_at_first(open_tiles: OpenTiles) -> None:
    """And no path leads out of the log."""
    async with _tiles(open_tiles) as store:
        for path in (CHECKPOINT, PENDING, "tile/0/000", "tile/0/../../checkpoint", "log.sqlite", "staging", "", "tile"):
            assert await store.read(path) is None, path
        assert await store.recover(Head()) is None


async def applied_files_are_read_by_everybody(open_tiles: OpenTiles) -> None:
    """Byte for byte, by another process too; applying again changes nothing."""
    async with _tiles(open_tiles) as store, _tiles(open_tiles) as other:
        batch, _ = _batch(Edge(), 300)
        await store.stage(batch)
        for _again in range(2):
            await store.apply(batch)
            await _holds(other, batch.files)


async def a_staged_batch_is_seen_by_no_reader_and_recovered_for_its_head_only(open_tiles: OpenTiles) -> None:
    """The committed one is applied, and every other one dropped."""
    async with _tiles(open_tiles) as store:
        batch, _ = _batch(Edge(), 300)
        await store.stage(batch)
        for path in batch.files:
            assert await store.read(path) is None
    async with _tiles(open_tiles) as store:
        recovered = await store.recover(batch.head)
        assert recovered is not None
        assert (recovered.head, dict(recovered.files)) == (batch.head, dict(batch.files))
        await _holds(store, batch.files)
        assert await store.recover(batch.head) is not None
        assert await store.recover(Head(301, b"\x01" * 32)) is None
        assert await store.recover(batch.head) is None


async def a_batch_of_the_same_size_and_another_root_is_not_recovered(open_tiles: OpenTiles) -> None:
    """A leader that died before its commit may have staged one."""
    async with _tiles(open_tiles) as store:
        batch, _ = _batch(Edge(), 5)
        await store.stage(Batch(Head(batch.head.size, b"\x07" * 32), batch.files))
        assert await store.recover(batch.head) is None


async def who_recovers_late_drops_no_batch_of_a_later_leader(open_tiles: OpenTiles) -> None:
    """A leader that was paused after it read the head: its successor has committed to what it finds staged."""
    async with _tiles(open_tiles) as paused, _tiles(open_tiles) as successor:
        first, edge = _batch(Edge(), 10)
        second, _ = _batch(edge, 10)
        for batch in (first, second):
            await successor.stage(batch)
        await paused.recover(first.head)
        recovered = await successor.recover(second.head)
        assert recovered is not None
        assert recovered.files == second.files
        assert await successor.recover(first.head) is None


async def a_published_checkpoint_is_never_replaced_by_a_smaller_one(open_tiles: OpenTiles) -> None:
    """A leader that was paused does not take readers back. The same size is replaced: cosignatures were added."""
    async with _tiles(open_tiles) as store, _tiles(open_tiles) as other:
        for name in (CHECKPOINT, PENDING):
            await store.publish(name, _note(9))
            await store.publish(name, _note(10))
            await other.publish(name, _note(10) + "— more\n".encode())
            try:
                await store.publish(name, _note(9))
            except Superseded:
                assert await store.read(name) == _note(10) + "— more\n".encode()
                continue
            raise AssertionError(f"{name} went back")


async def cleaning_drops_partial_tiles_for_full_ones(open_tiles: OpenTiles) -> None:
    """And the staging; what the edge needs stays."""
    async with _tiles(open_tiles) as store:
        first, edge = _batch(Edge(), 100)
        second, _ = _batch(edge, 200)
        for batch in (first, second):
            await store.stage(batch)
            await store.apply(batch)
            await store.clean(batch)
        assert await store.recover(second.head) is None
        for path in ("tile/0/000.p/100", "tile/entries/000.p/100"):
            assert await store.read(path) is None
        await _holds(store, second.files)
        await store.measure(300)


async def a_full_tile_that_is_missing_is_measured(open_tiles: OpenTiles) -> None:
    """A log of 256 entries has one of each kind."""
    for missing in ("tile/0/000", "tile/entries/000"):
        async with _tiles(open_tiles) as store:
            batch, _ = _batch(Edge(), 256)
            kept = {path: data for path, data in batch.files.items() if path != missing}
            kept |= {missing: batch.files[missing][:700]}
            await store.apply(Batch(batch.head, kept))
            try:
                await store.measure(256)
            except LogUnavailable:
                continue
            raise AssertionError(f"{missing} is cut off, and nobody saw it")


TILES_CONTRACT: Final[tuple[TilesCheck, ...]] = (
    nothing_is_there_at_first,
    applied_files_are_read_by_everybody,
    a_staged_batch_is_seen_by_no_reader_and_recovered_for_its_head_only,
    a_batch_of_the_same_size_and_another_root_is_not_recovered,
    a_published_checkpoint_is_never_replaced_by_a_smaller_one,
    cleaning_drops_partial_tiles_for_full_ones,
    a_full_tile_that_is_missing_is_measured,
)

SHARED_TILES_CONTRACT: Final[tuple[TilesCheck, ...]] = (
    *TILES_CONTRACT,
    who_recovers_late_drops_no_batch_of_a_later_leader,
)
"""For those that a process may write while another one leads already. A lock on a folder rules that out."""


# --- memory ----------------------------------------------------------------------------------------------------------


async def the_last_note_is_remembered(open_memory: OpenMemory) -> None:
    """Also for another process, and never an older one."""
    memory = await open_memory()
    assert await memory.recall() is None
    for size in (0, 3, 3, 12):
        await memory.remember(_note(size))
    try:
        await memory.remember(_note(11))
    except Superseded:
        assert await (await open_memory()).recall() == _note(12)
        return
    raise AssertionError("an older checkpoint was remembered instead")


MEMORY_CONTRACT: Final[tuple[MemoryCheck, ...]] = (the_last_note_is_remembered,)


def _rows(*entries: bytes) -> list[tuple[bytes, bytes]]:
    return [(leaf_hash(entry), entry) for entry in entries]


def _note(size: int) -> bytes:
    return f"example.org/log\n{size}\n{'A' * 43}=\n\n— example.org/log AAAA\n".encode()


def _batch(edge: Edge, count: int) -> tuple[Batch, Edge]:
    after, files = grow(edge, [b"entry %d" % (edge.size + n) for n in range(count)])
    return Batch(Head(after.size, after.root), files), after


async def _holds(store: TileStore, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        assert await store.read(path) == data, path


async def _leads(queue: Queue) -> int:
    for _ in range(500):
        epoch = await queue.lead()
        if epoch is not None:
            return epoch
        await asyncio.sleep(0.01)
    raise AssertionError("nobody leads, and the lead cannot be taken in 5 s")


async def _sequence(queue: Queue, old: Head, new: Head) -> None:
    epoch = await _leads(queue)
    places = [place for place, _ in await queue.take(new.size - old.size)]
    await queue.advance(old, new, places, epoch=epoch)


async def _is_superseded(queue: Queue, old: Head, new: Head, places: list[int], epoch: int) -> None:
    try:
        await queue.advance(old, new, places, epoch=epoch)
    except Superseded:
        return
    raise AssertionError(f"the log moved on from {old!r} in epoch {epoch}")


@asynccontextmanager
async def _both(open_queue: OpenQueue) -> AsyncIterator[tuple[Queue, Queue]]:
    one, two = await open_queue(), await open_queue()
    try:
        yield one, two
    finally:
        await one.aclose()
        await two.aclose()


@asynccontextmanager
async def _tiles(open_tiles: OpenTiles) -> AsyncIterator[TileStore]:
    store = await open_tiles()
    try:
        yield store
    finally:
        await store.aclose()
