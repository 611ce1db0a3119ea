"""Recorded streams, put together again into the response that they are, so that one set of rules reads both.

Only what tells who answered is kept: blocks, names, stop reasons, usage, errors, and whether there was any text. A
stream without its closing event gets the member ``broken_off``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from overt.errors import BadRequest, UpstreamGarbage
from overt.wire.sse import SseReader

Event = Mapping[str, Any]


def looks_like_stream(text: str) -> bool:
    """Whether a text may be server-sent events."""
    return text.lstrip("\ufeff \r\n").startswith(("event:", "data:", ":", "id:"))


def read_stream(text: str) -> dict[str, Any]:
    """The response that a recorded stream carries, or `BadRequest` that says what is wrong with it."""
    events: list[Event] = []
    reader = SseReader()
    try:
        units = [*reader.feed(text.encode()), *reader.end()]
        for unit in units:
            if unit.data is not None and unit.data.strip() not in (b"", b"[DONE]"):
                event = json.loads(unit.data)
                events.append(event if isinstance(event, dict) else {})
    except (UpstreamGarbage, ValueError, RecursionError) as error:
        if not events:
            raise BadRequest(f"the recorded stream cannot be read: {error}; store what came, event by event") from error
        return {**joined(events), "broken_off": True}
    if not events:
        raise BadRequest("the recorded stream holds no event with data; store what came, event by event")
    return joined(events)


def joined(events: Sequence[Event]) -> dict[str, Any]:
    """The response that these events, already parsed, make together."""
    first = next((event for event in events if event.get("type") != "ping"), events[0])
    if "choices" in first or str(first.get("object", "")).endswith("chunk"):
        return _chat(events)
    if str(first.get("type", "")).startswith("response."):
        return _responses(events)
    return _message(events)


def _message(events: Sequence[Event]) -> dict[str, Any]:
    response: dict[str, Any] = {"type": "message", "broken_off": True}
    blocks: list[dict[str, Any]] = []
    for event in events:
        match event.get("type"):
            case "message_start":
                response |= _object(event.get("message"))
            case "content_block_start":
                blocks.append(dict(_object(event.get("content_block"))))
            case "content_block_delta" if blocks:
                text = _object(event.get("delta")).get("text")
                blocks[-1]["text"] = f"{blocks[-1].get('text') or ''}{text or ''}"
            case "message_delta":
                response |= {name: value for name, value in _object(event.get("delta")).items() if value is not None}
                response["usage"] = {**_object(response.get("usage")), **_object(event.get("usage"))}
            case "error":
                response["error"] = event.get("error") or event
            case "message_stop":
                response["broken_off"] = False
            case _:
                continue
    return {**response, "content": blocks or response.get("content") or []}


def _chat(events: Sequence[Event]) -> dict[str, Any]:
    choices: dict[str, dict[str, Any]] = {}
    response: dict[str, Any] = {"models": _names(events)}
    for event in events:
        response |= {name: event[name] for name in ("provider", "error", "overt") if event.get(name)}
        for part in _objects(event.get("choices")):
            choice = choices.setdefault(str(part.get("index") or 0), {"message": {}})
            choice |= {
                name: part[name] for name in ("finish_reason", "native_finish_reason", "error") if part.get(name)
            }
            _grow(choice["message"], _object(part.get("delta")))
    ended = bool(choices) and all(choice.get("finish_reason") for choice in choices.values())
    return {**response, "choices": list(choices.values()), "broken_off": not ended and not response.get("error")}


def _grow(message: dict[str, Any], delta: Event) -> None:
    for name in ("content", "refusal"):
        if isinstance(delta.get(name), str):
            message[name] = (message.get(name) or "") + delta[name]
    for name in ("tool_calls", "function_call"):
        if delta.get(name):
            message[name] = delta[name]


def _responses(events: Sequence[Event]) -> dict[str, Any]:
    bodies = [event["response"] for event in events if isinstance(event.get("response"), dict)]
    ended = any(
        event.get("type") in ("response.completed", "response.incomplete", "response.failed") for event in events
    )
    response: dict[str, Any] = dict(bodies[-1]) if bodies else {}
    errors = [event for event in events if event.get("type") == "error"]
    if errors:
        response["error"] = errors[-1].get("error") or errors[-1]
    return {**response, "object": "response", "models": _names(bodies), "broken_off": not ended and not errors}


def _names(parts: Sequence[Event]) -> list[str]:
    """Every model that is named, each once, in the order of first sight."""
    return list(dict.fromkeys(str(part["model"]) for part in parts if part.get("model")))


def _object(value: Any) -> Event:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Event]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
