"""A request body for another model, made from the caller's own bytes: only what must change changes.

``model`` becomes the other model's, ``fallbacks`` goes (we carry them out), and the caller's own overrides for that
model apply (protocol notes 1.3): absent inherits, null removes the parameter so that the target's default holds,
``output_config`` merges one level deep. A null ``max_tokens`` inherits, because the parameter is required.
"""

from __future__ import annotations

from overt.core.request import Fallback
from overt.wire.json import encode, member, read, splice


def amend(raw: bytes, fallback: Fallback) -> bytes:
    """The body to send to ``fallback.model``. Always start from the original request, never from an amended one."""
    changes: dict[str, bytes | None] = {"model": encode(fallback.model), "fallbacks": None}
    for name, value in fallback.overrides.items():
        if name == "max_tokens" and value is None:
            continue
        if name == "output_config" and isinstance(value, dict):
            changes[name] = _merged(member(raw, name), value)
        else:
            changes[name] = None if value is None else encode(value)
    return splice(raw, changes)


def _merged(original: bytes | None, overrides: dict[str, object]) -> bytes | None:
    base = original if original is not None and read(original) is not None else b"{}"
    merged = splice(base, {name: None if value is None else encode(value) for name, value in overrides.items()})
    return merged if read(merged) else None
