"""How a simulated endpoint reads a request and words its answer in the three shapes that auditors speak.

Anthropic Messages, OpenAI chat completions, OpenAI Responses; values in, JSON objects out. A prompt is exactly the text
of a lone user message, so that what comes over HTTP is what `SimulatedEndpoint.answer` gives for that text; with a
system text or several messages it is all the texts with an empty line between them. `Tells` is what the endpoint says
about itself, true or not. Usage counts one token for a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, assert_never, final

import numpy as np

from overt.audit.plan import Api
from overt.errors import BadRequest
from overt.testing.language_models import Asked, Spoken, number_of, pieces, vocabulary

MOST_LOGPROBS: Final = 20
PATHS: Final[Mapping[Api, str]] = {
    Api.ANTHROPIC: "/v1/messages",
    Api.CHAT: "/v1/chat/completions",
    Api.RESPONSES: "/v1/responses",
}
_LIMITS: Final[Mapping[Api, tuple[str, ...]]] = {
    Api.ANTHROPIC: ("max_tokens",),
    Api.CHAT: ("max_completion_tokens", "max_tokens"),
    Api.RESPONSES: ("max_output_tokens",),
}
_REFUSAL: Final = "This request was declined by the endpoint's policy."


class Fingerprint(StrEnum):
    """What ``system_fingerprint`` stands for."""

    NONE = "none"
    CLAIMED = "claimed"
    """The model that the caller asked for: never changes."""
    SERVED = "served"
    """The model that answered, and how it ran."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Tells:
    """What an endpoint says about itself.

    ``model`` of a response is the requested name with ``snapshot`` behind it, or with ``truthful`` the name of the
    model that answered. A fallback is told in the protocol's words where the endpoint's faults are ``declared``, and
    with ``sticky`` by ``usage.iterations`` alone. A hidden instruction is counted in the input tokens unless the
    endpoint ``conceals`` it. ``filters``: OpenAI shapes refuse by "content_filter" and no text, not in a refusal's
    words. ``logprobs`` are those of the chain at the host's own temperature, with an error of standard deviation
    ``jitter`` in every call; null for a prompt with a solution, whose text does not come from the chain.
    """

    truthful: bool = False
    snapshot: str = ""
    sticky: bool = False
    conceals: bool = False
    filters: bool = True
    logprobs: bool = True
    jitter: float = 0.0
    fingerprint: Fingerprint = Fingerprint.NONE
    refusal_category: str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a caller wants. ``logprobs`` is how many alternatives of every token; None: no log probabilities."""

    api: Api
    model: str
    prompt: str
    most: int | None
    temperature: float | None
    logprobs: int | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One answer with what its wording needs."""

    number: int
    request: Request
    asked: Asked
    spoken: Spoken
    claimed: str
    """The name of the model that the endpoint says it serves."""
    declared: bool
    tells: Tells

    @property
    def falls_back(self) -> bool:
        """Whether the answer says that another model gave it, because the first one declined."""
        return self.declared and self.spoken.swapped and not self.spoken.refused

    @property
    def model(self) -> str:
        """The member ``model`` of the response."""
        if self.tells.truthful or self.falls_back:
            return self.spoken.model.name
        return self.request.model + self.tells.snapshot

    @property
    def input_tokens(self) -> int:
        """Words of the prompt, and of the hidden instruction where it is not concealed."""
        hidden = "" if self.tells.conceals else self.spoken.model.words.hidden
        return len(pieces(self.asked.prompt)) + len(pieces(hidden))

    @property
    def name(self) -> str:
        """What makes the ids of this answer."""
        return f"{number_of('id', self.number, self.asked.prompt):032x}"


def read(api: Api, body: object) -> Request:
    """The request that a body holds; `BadRequest` says what is wrong with it."""
    if not isinstance(body, dict):
        raise BadRequest(f"expected a JSON object, found {str(body)[:40]!r}")
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest(f"model must be a name, found {model!r}")
    if body.get("stream"):
        raise BadRequest("stream must be false: this endpoint does not stream")
    if body.get("n", 1) != 1:
        raise BadRequest(f"n must be 1, found {body['n']!r}: send the request again for another answer")
    most = _limit(api, body)
    if most is None and api is Api.ANTHROPIC:
        raise BadRequest("max_tokens: field required")
    return Request(
        api=api,
        model=model,
        prompt=_prompt(api, body),
        most=most,
        temperature=_temperature(body),
        logprobs=_alternatives(api, body),
    )


