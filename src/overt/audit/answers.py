"""What a record says: the text that came back, who served it, why it stopped, whether it refused, what it used.

Worked out from the bytes of the response each time it is wanted, for the three shapes that we speak. Nothing here
raises on what a server sent: a body that is not what its protocol promises is an answer with an ``error``.

* Served model, Anthropic: the ``fallback_message`` of ``usage.iterations``, else the last ``fallback`` block's ``to``,
  else ``model`` (a sticky fallback carries no block). Elsewhere ``model`` of the response.
* A refusal is what the server says is one: ``stop_reason`` "refusal", ``finish_reason`` or ``incomplete_details``
  "content_filter", a ``refusal`` text or part, an error with the code "content_filter". Words are not judged here.
* The text of a refusal is the model's own words before it, and the refusal text where the protocol has one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, assert_never, final

from overt.audit.plan import Api
from overt.audit.record import Record
from overt.audit.rows import Answer

Grade: TypeAlias = Callable[[str, str], float | None]
"""The score of an answer, in [0, 1], from the prompt's pid and the answer's text; None where it has none."""

FILTERED: Final = "content_filter"
LONGEST_QUOTE: Final = 200


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came back. ``error`` says why there is no answer; then ``text`` is empty, but usage may be known.

    ``served`` is None where the response names no model: absent is not "the requested one". ``stop`` is the protocol's
    own word. Tokens are None where the response does not count them; those read from and written to a cache are
    ``cached``, and are not in ``input_tokens`` for Anthropic, but are for OpenAI: both as the protocol counts.
    """

    text: str
    served: str | None = None
    stop: str | None = None
    refused: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached: int | None = None
    error: str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A call that gave no answer, and why."""

    number: int
    route: str
    pid: str
    rep: int
    why: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The answers of records, by record: ``answers[i]`` is that of ``answered[i]``.

    An answer's ``model`` is the name of its route, since two routes may ask for one model. A refusal has no score:
    refusals are policy, and are counted apart.
    """

    answers: tuple[Answer, ...]
    answered: tuple[Answered, ...]
    missing: tuple[Missing, ...]


def answer_of(record: Record) -> Answered:
    """What a record says. Never raises on what the server sent; half a surrogate pair becomes U+FFFD."""
    found = _found(record)
    return replace(found, text=_sound(found.text))


def _found(record: Record) -> Answered:
    if record.fault is not None or record.status == 0:
        return Answered(text="", error=record.fault or "no response came")
    body = _object(record.body)
    if body is None:
        return Answered(text="", error=f"HTTP {record.status}: not a JSON object: {_quoted(record.body)}")
    if not 200 <= record.status < 300:
        return _failed(record, body)
    match record.api:
        case Api.ANTHROPIC:
            return _anthropic(body)
        case Api.CHAT:
            return _chat(body)
        case Api.RESPONSES:
            return _responses(body)
        case _ as unreachable:
            assert_never(unreachable)


def answers_of(records: Iterable[Record], grade: Grade | None = None) -> Answers:
    """The answers of records, in their order. Of answers to one prompt, route and rep, the first counts."""
    answers: list[Answer] = []
    answered: list[Answered] = []
    missing: list[Missing] = []
    seen: dict[tuple[str, str, int], int] = {}
    for record in records:
        found = answer_of(record)
        key = (record.route, record.pid, record.rep)
        why = found.error
        if why is None and key in seen:
            why = f"answered already by record {seen[key]}"
        if why is not None:
            missing.append(Missing(number=record.number, route=record.route, pid=record.pid, rep=record.rep, why=why))
            continue
        seen[key] = record.number
        answered.append(found)
        answers.append(_row(record, found, grade))
    return Answers(answers=tuple(answers), answered=tuple(answered), missing=tuple(missing))


def _row(record: Record, found: Answered, grade: Grade | None) -> Answer:
    score = None if grade is None or found.refused else grade(record.pid, found.text)
    return Answer(pid=record.pid, model=record.route, rep=record.rep, text=found.text, score=score, date=record.at)


# --- the three shapes ------------------------------------------------------------------------------------------------


def _anthropic(body: Mapping[str, Any]) -> Answered:
    """A message: `content` of blocks, `stop_reason`, `usage` with `iterations`."""
    content = body.get("content")
    if not isinstance(content, list):
        return _odd("content", content, body)
    blocks = _objects(content)
    usage = _mapping(body.get("usage"))
    stop = _text(body.get("stop_reason"))
    cache = (_count(usage, "cache_read_input_tokens"), _count(usage, "cache_creation_input_tokens"))
    return Answered(
        text="".join(_words(block, "text", "text") for block in blocks),
        served=_served(body, blocks, usage),
        stop=stop,
        refused=stop == "refusal",
        input_tokens=_count(usage, "input_tokens"),
        output_tokens=_count(usage, "output_tokens"),
        cached=None if cache == (None, None) else sum(tokens or 0 for tokens in cache),
    )


