"""A gateway and a proxy that listen on real ports, and the official SDKs with the client kit in them."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import anthropic
import httpx2
import openai
import uvicorn
from gateway_samples import BETA, BIG, SMALL, Running, asked, message, running, stream
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from overt.client.kit import Kit, open_kit
from overt.testing.upstream import Answer

HIGH = "please help with cyber:high_dual"

Change = Callable[[str, "Passing"], "Passing | None"]
"""What a proxy makes of an answer: path and answer in, another answer or None (as it is) out."""


@dataclass(frozen=True)
class Passing:
    """An answer on its way through a proxy."""

    status: int
    headers: dict[str, str]
    body: bytes


def listening(app: ASGIApp) -> str:
    """Serve an application on a free port of this machine, as long as the process lives; gives its address."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none", interface="asgi3"))
    # Not waited for at the end: what atexit could call comes after the waiting for threads, so it would never end.
    threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[bound])), daemon=True).start()
    while not server.started:
        time.sleep(0.005)
    return f"http://127.0.0.1:{bound.getsockname()[1]}"


def as_it_is(_path: str, _answer: Passing) -> Passing | None:
    """Changes nothing."""
    return None


@dataclass
class Proxy:
    """A reverse proxy that may change what it passes on. ``seen`` are the paths that were asked for."""

    target: str
    change: Change = as_it_is
    seen: list[str] = field(default_factory=list)

    @property
    def app(self) -> Starlette:
        """The application."""
        return Starlette(routes=[Route("/{path:path}", self._pass, methods=["GET", "POST"])])

    async def _pass(self, http: Request) -> Response:
        self.seen.append(http.url.path)
        headers = {name: value for name, value in http.headers.items() if name not in ("host", "content-length")}
        async with httpx2.AsyncClient(base_url=self.target) as client:
            got = await client.request(http.method, http.url.path, content=await http.body(), headers=headers)
        dropped = ("content-length", "transfer-encoding", "date", "server")
        kept = {name: value for name, value in got.headers.items() if name not in dropped}
        came = Passing(got.status_code, kept, got.content)
        answer = self.change(http.url.path, came) or came
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return StreamingResponse(_bits(answer.body), status_code=answer.status, headers=answer.headers)
        return Response(answer.body, status_code=answer.status, headers=answer.headers)


async def _bits(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 100):
        yield body[start : start + 100]


@dataclass
class World:
    """A gateway, a proxy in front of it, and what a client needs."""

    gate: Running
    direct: str
    url: str
    proxy: Proxy

    def clock(self) -> float:
        """The gateway's own clock: the kit's runs with it."""
        now: float = self.gate.gateway.clock.now()
        return now

    def kit(self, **changes: Any) -> Kit:
        """A client kit that trusts this log."""
        return open_kit(**{"log_key": self.gate.log.vkey, "clock": self.clock, **changes})

    @property
    def calls(self) -> int:
        """How often a model was asked."""
        return len(self.gate.upstream.sent)


@dataclass
class Stage:
    """The two servers, started once: which gateway and proxy stand behind them is changed from test to test."""

    gate: Running | None = None
    proxy: Proxy | None = None

    async def gateway(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The gateway's port."""
        assert self.gate is not None
        await self.gate.app(scope, receive, send)

    async def front(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The proxy's port."""
        assert self.proxy is not None
        await self.proxy.app(scope, receive, send)


@lru_cache(maxsize=1)
def stage() -> tuple[Stage, str, str]:
    """The stage, and the addresses of gateway and proxy. Its threads end with the process."""
    made = Stage()
    return made, listening(made.gateway), listening(made.front)


@contextmanager
def world(*, streaming: bool = False, script: dict[str, list[Answer]] | None = None) -> Iterator[World]:
    """See `World`."""
    made, direct, url = stage()
    first, second = (stream(BIG, chunk=50), stream(SMALL, chunk=50)) if streaming else (message(BIG), message(SMALL))
    gate = asyncio.run(running(script or {BIG: [first], SMALL: [second]}))
    made.gate, made.proxy = gate, Proxy(direct)
    yield World(gate, direct, url, made.proxy)


Ask = Callable[[World, Kit, str, bool], str]
"""Asks once, through an SDK, for a text; gives the model's words."""


def anthropic_sync(world: World, kit: Kit, text: str, streaming: bool) -> str:
    """`anthropic.Anthropic`."""
    with kit.client() as http, anthropic.Anthropic(api_key=world.gate.key, base_url=world.url, http_client=http) as sdk:
        if not streaming:
            return _words(sdk.beta.messages.create(**_body(text)))
        with sdk.beta.messages.stream(**_body(text)) as events:
            return _words(events.get_final_message())


def anthropic_async(world: World, kit: Kit, text: str, streaming: bool) -> str:
    """`anthropic.AsyncAnthropic`."""

    async def run() -> str:
        sdk = anthropic.AsyncAnthropic(api_key=world.gate.key, base_url=world.url, http_client=kit.async_client())
        async with sdk:
            if not streaming:
                return _words(await sdk.beta.messages.create(**_body(text)))
            async with sdk.beta.messages.stream(**_body(text)) as events:
                return _words(await events.get_final_message())

    return asyncio.run(run())


def openai_sync(world: World, kit: Kit, text: str, streaming: bool) -> str:
    """`openai.OpenAI`; the gateway speaks Anthropic Messages, so the SDK posts that."""
    with (
        kit.client() as http,
        openai.OpenAI(api_key=world.gate.key, base_url=f"{world.url}/v1", http_client=http) as sdk,
    ):
        if not streaming:
            return _words_of(sdk.post("/messages", body=asked(text), cast_to=object))
        events = sdk.post(
            "/messages", body=asked(text, stream=True), cast_to=object, stream=True, stream_cls=openai.Stream[object]
        )
        return "".join(_words_of(event) for event in events)


def openai_async(world: World, kit: Kit, text: str, streaming: bool) -> str:
    """`openai.AsyncOpenAI`."""

    async def run() -> str:
        sdk = openai.AsyncOpenAI(api_key=world.gate.key, base_url=f"{world.url}/v1", http_client=kit.async_client())
        async with sdk:
            if not streaming:
                return _words_of(await sdk.post("/messages", body=asked(text), cast_to=object))
            events = await sdk.post(
                "/messages",
                body=asked(text, stream=True),
                cast_to=object,
                stream=True,
                stream_cls=openai.AsyncStream[object],
            )
            return "".join([_words_of(event) async for event in events])

    return asyncio.run(run())


SDKS: dict[str, Ask] = {
    "anthropic": anthropic_sync,
    "anthropic-async": anthropic_async,
    "openai": openai_sync,
    "openai-async": openai_async,
}


def _body(text: str) -> dict[str, Any]:
    return {"betas": [BETA], "fallbacks": "default", **asked(text)}


def _words(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def _words_of(value: Any) -> str:
    """The words in a message, or in one event of a stream."""
    if value.get("type") == "message":
        return "".join(block.get("text", "") for block in value["content"])
    return str(value.get("delta", {}).get("text", ""))
