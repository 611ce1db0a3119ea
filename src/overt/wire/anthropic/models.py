"""The Models API (protocol notes 1.12): the upstream's own descriptions, with the members that clients require.

``allowed_fallback_models`` is shown only to callers who sent a ``server-side-fallback-*`` beta, and says what this
gateway's policy allows, whatever the upstream says of itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from overt.core.domain import ModelName
from overt.errors import NotFound
from overt.wire.anthropic.fallbacks import offers_fallbacks
from overt.wire.json import encode

Allowed = Callable[[ModelName], tuple[ModelName, ...]]
_UNKNOWN_DATE = "1970-01-01T00:00:00Z"
_LIFECYCLES = ("active", "deprecated", "retired")


def models_list(descriptions: Iterable[Mapping[str, object]], *, betas: tuple[str, ...], allowed: Allowed) -> bytes:
    """Every model, in one page."""
    data = [_model(each, betas, allowed) for each in descriptions]
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return encode({"data": data, "has_more": False, "first_id": first, "last_id": last})


def one_model(
    descriptions: Iterable[Mapping[str, object]], name: str, *, betas: tuple[str, ...], allowed: Allowed
) -> bytes:
    """One model. Raises `NotFound` if there is none of this name."""
    for each in descriptions:
        if each.get("id") == name:
            return encode(_model(each, betas, allowed))
    raise NotFound(f"there is no model {name!r}: list the models to see their names")


def _model(description: Mapping[str, object], betas: tuple[str, ...], allowed: Allowed) -> Mapping[str, object]:
    name = str(description["id"])
    shown = {key: value for key, value in description.items() if key != "allowed_fallback_models"}
    created, lifecycle = description.get("created_at"), description.get("lifecycle")
    shown |= {
        "type": "model",
        "id": name,
        "display_name": description.get("display_name") or name,
        "created_at": created if isinstance(created, str) else _UNKNOWN_DATE,
        "lifecycle": lifecycle if lifecycle in _LIFECYCLES else "active",
    }
    if offers_fallbacks(betas):
        shown["allowed_fallback_models"] = list(allowed(ModelName(name)))
    return shown
