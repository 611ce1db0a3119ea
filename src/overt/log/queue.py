"""The queue in SQLite, for one machine: entries that wait, the head of the tree, and who leads.

WAL with ``synchronous=FULL``: a commit that returned survives a power cut. Rows are never deleted and their order
never changes, so the same size always has the same root. An entry's bytes are cleared one batch after its tiles were
published; its leaf stays, for finding its index and for refusing to log it twice.
The lead is the lock of the folder (`overt.log.folder`), and the epoch counts how often it was taken. One thread works
on the database. Every failure of SQLite becomes `LogUnavailable`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, final

from overt.errors import LogUnavailable, OperatorError, Superseded
from overt.log.folder import Lock, lock_folder
from overt.log.parts import Head
from overt.log.points import Point, Reached
from overt.log.threads import Thread, start_thread
from overt.proof.merkle import EMPTY_ROOT

_BUSY_SECONDS: Final = 2.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS queue (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    leaf BLOB NOT NULL UNIQUE,
    entry BLOB,
    idx INTEGER UNIQUE
);
CREATE INDEX IF NOT EXISTS waiting ON queue (sequence) WHERE idx IS NULL;
CREATE TABLE IF NOT EXISTS head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    cleared INTEGER NOT NULL,
    vkey TEXT NOT NULL,
    epoch INTEGER NOT NULL DEFAULT 0
);
"""


@final
class SqliteQueue:
    """See the module. Made by `open_queue`."""

    def __init__(self, connection: sqlite3.Connection, thread: Thread, folder: Path, reached: Reached) -> None:
        self._connection = connection
        self._thread = thread
        self._folder = folder
        self._reached = reached
        self._lock: Lock | None = None
        self._epoch = 0
        self._closed = False

    async def put(self, rows: Sequence[tuple[bytes, bytes]]) -> Sequence[int]:
        """Store leaves with their entries in one transaction."""
        return await self._thread.run(lambda: self._put(rows))

    async def take(self, most: int) -> Sequence[tuple[int, bytes]]:
        """The next rows without an index."""
        return await self._thread.run(lambda: self._take(most))

    async def head(self) -> Head:
        """The committed head."""
        return await self._thread.run(self._head)

    async def lead(self) -> int | None:
        """Take the lock of the folder, or keep it."""
        return await self._thread.run(self._lead)

    async def advance(self, old: Head, new: Head, places: Sequence[int], *, epoch: int) -> None:
        """Compare and swap the head, and give the rows their indexes."""
        await self._thread.run(lambda: self._advance(old, new, places, epoch))

    async def index(self, leaf: bytes) -> int | None:
        """The index of a leaf."""
        return await self._thread.run(lambda: self._index(leaf))

    async def aclose(self) -> None:
        """Release the database and the lock."""
        if self._closed:
            return
        self._closed = True
        await self._thread.run(self._connection.close)
        self._thread.close()
        if self._lock is not None:
            self._lock.release()

    def _put(self, rows: Sequence[tuple[bytes, bytes]]) -> list[int]:
        sql = (
            "INSERT INTO queue (leaf, entry) VALUES (?, ?) "
            "ON CONFLICT (leaf) DO UPDATE SET leaf = excluded.leaf RETURNING sequence"
        )
        with _transaction(self._connection) as connection:
            places = [int(connection.execute(sql, row).fetchone()[0]) for row in rows]
            self._reached(Point.QUEUE_WRITTEN)
        self._reached(Point.QUEUED)
        return places

    def _take(self, most: int) -> list[tuple[int, bytes]]:
        sql = "SELECT sequence, entry FROM queue WHERE idx IS NULL ORDER BY sequence LIMIT ?"
        with _refusing():
            return [(int(place), bytes(entry)) for place, entry in self._connection.execute(sql, (most,))]

    def _head(self) -> Head:
        with _refusing():
            size, root = self._connection.execute("SELECT size, root FROM head").fetchone()
        return Head(int(size), bytes(root))

    def _lead(self) -> int | None:
        if self._lock is not None:
            return self._epoch
        lock = lock_folder(self._folder)
        if lock is None:
            return None
        try:
            with _transaction(self._connection) as connection:
                (self._epoch,) = connection.execute("UPDATE head SET epoch = epoch + 1 RETURNING epoch").fetchone()
        except BaseException:
            lock.release()
            raise
        self._lock = lock
        return self._epoch

    def _advance(self, old: Head, new: Head, places: Sequence[int], epoch: int) -> None:
        with _transaction(self._connection) as connection:
            swapped = connection.execute(
                "UPDATE head SET size = ?, root = ? WHERE size = ? AND root = ? AND epoch = ?",
                (new.size, new.root, old.size, old.root, epoch),
            )
            if swapped.rowcount != 1:
                raise Superseded(f"another process moved the log on from {old.size} entries, or leads it since")
            indexed = [(old.size + i, place) for i, place in enumerate(places)]
            connection.executemany("UPDATE queue SET idx = ? WHERE sequence = ? AND idx IS NULL", indexed)
            # All before old.size is in published tiles: whoever advances has applied and published the batch before.
            connection.execute(
                "UPDATE queue SET entry = NULL WHERE idx >= (SELECT cleared FROM head) AND idx < ?", (old.size,)
            )
            connection.execute("UPDATE head SET cleared = ?", (old.size,))
            self._reached(Point.ADVANCED)
        self._reached(Point.COMMITTED)

    def _index(self, leaf: bytes) -> int | None:
        with _refusing():
            row = self._connection.execute("SELECT idx FROM queue WHERE leaf = ?", (leaf,)).fetchone()
        return None if row is None or row[0] is None else int(row[0])


async def open_queue(path: Path, vkey: str, reached: Reached) -> SqliteQueue:
    """Open or make the database; refuse one that belongs to another log key."""
    thread = start_thread("overt-log-queue")
    try:
        connection = await thread.run(lambda: _connect(path, vkey))
    except BaseException:
        thread.close()
        raise
    return SqliteQueue(connection, thread, path.parent, reached)


def _connect(path: Path, vkey: str) -> sqlite3.Connection:
    with _refusing():
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        with _refusing():
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_SCHEMA)
            _add_epoch(connection)
            sql = "INSERT OR IGNORE INTO head (one, size, root, cleared, vkey) VALUES (1, 0, ?, 0, ?)"
            connection.execute(sql, (EMPTY_ROOT, vkey))
            known = connection.execute("SELECT vkey FROM head").fetchone()[0]
        if known != vkey:
            raise OperatorError(
                f"{str(path)!r} is the log of {known!r}, not of {vkey!r}; use its key or another folder"
            )
    except BaseException:
        connection.close()
        raise
    return connection


def _add_epoch(connection: sqlite3.Connection) -> None:
    """A log that was made before there were epochs gets its first one."""
    with _transaction(connection):
        columns = {row[1] for row in connection.execute("PRAGMA table_info(head)")}
        if "epoch" not in columns:
            connection.execute("ALTER TABLE head ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0")


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise LogUnavailable(
            f"the log's database failed: {error}; check free space, rights and other writers"
        ) from error


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Commits at the end. If it raises, nothing is committed, unless COMMIT itself raised: then nobody knows."""
    with _refusing():
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
