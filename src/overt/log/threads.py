"""A thread of its own for what must not be touched by two at a time: a database, a folder that is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, final

T = TypeVar("T")


@final
class Thread:
    """Runs each call in one thread, in order, without blocking the event loop."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor

    async def run(self, call: Callable[[], T]) -> T:
        """What the call gives or raises."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    def close(self) -> None:
        """End the thread when it is idle."""
        self._executor.shutdown()


def start_thread(name: str) -> Thread:
    """A thread that starts at its first call."""
    return Thread(ThreadPoolExecutor(1, thread_name_prefix=name))
