"""Callers who keep their promises: each asks, notes the id of its receipt, fetches it, and remembers its leaf.

What a caller holds is only what came over the wire, so it is what has to hold after a crash: an answer whose header
arrived has a receipt, and the entry of that receipt is in the log.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import aiohttp
from crash_audit import Audit, Conflict, leaf_of
from crash_process import Process, Start

from overt.cli.demo_scenes import SCENES

BETA = "server-side-fallback-2026-07-01"
START_SECONDS = 60
PATIENCE_SECONDS = 20.0


@final
@dataclass
class Book:
    """What all callers remember, and what they were told."""

    keys: dict[str, str] = field(default_factory=dict)
    leaves: dict[str, bytes] = field(default_factory=dict)
    unfetched: set[str] = field(default_factory=set)
    since: dict[str, float] = field(default_factory=dict)
    longest: float = 0.0
    answered: int = 0
    refused: int = 0
    cut: int = 0

    def promised(self, receipt: str, key: str) -> None:
        """A header named a receipt of this key."""
        if receipt in self.keys:
            raise Conflict(f"the receipt {receipt!r} was given twice")
        self.keys[receipt] = key
        self.unfetched.add(receipt)
        self.since[receipt] = time.monotonic()

    def fetched(self, receipt: str, body: bytes) -> None:
        """The receipt itself arrived: its entry, and the promise over the hash of that entry."""
        document = json.loads(body)
        leaf = leaf_of(base64.b64decode(document["entry"]))
        promise = json.loads(base64.b64decode(document["promise"]["body"]))
        if document["id"] != receipt or promise["leaf"] != leaf.hex():
            raise Conflict(f"the receipt {receipt!r} promises another entry than it holds")
        self.leaves[receipt] = leaf
        self.unfetched.discard(receipt)

    def included(self, receipt: str) -> None:
        """Its entry was seen in the published log."""
        began = self.since.pop(receipt, None)
        if began is not None:
            self.longest = max(self.longest, time.monotonic() - began)


@final
@dataclass(frozen=True)
class Gateway:
    """A gateway that said it is ready."""

    process: Process
    url: str
    key: str


def requests() -> Iterator[dict[str, Any]]:
    """Bodies without end: passes, redirects and refusals, whole and streamed; no two alike."""
    for number, scene in enumerate(itertools.cycle(SCENES)):
        extra: dict[str, Any] = {"fallbacks": "default"} if scene.accepts_fallback else {}
        yield {
            "model": scene.model,
            "max_tokens": 20,
            "messages": [{"role": "user", "content": f"{scene.text} ({number})"}],
            "stream": number % 3 == 0,
            **extra,
        }


async def ask(http: aiohttp.ClientSession, gate: Gateway, body: dict[str, Any], book: Book) -> None:
    """One exchange and its receipt. Raises `aiohttp.ClientError` where the gateway dies meanwhile."""
    headers = {"x-api-key": gate.key, "anthropic-beta": BETA}
    async with http.post(f"{gate.url}/v1/messages", json=body, headers=headers) as response:
        receipt = response.headers.get("overt-receipt")
        if response.status == 503:
            book.refused += 1
            text = await response.text()
            if receipt is not None or "Nothing may be served" not in text:
                raise Conflict(f"a 503 that names the receipt {receipt!r}, or does not say why: {text}")
            return
        if response.status != 200 or receipt is None:
            raise Conflict(f"{response.status} with receipt {receipt!r}: {await response.text()}")
        book.promised(receipt, gate.key)
        await response.read()
        book.answered += 1
    await fetch(http, gate, receipt, book)


async def fetch(http: aiohttp.ClientSession, gate: Gateway, receipt: str, book: Book) -> None:
    """Get a receipt with the key that asked for it; one that a header named has to be there."""
    headers = {"x-api-key": book.keys[receipt]}
    async with http.get(f"{gate.url}/v1/receipts/{receipt}", headers=headers) as response:
        body = await response.read()
        if response.status == 503:
            return
        if response.status != 200:
            raise Conflict(f"the receipt {receipt!r} that was promised is not there: {response.status} {body!r}")
        book.fetched(receipt, body)


async def callers(gate: Gateway, book: Book, count: int) -> None:
    """``count`` callers who ask without pause, until cancelled or the gateway is gone."""
    bodies = requests()

    async def one(http: aiohttp.ClientSession) -> None:
        try:
            while True:
                await ask(http, gate, next(bodies), book)
        except (aiohttp.ClientError, ConnectionError):
            book.cut += 1

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        await asyncio.gather(*(one(http) for _ in range(count)))


async def watch(gate: Gateway, audit: Audit) -> None:
    """A reader who looks at the checkpoint all the time; it never shrinks."""
    last = 0
    async with aiohttp.ClientSession() as http:
        try:
            while True:
                async with http.get(f"{gate.url}/log/checkpoint") as response:
                    size = audit.note(await response.read())
                if size < last:
                    raise Conflict(f"readers saw {last} entries, then {size}")
                last = size
                await asyncio.sleep(0.02)
        except (aiohttp.ClientError, ConnectionError):
            return


async def settle(gate: Gateway, book: Book, audit: Audit, *, patience: float = PATIENCE_SECONDS) -> None:
    """Everything that was promised before now can be fetched, and is in the published log in time. Ends early if the
    gateway does: the next one is asked for the same."""
    async with aiohttp.ClientSession() as http:
        try:
            for receipt in list(book.unfetched):
                await fetch(http, gate, receipt, book)
        except (aiohttp.ClientError, ConnectionError):
            return
    waiting = [receipt for receipt in book.since if receipt in book.leaves]
    until = time.monotonic() + patience
    while not gate.process.ended:
        audit.read()
        for receipt in waiting:
            if book.leaves[receipt] in audit.leaves:
                book.included(receipt)
        waiting = [receipt for receipt in waiting if receipt in book.since]
        if not waiting:
            return
        if time.monotonic() > until:
            raise Conflict(f"{len(waiting)} promised entries are not in the log after {patience} s: {waiting[0]!r}")
        await asyncio.sleep(0.05)


async def started(start: Start, data: Path, *options: str) -> Process:
    """A gateway on a folder; it is not ready yet."""
    return await start("serve", "--port", "0", "--data", str(data), *options)


async def ready(process: Process) -> Gateway:
    """Wait until it serves. A gateway that refuses to start after a crash breaks its promise."""
    line = await asyncio.wait_for(process.line(), START_SECONDS)
    if not line:
        raise Conflict(f"the gateway does not start: {await process.wait()}")
    told = json.loads(line)
    return Gateway(process, told["url"], told["key"])


@asynccontextmanager
async def served(start: Start, data: Path, *options: str) -> AsyncIterator[Gateway]:
    """A gateway that is stopped in order at the end."""
    process = await started(start, data, *options)
    try:
        yield await ready(process)
    finally:
        process.send(signal.SIGTERM)
        code, said = await process.wait()
    if code != 0:
        raise Conflict(f"the gateway ended with {code}: {said}")
