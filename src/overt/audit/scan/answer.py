"""What one raw response says about who answered: Anthropic messages, OpenAI chat completions and responses, errors.

The shapes are those of the providers' own SDKs (OpenRouter's is OpenAI's, with a ``provider``). Every rule that fires
leaves its evidence; which of them gives the class is for `overt.audit.scan.sample` to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from overt.audit.scan.names import Relation, names_no_model, relation
from overt.audit.scan.sample import Evidence, Kind, Turn

Object: TypeAlias = Mapping[str, Any]

_CUT: Final = frozenset(("max_tokens", "length", "model_context_window_exceeded", "max_output_tokens", "model_length"))
_POLICY_CODES: Final = frozenset(("content_filter", "bio_policy", "cyber_policy", "misalignment_policy_violation"))
_TELLING: Final = frozenset((Kind.SERVED_BY_OTHER, Kind.REFUSED, Kind.ERROR, Kind.ALIAS, Kind.OWN, Kind.UNKNOWN))
_BROKEN_OFF: Final = "broken_off"
"""The member that `overt.audit.scan.stream` adds to an answer whose stream has no end."""


def judge(response: Object, requested: str | None) -> Turn | None:
    """The evidence in a response, None if it has none of the shapes that we know."""
    if isinstance(response.get("choices"), list):
        found, served = _chat(response, requested)
    elif response.get("object") == "response" or isinstance(response.get("output"), list):
        found, served = _responses(response, requested)
    elif _is_message(response):
        requested = requested or _asked_first(response)
        found, served = _message(response, requested)
    elif response.get("type") == "error" or response.get("error"):
        found, served = [], _text(response.get("model"))
    else:
        return None
    found += _error(response.get("error"))
    found += _overt(response.get("overt"))
    if response.get(_BROKEN_OFF):
        found.append(Evidence(Kind.TRUNCATED, "stream", "it breaks off: its end was not recorded"))
    return Turn(requested=requested, served=served, evidence=(*found, *unnamed(found)))


def unnamed(found: Sequence[Evidence]) -> Iterator[Evidence]:
    """Says that nothing says who answered, where that is so."""
    if not any(each.kind in _TELLING for each in found):
        yield Evidence(Kind.UNKNOWN, "model", "absent: nothing names who answered")


def named(served: object, requested: str | None, where: str, note: str = "") -> list[Evidence]:
    """What the name of a model in a response says, nothing if there is no name."""
    if not isinstance(served, str) or not served:
        return []
    if requested is None:
        what = f"names {served!r}{note}; what was requested is not recorded: give --requested"
        return [Evidence(Kind.UNKNOWN, where, what)]
    match relation(requested, served):
        case Relation.SAME:
            return [Evidence(Kind.OWN, where, f"names {served!r}{note}, as requested")]
        case Relation.ALIAS:
            return [Evidence(Kind.ALIAS, where, f"names {served!r}{note} for the requested {requested!r}")]
        case Relation.SNAPSHOT:
            what = f"names {served!r}{note}, another snapshot than the requested {requested!r}"
            return [Evidence(Kind.SERVED_BY_OTHER, where, what)]
        case Relation.OTHER:
            return [Evidence(Kind.SERVED_BY_OTHER, where, f"names {served!r}{note}, requested was {requested!r}")]
        case Relation.UNCLEAR:
            what = f"names {served!r}{note}; {requested!r} may stand for it: give --requested with the model's own name"
            return [Evidence(Kind.UNKNOWN, where, what)]


def asked(recorded: object, given: str | None) -> str | None:
    """What was requested: as recorded, or as given where that is nothing or names no model that we know."""
    name = _text(recorded)
    if name is None or (given is not None and names_no_model(name)):
        return given or name
    return name


# --- Anthropic Messages -----------------------------------------------------------------------------------------------


def _is_message(response: Object) -> bool:
    return response.get("type") == "message" or (
        isinstance(response.get("content"), list) and "stop_reason" in response
    )


def _asked_first(response: Object) -> str | None:
    """The model that declined first, where the request itself was not recorded."""
    seams = (name for _, block in _fallbacks(response) if (name := _model(block.get("from"))))
    entries = list(_objects(_object(response.get("usage")).get("iterations")))
    fell = any(entry.get("type") == "fallback_message" for entry in entries)
    declined = (name for entry in entries if fell and entry.get("type") == "message" and (name := _model(entry)))
    return next(seams, None) or next(declined, None)


def _fallbacks(response: Object) -> Iterator[tuple[int, Object]]:
    for index, block in enumerate(_objects(response.get("content"))):
        if block.get("type") == "fallback":
            yield index, block


def _message(response: Object, requested: str | None) -> tuple[list[Evidence], str | None]:
    found: list[Evidence] = []
    served = _text(response.get("model"))
    for index, block in _fallbacks(response):
        before, after = _model(block.get("from")), _model(block.get("to"))
        why = _text(_object(block.get("trigger")).get("category"))
        what = f"{before!r} handed over to {after!r}" + (f" ({why})" if why else "")
        found.append(Evidence(Kind.SERVED_BY_OTHER, f"content[{index}]", what))
        served = after or served
    usage = _object(response.get("usage"))
    for index, entry in enumerate(_objects(usage.get("iterations"))):
        name = _text(entry.get("model"))
        if entry.get("type") == "fallback_message" and not _is_requested(name, requested):
            what = f"fallback_message by {name!r}" + (f", requested was {requested!r}" if requested else "")
            found.append(Evidence(Kind.SERVED_BY_OTHER, f"usage.iterations[{index}]", what))
            served = name or served
    found += named(response.get("model"), requested, "model")
    return found + _stopped(response), served


def _is_requested(name: str | None, requested: str | None) -> bool:
    return name is not None and requested is not None and relation(requested, name) in (Relation.SAME, Relation.ALIAS)


def _stopped(response: Object) -> list[Evidence]:
    reason, details = response.get("stop_reason"), _object(response.get("stop_details"))
    if reason == "refusal" or details.get("type") == "refusal":
        what = _why(details.get("category"), details.get("explanation"))
        return [Evidence(Kind.REFUSED, "stop_reason", what)]
    found: list[Evidence] = []
    if _one_of(reason, _CUT):
        found.append(Evidence(Kind.TRUNCATED, "stop_reason", f"{reason}"))
    elif not response.get(_BROKEN_OFF) and not any(_says(block) for block in _objects(response.get("content"))):
        found.append(Evidence(Kind.ERROR, "content", "empty"))
    return found


def _says(block: Object) -> bool:
    """Whether a block is an answer: text that is not blank, or anything but text, thought and seams."""
    if block.get("type") == "text":
        return bool(str(block.get("text") or "").strip())
    return block.get("type") not in ("fallback", "thinking", "redacted_thinking")


# --- OpenAI -----------------------------------------------------------------------------------------------------------


def _chat(response: Object, requested: str | None) -> tuple[list[Evidence], str | None]:
    provider = _text(response.get("provider"))
    found = _names(response, requested, f" by the provider {provider!r}" if provider else "")
    choices = list(_objects(response.get("choices")))
    for index, choice in enumerate(choices):
        found += _choice(choice, f"choices[{index}]")
    if not choices and not response.get("error"):
        found.append(Evidence(Kind.ERROR, "choices", "empty"))
    return found, _served(response)


def _choice(choice: Object, where: str) -> list[Evidence]:
    message = _object(choice.get("message"))
    reason, refusal = choice.get("finish_reason"), message.get("refusal")
    found = _error(choice.get("error"), f"{where}.error")
    if reason == "content_filter" or choice.get("native_finish_reason") == "refusal":
        found.append(Evidence(Kind.REFUSED, f"{where}.finish_reason", f"{reason}"))
    if isinstance(refusal, str) and refusal:
        found.append(Evidence(Kind.REFUSED, f"{where}.message.refusal", _short(refusal)))
    if found:
        return found
    if _one_of(reason, _CUT):
        return [Evidence(Kind.TRUNCATED, f"{where}.finish_reason", f"{reason}")]
    said = message.get("content") or message.get("tool_calls") or message.get("function_call") or choice.get("text")
    if not said and not message.get("audio"):
        return [Evidence(Kind.ERROR, f"{where}.message.content", "empty")]
    return []


def _responses(response: Object, requested: str | None) -> tuple[list[Evidence], str | None]:
    found = _names(response, requested)
    items = list(_objects(response.get("output")))
    parts = [part for item in items for part in _objects(item.get("content"))]
    refusals = [part for part in parts if part.get("type") == "refusal"]
    found += [Evidence(Kind.REFUSED, "output[].content[].refusal", _short(part.get("refusal"))) for part in refusals]
    reason = _object(response.get("incomplete_details")).get("reason")
    if reason == "content_filter":
        found.append(Evidence(Kind.REFUSED, "incomplete_details.reason", reason))
    elif _one_of(reason, _CUT):
        found.append(Evidence(Kind.TRUNCATED, "incomplete_details.reason", f"{reason}"))
    elif response.get("status") in ("failed", "cancelled") and not response.get("error"):
        found.append(Evidence(Kind.ERROR, "status", f"{response.get('status')}"))
    elif not refusals and not response.get("error") and not response.get(_BROKEN_OFF) and not _has_output(items):
        found.append(Evidence(Kind.ERROR, "output", "empty"))
    return found, _served(response)


def _has_output(items: Sequence[Object]) -> bool:
    """Whether a response says or calls anything."""
    if any(item.get("type") not in ("message", "reasoning") for item in items):
        return True
    return any(part.get("text") for item in items for part in _objects(item.get("content")))


def _names(response: Object, requested: str | None, note: str = "") -> list[Evidence]:
    """Every name that a response gives: a stream's chunks may name several."""
    models = response.get("models")
    if not isinstance(models, list):
        return named(response.get("model"), requested, "model", note)
    return [each for name in models for each in named(name, requested, "model", note)]


