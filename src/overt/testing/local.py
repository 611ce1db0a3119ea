"""A web application on a free port of this machine, whose answers may dawdle until it closes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import final

from aiohttp import web


@final
class LocalSite:
    """What the servers that stand for somebody else's share. May be opened again after it was closed."""

    def __init__(self) -> None:
        self._runner: web.AppRunner | None = None
        self._closing = asyncio.Event()

    async def open(self, app: web.Application) -> str:
        """Serve; gives the address."""
        self._closing = asyncio.Event()
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def wait(self, seconds: float) -> None:
        """Until the time is over or the server closes, whichever is first."""
        if seconds > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._closing.wait()

    async def close(self) -> None:
        """End what waits, and stop serving."""
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()


async def broken_off(request: web.Request, whole: bytes) -> web.StreamResponse:
    """Headers that promise the whole, half of it, and the end of the connection."""
    response = web.StreamResponse(headers={"content-type": "application/json", "content-length": str(len(whole))})
    await response.prepare(request)
    await response.write(whole[: len(whole) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
