"""Serving what was settled: relayed as it came, or told as another model's (flow steps 11 and 12).

Both begin with a `Position`: the record is durable. A whole reply is given as bytes, a stream unit by unit. Where the
upstream breaks off, an error event says so; the bytes before it are its own. How a stream ends, and what is recorded
of it then, is `overt.gateway.closing`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

from overt.core.decision import Action
from overt.core.exchange import Composed, served_bytes
from overt.core.receipt import Position
from overt.core.serve import Relaying, Transcript
from overt.errors import UpstreamError
from overt.gateway.attempt import Attempt
from overt.wire.anthropic.redirect import RedirectedStream, Retold, redirect_body

Broken = Callable[[UpstreamError], Composed]
"""The protocol's error event for an upstream that broke off."""


def relay_body(reply: Attempt, action: Action, position: Position) -> bytes:
    """A whole reply, as it came."""
    state, transcript = Relaying(position), Transcript()
    served = bytearray()
    for unit in reply.units:
        transcript.received(unit.raw)
        served += transcript.served(state.relay(unit))
    transcript.seal(action)
    return bytes(served)


async def relay_stream(
    reply: Attempt, action: Action, position: Position, broken: Broken
) -> AsyncGenerator[bytes, None]:
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


def retell_body(reply: Attempt, retold: Retold, position: Position) -> bytes:
    """A whole reply, told as another model's."""
    state = Relaying(position)
    return b"".join(served_bytes(each) for unit in reply.units for each in redirect_body(state, retold, unit))


async def retell_stream(
    reply: Attempt, retold: Retold, position: Position, broken: Broken
) -> AsyncGenerator[bytes, None]:
    """A stream, told as another model's; the first unit carries the notice."""
    state = Relaying(position)
    stream = RedirectedStream(state, retold)
    try:
        for unit in reply.units:
            for each in stream.feed(unit):
                yield served_bytes(each)
        if reply.rest is not None:
            async for unit in reply.rest:
                for each in stream.feed(unit):
                    yield served_bytes(each)
    except UpstreamError as error:
        yield served_bytes(state.break_off(broken(error)))
    finally:
        await reply.aclose()
