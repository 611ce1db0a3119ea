"""What every `overt.ports.Log` keeps. Each function takes a way to open a fresh log, and closes what it opened."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final

from overt.errors import CallerError, LogUnavailable
from overt.ports import Log
from overt.proof.merkle import EMPTY_ROOT, leaf_hash
from overt.proof.note import Checkpoint, open_checkpoint, parse_vkey
from overt.proof.tiles import LARGEST_ENTRY, Tile, decode_bundle
from overt.proof.tlogproof import decode_proof, verify_proof

Open = Callable[[], Awaitable[Log]]
Check = Callable[[Open], Coroutine[object, object, None]]

_PATIENCE: Final = 500


async def a_fresh_log_is_empty_and_signed(open_log: Open) -> None:
    """The checkpoint of size 0 has the empty root and verifies."""
    log = await open_log()
    try:
        checkpoint = await _checkpoint(log)
        assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (log.origin, 0, EMPTY_ROOT)
    finally:
        await log.aclose()


async def an_appended_entry_is_included_and_proved(open_log: Open) -> None:
    """The position names the leaf, and its proof leads to a signed checkpoint."""
    log = await open_log()
    try:
        entries = [b"entry %d" % i for i in range(5)]
        positions = [await log.append(entry) for entry in entries]
        assert [p.leaf for p in positions] == [leaf_hash(entry) for entry in entries]
        assert [p.sequence for p in positions] == sorted({p.sequence for p in positions})
        for index, position in enumerate(positions):
            proof = decode_proof(await included(log, position.leaf))
            verify_proof(proof, position.leaf, parse_vkey(log.vkey))
            assert proof.index == index
    finally:
        await log.aclose()


async def appending_the_same_bytes_again_is_one_entry(open_log: Open) -> None:
    """A retry gets the place of the first attempt."""
    log = await open_log()
    try:
        first = await log.append(b"once")
        await included(log, first.leaf)
        assert await log.append(b"once") == first
        second = await log.append(b"twice")
        await included(log, second.leaf)
        assert (await _checkpoint(log)).size == 2
    finally:
        await log.aclose()


async def concurrent_appends_are_each_included_once(open_log: Open) -> None:
    """Many at a time, some of them equal."""
    log = await open_log()
    try:
        positions = await asyncio.gather(*(log.append(b"entry %d" % (i % 300)) for i in range(400)))
        assert len({p.sequence for p in positions}) == 300
        for position in positions:
            await included(log, position.leaf)
        assert (await _checkpoint(log)).size == 300
        full = await log.tile(Tile(0, 0).path)
        assert full is not None
        assert len(full) == 256 * 32
    finally:
        await log.aclose()


async def the_tiles_hold_the_entries(open_log: Open) -> None:
    """The bundle of the latest size has the entries in the order of their leaves."""
    log = await open_log()
    try:
        for entry in (b"a", b"b" * LARGEST_ENTRY, b"\xff\x00"):
            await included(log, (await log.append(entry)).leaf)
        bundle = await log.tile(Tile("entries", 0, 3).path)
        hashes = await log.tile(Tile(0, 0, 3).path)
        assert bundle is not None
        assert decode_bundle(bundle) == (b"a", b"b" * LARGEST_ENTRY, b"\xff\x00")
        assert hashes == b"".join(leaf_hash(entry) for entry in decode_bundle(bundle))
    finally:
        await log.aclose()


async def what_is_not_a_tile_is_not_served(open_log: Open) -> None:
    """No path leads out of the tiles."""
    log = await open_log()
    try:
        for path in ("tile/0/000", "tile/0/../../log.sqlite", "log.sqlite", "", "tile/0/0", "tile/0/000.p/0"):
            assert await log.tile(path) is None, path
    finally:
        await log.aclose()


async def entries_of_a_wrong_length_are_refused(open_log: Open) -> None:
    """Nothing and too much; the log goes on as before."""
    log = await open_log()
    try:
        for entry in (b"", b"x" * (LARGEST_ENTRY + 1)):
            try:
                await log.append(entry)
            except CallerError:
                continue
            raise AssertionError(f"{len(entry)} bytes were stored")
        await included(log, (await log.append(b"x")).leaf)
        assert (await _checkpoint(log)).size == 1
    finally:
        await log.aclose()


async def an_unknown_leaf_has_no_proof(open_log: Open) -> None:
    """None, not an error."""
    log = await open_log()
    try:
        assert await log.proof(leaf_hash(b"never logged")) is None
    finally:
        await log.aclose()


async def closing_includes_what_was_appended(open_log: Open) -> None:
    """Also what was appended a moment before; afterwards the log refuses, and closing again is harmless."""
    log = await open_log()
    await asyncio.gather(*(log.append(b"entry %d" % i) for i in range(10)))
    await log.aclose()
    await log.aclose()
    assert (await _checkpoint(log)).size == 10
    try:
        await log.append(b"late")
    except LogUnavailable:
        return
    raise AssertionError("a closed log stored an entry")


async def included(log: Log, leaf: bytes) -> bytes:
    """The proof of a leaf, as soon as there is one."""
    for _ in range(_PATIENCE):
        proof = await log.proof(leaf)
        if proof is not None:
            return proof
        await asyncio.sleep(0.01)
    raise AssertionError(f"the leaf {leaf.hex()} was not included in {_PATIENCE / 100} s")


async def who_waits_gets_the_proof_or_nothing_in_time(open_log: Open) -> None:
    """A leaf that is included soon, one that was, and one that never will be."""
    log = await open_log()
    try:
        position = await log.append(b"soon")
        for _ in range(2):
            proof = await log.wait(position.leaf, 5)
            assert proof is not None
            verify_proof(decode_proof(proof), position.leaf, parse_vkey(log.vkey))
        assert await log.wait(leaf_hash(b"never"), 0.05) is None
    finally:
        await log.aclose()


async def the_pending_checkpoint_is_not_behind_the_published_one(open_log: Open) -> None:
    """And is the log's own."""
    log = await open_log()
    try:
        await included(log, (await log.append(b"x")).leaf)
        pending = open_checkpoint(await log.pending(), parse_vkey(log.vkey))
        assert pending.size == 1 >= (await _checkpoint(log)).size
    finally:
        await log.aclose()


async def _checkpoint(log: Log) -> Checkpoint:
    return open_checkpoint(await log.checkpoint(), parse_vkey(log.vkey))


CONTRACT: Final[tuple[Check, ...]] = (
    a_fresh_log_is_empty_and_signed,
    an_appended_entry_is_included_and_proved,
    appending_the_same_bytes_again_is_one_entry,
    concurrent_appends_are_each_included_once,
    the_tiles_hold_the_entries,
    what_is_not_a_tile_is_not_served,
    entries_of_a_wrong_length_are_refused,
    an_unknown_leaf_has_no_proof,
    closing_includes_what_was_appended,
    who_waits_gets_the_proof_or_nothing_in_time,
    the_pending_checkpoint_is_not_behind_the_published_one,
)
