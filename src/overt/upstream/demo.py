"""Two demonstration models, built in: ``demo-large`` and ``demo-small``. They speak Anthropic Messages, and stream.

They are deterministic, understand nothing, and say so in every answer. With them the main job (assess, decide,
disclose, prove) runs on a machine with no account and no network.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import final

from overt.core.exchange import Outgoing
from overt.ports import Reply

MODELS = ("demo-large", "demo-small")
CREATED_AT = "2026-11-23T00:00:00Z"

_JSON = (("content-type", "application/json"),)
_SSE = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))


@final
class DemoUpstream:
    """See the module."""

    @property
    def name(self) -> str:
        """The name that receipts give as provider."""
        return "overt-demo"

    async def models(self, headers: tuple[tuple[str, str], ...] = ()) -> tuple[Mapping[str, object], ...]:
        """The two models."""
        del headers
        return tuple(
            {
                "type": "model",
                "id": name,
                "display_name": f"{name} (a demonstration, not a language model)",
                "created_at": CREATED_AT,
            }
            for name in MODELS
        )

    async def send(self, outgoing: Outgoing, *, path: str, headers: tuple[tuple[str, str], ...]) -> Reply:
        """Answer as a demonstration. The same body gives the same bytes."""
        del headers
        body = json.loads(outgoing.body)
        route = path.partition("?")[0]
        if route.endswith("/count_tokens"):
            return _json_reply(200, {"input_tokens": _count(outgoing.body)})
        complaint = _complaint(body)
        if complaint is not None:
            return _json_reply(400, _error("invalid_request_error", complaint))
        message = _message(body, outgoing.body)
        if body.get("stream") is True:
            return Reply(200, _SSE, _stream(message))
        return _json_reply(200, message)

    async def aclose(self) -> None:
        """Nothing to release."""


def _complaint(body: Mapping[str, object]) -> str | None:
    """What a provider would object to, None if nothing."""
    if body.get("model") not in MODELS:
        return f"model: {body.get('model')!r} is not one of the demonstration models {', '.join(MODELS)}"
    limit = body.get("max_tokens")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        return f"max_tokens: must be a whole number of at least 1, got {limit!r}"
    return None


def _error(kind: str, message: str) -> dict[str, object]:
    return {"type": "error", "error": {"type": kind, "message": message}}


def _count(raw: bytes) -> int:
    """Bytes over four: a stand-in for a tokenizer, and labelled as a demonstration like everything here."""
    return max(1, len(raw) // 4)


def _words(body: Mapping[str, object]) -> int:
    return sum(len(text.split()) for text in _texts(body.get("messages")))


def _texts(value: object) -> list[str]:
    """Every string under a ``text`` or ``content`` key, in order."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    if isinstance(value, dict):
        return [text for key in ("content", "text") for text in _texts(value.get(key))]
    return []


def _message(body: Mapping[str, object], raw: bytes) -> dict[str, object]:
    model = body["model"]
    sentence = (
        f"This is {model}, a demonstration model built into Overt. It understands nothing and answers every request "
        f"like this one: I received {_words(body)} words."
    )
    words = sentence.split(" ")
    limit = body["max_tokens"]
    kept = words[:limit] if isinstance(limit, int) else words
    return {
        "id": "msg_demo_" + hashlib.sha256(raw).hexdigest()[:20],
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": " ".join(kept)}],
        "stop_reason": "end_turn" if kept == words else "max_tokens",
        "stop_sequence": None,
        "stop_details": None,
        "usage": {
            "input_tokens": _count(raw),
            "output_tokens": len(kept),
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
        },
    }


def _json_reply(status: int, document: Mapping[str, object]) -> Reply:
    async def chunks() -> AsyncIterator[bytes]:
        yield json.dumps(document).encode()

    return Reply(status, _JSON, chunks())


async def _stream(message: dict[str, object]) -> AsyncIterator[bytes]:
    """The events of a message, one word a delta."""
    content = message["content"]
    text = content[0]["text"] if isinstance(content, list) else ""
    start = message | {"content": [], "stop_reason": None}
    yield _event("message_start", {"message": start})
    yield _event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
    yield _event("ping", {})
    for number, word in enumerate(text.split(" ")):
        piece = word if number == 0 else " " + word
        yield _event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": piece}})
    yield _event("content_block_stop", {"index": 0})
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None, "stop_details": None}
    yield _event("message_delta", {"delta": delta, "usage": message["usage"]})
    yield _event("message_stop", {})


def _event(kind: str, members: Mapping[str, object]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()
