"""Which other models a caller accepts: the rules for ``fallbacks`` and its beta header (protocol notes 1.2 and 1.3).

A non-null ``fallbacks`` under a right ``server-side-fallback-*`` beta is the consent. The beta header alone, without
``fallbacks``, consents to nothing. Errors name the JSON path, the value, and what to send instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from overt.core.domain import ModelName
from overt.core.request import Acceptance, Fallback, Named, Request, RequestedOnly, ServerChoice
from overt.errors import BadRequest
from overt.wire.anthropic.fields import a_name, an_object, wrong
from overt.wire.json import shown

FAMILY = "server-side-fallback-"
FIRST = "server-side-fallback-2026-06-01"
SECOND = "server-side-fallback-2026-07-01"
MAX_FALLBACKS = 3
_OVERRIDES = {FIRST: ("max_tokens", "thinking"), SECOND: ("max_tokens", "thinking", "output_config", "speed")}
_SPEEDS = ("standard", "fast")
_TOKEN_MODES = ("strict", "best_effort")


def parse_betas(values: Iterable[str]) -> tuple[str, ...]:
    """The values of every ``anthropic-beta`` header of a request, split at commas and trimmed."""
    return tuple(beta.strip() for value in values for beta in value.split(",") if beta.strip())


def offers_fallbacks(betas: Iterable[str]) -> bool:
    """Whether a known ``server-side-fallback-*`` beta was sent."""
    return any(beta in _OVERRIDES for beta in betas)


def read_acceptance(body: Mapping[str, object], model: ModelName, betas: tuple[str, ...]) -> Acceptance:
    """What the caller accepts in place of ``model``."""
    fallbacks = body.get("fallbacks")
    _check_credit_token(body.get("fallback_credit_token"))
    if fallbacks is None:
        return RequestedOnly()
    beta = _granting(betas)
    if body.get("fallback_credit_token") is not None:
        raise BadRequest(
            "fallbacks and fallback_credit_token cannot be sent together: redeem the token on a request of its own"
        )
    if isinstance(fallbacks, str):
        return _server_choice(fallbacks, beta)
    return Named(_listed(fallbacks, model, beta))


def _granting(betas: tuple[str, ...]) -> str:
    sent = [beta for beta in betas if beta.startswith(FAMILY)]
    unknown = [beta for beta in sent if beta not in _OVERRIDES]
    if unknown:
        raise BadRequest(f"anthropic-beta: {unknown[0]!r} is unknown, so fallbacks cannot be used: send {SECOND!r}")
    if not sent:
        raise BadRequest(f"fallbacks: needs the header anthropic-beta: {SECOND} (betas sent: {list(betas)!r})")
    return SECOND if SECOND in sent else FIRST


def _server_choice(word: str, beta: str) -> ServerChoice:
    if word != "default":
        raise wrong("fallbacks", 'null, "default" or an array of 1 to 3 entries', word)
    if beta != SECOND:
        raise BadRequest(f'fallbacks: "default" is not part of {beta!r}: send anthropic-beta: {SECOND}')
    return ServerChoice()


def _listed(value: object, model: ModelName, beta: str) -> tuple[Fallback, ...]:
    if not isinstance(value, list):
        raise wrong("fallbacks", 'null, "default" or an array of 1 to 3 entries', value)
    if not 1 <= len(value) <= MAX_FALLBACKS:
        raise BadRequest(f"fallbacks: expected 1 to {MAX_FALLBACKS} entries, got {len(value)!r}")
    seen: dict[ModelName, str] = {model: "model"}
    fallbacks = []
    for index, entry in enumerate(value):
        path = f"fallbacks[{index}]"
        fallback = _entry(entry, path, beta)
        if fallback.model in seen:
            raise BadRequest(
                f"{path}.model: {fallback.model!r} is already named by {seen[fallback.model]}: name each model once"
            )
        seen[fallback.model] = f"{path}.model"
        fallbacks.append(fallback)
    return tuple(fallbacks)


def _entry(value: object, path: str, beta: str) -> Fallback:
    entry = an_object(value, path)
    if not entry:
        raise BadRequest(f"{path}: expected an object with 'model', got {{}}")
    model = ModelName(a_name(entry.get("model"), f"{path}.model"))
    overrides = {name: each for name, each in entry.items() if name != "model"}
    allowed = _OVERRIDES[beta]
    for name, each in overrides.items():
        if name not in allowed:
            known = ", ".join(("model", *allowed))
            raise BadRequest(f"{path}.{name}: {name!r} is not allowed under {beta!r}: use only {known}")
        _check_override(name, each, f"{path}.{name}")
    return Fallback(model=model, overrides=overrides)


def _check_override(name: str, value: object, path: str) -> None:
    if value is None:
        return
    if name == "max_tokens":
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise wrong(path, "a whole number of at least 1, or null", value)
    elif name == "speed":
        if value not in _SPEEDS:
            raise wrong(path, '"standard", "fast" or null', value)
    elif not isinstance(value, dict):
        raise wrong(path, "an object or null", value)


def _check_credit_token(value: object) -> None:
    path = "fallback_credit_token"
    if value is None:
        return
    if isinstance(value, dict):
        a_name(value.get("token"), f"{path}.token")
        if value.get("mode", "strict") not in _TOKEN_MODES:
            raise wrong(f"{path}.mode", '"strict" or "best_effort"', value["mode"])
    elif not isinstance(value, str) or not value.strip():
        raise wrong(path, 'null, a token, or {"token": ..., "mode": "strict" or "best_effort"}', value)


def check_allowed(request: Request, allowed: tuple[ModelName, ...]) -> Request:
    """The request if every model that its caller names may stand in for the requested one; else `BadRequest`.

    ``allowed`` is empty where the requested model supports no fallbacks: a list is refused, ``"default"`` is ignored.
    """
    match request.acceptance:
        case ServerChoice() if not allowed:
            return replace(request, acceptance=RequestedOnly())
        case Named(fallbacks=fallbacks):
            for index, fallback in enumerate(fallbacks):
                _check_entry(request.model, index, fallback.model, allowed)
            return request
        case _:
            return request


def _check_entry(model: ModelName, index: int, entry: ModelName, allowed: tuple[ModelName, ...]) -> None:
    if not allowed:
        raise BadRequest(f"fallbacks: model {model!r} does not support fallbacks: leave them out")
    if entry not in allowed:
        raise BadRequest(
            f"fallbacks[{index}].model: {shown(entry)} may not stand in for {model!r}: use one of {list(allowed)!r}"
        )
