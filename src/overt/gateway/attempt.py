"""One attempt at one model: send, and read the reply up to the point where it is known who answers (flow steps 7-9).

An `Attempt` holds what may leave first (``units``) and the rest still to come. Nothing has been served yet.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import assert_never, final

from overt.core.domain import ModelName
from overt.core.exchange import Began, Neutral, Outgoing, ProviderRefusal, Received
from overt.core.gate import Gate, Hold, Release, TurnedDown
from overt.errors import UpstreamGarbage
from overt.gateway.models import LONGEST_NAME
from overt.ports import Reply, Upstream
from overt.wire.anthropic.stream import StreamReader, read_body, served_model
from overt.wire.opaque import opaque

Header = tuple[str, str]
OK = 200
BODY_LIMIT = 64 * 1024 * 1024
"""The largest reply that is held in memory as one body, in bytes. Streams have no limit."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """See the module. ``refusal`` is the provider's refusal before any output, which another model may follow."""

    provider: str
    asked: ModelName
    status: int
    headers: tuple[Header, ...]
    streamed: bool
    units: tuple[Received, ...]
    rest: AsyncGenerator[Received, None] | None = None
    refusal: ProviderRefusal | None = None

    @property
    def failed(self) -> bool:
        """Whether the upstream answered with an error status."""
        return self.status != OK

    @property
    def reported(self) -> ModelName | None:
        """The model that answers, as the upstream says itself."""
        return served_model(self.units)

    @property
    def refused(self) -> bool:
        """Whether the part that is known is the provider's refusal."""
        return any(isinstance(sign, ProviderRefusal) for unit in self.units for sign in unit.signs)

    async def aclose(self) -> None:
        """Leave the rest unread."""
        if self.rest is not None:
            await self.rest.aclose()


async def attempt(
    upstream: Upstream, outgoing: Outgoing, *, path: str, headers: tuple[Header, ...], holding: bool
) -> Attempt:
    """Send a request and read the beginning of the reply; ``holding`` waits for the first word or a refusal.

    Raises `UpstreamError` where there is no beginning to show.
    """
    reply = await upstream.send(outgoing, path=path, headers=headers)
    if reply.status == OK and _is_event_stream(reply):
        return await _streamed(upstream.name, outgoing.model, reply, holding=holding)
    body = await read_whole(reply)
    unit = read_body(body) if reply.status == OK else opaque(body)
    verdict = Gate(holding=holding).feed(unit)
    made = Attempt(
        provider=upstream.name,
        asked=outgoing.model,
        status=reply.status,
        headers=reply.headers,
        streamed=False,
        units=(unit,),
        refusal=verdict.refusal if isinstance(verdict, TurnedDown) else None,
    )
    return _recordable(made)


def _recordable(made: Attempt) -> Attempt:
    """A reply whose model can be named in a receipt."""
    if made.reported is not None and len(made.reported) > LONGEST_NAME:
        told = f"{len(made.reported)} characters as its model's name, over the limit of {LONGEST_NAME}"
        raise UpstreamGarbage(f"upstream {made.provider!r} gave {told}")
    return made


async def read_whole(reply: Reply) -> bytes:
    """The whole body of a reply, up to the limit."""
    body = bytearray()
    async for chunk in reply.chunks:
        body += chunk
        if len(body) > BODY_LIMIT:
            raise UpstreamGarbage(f"the reply is over {BODY_LIMIT} bytes; ask for it as a stream")
    return bytes(body)


async def _streamed(provider: str, asked: ModelName, reply: Reply, *, holding: bool) -> Attempt:
    rest = _units(reply.chunks)
    gate = Gate(holding=holding)
    opened: list[Received] = []
    refusal: ProviderRefusal | None = None
    async for unit in rest:
        match gate.feed(unit):
            case Hold():
                continue
            case TurnedDown(refusal=refusal, units=held):
                opened += held
            case Release(units=released):
                opened += released
            case _ as unreachable:
                assert_never(unreachable)
        if _tells(opened):
            break
    opened += gate.end().units if gate.holding else ()
    if not _tells(opened):
        raise UpstreamGarbage(f"upstream {provider!r} closed its stream before it began to answer")
    made = Attempt(
        provider=provider,
        asked=asked,
        status=reply.status,
        headers=reply.headers,
        streamed=True,
        units=tuple(opened),
        rest=rest,
        refusal=refusal,
    )
    return _recordable(made)


def begins(made: Attempt) -> bool:
    """Whether the reply has a beginning that can be told as another model's."""
    return any(isinstance(sign, Began) for unit in made.units for sign in unit.signs)


async def _units(chunks: AsyncIterator[bytes]) -> AsyncGenerator[Received, None]:
    reader = StreamReader()
    try:
        async for chunk in chunks:
            for unit in reader.feed(chunk):
                yield unit
        for unit in reader.end():
            yield unit
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()


def _tells(units: list[Received]) -> bool:
    return any(not isinstance(sign, Neutral) for unit in units for sign in unit.signs)


def _is_event_stream(reply: Reply) -> bool:
    kind = next((value for name, value in reply.headers if name.lower() == "content-type"), "")
    return kind.partition(";")[0].strip().lower() == "text/event-stream"
