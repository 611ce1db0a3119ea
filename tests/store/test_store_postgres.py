"""The store in PostgreSQL keeps the contract, for several gateways at once, and says so when it cannot."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from overt.core.domain import ReceiptId
from overt.errors import StoreUnavailable
from overt.ports import KeptReceipt, Store
from overt.store.postgres import reach_store
from overt.testing.contracts.store import check_store
from overt.testing.postgres import PostgresServer
from overt.testing.servers import shared_postgres

KEPT = KeptReceipt(id=ReceiptId("rcp_1"), key_id="key_a", leaf=b"\x00" * 32, body=b"{}")


@pytest.fixture(scope="module")
def server() -> PostgresServer:
    return shared_postgres()


def test_the_store_in_postgresql_keeps_the_contract(server: PostgresServer) -> None:
    async def new() -> Store:
        return await reach_store(server.address, server.schema())

    asyncio.run(check_store(new))


def test_what_one_gateway_keeps_every_gateway_finds(server: PostgresServer) -> None:
    schema = server.schema()

    async def run() -> None:
        both = await asyncio.gather(*(reach_store(server.address, schema) for _ in range(2)))
        async with aclosing(both[0]) as first, aclosing(both[1]) as second:
            await first.keep_receipt(KEPT)
            assert await second.receipt(KEPT.id, "key_a") == KEPT
            ada = await second.add_key("ada", b"\x01" * 32)
            assert await first.caller(b"\x01" * 32) == ada
            with pytest.raises(ValueError, match="kept already"):
                await second.keep_receipt(KEPT)

    asyncio.run(run())


def test_a_store_whose_table_is_gone_is_said_to_be_at_fault_and_nothing_is_taken_for_nobody(
    server: PostgresServer,
) -> None:
    async def run() -> None:
        async with aclosing(await reach_store(server.address, server.schema())) as store:
            await store._pool.execute("DROP TABLE keys")
            with pytest.raises(StoreUnavailable, match="see to the server"):
                await store.caller(b"\x01" * 32)

    asyncio.run(run())