def _served(body: Mapping[str, Any], blocks: list[Mapping[str, Any]], usage: Mapping[str, Any]) -> str | None:
    by_fallback = [
        step.get("model") for step in _objects(usage.get("iterations")) if step.get("type") == "fallback_message"
    ]
    handed_over = [_mapping(block.get("to")).get("model") for block in blocks if block.get("type") == "fallback"]
    for candidate in (*reversed(by_fallback), *reversed(handed_over), body.get("model")):
        if (name := _text(candidate)) is not None:
            return name
    return None


def _chat(body: Mapping[str, Any]) -> Answered:
    """A chat completion: the first of `choices`. Its content is text, or parts of it in compatible servers."""
    choices = _objects(body.get("choices"))
    if not choices or not isinstance(choices[0].get("message"), dict):
        return _odd("choices", body.get("choices"), body)
    message = _mapping(choices[0].get("message"))
    stop = _text(choices[0].get("finish_reason"))
    content, refusal = message.get("content"), _text(message.get("refusal"))
    words = content if isinstance(content, str) else "".join(_words(part, "text", "text") for part in _objects(content))
    usage = _mapping(body.get("usage"))
    return Answered(
        text=words or refusal or "",
        served=_text(body.get("model")),
        stop=stop,
        refused=refusal is not None or stop == FILTERED,
        input_tokens=_count(usage, "prompt_tokens"),
        output_tokens=_count(usage, "completion_tokens"),
        cached=_count(_mapping(usage.get("prompt_tokens_details")), "cached_tokens"),
    )


def _responses(body: Mapping[str, Any]) -> Answered:
    """A response: the messages among `output`, and `status` with the reason why it is incomplete."""
    output, status = body.get("output"), _text(body.get("status"))
    if status in ("failed", "cancelled"):
        return replace(_odd("output", output, body), error=f"the response {status}: {_error(body)}")
    if not isinstance(output, list):
        return _odd("output", output, body)
    messages = [item for item in _objects(output) if item.get("type") == "message"]
    parts = [part for message in messages for part in _objects(message.get("content"))]
    words = "".join(_words(part, "output_text", "text") for part in parts)
    refusal = "".join(_words(part, "refusal", "refusal") for part in parts)
    reason = _text(_mapping(body.get("incomplete_details")).get("reason"))
    usage = _mapping(body.get("usage"))
    return Answered(
        text=words or refusal,
        served=_text(body.get("model")),
        stop=reason or status,
        refused=any(part.get("type") == "refusal" for part in parts) or reason == FILTERED,
        input_tokens=_count(usage, "input_tokens"),
        output_tokens=_count(usage, "output_tokens"),
        cached=_count(_mapping(usage.get("input_tokens_details")), "cached_tokens"),
    )


def _failed(record: Record, body: Mapping[str, Any]) -> Answered:
    """An error of HTTP. One that is a content filter is a refusal (Azure): an answer, though without words."""
    error = _mapping(body.get("error"))
    if error.get("code") == FILTERED:
        return Answered(text="", stop=FILTERED, refused=True)
    return Answered(text="", error=f"HTTP {record.status}: {_error(body)}")


# --- foreign JSON ----------------------------------------------------------------------------------------------------


def _odd(member: str, found: object, body: Mapping[str, Any]) -> Answered:
    """A response of the right status that is not its protocol's."""
    said = f"; it says {_error(body)}" if "error" in body else ""
    shown = _quoted(repr(found)) if member in body else "missing"
    return Answered(text="", served=_text(body.get("model")), error=f"member {member!r} is {shown}{said}")


def _error(body: Mapping[str, Any]) -> str:
    """What a body says about its error: type and message of the two providers, or the whole."""
    error = body.get("error")
    said = [word for name in ("type", "code", "message") if (word := _text(_mapping(error).get(name))) is not None]
    return _quoted(": ".join(said)) if said else _quoted(repr(error if error is not None else body))


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _objects(found: object) -> list[Mapping[str, Any]]:
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _mapping(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _text(found: object) -> str | None:
    return found if isinstance(found, str) and found else None


def _count(usage: Mapping[str, Any], name: str) -> int | None:
    found = usage.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def _words(block: Mapping[str, Any], kind: str, member: str) -> str:
    """The text of a block of this type, empty for any other."""
    return _text(block.get(member)) or "" if block.get("type") == kind else ""


def _sound(text: str) -> str:
    """Text that has UTF-8: JSON may escape half of a surrogate pair."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _quoted(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"
