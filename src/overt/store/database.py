"""A SQLite file that one thread works on: what the adapters of this folder share."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, TypeVar, final

T = TypeVar("T")


@final
class Database:
    """An open file. ``connection`` is for work inside `run` only. Made by `open_database`."""

    def __init__(self, connection: sqlite3.Connection, executor: ThreadPoolExecutor) -> None:
        self.connection = connection
        self._executor = executor
        self._closed = False

    async def run(self, work: Callable[[], T]) -> T:
        """What ``work`` gives, done in the thread of the file; its errors are SQLite's own."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def aclose(self) -> None:
        """Close the file. Idempotent."""
        if not self._closed:
            self._closed = True
            await self.run(self.connection.close)
            self._executor.shutdown()


async def open_database(path: Path, schema: str, *, synchronous: Literal["NORMAL", "FULL"], thread: str) -> Database:
    """Open or create a file in WAL mode with these tables. Raises `sqlite3.Error`, and then leaves nothing open."""
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=thread)

    def connect() -> sqlite3.Connection:
        return _connect(path, schema, synchronous)

    try:
        connection = await asyncio.get_running_loop().run_in_executor(executor, connect)
    except sqlite3.Error:
        executor.shutdown()
        raise
    return Database(connection, executor)


def _connect(path: Path, schema: str, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.executescript(schema)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
