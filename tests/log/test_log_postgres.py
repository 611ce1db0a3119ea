"""The queue in PostgreSQL: the contracts, commits out of order, the lead of a process that falls silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import asyncpg
import pytest

from overt.errors import LogUnavailable, OperatorError, Superseded
from overt.log.include import include_in
from overt.log.log import TransparencyLog, start
from overt.log.notary import one_key
from overt.log.objects import open_objects
from overt.log.parts import Head, Parts, Queue
from overt.log.postgres import PostgresQueue, reach_queue
from overt.ports import Log
from overt.proof.merkle import leaf_hash
from overt.testing.contracts.log import CONTRACT, Check, included
from overt.testing.contracts.parts import QUEUE_CONTRACT, QueueCheck
from overt.testing.log import known_signer
from overt.testing.objects import S3Server
from overt.testing.parts import MemoryTiles, SharedFiles
from overt.testing.postgres import PostgresServer
from overt.testing.servers import shared_postgres, shared_s3

LOG = known_signer()
VKEY = LOG.vkey
NEW = Head(1, b"\x01" * 32)


@pytest.fixture(scope="module")
def server() -> PostgresServer:
    return shared_postgres()


@pytest.fixture(scope="module")
def storage() -> S3Server:
    return shared_s3()


@asynccontextmanager
async def opened(server: PostgresServer, schema: str, *, silence: float = 3.0) -> AsyncIterator[PostgresQueue]:
    queue = await reach_queue(server.address, VKEY, schema, silence=silence)
    try:
        yield queue
    finally:
        await queue.aclose()


async def leads(queue: Queue, *, within: float) -> int:
    for _ in range(int(within / 0.05)):
        if (epoch := await queue.lead()) is not None:
            return epoch
        await asyncio.sleep(0.05)
    raise AssertionError(f"nobody gives up the lead in {within} s")


@pytest.mark.parametrize("check", QUEUE_CONTRACT, ids=lambda check: check.__name__)
def test_the_queue_in_postgresql_keeps_the_contract(check: QueueCheck, server: PostgresServer) -> None:
    schema = server.schema()

    async def another() -> Queue:
        return await reach_queue(server.address, VKEY, schema)

    asyncio.run(check(another))


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_a_log_in_postgresql_and_a_bucket_keeps_the_contract(
    check: Check, server: PostgresServer, storage: S3Server
) -> None:
    async def fresh() -> Log:
        queue = await reach_queue(server.address, VKEY, server.schema())
        parts = Parts(where="both", queue=queue, tiles=open_objects(storage.bucket(), storage.config))
        return await start(parts, one_key(LOG), alone=False, period=0.01)

    asyncio.run(check(fresh))


def test_a_row_that_commits_behind_one_that_has_an_index_is_taken_all_the_same(server: PostgresServer) -> None:
    schema = server.schema()

    async def run() -> None:
        async with opened(server, schema) as queue:
            late = await asyncpg.connect(server.address)
            transaction = late.transaction()
            await transaction.start()
            sql = f"INSERT INTO {schema}.queue (leaf, entry) VALUES ($1, $2) RETURNING sequence"
            place = await late.fetchval(sql, leaf_hash(b"late"), b"late")
            (later,) = await queue.put([(leaf_hash(b"early"), b"early")])
            assert place < later
            epoch = await leads(queue, within=1)
            assert list(await queue.take(10)) == [(later, b"early")]
            await queue.advance(Head(), NEW, [later], epoch=epoch)
            await transaction.commit()
            await late.close()
            assert list(await queue.take(10)) == [(place, b"late")]
            await queue.advance(NEW, Head(2, b"\x02" * 32), [place], epoch=epoch)
            assert [await queue.index(leaf_hash(entry)) for entry in (b"early", b"late")] == [0, 1]

    asyncio.run(run())


def test_a_row_is_never_numbered_twice_whatever_a_leader_thinks(server: PostgresServer) -> None:
    async def run() -> None:
        async with opened(server, server.schema()) as queue:
            (place,) = await queue.put([(leaf_hash(b"a"), b"a")])
            epoch = await leads(queue, within=1)
            await queue.advance(Head(), NEW, [place], epoch=epoch)
            with pytest.raises(LogUnavailable, match="have an index or are gone"):
                await queue.advance(NEW, Head(2, b"\x02" * 32), [place], epoch=epoch)
            assert await queue.head() == NEW

    asyncio.run(run())


def test_a_leader_that_falls_silent_loses_the_lead_and_cannot_write_when_it_wakes_up(server: PostgresServer) -> None:
    async def run() -> None:
        schema = server.schema()
        async with opened(server, schema, silence=0.4) as paused, opened(server, schema, silence=0.4) as successor:
            (place,) = await paused.put([(leaf_hash(b"a"), b"a")])
            before = await leads(paused, within=1)
            await asyncio.sleep(1)
            assert await successor.lead() is None
            pinging = paused._pinging
            assert pinging is not None
            pinging.cancel()  # as far as the server can tell, the process is stopped
            after = await leads(successor, within=3)
            assert after > before
            with pytest.raises(LogUnavailable):
                await paused.advance(Head(), NEW, [place], epoch=before)
            assert await paused.lead() is None
            with pytest.raises(Superseded):
                await paused.advance(Head(), NEW, [place], epoch=before)
            await successor.advance(Head(), NEW, [place], epoch=after)
            assert await paused.head() == NEW

    asyncio.run(run())


def test_a_leader_whose_session_is_ended_leads_again_in_a_higher_epoch(server: PostgresServer) -> None:
    schema = server.schema()

    async def run() -> None:
        async with opened(server, schema) as queue:
            before = await leads(queue, within=1)
            admin = await asyncpg.connect(server.address)
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid != pg_backend_pid() AND application_name = 'overt'"
            )
            await admin.close()
            await asyncio.sleep(0.1)
            assert await leads(queue, within=2) > before
            assert await queue.head() == Head()

    asyncio.run(run())


def test_while_the_server_is_down_the_log_refuses_and_then_goes_on_by_itself(server: PostgresServer) -> None:
    async def run() -> None:
        schema = server.schema()
        queue = await reach_queue(server.address, VKEY, schema)
        parts = Parts(where="both", queue=queue, tiles=MemoryTiles(SharedFiles()))
        log = await start(parts, one_key(LOG), alone=False, period=0.02)
        await included(log, (await log.append(b"before")).leaf)
        await asyncio.to_thread(server.stop)
        with pytest.raises(LogUnavailable):
            await log.append(b"meanwhile")
        await asyncio.to_thread(server.start)
        position = await _patiently(log, b"after")
        await included(log, position)
        await log.aclose()

    asyncio.run(run())


async def _patiently(log: TransparencyLog, entry: bytes) -> bytes:
    for _ in range(100):
        try:
            return (await log.append(entry)).leaf
        except LogUnavailable:
            await asyncio.sleep(0.05)
    raise AssertionError("the log did not come back in 5 s")


def test_an_entry_gets_in_beside_a_leader_and_without_one(server: PostgresServer, storage: S3Server) -> None:
    schema, bucket = server.schema(), storage.bucket()
    notary = one_key(LOG)

    async def opening(vkey: str) -> Parts:
        queue = await reach_queue(server.address, vkey, schema)
        return Parts(where="both", queue=queue, tiles=open_objects(bucket, storage.config))

    async def run() -> None:
        assert (await include_in(opening, notary, b"alone")).index == 0
        log = await start(await opening(VKEY), notary, alone=False, period=0.02)
        assert (await include_in(opening, notary, b"beside")).index == 1
        assert (await include_in(opening, notary, b"alone")).index == 0
        await log.aclose()

    asyncio.run(run())


def test_another_key_is_refused(server: PostgresServer) -> None:
    schema = server.schema()

    async def run() -> None:
        async with opened(server, schema):
            other = known_signer("other.test/log").vkey
            with pytest.raises(OperatorError, match="is the log of"):
                await reach_queue(server.address, other, schema)
            second = await reach_queue(server.address, other, server.schema())
            assert await second.head() == Head()
            assert await second.lead() == 1
            await second.aclose()

    asyncio.run(run())


def test_a_server_that_does_not_sync_its_commits_is_refused(server: PostgresServer) -> None:
    schema = server.schema()

    async def alter(sql: str) -> None:
        admin = await asyncpg.connect(server.address)
        await admin.execute(sql)
        await admin.execute("SELECT pg_reload_conf()")
        await admin.close()

    async def run() -> None:
        await alter("ALTER SYSTEM SET fsync = off")
        try:
            await asyncio.sleep(0.3)
            with pytest.raises(OperatorError, match="loses commits"):
                await reach_queue(server.address, VKEY, schema)
        finally:
            await alter("ALTER SYSTEM RESET fsync")

    asyncio.run(run())


@pytest.mark.parametrize("setting", ["off", "local", "remote_apply"])
def test_a_commit_is_synced_whatever_the_servers_default_is(setting: str, server: PostgresServer) -> None:
    schema = server.schema()

    async def run() -> str:
        admin = await asyncpg.connect(server.address)
        await admin.execute(f"ALTER DATABASE postgres SET synchronous_commit = {setting}")
        try:
            async with opened(server, schema) as queue:
                return str(await queue._pool.fetchval("SHOW synchronous_commit"))
        finally:
            await admin.execute("ALTER DATABASE postgres RESET synchronous_commit")
            await admin.close()

    assert asyncio.run(run()) == ("remote_apply" if setting == "remote_apply" else "on")


@pytest.mark.parametrize("address", ["not-needed-by-this-command", "mysql://x/y", "postgresql://nobody@127.0.0.1:1/x"])
def test_an_address_that_leads_nowhere_is_said_so_without_quoting_it(address: str) -> None:
    with pytest.raises(OperatorError) as caught:
        asyncio.run(reach_queue(address, VKEY, "overt"))
    assert address not in str(caught.value)


def test_a_role_that_may_make_nothing_works_with_tables_that_are_there(server: PostgresServer) -> None:
    schema = server.schema()

    async def run() -> None:
        async with opened(server, schema):
            admin = await asyncpg.connect(server.address)
            await admin.execute(f"CREATE ROLE {schema} LOGIN")
            await admin.execute(f"GRANT USAGE ON SCHEMA {schema} TO {schema}")
            await admin.execute(f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {schema} TO {schema}")
            await admin.close()
        address = server.address.replace("overt@", f"{schema}@")
        async with aclosing(await reach_queue(address, VKEY, schema)) as queue:
            (place,) = await queue.put([(leaf_hash(b"a"), b"a")])
            await queue.advance(Head(), NEW, [place], epoch=await leads(queue, within=1))

    asyncio.run(run())
