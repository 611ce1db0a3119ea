"""The transports, sync and async, that an HTTP client (so also an official SDK) sends its requests through.

Requests go on as they are, with three header fields more. An answer is handed over once `overt.client.guard` is
satisfied; else an `UnprovenAnswer` is raised and nothing is retried. A stream is handed over as it comes, but for its
last event, which waits until its bytes are verified.
"""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Final, TypeVar, final

import anyio.to_thread
import httpx2

from overt.client.guard import WITHOUT_RECEIPT, Guard, Held, Sent
from overt.client.steps import Course, Get, Got, Save, Step
from overt.errors import UnprovenAnswer

T = TypeVar("T")
LARGEST: Final = 4 * 1024 * 1024
"""The largest file that is fetched for a check, in bytes."""
TIMEOUT: Final = {"connect": 10.0, "read": 30.0, "write": 10.0, "pool": 10.0}
_KEYS: Final = ("x-api-key", "authorization")
_LAST: Final = re.compile(rb"(?:\A|[\r\n])(?:event: ?(?:message_stop|response\.completed)|data: ?\[DONE\])")
_TAIL: Final = 64
_SDKS: Final = (("anthropic", "AnthropicError"), ("openai", "OpenAIError"))


@final
class ReceiptTransport(httpx2.BaseTransport):
    """For `httpx2.Client`, around another transport."""

    def __init__(self, guard: Guard, inner: httpx2.BaseTransport) -> None:
        self._guard = guard
        self._inner = inner

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send, and check what comes back."""
        if not _needs_receipt(request):
            return self._inner.handle_request(request)
        sent = self._guard.sent(request.url.path, request.read())
        request.headers.update(self._guard.fields(request.headers.get("prefer")))
        response = self._inner.handle_request(request)
        try:
            return self._checked(request, response, sent)
        except UnprovenAnswer as fault:
            response.close()
            raise for_sdks(fault) from fault.__cause__
        except BaseException:
            response.close()
            raise

    def run(self, course: Course[T], request: httpx2.Request) -> T:
        """Carry out the steps of a check, with the key of this request."""
        try:
            step = next(course)
            while True:
                step = course.send(self._do(step, request))
        except StopIteration as end:
            result: T = end.value
            return result

    def close(self) -> None:
        """Save what is remembered, and close the connections."""
        self._guard.memory.save()
        self._inner.close()

    def _checked(self, request: httpx2.Request, response: httpx2.Response, sent: Sent) -> httpx2.Response:
        held = self.run(self._guard.decided(sent, response.status_code, response.headers), request)
        if held is None:
            return response
        if _is_stream(response):
            assert isinstance(response.stream, httpx2.SyncByteStream)
            return _with(response, _CheckedStream(self, request, response.stream, sent, held))
        body = b"".join(response.iter_raw())
        self.run(self._guard.completed(sent, held, body), request)
        return _with(response, httpx2.ByteStream(body))

    def finish(self, request: httpx2.Request, sent: Sent, held: Held, body: bytes) -> None:
        """The stream ended: check it."""
        try:
            self.run(self._guard.completed(sent, held, body), request)
        except UnprovenAnswer as fault:
            raise for_sdks(fault) from fault.__cause__

    def leave(self, held: Held) -> None:
        """The stream was left before its end."""
        self._guard.left(held)

    def _do(self, step: Step, request: httpx2.Request) -> Got:
        if isinstance(step, Save):
            self._guard.memory.save()
            return Got(0)
        try:
            response = self._inner.handle_request(_fetch(step, request))
            try:
                return _got(response.status_code, _bounded(response.iter_raw()))
            finally:
                response.close()
        except httpx2.TransportError as fault:
            return Got(0, str(fault).encode())


@final
class AsyncReceiptTransport(httpx2.AsyncBaseTransport):
    """For `httpx2.AsyncClient`, around another transport."""

    def __init__(self, guard: Guard, inner: httpx2.AsyncBaseTransport) -> None:
        self._guard = guard
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send, and check what comes back."""
        if not _needs_receipt(request):
            return await self._inner.handle_async_request(request)
        sent = self._guard.sent(request.url.path, await request.aread())
        request.headers.update(self._guard.fields(request.headers.get("prefer")))
        response = await self._inner.handle_async_request(request)
        try:
            return await self._checked(request, response, sent)
        except UnprovenAnswer as fault:
            await response.aclose()
            raise for_sdks(fault) from fault.__cause__
        except BaseException:
            await response.aclose()
            raise

    async def run(self, course: Course[T], request: httpx2.Request) -> T:
        """Carry out the steps of a check, with the key of this request."""
        try:
            step = next(course)
            while True:
                step = course.send(await self._do(step, request))
        except StopIteration as end:
            result: T = end.value
            return result

    async def aclose(self) -> None:
        """Save what is remembered, and close the connections."""
        await anyio.to_thread.run_sync(self._guard.memory.save)
        await self._inner.aclose()

    async def _checked(self, request: httpx2.Request, response: httpx2.Response, sent: Sent) -> httpx2.Response:
        held = await self.run(self._guard.decided(sent, response.status_code, response.headers), request)
        if held is None:
            return response
        if _is_stream(response):
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            return _with(response, _AsyncCheckedStream(self, request, response.stream, sent, held))
        body = b"".join([chunk async for chunk in response.aiter_raw()])
        await self.run(self._guard.completed(sent, held, body), request)
        return _with(response, httpx2.ByteStream(body))

    async def finish(self, request: httpx2.Request, sent: Sent, held: Held, body: bytes) -> None:
        """The stream ended: check it."""
        try:
            await self.run(self._guard.completed(sent, held, body), request)
        except UnprovenAnswer as fault:
            raise for_sdks(fault) from fault.__cause__

    def leave(self, held: Held) -> None:
        """The stream was left before its end."""
        self._guard.left(held)

    async def _do(self, step: Step, request: httpx2.Request) -> Got:
        if isinstance(step, Save):
            await anyio.to_thread.run_sync(self._guard.memory.save)
            return Got(0)
        try:
            response = await self._inner.handle_async_request(_fetch(step, request))
            try:
                body = bytearray()
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) > LARGEST:
                        break
                return _got(response.status_code, bytes(body))
            finally:
                await response.aclose()
        except httpx2.TransportError as fault:
            return Got(0, str(fault).encode())


