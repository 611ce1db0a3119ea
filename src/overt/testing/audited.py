"""An endpoint to audit: an HTTP server on this machine that serves a simulated model, honestly or with faults.

    async with AuditedServer(endpoint=SimulatedEndpoint(serves=good, seed=1, faults=swap(weak, share=0.2))) as server:
        client = anthropic.AsyncAnthropic(base_url=server.url, api_key="k")

The n-th answer to a prompt is ``endpoint.answer(Asked(prompt=…, call=n, day=server.day))``, whoever asks and in
whichever shape: what holds for the endpoint directly holds over HTTP. A request that met trouble is not counted, so a
caller who tries again gets the answer that he would have got. ``day``, ``endpoint`` and ``trouble`` may be changed at
any time; ``received`` holds every request, ``served`` the truth about every answer.

In a terminal: ``python -m overt.testing.audited --fault topic --topic bio --q 0.5``.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, final

from aiohttp import web

from overt.audit.plan import Api
from overt.errors import BadRequest
from overt.testing.audited_options import options
from overt.testing.audited_shapes import PATHS, Request, Served, Tells, answer, error, read
from overt.testing.audited_trouble import Trouble
from overt.testing.language_models import Asked, SimulatedEndpoint
from overt.testing.local import LocalSite, broken_off

LARGEST_REQUEST: Final = 16 * 1024 * 1024


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One request as it came: its body, and its headers with lower-case names."""

    api: Api
    headers: Mapping[str, str]
    body: bytes


@final
@dataclass(slots=True, kw_only=True)
class AuditedServer:
    """See the module. An asynchronous context manager; ``url`` is there once it is entered.

    With a ``key`` only callers who show it (``x-api-key``, or as a bearer) are answered.
    """

    endpoint: SimulatedEndpoint
    trouble: Trouble = field(default_factory=Trouble)
    tells: Tells = field(default_factory=Tells)
    key: str | None = None
    day: int = 0
    url: str = ""
    received: list[Arrived] = field(default_factory=list)
    served: list[Served] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    _calls: dict[tuple[int, str], int] = field(default_factory=dict)
    _site: LocalSite = field(default_factory=LocalSite)

    async def __aenter__(self) -> AuditedServer:
        self.url = await self._site.open(self.app())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._site.close()

    def app(self) -> web.Application:
        """The web application, for a server of one's own."""
        app = web.Application(client_max_size=LARGEST_REQUEST)
        app.router.add_post(PATHS[Api.ANTHROPIC], self._anthropic)
        app.router.add_post(PATHS[Api.CHAT], self._chat)
        app.router.add_post(PATHS[Api.RESPONSES], self._responses)
        return app

    async def _anthropic(self, request: web.Request) -> web.StreamResponse:
        return await self._take(Api.ANTHROPIC, request)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await self._take(Api.CHAT, request)

    async def _responses(self, request: web.Request) -> web.StreamResponse:
        return await self._take(Api.RESPONSES, request)

    async def _take(self, api: Api, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        number = len(self.received)
        self.received.append(Arrived(api=api, headers=headers, body=await request.read()))
        if self.key is not None and not _shows(self.key, headers):
            return _failed(api, 401, "invalid x-api-key" if api is Api.ANTHROPIC else "Incorrect API key provided")
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._reply(api, request, number)
        finally:
            self._at_once -= 1

    async def _reply(self, api: Api, request: web.Request, number: int) -> web.StreamResponse:
        """Trouble, a complaint about the request, or the answer."""
        trouble = self.trouble
        await self._site.wait(trouble.latency(number))
        full = trouble.most_at_once is not None and self._at_once > trouble.most_at_once
        if full or trouble.strikes("limited", number, trouble.limited):
            after = {"retry-after": str(trouble.retry_after_s)}
            return _failed(api, 429, "too many requests: wait as long as retry-after says", after)
        if trouble.strikes("broken", number, trouble.broken):
            return _failed(api, trouble.broken_status, "the simulated endpoint is in trouble")
        try:
            asked = read(api, json.loads(await request.read()))
        except (ValueError, RecursionError) as wrong:
            return _failed(api, 400, f"the body is not JSON: {wrong}")
        except BadRequest as wrong:
            return _failed(api, 400, str(wrong))
        served = self._serve(asked, number)
        whole = json.dumps(answer(served)).encode()
        if trouble.strikes("cut", number, trouble.cut):
            return await broken_off(request, whole)
        self._calls[self.day, asked.prompt] = served.asked.call + 1
        self.served.append(served)
        return web.Response(body=whole, content_type="application/json", headers=_ids(served.name))

    def _serve(self, request: Request, number: int) -> Served:
        asked = Asked(
            prompt=request.prompt,
            call=self._calls.get((self.day, request.prompt), 0),
            day=self.day,
            temperature=request.temperature,
            most=request.most,
        )
        return Served(
            number=number,
            request=request,
            asked=asked,
            spoken=self.endpoint.answer(asked),
            claimed=self.endpoint.serves.name,
            declared=self.endpoint.faults.declared,
            tells=self.tells,
        )


def _shows(key: str, headers: Mapping[str, str]) -> bool:
    return headers.get("x-api-key") == key or headers.get("authorization") == f"Bearer {key}"


def _ids(name: str) -> dict[str, str]:
    return {"request-id": f"req_{name}", "x-request-id": f"req_{name}"}


def _failed(api: Api, status: int, said: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response(error(api, status, said), status=status, headers=dict(headers or {}))


def main(arguments: list[str] | None = None) -> None:
    """Serve until interrupted; one line of JSON on standard output says where."""
    asked = options(sys.argv[1:] if arguments is None else arguments)
    server = AuditedServer(
        endpoint=asked.endpoint, trouble=asked.trouble, tells=asked.tells, key=asked.key, day=asked.day
    )
    asyncio.run(_serve(server, asked.port))


async def _serve(server: AuditedServer, port: int) -> None:
    ended = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    runner = web.AppRunner(server.app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    sys.stdout.write(json.dumps({"ready": True, "url": url, "model": server.endpoint.serves.name}) + "\n")
    sys.stdout.flush()
    await ended.wait()
    await runner.cleanup()


if __name__ == "__main__":
    main()
