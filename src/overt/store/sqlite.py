"""The store in one SQLite file, for one machine.

One connection in one thread: a method returns when its transaction is on disk (WAL, ``synchronous=FULL``). Keys are
kept as SHA-256 digests only; they are 256-bit random values, so that a slow hash would protect nothing more. What is
erased is overwritten in the file (``secure_delete``), and the journal that still holds it is cut to nothing.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, final

from overt.core.domain import NoticeId, ReceiptId
from overt.errors import StoreUnavailable
from overt.ports import Caller, KeptReceipt
from overt.store.database import Database, open_database

T = TypeVar("T")
Row = tuple[Any, ...]

_TRUNCATE_SECONDS: Final = 2.0
"""How long an erasure waits for other readers of the file to let go of its journal.

They read one row at a time, so this is long."""

_SCHEMA = """
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, name TEXT NOT NULL, digest BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS receipts (
    id TEXT PRIMARY KEY, key_id TEXT NOT NULL, leaf BLOB NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS notices (id TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS announced (digest TEXT PRIMARY KEY) STRICT;
"""


async def open_store(path: Path) -> SqliteStore:
    """Open or create the store; raises `StoreUnavailable` if the file cannot be used."""
    try:
        database = await open_database(path, _SCHEMA, synchronous="FULL", thread="overt-store")
    except sqlite3.Error as error:
        raise StoreUnavailable(
            f"the store {str(path)!r} cannot be opened ({error}); check the folder's rights"
        ) from error
    return SqliteStore(database)


@final
class SqliteStore:
    """See the module. Made by `open_store`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection = database.connection

    async def add_key(self, name: str, digest: bytes) -> Caller:
        """Register a key by its SHA-256 digest."""
        caller = Caller(key_id=f"key_{secrets.token_hex(8)}", name=name)
        await self._run(
            lambda: self._connection.execute("INSERT INTO keys VALUES (?, ?, ?)", (caller.key_id, name, digest))
        )
        return caller

    async def caller(self, digest: bytes) -> Caller | None:
        """Who holds this key."""
        row = await self._one("SELECT id, name FROM keys WHERE digest = ?", digest)
        return None if row is None else Caller(key_id=row[0], name=row[1])

    async def keep_receipt(self, receipt: KeptReceipt) -> None:
        """Keep a receipt; its id must be new."""
        values = (receipt.id, receipt.key_id, receipt.leaf, receipt.body)
        try:
            await self._run(lambda: self._connection.execute("INSERT INTO receipts VALUES (?, ?, ?, ?)", values))
        except sqlite3.IntegrityError as error:
            raise ValueError(f"a receipt with the id {receipt.id!r} is kept already") from error

    async def receipt(self, receipt_id: ReceiptId, key_id: str) -> KeptReceipt | None:
        """The receipt, if this key asked for it."""
        row = await self._one("SELECT leaf, body FROM receipts WHERE id = ? AND key_id = ?", receipt_id, key_id)
        return None if row is None else KeptReceipt(id=receipt_id, key_id=key_id, leaf=row[0], body=row[1])

    async def erase(self, receipt_id: ReceiptId, key_id: str | None, without: Callable[[bytes], bytes]) -> bool:
        """Overwrite what a receipt holds, in the file and in its journal."""
        return await self._run(lambda: self._erase(receipt_id, key_id, without))

    async def keep_notice(self, notice_id: NoticeId, body: bytes) -> None:
        """Keep a notice; its id must be new."""
        try:
            await self._run(lambda: self._connection.execute("INSERT INTO notices VALUES (?, ?)", (notice_id, body)))
        except sqlite3.IntegrityError as error:
            raise ValueError(f"a notice with the id {notice_id!r} is kept already") from error

    async def notice(self, notice_id: NoticeId) -> bytes | None:
        """The notice."""
        row = await self._one("SELECT body FROM notices WHERE id = ?", notice_id)
        return None if row is None else row[0]

    async def is_announced(self, digest: str) -> bool:
        """Whether the log was told of this digest."""
        return await self._one("SELECT 1 FROM announced WHERE digest = ?", digest) is not None

    async def set_announced(self, digest: str) -> None:
        """Remember that the log was told."""
        await self._run(lambda: self._connection.execute("INSERT OR IGNORE INTO announced VALUES (?)", (digest,)))

    async def aclose(self) -> None:
        """Close the file."""
        await self._database.aclose()

    def _erase(self, receipt_id: ReceiptId, key_id: str | None, without: Callable[[bytes], bytes]) -> bool:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            found = connection.execute(
                "SELECT body FROM receipts WHERE id = ? AND key_id = ifnull(?, key_id)", (receipt_id, key_id)
            ).fetchone()
            if found is not None:
                connection.execute("UPDATE receipts SET body = ? WHERE id = ?", (without(found[0]), receipt_id))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        if found is not None:
            self._truncate()
        return found is not None

    def _truncate(self) -> None:
        """Cut the journal, whose pages still hold what was overwritten."""
        until = time.monotonic() + _TRUNCATE_SECONDS
        while self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() > until:
                raise StoreUnavailable("others read the store's journal, which holds what was erased; erase it again")
            time.sleep(0.01)

    async def _one(self, query: str, *values: object) -> Row | None:
        return await self._run(lambda: self._connection.execute(query, values).fetchone())

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await self._database.run(work)
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the store cannot be used ({error}); check its disk and free space") from error
