"""The store in PostgreSQL, for many gateways: keys, receipts and notices beside the log's queue.

A method returns when its transaction is on disk, and on every synchronous standby. Keys are kept as SHA-256 digests;
they are 256-bit random values, so that a slow hash would protect nothing more.

An erasure reaches less here than in a file of our own: no query finds what was erased, and the version of the row that
held it is vacuumed at once; but its bytes stay in the free space of a page until they are written over, and in the
server's journal, its standbys and its archives until these are gone. See docs/log.md.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, final

import asyncpg

from overt.core.domain import NoticeId, ReceiptId
from overt.errors import StoreUnavailable
from overt.ports import Caller, KeptReceipt
from overt.postgres import Server, close, reach, refusing

if TYPE_CHECKING:
    from overt.postgres import Pool

_TABLES: Final = """
CREATE TABLE keys (id text PRIMARY KEY, name text NOT NULL, digest bytea NOT NULL UNIQUE);
CREATE TABLE receipts (id text PRIMARY KEY, key_id text NOT NULL, leaf bytea NOT NULL, body bytea NOT NULL);
CREATE TABLE notices (id text PRIMARY KEY, body bytea NOT NULL);
CREATE TABLE announced (digest text PRIMARY KEY);
"""


@final
class PostgresStore:
    """See the module. Made by `open_store`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._closed = False

    async def add_key(self, name: str, digest: bytes) -> Caller:
        """Register a key by its SHA-256 digest."""
        caller = Caller(key_id=f"key_{secrets.token_hex(8)}", name=name)
        with refusing(StoreUnavailable):
            await self._pool.execute("INSERT INTO keys VALUES ($1, $2, $3)", caller.key_id, name, digest)
        return caller

    async def caller(self, digest: bytes) -> Caller | None:
        """Who holds this key."""
        row = await self._one("SELECT id, name FROM keys WHERE digest = $1", digest)
        return None if row is None else Caller(key_id=row[0], name=row[1])

    async def keep_receipt(self, receipt: KeptReceipt) -> None:
        """Keep a receipt; its id must be new."""
        sql = "INSERT INTO receipts VALUES ($1, $2, $3, $4)"
        with refusing(StoreUnavailable):
            try:
                await self._pool.execute(sql, receipt.id, receipt.key_id, receipt.leaf, receipt.body)
            except asyncpg.UniqueViolationError as error:
                raise ValueError(f"a receipt with the id {receipt.id!r} is kept already") from error

    async def receipt(self, receipt_id: ReceiptId, key_id: str) -> KeptReceipt | None:
        """The receipt, if this key asked for it."""
        row = await self._one("SELECT leaf, body FROM receipts WHERE id = $1 AND key_id = $2", receipt_id, key_id)
        return None if row is None else KeptReceipt(id=receipt_id, key_id=key_id, leaf=row[0], body=row[1])

    async def erase(self, receipt_id: ReceiptId, key_id: str | None, without: Callable[[bytes], bytes]) -> bool:
        """Replace what a receipt holds, and vacuum the version of before. See the module for what that reaches."""
        with refusing(StoreUnavailable):
            async with self._pool.acquire() as connection:
                async with connection.transaction():
                    found: bytes | None = await connection.fetchval(
                        "SELECT body FROM receipts WHERE id = $1 AND key_id = coalesce($2, key_id) FOR UPDATE",
                        receipt_id,
                        key_id,
                    )
                    if found is None:
                        return False
                    await connection.execute("UPDATE receipts SET body = $2 WHERE id = $1", receipt_id, without(found))
                await connection.execute("VACUUM receipts")
        return True

    async def keep_notice(self, notice_id: NoticeId, body: bytes) -> None:
        """Keep a notice; its id must be new."""
        with refusing(StoreUnavailable):
            try:
                await self._pool.execute("INSERT INTO notices VALUES ($1, $2)", notice_id, body)
            except asyncpg.UniqueViolationError as error:
                raise ValueError(f"a notice with the id {notice_id!r} is kept already") from error

    async def notice(self, notice_id: NoticeId) -> bytes | None:
        """The notice."""
        row = await self._one("SELECT body FROM notices WHERE id = $1", notice_id)
        return None if row is None else row[0]

    async def is_announced(self, digest: str) -> bool:
        """Whether the log was told of this digest."""
        return await self._one("SELECT 1 FROM announced WHERE digest = $1", digest) is not None

    async def set_announced(self, digest: str) -> None:
        """Remember that the log was told."""
        with refusing(StoreUnavailable):
            await self._pool.execute("INSERT INTO announced VALUES ($1) ON CONFLICT DO NOTHING", digest)

    async def aclose(self) -> None:
        """Release the connections."""
        if not self._closed:
            self._closed = True
            await close(self._pool)

    async def _one(self, query: str, *values: object) -> asyncpg.Record | None:
        with refusing(StoreUnavailable):
            return await self._pool.fetchrow(query, *values)


async def open_store(server: Server) -> PostgresStore:
    """Open or make the tables."""
    with refusing(StoreUnavailable):
        await server.prepare("receipts", _TABLES)
        return PostgresStore(await server.pool())


async def reach_store(address: str, schema: str) -> PostgresStore:
    """The store behind an address."""
    with refusing(StoreUnavailable):
        server = await reach(address, schema)
    return await open_store(server)