@final
class _Held:
    """The bytes of a stream as they come: which may be handed over, and which wait for the end."""

    def __init__(self) -> None:
        self._whole = bytearray()
        self._given = 0
        self._last = False

    @property
    def whole(self) -> bytes:
        """Every byte that came."""
        return bytes(self._whole)

    @property
    def waiting(self) -> bytes:
        """What was not handed over."""
        return bytes(self._whole[self._given :])

    def feed(self, chunk: bytes) -> bytes:
        """More came: what of it may be handed over."""
        start = len(self._whole)
        self._whole += chunk
        if self._last:
            return b""
        found = _LAST.search(self._whole, max(0, start - _TAIL))
        if found is not None:
            self._last = True
        end = len(self._whole) if found is None else max(self._given, found.start())
        given = bytes(self._whole[self._given : end])
        self._given = end
        return given


@final
class _CheckedStream(httpx2.SyncByteStream):
    def __init__(
        self, transport: ReceiptTransport, request: httpx2.Request, inner: httpx2.SyncByteStream, sent: Sent, held: Held
    ) -> None:
        self._transport = transport
        self._request = request
        self._inner = inner
        self._sent = sent
        self._decision = held
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        bytes_ = _Held()
        for chunk in self._inner:
            if given := bytes_.feed(chunk):
                yield given
        self._ended = True
        self._transport.finish(self._request, self._sent, self._decision, bytes_.whole)
        if bytes_.waiting:
            yield bytes_.waiting

    def close(self) -> None:
        self._inner.close()
        if not self._ended:
            self._ended = True
            self._transport.leave(self._decision)


@final
class _AsyncCheckedStream(httpx2.AsyncByteStream):
    def __init__(
        self,
        transport: AsyncReceiptTransport,
        request: httpx2.Request,
        inner: httpx2.AsyncByteStream,
        sent: Sent,
        held: Held,
    ) -> None:
        self._transport = transport
        self._request = request
        self._inner = inner
        self._sent = sent
        self._decision = held
        self._ended = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        bytes_ = _Held()
        async for chunk in self._inner:
            if given := bytes_.feed(chunk):
                yield given
        self._ended = True
        await self._transport.finish(self._request, self._sent, self._decision, bytes_.whole)
        if bytes_.waiting:
            yield bytes_.waiting

    async def aclose(self) -> None:
        await self._inner.aclose()
        if not self._ended:
            self._ended = True
            self._transport.leave(self._decision)


def _needs_receipt(request: httpx2.Request) -> bool:
    """Whatever is posted, but for the few paths where no model answers: an unknown path is not excused."""
    return request.method == "POST" and not request.url.path.endswith(tuple(WITHOUT_RECEIPT))


def _is_stream(response: httpx2.Response) -> bool:
    kind = response.headers.get("content-type", "")
    return str(kind).partition(";")[0].strip().lower() == "text/event-stream"


def _with(response: httpx2.Response, stream: httpx2.SyncByteStream | httpx2.AsyncByteStream) -> httpx2.Response:
    """The same answer with its body read through another stream."""
    return httpx2.Response(
        response.status_code, headers=response.headers, stream=stream, extensions=response.extensions
    )


def _fetch(step: Get, request: httpx2.Request) -> httpx2.Request:
    """A request to the same gateway; only what is private goes with the caller's key."""
    headers: Mapping[str, str] = {name: request.headers[name] for name in _KEYS if name in request.headers}
    return httpx2.Request(
        "GET",
        request.url.copy_with(path=step.path, query=None),
        headers={"accept-encoding": "identity", **(headers if step.private else {})},
        extensions={"timeout": TIMEOUT},
    )


def _bounded(chunks: Iterator[bytes]) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > LARGEST:
            break
    return bytes(body)


def _got(status: int, body: bytes) -> Got:
    if len(body) > LARGEST:
        return Got(0, b"it is over %d bytes" % LARGEST)
    return Got(status, body)


def for_sdks(fault: UnprovenAnswer) -> UnprovenAnswer:
    """The fault in a form that the SDKs in this process let through.

    They take whatever a transport raises for a lost connection, ask the model again, and at last raise that the
    connection failed. An error that is also of their own family they raise as it is, at once.
    """
    found = (getattr(sys.modules.get(name), error, None) for name, error in _SDKS)
    families = tuple(each for each in found if isinstance(each, type))
    if not families:
        return fault
    kind = type(fault)
    both: type[UnprovenAnswer] = type(kind.__name__, (kind, *families), {"__module__": kind.__module__})
    return both(*fault.args)
