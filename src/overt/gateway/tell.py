"""Serving what was settled: relayed as it came, or told as another model's (flow steps 11 and 12).

Both begin with a `Position`: the record is durable. A whole reply is given as bytes, a stream unit by unit. Where the
upstream breaks off, an error event says so; the bytes before it are its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from overt.core.decision import Action
from overt.core.exchange import Composed, served_bytes
from overt.core.receipt import Position
from overt.core.serve import Relaying, Transcript
from overt.errors import UpstreamError
from overt.gateway.attempt import Attempt
from overt.wire.anthropic.redirect import RedirectedStream, Retold, redirect_body

Broken = Callable[[UpstreamError], Composed]
"""The protocol's error event for an upstream that broke off."""
Complete = Callable[[bytes], Awaitable[object]]
"""Records the completion of a reply that was changed, given the bytes that were served."""


def relay_body(reply: Attempt, action: Action, position: Position) -> bytes:
    """A whole reply, as it came."""
    state, transcript = Relaying(position), Transcript()
    served = bytearray()
    for unit in reply.units:
        transcript.received(unit.raw)
        served += transcript.served(state.relay(unit))
    transcript.seal(action)
    return bytes(served)


async def relay_stream(reply: Attempt, action: Action, position: Position, broken: Broken) -> AsyncIterator[bytes]:
    """A stream, as it comes."""
    state, transcript = Relaying(position), Transcript()
    try:
        for unit in reply.units:
            transcript.received(unit.raw)
            yield transcript.served(state.relay(unit))
        if reply.rest is not None:
            async for unit in reply.rest:
                transcript.received(unit.raw)
                yield transcript.served(state.relay(unit))
        transcript.seal(action)
    except UpstreamError as error:
        yield transcript.served(state.break_off(broken(error)))
    finally:
        await reply.aclose()


async def retell_body(reply: Attempt, retold: Retold, position: Position, complete: Complete) -> bytes:
    """A whole reply, told as another model's. Its completion is recorded before it leaves."""
    state = Relaying(position)
    served = b"".join(served_bytes(each) for unit in reply.units for each in redirect_body(state, retold, unit))
    await complete(served)
    return served


async def retell_stream(
    reply: Attempt, retold: Retold, position: Position, broken: Broken, complete: Complete
) -> AsyncIterator[bytes]:
    """A stream, told as another model's; the first unit carries the notice."""
    state, served = Relaying(position), bytearray()
    stream = RedirectedStream(state, retold)
    try:
        for unit in reply.units:
            for each in stream.feed(unit):
                served += (raw := served_bytes(each))
                yield raw
        if reply.rest is not None:
            async for unit in reply.rest:
                for each in stream.feed(unit):
                    served += (raw := served_bytes(each))
                    yield raw
    except UpstreamError as error:
        served += (raw := served_bytes(state.break_off(broken(error))))
        yield raw
    finally:
        await reply.aclose()
    await complete(bytes(served))
