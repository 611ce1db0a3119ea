"""Closing the record of an answer: its completion is recorded whether or not the client is still there.

A stream ends in one place, `Told`: read to its end, broken off, or left by its client. In each case what was given to
the server to send is committed to. Each completion is a task of its own, which a request that is cancelled does not
take with it, and which tries again while log or store fail; a process that dies in between leaves a decision that
nothing closes, for everybody to see.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Final, final

from overt.core.domain import ReceiptId
from overt.core.receipt import Position
from overt.errors import OperatorError
from overt.gateway.attempt import Attempt
from overt.gateway.record import Ready, Recorder

Prepare = Callable[[bytes], Awaitable[Ready]]
"""Makes the completion, given the bytes that were served."""
Stored = Callable[[Position], Awaitable[object]]
"""What is to be done before a client who is still there is told that the answer is over."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """How the record of one answer is closed."""

    name: ReceiptId
    prepare: Prepare
    stored: Stored


PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between one try and the next: half a minute in all, so within the merge delay."""

log = logging.getLogger("overt.gateway")


@final
class Closings:
    """The completions that are under way."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._tasks: set[asyncio.Task[None]] = set()
        self._hurry = asyncio.Event()

    def start(self, close: Closing, served: bytes) -> asyncio.Future[Position | None]:
        """Record a completion. What is returned is done after the first try, with None if that failed."""
        first: asyncio.Future[Position | None] = asyncio.get_running_loop().create_future()
        self.keep(self._close(close, served, first))
        return first

    async def close(self, close: Closing, served: bytes) -> None:
        """Record a completion; after the first try at the latest, the client has waited enough."""
        position = await self.start(close, served)
        if position is not None:
            await close.stored(position)

    def keep(self, work: Coroutine[object, object, None]) -> None:
        """Carry out work that is not to end with the request that began it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Wait for what is under way; what has to be tried again is tried once more, at once."""
        self._hurry.set()
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _close(self, close: Closing, served: bytes, first: asyncio.Future[Position | None]) -> None:
        ready: Ready | None = None
        for tries, pause in enumerate((*PAUSES, None)):
            hurried = tries > 0 and self._hurry.is_set()
            try:
                ready = ready or await close.prepare(served)
                position = await self._recorder.store(ready)
            except OperatorError as error:
                _done(first, None)
                log.warning("%s: its completion cannot be stored: %s", close.name, error)
            else:
                _done(first, position)
                return
            if pause is None or hurried:
                break
            await self._pause(pause)
        log.error("%s: NOTHING CLOSES THIS DECISION: its completion could not be stored", close.name)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._hurry.wait(), seconds)
        except TimeoutError:
            return


@final
class Told:
    """The bytes of a stream as they are served. Iterate, or `leave`; leaving after the end does nothing."""

    def __init__(
        self, pieces: AsyncGenerator[bytes, None], reply: Attempt, closings: Closings, close: Closing | None
    ) -> None:
        self._pieces = pieces
        self._reply = reply
        self._closings = closings
        self._close = close
        self._served = bytearray()
        self._over = False

    def __aiter__(self) -> Told:
        return self

    async def __anext__(self) -> bytes:
        try:
            raw = await anext(self._pieces)
        except StopAsyncIteration:
            await self._end()
            raise
        if self._close is not None:
            self._served += raw
        return raw

    def leave(self) -> None:
        """Nobody listens any more: close the reply, and the record."""
        if not self._over:
            self._over = True
            self._closings.keep(self._unread())
            if self._close is not None:
                self._closings.start(self._close, bytes(self._served))

    async def _end(self) -> None:
        if self._over:
            return
        self._over = True
        if self._close is not None:
            await self._closings.close(self._close, bytes(self._served))

    async def _unread(self) -> None:
        await self._pieces.aclose()
        await self._reply.aclose()


def _done(first: asyncio.Future[Position | None], position: Position | None) -> None:
    """Tell who waits, if anybody still does."""
    if not first.done():
        first.set_result(position)
