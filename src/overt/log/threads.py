"""Two threads: one owns the database, one owns the folder. So a slow tile never delays a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, final

T = TypeVar("T")


@final
class Threads:
    """Runs each call in the thread that owns its subject, in order, without blocking the event loop."""

    def __init__(self, queue: ThreadPoolExecutor, files: ThreadPoolExecutor) -> None:
        self._queue = queue
        self._files = files

    async def queue(self, call: Callable[[], T]) -> T:
        """In the thread of the database."""
        return await asyncio.get_running_loop().run_in_executor(self._queue, call)

    async def files(self, call: Callable[[], T]) -> T:
        """In the thread of the folder."""
        return await asyncio.get_running_loop().run_in_executor(self._files, call)

    def close(self) -> None:
        """End both threads when they are idle."""
        self._queue.shutdown()
        self._files.shutdown()


def start_threads() -> Threads:
    """Two threads that start at their first call."""
    return Threads(
        ThreadPoolExecutor(1, thread_name_prefix="overt-log-queue"),
        ThreadPoolExecutor(1, thread_name_prefix="overt-log-files"),
    )
