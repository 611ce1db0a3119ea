"""The queue in PostgreSQL, for many gateways with one log: entries that wait, the head of the tree, and who leads.

Rows are never deleted. They commit out of order, so whoever leads takes those *without an index*, never those after the
last one. An entry's bytes are cleared one batch after its tiles were published; its leaf stays.

The lead is an advisory lock in a session of its own. The session pings; the server ends one that is silent for
`SILENCE_SECONDS`, and gives the lock to the next: a process that is paused, cut off or dead blocks nobody for longer.
The lock alone would not do, because whoever wakes up does not know yet that it lost it: so each lead has an epoch, and
`advance` compares it in its transaction.

What is told here is told only when it is on every synchronous standby. A commit that was interrupted may be visible
without being there, so `head`, and `put` for a leaf that is known, write a mark to the journal and wait for that.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, final

import asyncpg

from overt.errors import LogUnavailable, OperatorError, Superseded
from overt.log.parts import Head
from overt.postgres import SILENCE_SECONDS, Server, close, milliseconds, reach, refusing
from overt.proof.merkle import EMPTY_ROOT

if TYPE_CHECKING:
    from overt.postgres import Connection, Pool

_PINGS: Final = 6
_MARK: Final = "SELECT pg_logical_emit_message(true, 'overt', '')"
_TABLES: Final = """
CREATE TABLE queue (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    leaf bytea NOT NULL UNIQUE,
    entry bytea,
    idx bigint UNIQUE
);
CREATE INDEX waiting ON queue (sequence) WHERE idx IS NULL;
CREATE TABLE head (
    one boolean PRIMARY KEY CHECK (one),
    size bigint NOT NULL,
    root bytea NOT NULL,
    cleared bigint NOT NULL,
    vkey text NOT NULL,
    epoch bigint NOT NULL
);
"""


@final
class PostgresQueue:
    """See the module. Made by `open_queue`."""

    def __init__(self, server: Server, pool: Pool, lock: int) -> None:
        self._server = server
        self._pool = pool
        self._lock = lock
        self._using = asyncio.Lock()
        self._session: Connection | None = None
        self._epoch: int | None = None
        self._pinging: asyncio.Task[None] | None = None
        self._closed = False

    async def put(self, rows: Sequence[tuple[bytes, bytes]]) -> Sequence[int]:
        """Store leaves with their entries in one statement. All put in one order, so that none wait in a circle."""
        entries = dict(rows)
        leaves = sorted(entries)
        insert = (
            "INSERT INTO queue (leaf, entry) SELECT * FROM unnest($1::bytea[], $2::bytea[]) "
            "ON CONFLICT (leaf) DO NOTHING RETURNING leaf, sequence"
        )
        with refusing(LogUnavailable):
            async with self._pool.acquire() as connection:
                stored = await connection.fetch(insert, leaves, [entries[leaf] for leaf in leaves])
                places: dict[bytes, int] = dict(map(tuple, stored))
                known = [leaf for leaf in leaves if leaf not in places]
                if known:
                    select = "SELECT leaf, sequence FROM queue WHERE leaf = ANY($1)"
                    places |= dict(map(tuple, await connection.fetch(select, known)))
                    await connection.execute(_MARK)
        return [places[leaf] for leaf, _ in rows]

    async def take(self, most: int) -> Sequence[tuple[int, bytes]]:
        """The next rows without an index."""
        sql = "SELECT sequence, entry FROM queue WHERE idx IS NULL ORDER BY sequence LIMIT $1"
        with refusing(LogUnavailable):
            return [(place, entry) for place, entry in await self._pool.fetch(sql, most)]

    async def head(self) -> Head:
        """The committed head, as every synchronous standby has it."""
        with refusing(LogUnavailable):
            async with self._pool.acquire() as connection:
                row = await connection.fetchrow("SELECT size, root FROM head")
                await connection.execute(_MARK)
        if row is None:
            raise LogUnavailable("the log's database has lost its head; restore it, and never an older one")
        return Head(row[0], row[1])

    async def lead(self) -> int | None:
        """Take the advisory lock, or keep it."""
        async with self._using:
            try:
                with refusing(LogUnavailable):
                    return await self._lead()
            except BaseException:
                await self._let_go()
                raise

    async def advance(self, old: Head, new: Head, places: Sequence[int], *, epoch: int) -> None:
        """Compare and swap the head, and give the rows their indexes, in the session that holds the lock."""
        async with self._using:
            if self._session is None or self._epoch is None:
                raise Superseded("another process leads the log")
            with refusing(LogUnavailable):
                async with self._session.transaction(isolation="read_committed"):
                    await _advance(self._session, old, new, places, epoch)

    async def index(self, leaf: bytes) -> int | None:
        """The index of a leaf."""
        with refusing(LogUnavailable):
            index: int | None = await self._pool.fetchval("SELECT idx FROM queue WHERE leaf = $1", leaf)
        return index

    async def aclose(self) -> None:
        """Give up the lead, and release all connections."""
        if self._closed:
            return
        self._closed = True
        async with self._using:
            await self._let_go()
        await close(self._pool)

    async def _lead(self) -> int | None:
        if self._closed:
            raise LogUnavailable("the log is closed")
        if self._session is not None and not await self._ping():
            self._session.terminate()  # a server that is silent would not answer a farewell either
            await self._let_go()
        if self._epoch is not None:
            return self._epoch
        if self._session is None:
            self._session = await self._server.connect(idle_session_timeout=milliseconds(self._server.silence))
        if not await self._session.fetchval("SELECT pg_try_advisory_lock($1)", self._lock):
            return None
        epoch: int = await self._session.fetchval("UPDATE head SET epoch = epoch + 1 RETURNING epoch")
        self._epoch = epoch
        self._pinging = asyncio.create_task(self._keep_pinging(), name="overt-log-lead")
        return epoch

    async def _ping(self) -> bool:
        """Whether our session lives. The server may have ended it while we were paused."""
        try:
            return self._session is not None and bool(await self._session.fetchval("SELECT true"))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            return False

    async def _keep_pinging(self) -> None:
        """As long as this process runs, however long a round takes. `lead` finds out if the session has ended."""
        alive = True
        while alive:
            await asyncio.sleep(self._server.silence / _PINGS)
            async with self._using:
                alive = await self._ping()

    async def _let_go(self) -> None:
        pinging, self._pinging = self._pinging, None
        if pinging is not None:
            pinging.cancel()
            await asyncio.wait((pinging,))
        session, self._session = self._session, None
        self._epoch = None
        if session is None or session.is_closed():
            return
        try:
            await session.execute("SELECT pg_advisory_unlock_all()")
            await session.close(timeout=1)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            session.terminate()


async def open_queue(server: Server, vkey: str, schema: str) -> PostgresQueue:
    """Open or make the tables; refuse those that belong to another log key."""
    with refusing(LogUnavailable):
        await server.prepare("head", _TABLES)
        pool = await server.pool()
    try:
        with refusing(LogUnavailable):
            sql = "INSERT INTO head VALUES (true, 0, $1, 0, $2, 0) ON CONFLICT DO NOTHING"
            await pool.execute(sql, EMPTY_ROOT, vkey)
            known = await pool.fetchval("SELECT vkey FROM head")
        if known != vkey:
            raise OperatorError(
                f"the database {server.name} is the log of {known!r}, not of {vkey!r}; use its key or another database"
            )
    except BaseException:
        await close(pool)
        raise
    return PostgresQueue(server, pool, _lock_of(schema))


async def reach_queue(address: str, vkey: str, schema: str, *, silence: float = SILENCE_SECONDS) -> PostgresQueue:
    """The queue behind an address. A leader that is silent for so long loses the lead."""
    with refusing(LogUnavailable):
        server = await reach(address, schema, silence=silence)
    return await open_queue(server, vkey, schema)


async def _advance(session: Connection, old: Head, new: Head, places: Sequence[int], epoch: int) -> None:
    swap = "UPDATE head SET size = $3, root = $4 WHERE size = $1 AND root = $2 AND epoch = $5"
    if await session.execute(swap, old.size, old.root, new.size, new.root, epoch) != "UPDATE 1":
        raise Superseded(f"another process moved the log on from {old.size} entries, or leads it since")
    give = (
        "UPDATE queue SET idx = $1 + given.number - 1 "
        "FROM unnest($2::bigint[]) WITH ORDINALITY AS given (place, number) "
        "WHERE sequence = given.place AND idx IS NULL"
    )
    if await session.execute(give, old.size, list(places)) != f"UPDATE {len(places)}":
        raise LogUnavailable(f"of {len(places)} rows that were to be indexed, some have an index or are gone")
    # All before old.size is in published tiles: whoever advances has applied and published the batch before.
    clear = "UPDATE queue SET entry = NULL WHERE idx >= (SELECT cleared FROM head) AND idx < $1"
    await session.execute(clear, old.size)
    await session.execute("UPDATE head SET cleared = $1", old.size)


def _lock_of(schema: str) -> int:
    """The key of the advisory lock: each log of a database has its own."""
    digest = hashlib.sha256(f"overt log {schema}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