def _limit(api: Api, body: Mapping[str, Any]) -> int | None:
    for member in _LIMITS[api]:
        found = body.get(member)
        if found is None:
            continue
        if not isinstance(found, int) or isinstance(found, bool) or found < 1:
            raise BadRequest(f"{member} must be a whole number from 1 on, found {found!r}")
        return found
    return None


def _temperature(body: Mapping[str, Any]) -> float | None:
    found = body.get("temperature")
    if found is None:
        return None
    if not isinstance(found, int | float) or isinstance(found, bool) or not 0 <= found <= 2:
        raise BadRequest(f"temperature must be a number from 0 to 2, found {found!r}")
    return float(found)


def _alternatives(api: Api, body: Mapping[str, Any]) -> int | None:
    if api is not Api.CHAT or not body.get("logprobs"):
        return None
    found = body.get("top_logprobs", 0)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= MOST_LOGPROBS:
        raise BadRequest(f"top_logprobs must be a whole number from 0 to {MOST_LOGPROBS}, found {found!r}")
    return found


def _prompt(api: Api, body: Mapping[str, Any]) -> str:
    match api:
        case Api.ANTHROPIC:
            texts = [body.get("system"), *_contents(body.get("messages"))]
        case Api.CHAT:
            texts = _contents(body.get("messages"))
        case Api.RESPONSES:
            asked = body.get("input")
            texts = [body.get("instructions"), *([asked] if isinstance(asked, str) else _contents(asked))]
        case other:
            assert_never(other)
    found = [_flat(text) for text in texts if text is not None]
    if not any(found):
        raise BadRequest("the request holds no text: send at least one message with text")
    return "\n\n".join(found)


def _contents(messages: object) -> list[object]:
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise BadRequest(f"messages must be a list of objects, found {str(messages)[:40]!r}")
    return [message.get("content") for message in messages]


