"""A reply of Anthropic Messages as `Received` units with their signs: bytes in, units out, every byte kept.

What is not understood is `Neutral` and still relayed. Output is the model's first word: an empty text block that is
opened and closed before a refusal says nothing (protocol notes 1.8 A). A ``fallback`` block counts as output, because
the provider has then already tried another model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import final

from overt.core.domain import ModelName
from overt.core.exchange import Began, Ended, Neutral, Output, ProviderError, ProviderRefusal, Received, Sign
from overt.errors import UpstreamGarbage
from overt.wire.json import read
from overt.wire.sse import LIMIT, Event, SseReader, one


@final
class StreamReader:
    """Feed it the bytes of an event stream; it gives one `Received` per unit."""

    def __init__(self, *, limit: int = LIMIT) -> None:
        self._reader = SseReader(limit=limit)
        self._output = False

    def feed(self, chunk: bytes) -> list[Received]:
        """More bytes came. Raises `UpstreamGarbage` for an event beyond the limit."""
        return [self._received(event) for event in self._reader.feed(chunk)]

    def end(self) -> list[Received]:
        """The connection closed: what is left, as it is."""
        return [self._received(event) for event in self._reader.end()]

    def _received(self, event: Event) -> Received:
        data = read(event.data) if event.data is not None else None
        sign = Neutral() if data is None else _sign(event.name, data, output=self._output)
        self._output = self._output or isinstance(sign, Output)
        if isinstance(sign, Began) and data is not None and _content(_object(data, "message")):
            self._output = True
            return Received(event.raw, (sign, Output()))
        return Received(event.raw, (sign,))


def _sign(name: str, data: Mapping[str, object], *, output: bool) -> Sign:
    kind = data.get("type") or name
    if kind == "message_start":
        return Began(_model(_object(data, "message")))
    if kind == "content_block_start":
        return Output() if _says_something(_object(data, "content_block")) else Neutral()
    if kind == "content_block_delta":
        return Output() if any(value for key, value in _object(data, "delta").items() if key != "type") else Neutral()
    if kind == "message_delta":
        return _refusal(_object(data, "delta"), _object(data, "usage"), output=output) or Neutral()
    if kind == "message_stop":
        return Ended()
    if kind == "error":
        return ProviderError(_error_text(data))
    return Neutral()


def _says_something(block: Mapping[str, object]) -> bool:
    return bool(block.get("text")) if block.get("type") == "text" else True


def _refusal(message: Mapping[str, object], usage: Mapping[str, object], *, output: bool) -> ProviderRefusal | None:
    """The refusal in a message, or in the delta that ends one. Retriable only if the provider tried nothing else."""
    if message.get("stop_reason") != "refusal":
        return None
    details = _object(message, "stop_details")
    iterations = usage.get("iterations")
    entries = iterations if isinstance(iterations, list) else []
    tried = any(isinstance(entry, dict) and entry.get("type") == "fallback_message" for entry in entries)
    category = details.get("category")
    return ProviderRefusal(
        category=category if isinstance(category, str) else None,
        retriable=not output and not tried and details.get("recommended_model") is None,
    )


def _object(value: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _content(message: Mapping[str, object]) -> list[object]:
    """The blocks of a message that say something."""
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    return [block for block in blocks if not isinstance(block, dict) or _says_something(block)]


def _model(message: Mapping[str, object]) -> ModelName | None:
    model = message.get("model")
    return ModelName(model) if isinstance(model, str) and model else None


def _error_text(data: Mapping[str, object]) -> str:
    error = _object(data, "error")
    return f"{error.get('type', 'error')}: {error.get('message', '')}"


def read_body(body: bytes) -> Received:
    """A whole reply that is not streamed. Raises `UpstreamGarbage` if it is not a JSON object."""
    message = read(body)
    if message is None:
        raise UpstreamGarbage(f"the upstream's reply is not a JSON object: it begins {body[:60]!r}")
    if message.get("type") == "error":
        return Received(body, (ProviderError(_error_text(message)), Ended()))
    if message.get("type") != "message":
        return Received(body, (Neutral(), Ended()))
    signs: list[Sign] = [Began(_model(message))]
    output = bool(_content(message))
    if output:
        signs.append(Output())
    refusal = _refusal(message, _object(message, "usage"), output=output)
    if refusal is not None:
        signs.append(refusal)
    return Received(body, (*signs, Ended()))


def served_model(units: Iterable[Received]) -> ModelName | None:
    """The model that answers, as the upstream says itself, None if it has not said."""
    return next((sign.model for unit in units for sign in unit.signs if isinstance(sign, Began)), None)


def message_of(unit: Received) -> Mapping[str, object]:
    """The JSON object of a unit: of an event's data, or of a whole body. Empty where there is none."""
    data = one(unit.raw).data
    found = read(data) if data is not None else read(unit.raw)
    return found if found is not None else {}


def message_id(units: Iterable[Received]) -> str | None:
    """The id of the message that the upstream began, None if it has not begun one."""
    for unit in units:
        data = message_of(unit)
        message = _object(data, "message") if data.get("type") == "message_start" else data
        if message.get("type") == "message" and isinstance(message.get("id"), str):
            return str(message["id"])
    return None


def usage_of(units: Iterable[Received]) -> Mapping[str, object]:
    """What an attempt used, as the upstream reported it: later reports replace earlier ones, nulls replace nothing."""
    usage: dict[str, object] = {}
    for unit in units:
        data = message_of(unit)
        for report in (_object(_object(data, "message"), "usage"), _object(data, "usage")):
            usage.update((name, value) for name, value in report.items() if value is not None)
    return usage
