"""Another model's reply, told as what it is: the notice first, then one ``fallback`` block for each model that
declined, then the reply itself with its indices shifted (protocol notes 1.7, and 1.8 scenario C).

Only for callers who opted in. Members that need not change keep their bytes; unknown ones stay; events that need no
change are relayed. ``hops`` are the attempts that declined this turn, in order.

Scenario E, where a further model could not be reached: give the last refusal as the reply, the hops before it as
``hops`` (perhaps none), and the model that could not be reached as ``recommended``. A last model that refused too is
served the same way, without ``recommended``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import final

from overt.core.domain import ModelName
from overt.core.exchange import Composed, ProviderError, Received, Served
from overt.core.notice import Notice
from overt.core.serve import Disclosed, Relaying
from overt.errors import UpstreamGarbage, UpstreamUnreachable
from overt.wire.anthropic.shape import Hop, explanation, fallback_block, usage_entry
from overt.wire.disclosure import Links, overt_object
from overt.wire.json import encode, member, read, splice
from overt.wire.sse import Event, frame, one, with_data


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Retold:
    """How a reply is told. ``message_id`` is the id that the client sees: the first attempt's, or a fresh one where
    no model ran. ``target`` is the model that was asked, for a reply that does not say who answers."""

    notice: Notice
    hops: tuple[Hop, ...]
    message_id: str
    target: ModelName
    links: Links
    recommended: ModelName | None = None


def redirect_body(state: Relaying, retold: Retold, reply: Received) -> list[Served]:
    """The reply as one body. Raises `UpstreamGarbage` if it is not a message."""
    message = read(reply.raw)
    if message is None or message.get("type") != "message":
        raise UpstreamGarbage(f"{retold.target!r} answered with something that is no message: {reply.raw[:60]!r}")
    model = _model(message, retold)
    usage = _object(message, "usage")
    changes = _head(retold, model)
    changes["content"] = _content(member(reply.raw, "content"), retold, model)
    changes["usage"] = _usage(member(reply.raw, "usage"), retold, model, usage)
    changes.update(_details(reply.raw, retold))
    disclose, _ = state.disclose(retold.notice, Composed(splice(reply.raw, changes)))
    return [disclose]


@final
class RedirectedStream:
    """Feed it the target's units, in order; it gives what is served. The first unit that is not the target's own
    comment or ping is the notice."""

    def __init__(self, state: Relaying, retold: Retold) -> None:
        self._state: Relaying | Disclosed = state
        self._retold = retold
        self._model = retold.target
        self._usage: dict[str, object] = {}

    @property
    def disclosed(self) -> bool:
        """Whether the notice has been served."""
        return isinstance(self._state, Disclosed)

    def feed(self, unit: Received) -> list[Served]:
        """One more unit came. Raises `UpstreamGarbage` if the target breaks off before it has begun (scenario E)."""
        event = one(unit.raw)
        data = read(event.data) if event.data is not None else None
        if isinstance(self._state, Relaying):
            return self._before(self._state, unit, event, data)
        return [self._after(self._state, unit, event, data)]

    def end(self) -> list[Served]:
        """The target closed the connection. Raises `UpstreamUnreachable` if it had not begun (scenario E)."""
        if isinstance(self._state, Relaying):
            raise UpstreamUnreachable(f"{self._retold.target!r} closed the connection before it began to answer")
        return []

    def _before(self, state: Relaying, unit: Received, event: Event, data: Mapping[str, object] | None) -> list[Served]:
        if data is None or data.get("type") == "ping":
            return [state.relay(unit)]
        if event.data is None or data.get("type") != "message_start":
            said = next((sign.message for sign in unit.signs if isinstance(sign, ProviderError)), event.name)
            raise UpstreamGarbage(f"{self._retold.target!r} broke off before it began to answer: {said!r}")
        message = _object(data, "message")
        self._model = _model(message, self._retold)
        self._usage.update(_object(message, "usage"))
        started = splice(member(event.data, "message") or b"{}", _head(self._retold, self._model))
        composed = Composed(with_data(event, splice(event.data, {"message": started})))
        disclose, disclosed = state.disclose(self._retold.notice, composed)
        self._state = disclosed
        return [disclose, *(disclosed.write(Composed(raw)) for raw in _block_events(self._retold, self._model))]

    def _after(self, state: Disclosed, unit: Received, event: Event, data: Mapping[str, object] | None) -> Served:
        if event.data is None or data is None:
            return state.relay(unit)
        changes = self._changes(event.data, data)
        if not changes:
            return state.relay(unit)
        return state.write(Composed(with_data(event, splice(event.data, changes))))

    def _changes(self, raw: bytes, data: Mapping[str, object]) -> Mapping[str, bytes | None]:
        index = data.get("index")
        if str(data.get("type")).startswith("content_block_") and isinstance(index, int) and self._retold.hops:
            return {"index": encode(index + len(self._retold.hops))}
        if data.get("type") != "message_delta":
            return {}
        self._usage.update((k, v) for k, v in _object(data, "usage").items() if v is not None)
        changes = {"usage": _usage(member(raw, "usage"), self._retold, self._model, self._usage)}
        delta = member(raw, "delta")
        edits = _details(delta, self._retold) if delta is not None else {}
        return {**changes, "delta": splice(delta, edits)} if delta is not None and edits else changes


def _object(value: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _model(message: Mapping[str, object], retold: Retold) -> ModelName:
    model = message.get("model")
    return ModelName(model) if isinstance(model, str) and model else retold.target


def _head(retold: Retold, model: ModelName) -> dict[str, bytes | None]:
    return {
        "id": encode(retold.message_id),
        "model": encode(model),
        "overt": encode(overt_object(retold.notice, retold.links)),
    }


def _blocks(retold: Retold, model: ModelName) -> list[bytes]:
    """One block per hop, from each model to the next; the last hands over to the one that answers."""
    heirs = [*(hop.model for hop in retold.hops), model][1:]
    return [encode(fallback_block(hop, heir)) for hop, heir in zip(retold.hops, heirs, strict=True)]


def _block_events(retold: Retold, model: ModelName) -> Iterable[bytes]:
    for index, block in enumerate(_blocks(retold, model)):
        start = splice(b'{"type":"content_block_start"}', {"index": encode(index), "content_block": block})
        yield frame("content_block_start", start)
        yield frame("content_block_stop", encode({"type": "content_block_stop", "index": index}))


def _content(raw: bytes | None, retold: Retold, model: ModelName) -> bytes:
    """The array of blocks with ours in front; the target's keep their bytes."""
    inner = raw.strip()[1:-1] if raw is not None and raw.strip().startswith(b"[") else b""
    ours = b",".join(_blocks(retold, model))
    return b"[%s%s%s]" % (ours, b"," if ours and inner.strip() else b"", inner)