def _flat(content: object) -> str:
    """The text of a content, which is a text or a list of parts with one."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise BadRequest(f"content must be a text or a list of parts, found {str(content)[:40]!r}")
    texts = [part.get("text") if isinstance(part, dict) else None for part in content]
    found = [text for text in texts if isinstance(text, str)]
    if len(found) < len(texts):
        raise BadRequest(f"every part of a content must hold a text, found {str(content)[:40]!r}")
    return "\n".join(found)


def answer(served: Served) -> dict[str, object]:
    """The body of the response."""
    match served.request.api:
        case Api.ANTHROPIC:
            return _message(served)
        case Api.CHAT:
            return _completion(served)
        case Api.RESPONSES:
            return _response(served)
        case other:
            assert_never(other)


def error(api: Api, status: int, said: str) -> dict[str, object]:
    """The body of an error, as the protocol has it."""
    kinds = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "overloaded_error" if status == 529 else "api_error")
    if api is Api.ANTHROPIC:
        return {"type": "error", "error": {"type": kind, "message": said}}
    return {"error": {"message": said, "type": kind, "param": None, "code": None}}


def _message(served: Served) -> dict[str, object]:
    spoken = served.spoken
    content: list[dict[str, object]] = []
    if served.falls_back and not served.tells.sticky:
        trigger = {"type": "refusal", "category": served.tells.refusal_category}
        hop = {"from": {"model": served.request.model}, "to": {"model": spoken.model.name}}
        content.append({"type": "fallback"} | hop | {"trigger": trigger})
    if not spoken.refused:
        content.append({"type": "text", "text": spoken.text, "citations": None})
    stopped = "refusal" if spoken.refused else "max_tokens" if spoken.cut else "end_turn"
    return {
        "id": f"msg_{served.name}",
        "type": "message",
        "role": "assistant",
        "model": served.model,
        "content": content,
        "stop_reason": stopped,
        "stop_sequence": None,
        "stop_details": _stop_details(served.tells) if spoken.refused else None,
        "usage": _usage(served),
    }


def _stop_details(tells: Tells) -> dict[str, object]:
    return {"type": "refusal", "category": tells.refusal_category, "explanation": _REFUSAL}


def _usage(served: Served) -> dict[str, object]:
    counts: dict[str, object] = {
        "input_tokens": served.input_tokens,
        "output_tokens": len(served.spoken.tokens),
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0,
    }
    if not served.falls_back:
        return counts
    last = {"type": "fallback_message", "model": served.spoken.model.name} | counts | {"cache_creation": None}
    declined = last | {"type": "message", "model": served.request.model, "output_tokens": 0}
    return counts | {"iterations": [last] if served.tells.sticky else [declined, last]}


def _completion(served: Served) -> dict[str, object]:
    spoken = served.spoken
    filtered = spoken.refused and served.tells.filters
    refusal = _REFUSAL if spoken.refused and not filtered else None
    stopped = "content_filter" if filtered else "length" if spoken.cut else "stop"
    content = None if spoken.refused else spoken.text
    message: dict[str, object] = {"role": "assistant", "content": content, "refusal": refusal, "annotations": []}
    used = {"prompt_tokens": served.input_tokens, "completion_tokens": len(spoken.tokens)}
    return {
        "id": f"chatcmpl-{served.name}",
        "object": "chat.completion",
        "created": 0,
        "model": served.model,
        "system_fingerprint": _fingerprint(served),
        "choices": [{"index": 0, "message": message, "finish_reason": stopped, "logprobs": _logprobs(served)}],
        "usage": used | {"total_tokens": served.input_tokens + len(spoken.tokens)},
    }


def _fingerprint(served: Served) -> str | None:
    match served.tells.fingerprint:
        case Fingerprint.NONE:
            return None
        case Fingerprint.CLAIMED:
            return f"fp_{number_of('fingerprint', served.claimed) >> 88:010x}"
        case Fingerprint.SERVED:
            model = served.spoken.model
            return f"fp_{number_of('fingerprint', model.name, replace(model.words, day=0)) >> 88:010x}"
        case other:
            assert_never(other)


def _logprobs(served: Served) -> dict[str, object] | None:
    """The chain's own log probabilities of what it said; null where none were asked for or the text is a solution."""
    spoken = served.spoken
    most = served.request.logprobs
    if most is None or not served.tells.logprobs or spoken.right is not None or spoken.refused:
        return None
    words = spoken.model.words
    known = vocabulary(words.words)
    rng = np.random.default_rng(number_of("jitter", served.number, served.asked.prompt))
    found: list[dict[str, object]] = []
    last: int | None = None
    for place, piece in enumerate(spoken.tokens):
        exact = words.logprobs(served.asked.prompt, last)
        told = exact + served.tells.jitter * rng.standard_normal(exact.shape)
        best = np.argsort(-told)[:most].tolist()
        last = known.index(piece.strip())
        space = " " if place else ""
        top = [_told(space + known[word], float(told[word])) for word in best]
        found.append(_told(piece, float(told[last])) | {"top_logprobs": top})
    return {"content": found, "refusal": None}


def _told(token: str, logprob: float) -> dict[str, object]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def _response(served: Served) -> dict[str, object]:
    spoken = served.spoken
    filtered = spoken.refused and served.tells.filters
    why = "content_filter" if filtered else "max_output_tokens" if spoken.cut else None
    status = "completed" if why is None else "incomplete"
    return {
        "id": f"resp_{served.name}",
        "object": "response",
        "created_at": 0,
        "status": status,
        "error": None,
        "incomplete_details": None if why is None else {"reason": why},
        "model": served.model,
        "output": [] if filtered else [_item(served, status)],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": _responses_usage(served),
    }


def _item(served: Served, status: str) -> dict[str, object]:
    part: dict[str, object] = {"type": "output_text", "text": served.spoken.text, "annotations": []}
    if served.spoken.refused:
        part = {"type": "refusal", "refusal": _REFUSAL}
    content: Sequence[dict[str, object]] = [part]
    return {"id": f"msg_{served.name}", "type": "message", "role": "assistant", "status": status, "content": content}


def _responses_usage(served: Served) -> dict[str, object]:
    used = len(served.spoken.tokens)
    return {
        "input_tokens": served.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": used,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": served.input_tokens + used,
    }