def _served(response: Object) -> str | None:
    models = response.get("models")
    return _text(models[-1]) if isinstance(models, list) and models else _text(response.get("model"))


# --- What they share --------------------------------------------------------------------------------------------------


def _error(error: object, where: str = "error") -> list[Evidence]:
    if not error:
        return []
    members = _object(error)
    code = members.get("code") or members.get("type")
    inner = _object(members.get("innererror"))
    kind = Kind.REFUSED if _one_of(code, _POLICY_CODES) or "content_filter_result" in inner else Kind.ERROR
    return [Evidence(kind, where, _why(code, members.get("message") or (None if members else error)))]


def _overt(said: object) -> list[Evidence]:
    """What an Overt gateway discloses in the body."""
    members = _object(said)
    decision = members.get("decision")
    if decision == "redirect":
        what = f"redirected from {members.get('requested_model')!r} to {members.get('served_model')!r}"
        return [Evidence(Kind.SERVED_BY_OTHER, "overt", what)]
    if decision == "refuse":
        return [Evidence(Kind.REFUSED, "overt", _why(members.get("domain"), members.get("why")))]
    return []


def _why(word: object, explanation: object) -> str:
    said = [_short(each) for each in (word, explanation) if each]
    return ": ".join(said) or "no reason given"


def _short(said: object) -> str:
    text = " ".join(str(said).split())
    return text if len(text) <= 160 else text[:159] + "…"


def _one_of(value: object, words: frozenset[str]) -> bool:
    """Whether a value is one of these words; a list or an object from a stranger is not."""
    return isinstance(value, str) and value in words


def _model(value: object) -> str | None:
    """A model as ``{"model": name}`` or as its bare name."""
    return _text(value.get("model") if isinstance(value, dict) else value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _object(value: object) -> Object:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> Iterator[Object]:
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())