def _usage(raw: bytes | None, retold: Retold, model: ModelName, usage: Mapping[str, object]) -> bytes:
    """The usage object with one entry per attempt. Its top-level counts stay the serving attempt's own."""
    base = raw if raw is not None and read(raw) is not None else b"{}"
    declined = [usage_entry("message", hop.model, hop.usage) for hop in retold.hops]
    return splice(base, {"iterations": encode([*declined, *_served_entries(retold, model, usage)])})


def _served_entries(retold: Retold, model: ModelName, usage: Mapping[str, object]) -> list[object]:
    """The serving attempt's own entries; after a hop the one that completed it is a ``fallback_message``."""
    kind = "fallback_message" if retold.hops else "message"
    reported = usage.get("iterations")
    entries = list(reported) if isinstance(reported, list) else []
    if entries and not retold.hops:
        return entries
    for index in range(len(entries) - 1, -1, -1):
        entry = entries[index]
        if isinstance(entry, dict) and entry.get("type") in ("message", "fallback_message"):
            entries[index] = {**entry, "type": kind, "model": entry.get("model") or model}
            return entries
    return [*entries, usage_entry(kind, model, usage)]


def _details(raw: bytes, retold: Retold) -> Mapping[str, bytes | None]:
    """What changes in a message, or the delta that ends one, that is a refusal of which we have something to tell.

    Many clients show the explanation and nothing else, so the notice follows the provider's own words there.
    """
    message = read(raw) or {}
    if message.get("stop_reason") != "refusal" or not (retold.hops or retold.recommended):
        return {}
    details = member(raw, "stop_details")
    base = details if details is not None and read(details) is not None else b'{"type":"refusal","category":null}'
    theirs = _object(message, "stop_details").get("explanation")
    ours = explanation(retold.notice, retold.links)
    changes = {"explanation": encode(f"{theirs} {ours}" if isinstance(theirs, str) and theirs else ours)}
    if retold.recommended is not None:
        changes["recommended_model"] = encode(retold.recommended)
    return {"stop_details": splice(base, changes)}
