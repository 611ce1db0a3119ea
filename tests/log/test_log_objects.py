"""Tiles, checkpoints and the second copy of the head in object storage."""

from __future__ import annotations

import asyncio
import urllib.request
from pathlib import Path

import pytest

from overt.errors import LogUnavailable, OperatorError, Superseded
from overt.log.log import start
from overt.log.notary import one_key
from overt.log.objects import Objects, open_memory, open_objects
from overt.log.parts import Batch, Head, Memory, TileStore
from overt.log.sqlite import sqlite_parts
from overt.ports import Log
from overt.proof.tiles import CHECKPOINT, Edge, grow
from overt.testing.contracts.log import CONTRACT, Check, included
from overt.testing.contracts.parts import MEMORY_CONTRACT, SHARED_TILES_CONTRACT, MemoryCheck, TilesCheck
from overt.testing.log import known_signer
from overt.testing.objects import S3Server
from overt.testing.servers import shared_s3

LOG = known_signer()


@pytest.fixture(scope="module")
def server() -> S3Server:
    return shared_s3()


def note(size: int) -> bytes:
    return f"example.org/log\n{size}\n{'A' * 43}=\n\n— example.org/log AAAA\n".encode()


@pytest.mark.parametrize("check", SHARED_TILES_CONTRACT, ids=lambda check: check.__name__)
def test_tiles_in_a_bucket_keep_the_contract(check: TilesCheck, server: S3Server) -> None:
    bucket = server.bucket()

    async def another() -> TileStore:
        return open_objects(f"{bucket}/log", server.config)

    asyncio.run(check(another))


@pytest.mark.parametrize("check", MEMORY_CONTRACT, ids=lambda check: check.__name__)
def test_the_memory_in_a_bucket_keeps_the_contract(check: MemoryCheck, server: S3Server) -> None:
    bucket = server.bucket()

    async def another() -> Memory:
        return open_memory(f"{bucket}/kept/checkpoint", server.config)

    asyncio.run(check(another))


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_a_log_with_its_queue_in_sqlite_and_its_tiles_in_a_bucket_keeps_the_contract(
    check: Check, server: S3Server, tmp_path: Path
) -> None:
    async def fresh() -> Log:
        tiles = open_objects(f"{server.bucket()}/log", server.config)
        notary = one_key(LOG)
        return await start(await sqlite_parts(tmp_path, elsewhere=tiles)(notary.vkey), notary, period=0.01)

    asyncio.run(check(fresh))


def test_of_those_who_publish_at_the_same_moment_the_largest_stays(server: S3Server) -> None:
    bucket = server.bucket()

    async def publish(size: int) -> bool:
        try:
            await open_objects(bucket, server.config).publish(CHECKPOINT, note(size))
        except Superseded:
            return False
        return True

    async def run() -> tuple[list[bool], bytes | None]:
        done = await asyncio.gather(*(publish(size) for size in range(1, 13)))
        return done, await open_objects(bucket, server.config).read(CHECKPOINT)

    done, shown = asyncio.run(run())
    assert done[-1]
    assert shown == note(12)


def test_a_staged_batch_that_cannot_be_committed_any_more_is_dropped(server: S3Server) -> None:
    store = open_objects(server.bucket(), server.config)
    edge, files = grow(Edge(), [b"a"])
    first = Batch(Head(edge.size, edge.root), files)
    never = Batch(Head(edge.size, b"\x07" * 32), files)
    edge, files = grow(edge, [b"b"])
    second = Batch(Head(edge.size, edge.root), files)

    async def staged(store: Objects) -> list[str]:
        return [path for path, _ in await store._list("staging/")]

    async def run() -> None:
        for batch in (first, never, second):
            await store.stage(batch)
        await store.recover(first.head)
        assert len(await staged(store)) == 2
        await store.recover(second.head)
        assert len(await staged(store)) == 1
        await store.clean(second)
        assert await staged(store) == []

    asyncio.run(run())


def test_a_reader_of_the_bucket_itself_is_told_how_long_each_file_lasts(server: S3Server) -> None:
    bucket = server.bucket()
    store = open_objects(f"{bucket}/log", server.config)
    edge, files = grow(Edge(), [b"a"])

    async def run() -> None:
        await store.apply(Batch(Head(edge.size, edge.root), files))
        await store.publish(CHECKPOINT, note(1))

    asyncio.run(run())
    base = f"{server.url}/{bucket.removeprefix('s3://')}/log"
    for path, kind, lasts in (
        ("checkpoint", "text/plain; charset=utf-8", "max-age=1"),
        ("tile/0/000.p/1", "application/octet-stream", "immutable"),
    ):
        request = urllib.request.Request(f"{base}/{path}", headers={"Authorization": "AWS test:x"})
        with urllib.request.urlopen(request) as answer:
            assert answer.headers["content-type"] == kind
            assert lasts in answer.headers["cache-control"]


def test_a_bucket_that_is_not_there_is_said_so_and_nothing_is_promised(server: S3Server, tmp_path: Path) -> None:
    async def run() -> None:
        notary = one_key(LOG)
        tiles = open_objects("s3://no-such-bucket/log", server.config)
        await start(await sqlite_parts(tmp_path, elsewhere=tiles)(notary.vkey), notary)

    with pytest.raises(LogUnavailable, match="see to the bucket"):
        asyncio.run(run())


def test_a_second_copy_in_a_bucket_shows_that_all_else_was_restored(server: S3Server, tmp_path: Path) -> None:
    memory = open_memory(f"{server.bucket()}/checkpoint", server.config)

    async def write(folder: str, *entries: bytes) -> None:
        notary = one_key(LOG)
        log = await start(await sqlite_parts(tmp_path / folder, memories=(memory,))(notary.vkey), notary, period=0.01)
        for entry in entries:
            await included(log, (await log.append(entry)).leaf)
        await log.aclose()

    asyncio.run(write("lost", b"a", b"b"))
    with pytest.raises(LogUnavailable, match="older than the second copy of the head"):
        asyncio.run(write("begun anew", b"c"))


@pytest.mark.parametrize("url", ["s3://bucket", "s3://bucket/", "checkpoint"])
def test_a_second_copy_has_a_name(url: str) -> None:
    with pytest.raises(OperatorError, match="s3://BUCKET"):
        open_memory(url)
