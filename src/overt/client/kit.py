"""The front door of the client kit.

    kit = open_kit(log_key="gateway.example/log+7b2da630+AQOh…", state="overt-client.json")
    client = anthropic.Anthropic(base_url="https://gateway.example", http_client=kit.client())

Whatever such a client is answered has a true receipt, or raises an `UnprovenAnswer`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import final

import anyio.to_thread
import httpx2

from overt.client.guard import Guard
from overt.client.memory import Memory, open_memory
from overt.client.terms import Terms
from overt.client.transport import AsyncReceiptTransport, ReceiptTransport
from overt.proof.note import Checkpoint

TIMEOUT = httpx2.Timeout(600, connect=10)
"""What the official SDKs wait by themselves: a long answer takes minutes."""
LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=100)


@final
class Kit:
    """Makes HTTP clients that share one memory. Close it when they are closed."""

    def __init__(self, memory: Memory, guard: Guard) -> None:
        self._memory = memory
        self._guard = guard

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The last checkpoint of the log that was seen."""
        return self._memory.checkpoint

    @property
    def waiting(self) -> int:
        """How many promises of the log were not proved to be kept yet."""
        return len(self._memory.state.promised) + len(self._memory.state.owed)

    def transport(self, inner: httpx2.BaseTransport | None = None) -> ReceiptTransport:
        """A transport for `httpx2.Client`, around ``inner`` (the ordinary one if not given)."""
        return ReceiptTransport(self._guard, inner or httpx2.HTTPTransport(limits=LIMITS))

    def async_transport(self, inner: httpx2.AsyncBaseTransport | None = None) -> AsyncReceiptTransport:
        """A transport for `httpx2.AsyncClient`, around ``inner`` (the ordinary one if not given)."""
        return AsyncReceiptTransport(self._guard, inner or httpx2.AsyncHTTPTransport(limits=LIMITS))

    def client(self, inner: httpx2.BaseTransport | None = None) -> httpx2.Client:
        """What `anthropic.Anthropic` and `openai.OpenAI` take as ``http_client``."""
        return httpx2.Client(transport=self.transport(inner), timeout=TIMEOUT, follow_redirects=True)

    def async_client(self, inner: httpx2.AsyncBaseTransport | None = None) -> httpx2.AsyncClient:
        """What `anthropic.AsyncAnthropic` and `openai.AsyncOpenAI` take as ``http_client``."""
        return httpx2.AsyncClient(transport=self.async_transport(inner), timeout=TIMEOUT, follow_redirects=True)

    def settle(self, url: str, *, api_key: str, inner: httpx2.BaseTransport | None = None) -> int:
        """Ask now for every promise that is open; how many still are. Every call through a client asks for some."""
        transport = self.transport(inner)
        request = httpx2.Request("GET", url.rstrip("/"), headers={"x-api-key": api_key})
        try:
            transport.run(self._guard.settled(_root(request)), request)
        finally:
            transport.close()
        return self.waiting

    async def asettle(self, url: str, *, api_key: str, inner: httpx2.AsyncBaseTransport | None = None) -> int:
        """`settle`, async."""
        transport = self.async_transport(inner)
        request = httpx2.Request("GET", url.rstrip("/"), headers={"x-api-key": api_key})
        try:
            await transport.run(self._guard.settled(_root(request)), request)
        finally:
            await transport.aclose()
        return self.waiting

    def close(self) -> None:
        """Save, and leave the state file to others. Idempotent."""
        self._memory.save()
        self._memory.close()

    async def aclose(self) -> None:
        """`close`, async."""
        await anyio.to_thread.run_sync(self.close)


def open_kit(
    *,
    log_key: str,
    state: str | Path | None = None,
    included: bool = False,
    terms: Terms | None = None,
    clock: Callable[[], float] = time.time,
) -> Kit:
    """A client kit for one gateway and one caller's key.

    ``log_key`` is the log's verifier key, from a source that you trust (not from the answer itself). ``state`` is the
    file that remembers between runs; without it a log that was rolled back while nobody looked is not noticed.
    ``included`` waits for every answer until the log holds its entry.
    """
    memory = open_memory(log_key, None if state is None else Path(state))
    return Kit(memory, Guard(memory, terms or Terms(included=included), clock))


def _root(request: httpx2.Request) -> str:
    """What stands before ``/v1``, whether or not the address ends with it."""
    return request.url.path.removesuffix("/").removesuffix("/v1")
