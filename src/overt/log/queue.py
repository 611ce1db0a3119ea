"""What is durable before a promise: the queue of entries and the head of the tree, in SQLite.

WAL with ``synchronous=FULL``: a commit that returned survives a power cut. Rows are never deleted and their order
never changes, so the same size always has the same root. An entry's bytes are cleared one batch after its tiles were
published; its leaf stays, for finding its index and for refusing to log it twice.
All methods belong to one thread. Every failure of SQLite becomes `LogUnavailable`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from overt.errors import LogUnavailable, OperatorError
from overt.log.points import Point, Reached
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
    vkey TEXT NOT NULL
);
"""


@final
@dataclass(frozen=True, slots=True)
class Head:
    """The state of the tree that is committed: the trusted root."""

    size: int = 0
    root: bytes = EMPTY_ROOT


@final
class Queue:
    """See the module."""

    def __init__(self, connection: sqlite3.Connection, reached: Reached) -> None:
        self._connection = connection
        self._reached = reached

    def put(self, rows: Sequence[tuple[bytes, bytes]]) -> list[int]:
        """Store leaves with their entries in one transaction, and give their places. Known leaves keep theirs."""
        sql = (
            "INSERT INTO queue (leaf, entry) VALUES (?, ?) "
            "ON CONFLICT (leaf) DO UPDATE SET leaf = excluded.leaf RETURNING sequence"
        )
        with _transaction(self._connection) as connection:
            places = [int(connection.execute(sql, row).fetchone()[0]) for row in rows]
            self._reached(Point.QUEUE_WRITTEN)
        self._reached(Point.QUEUED)
        return places

    def take(self, most: int) -> list[tuple[int, bytes]]:
        """The next rows without an index, in order: place and entry. They stay until `advance`."""
        sql = "SELECT sequence, entry FROM queue WHERE idx IS NULL ORDER BY sequence LIMIT ?"
        with _refusing():
            return [(int(place), bytes(entry)) for place, entry in self._connection.execute(sql, (most,))]

    def head(self) -> Head:
        """The committed head."""
        with _refusing():
            size, root = self._connection.execute("SELECT size, root FROM head").fetchone()
        return Head(int(size), bytes(root))

    def advance(self, old: Head, new: Head, places: Sequence[int]) -> None:
        """Compare and swap the head, and give the rows the indexes from ``old.size`` on: the point of no return."""
        with _transaction(self._connection) as connection:
            swapped = connection.execute(
                "UPDATE head SET size = ?, root = ? WHERE size = ? AND root = ?",
                (new.size, new.root, old.size, old.root),
            )
            if swapped.rowcount != 1:
                raise LogUnavailable(f"another writer moved the log on from {old.size} entries; run one writer only")
            indexed = [(old.size + i, place) for i, place in enumerate(places)]
            connection.executemany("UPDATE queue SET idx = ? WHERE sequence = ? AND idx IS NULL", indexed)
            # All before old.size is in published tiles: whoever advances has applied and published the batch before.
            connection.execute(
                "UPDATE queue SET entry = NULL WHERE idx >= (SELECT cleared FROM head) AND idx < ?", (old.size,)
            )
            connection.execute("UPDATE head SET cleared = ?", (old.size,))
            self._reached(Point.ADVANCED)
        self._reached(Point.COMMITTED)

    def index(self, leaf: bytes) -> int | None:
        """The index of a leaf, None if it has none yet."""
        with _refusing():
            row = self._connection.execute("SELECT idx FROM queue WHERE leaf = ?", (leaf,)).fetchone()
        return None if row is None or row[0] is None else int(row[0])

    def close(self) -> None:
        """Release the database."""
        self._connection.close()


def open_queue(path: Path, vkey: str, reached: Reached) -> Queue:
    """Open or make the database; refuse one that belongs to another log key."""
    with _refusing():
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        with _refusing():
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_SCHEMA)
            connection.execute("INSERT OR IGNORE INTO head VALUES (1, 0, ?, 0, ?)", (EMPTY_ROOT, vkey))
            known = connection.execute("SELECT vkey FROM head").fetchone()[0]
        if known != vkey:
            raise OperatorError(
                f"{str(path)!r} is the log of {known!r}, not of {vkey!r}; use its key or another folder"
            )
    except BaseException:
        connection.close()
        raise
    return Queue(connection, reached)


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
