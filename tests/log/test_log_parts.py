"""The contracts of a log's parts, kept by those on disk and by those in memory."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from overt.errors import LogUnavailable
from overt.log.folder import open_folder
from overt.log.memory import FileMemory
from overt.log.parts import Head, Memory, Queue, TileStore
from overt.log.points import unwatched
from overt.log.queue import open_queue
from overt.testing.contracts.parts import (
    MEMORY_CONTRACT,
    QUEUE_CONTRACT,
    SHARED_TILES_CONTRACT,
    TILES_CONTRACT,
    MemoryCheck,
    QueueCheck,
    TilesCheck,
)
from overt.testing.log import known_signer
from overt.testing.parts import KeptNote, MemoryQueue, MemoryTiles, SharedFiles, SharedRows

VKEY = known_signer().vkey


@pytest.mark.parametrize("check", QUEUE_CONTRACT, ids=lambda check: check.__name__)
def test_the_queue_in_sqlite_keeps_the_contract(check: QueueCheck, tmp_path: Path) -> None:
    async def another() -> Queue:
        return await open_queue(tmp_path / "log.sqlite", VKEY, unwatched)

    asyncio.run(check(another))


@pytest.mark.parametrize("check", QUEUE_CONTRACT, ids=lambda check: check.__name__)
def test_the_queue_in_memory_keeps_the_contract(check: QueueCheck) -> None:
    shared = SharedRows()

    async def another() -> Queue:
        return MemoryQueue(shared)

    asyncio.run(check(another))


@pytest.mark.parametrize("check", TILES_CONTRACT, ids=lambda check: check.__name__)
def test_the_folder_keeps_the_contract(check: TilesCheck, tmp_path: Path) -> None:
    async def another() -> TileStore:
        return open_folder(tmp_path, unwatched)

    asyncio.run(check(another))


@pytest.mark.parametrize("check", SHARED_TILES_CONTRACT, ids=lambda check: check.__name__)
def test_tiles_in_memory_keep_the_contract(check: TilesCheck) -> None:
    shared = SharedFiles()

    async def another() -> TileStore:
        return MemoryTiles(shared)

    asyncio.run(check(another))


@pytest.mark.parametrize("check", MEMORY_CONTRACT, ids=lambda check: check.__name__)
def test_the_memory_in_a_file_keeps_the_contract(check: MemoryCheck, tmp_path: Path) -> None:
    async def another() -> Memory:
        return FileMemory(tmp_path / "checkpoint")

    asyncio.run(check(another))


@pytest.mark.parametrize("check", MEMORY_CONTRACT, ids=lambda check: check.__name__)
def test_the_fake_memory_keeps_the_contract(check: MemoryCheck) -> None:
    kept = KeptNote()

    async def another() -> Memory:
        return kept

    asyncio.run(check(another))


def test_a_memory_whose_disk_is_not_mounted_is_no_fresh_one(tmp_path: Path) -> None:
    with pytest.raises(LogUnavailable, match="is its disk mounted"):
        asyncio.run(FileMemory(tmp_path / "absent" / "checkpoint").recall())


def test_a_queue_that_was_made_before_there_were_epochs_gets_its_first_one(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "log.sqlite")
    old.execute("CREATE TABLE head (one INTEGER PRIMARY KEY, size INTEGER, root BLOB, cleared INTEGER, vkey TEXT)")
    old.execute("INSERT INTO head VALUES (1, 7, ?, 7, ?)", (b"\x01" * 32, VKEY))
    old.commit()
    old.close()

    async def run() -> None:
        queue = await open_queue(tmp_path / "log.sqlite", VKEY, unwatched)
        assert await queue.head() == Head(7, b"\x01" * 32)
        assert await queue.lead() == 1
        await queue.aclose()

    asyncio.run(run())
