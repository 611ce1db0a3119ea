"""Comparisons of shadow mode in a SQLite file of their own, so that no receipt ever waits for one.

A separate file has a separate write lock, and this adapter a separate thread. What was kept survives a crash of the
process; a power cut may cost the last moments (``synchronous=NORMAL``): these are measurements, not records.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, final

from overt.core.comparison import Comparison, Side
from overt.core.domain import Digest, Domain, ReceiptId
from overt.errors import OperatorError
from overt.store.database import Database, open_database

T = TypeVar("T")

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS comparisons (
    number INTEGER PRIMARY KEY,
    receipt TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    current TEXT NOT NULL, current_outcome TEXT NOT NULL, current_domain TEXT, current_numbers TEXT NOT NULL,
    candidate TEXT NOT NULL, candidate_outcome TEXT NOT NULL, candidate_domain TEXT, candidate_numbers TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS dropped (
    current TEXT NOT NULL, candidate TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (current, candidate)
) STRICT;
"""


async def open_comparisons(path: Path) -> SqliteComparisons:
    """Open or create the file; raises `OperatorError` if it cannot be used."""
    try:
        database = await open_database(path, _SCHEMA, synchronous="NORMAL", thread="overt-shadow-store")
    except sqlite3.Error as error:
        raise OperatorError(f"{str(path)!r} cannot be opened ({error}); check its rights, or move it away") from error
    return SqliteComparisons(database)


@final
class SqliteComparisons:
    """Implements `ports.Comparisons`. Made by `open_comparisons`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection = database.connection

    async def keep(self, comparisons: Sequence[Comparison]) -> None:
        """Keep comparisons, all or none."""
        rows = [_row(comparison) for comparison in comparisons]
        await self._run(lambda: self._insert(rows))

    async def add_dropped(self, current: Digest, candidate: Digest, count: int) -> None:
        """Count exchanges that were not compared."""
        sql = (
            "INSERT INTO dropped VALUES (?, ?, ?) "
            "ON CONFLICT (current, candidate) DO UPDATE SET count = count + excluded.count"
        )
        await self._run(lambda: self._connection.execute(sql, (current, candidate, count)))

    async def page(self, after: int, most: int) -> Sequence[tuple[int, Comparison]]:
        """Comparisons by number, in the order in which they were kept."""
        sql = "SELECT * FROM comparisons WHERE number > ? ORDER BY number LIMIT ?"
        rows = await self._run(lambda: self._connection.execute(sql, (after, most)).fetchall())
        return [(int(row[0]), _comparison(row)) for row in rows]

    async def dropped(self) -> Mapping[tuple[Digest, Digest], int]:
        """How many exchanges were not compared, by release in use and candidate."""
        rows = await self._run(lambda: self._connection.execute("SELECT * FROM dropped").fetchall())
        return {(Digest(current), Digest(candidate)): count for current, candidate, count in rows}

    async def aclose(self) -> None:
        """Close the file."""
        await self._database.aclose()

    def _insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.executemany("INSERT INTO comparisons VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await self._database.run(work)
        except sqlite3.Error as error:
            raise OperatorError(f"comparisons cannot be kept or read ({error}); check the disk") from error


def _row(comparison: Comparison) -> tuple[Any, ...]:
    return (comparison.receipt, comparison.when, *_columns(comparison.current), *_columns(comparison.candidate))


def _columns(side: Side) -> tuple[Any, ...]:
    return side.release, side.outcome, side.domain, json.dumps(side.numbers)


def _comparison(row: Sequence[Any]) -> Comparison:
    return Comparison(receipt=ReceiptId(row[1]), when=row[2], current=_side(row[3:7]), candidate=_side(row[7:11]))


def _side(columns: Sequence[Any]) -> Side:
    release, outcome, domain, numbers = columns
    return Side(
        release=Digest(release),
        outcome=outcome,
        domain=None if domain is None else Domain(domain),
        numbers=tuple(None if each is None else tuple(each) for each in json.loads(numbers)),
    )
