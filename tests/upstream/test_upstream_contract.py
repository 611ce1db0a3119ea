"""The scripted upstream and the one over HTTP keep the same contract; HTTP's own faults get their own names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from overt.core.domain import ModelName
from overt.core.exchange import Verbatim
from overt.errors import UpstreamGarbage, UpstreamTimeout, UpstreamUnreachable
from overt.testing.contracts.upstream import ASKED, HEADERS, check_upstream, read_all
from overt.testing.upstream import Answer, ScriptedUpstream
from overt.upstream.http import HttpUpstream, Timeouts

BODY = b'{"type":"message","odd":"\\u00e9"}'
Serve = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[str]:
    """A server on a free loopback port that reads one request at a time and lets ``serve`` answer."""

    open_ones: dict[asyncio.StreamWriter, asyncio.Task[object] | None] = {}

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones[writer] = asyncio.current_task()
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next((int(x[15:]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")), 0)
                body = await reader.readexactly(length)
                await serve(head + body, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    listener = await asyncio.start_server(connection, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        listener.close()
        for writer, task in open_ones.items():
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def answer(status: int, body: bytes, *, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\r\n".encode() + body


async def echo(request: bytes, writer: asyncio.StreamWriter) -> None:
    models = b'{"data":[{"id":"m","type":"model"}],"has_more":false}'
    writer.write(answer(200, models if request.startswith(b"GET") else BODY))


async def fail(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(529, b'{"type":"error"}'))


async def cut(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(200, b'{"type"', length=500))
    await writer.drain()
    writer.close()


async def stay_silent(_: bytes, writer: asyncio.StreamWriter) -> None:
    del writer
    await asyncio.sleep(5)


async def fall_silent(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(200, b'{"type"', length=500))
    await writer.drain()
    await asyncio.sleep(5)


async def speak_gibberish(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"what?\r\n\r\n")


async def send_elsewhere(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")


def test_the_scripted_upstream_keeps_the_contract() -> None:
    asyncio.run(
        check_upstream(
            ScriptedUpstream({"m": [Answer(body=BODY)]}),
            BODY,
            ScriptedUpstream({"m": [Answer(status=529, body=b"{}")]}),
            529,
            ScriptedUpstream({"m": [Answer(body=BODY, cut_at=7)]}),
        )
    )


def test_the_upstream_over_http_keeps_the_contract() -> None:
    async def run() -> None:
        async with server(echo) as one, server(fail) as two, server(cut) as three:
            await check_upstream(
                HttpUpstream(name="a", url=one),
                BODY,
                HttpUpstream(name="b", url=two),
                529,
                HttpUpstream(name="c", url=three),
            )

    asyncio.run(run())


def test_the_body_query_and_unknown_headers_reach_the_server_unchanged() -> None:
    seen: list[bytes] = []

    async def note(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        writer.write(answer(200, BODY))

    async def run() -> None:
        async with server(note) as url:
            upstream = HttpUpstream(name="a", url=url, credential=("x-api-key", "operators"))
            headers = (*HEADERS, ("x-api-key", "callers"), ("authorization", "Bearer callers"), ("x-odd", "1"))
            await read_all(await upstream.send(ASKED, path="/v1/messages?beta=true", headers=headers))
            await upstream.aclose()

    asyncio.run(run())
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert body == ASKED.body
    assert head.startswith(b"POST /v1/messages?beta=true HTTP/1.1")
    assert b"x-odd: 1" in head
    assert b"operators" in head
    assert b"callers" not in head


@pytest.mark.parametrize(
    ("serve", "error"),
    [
        pytest.param(stay_silent, UpstreamTimeout, id="never answers"),
        pytest.param(fall_silent, UpstreamTimeout, id="falls silent"),
        pytest.param(speak_gibberish, UpstreamGarbage, id="speaks no HTTP"),
        pytest.param(cut, UpstreamUnreachable, id="breaks off"),
    ],
)
def test_each_fault_of_a_server_has_its_own_name(serve: Serve, error: type[Exception]) -> None:
    async def run() -> None:
        async with server(serve) as url:
            upstream = HttpUpstream(name="lab", url=url, timeouts=Timeouts(connect=1, first_byte=0.3, idle=0.3))
            try:
                await read_all(await upstream.send(ASKED, path="/v1/messages", headers=HEADERS))
            finally:
                await upstream.aclose()

    with pytest.raises(error, match="'lab'"):
        asyncio.run(run())


def test_a_closed_port_is_unreachable() -> None:
    async def run() -> None:
        upstream = HttpUpstream(name="lab", url="http://127.0.0.1:1")
        try:
            await upstream.send(Verbatim(b"{}", ModelName("m")), path="/v1/messages", headers=())
        finally:
            await upstream.aclose()

    with pytest.raises(UpstreamUnreachable, match="'lab'"):
        asyncio.run(run())


def test_a_redirect_of_the_server_is_handed_on_and_never_followed() -> None:
    async def run() -> int:
        async with server(send_elsewhere) as url:
            upstream = HttpUpstream(name="lab", url=url)
            reply = await upstream.send(ASKED, path="/v1/messages", headers=HEADERS)
            await read_all(reply)
            await upstream.aclose()
            return reply.status

    assert asyncio.run(run()) == 307
