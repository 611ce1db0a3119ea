"""A result as the document that is signed: the result, and with which programs and when it was worked out."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

import numpy as np

from overt.audit.report.numbers import Agreement, compared, value_of
from overt.audit.report.result import VERSION, Result
from overt.errors import VerificationFailed
from overt.proof import canonical

AROUND: Final = frozenset(("code", "made_at", "v"))
"""Members that are not worked out from the records."""


def document_of(result: Result, made_at: str) -> dict[str, canonical.Value]:
    """The document of a result; ``made_at`` is RFC 3339, UTC."""
    found = value_of(result)
    if not isinstance(found, dict):
        raise VerificationFailed("result", f"it is {type(found).__name__}, expected an object")
    return {"v": VERSION, "made_at": made_at, "code": programs(), **found}


def programs() -> dict[str, canonical.Value]:
    """What worked it out. Another version may round otherwise; a later one of ours may test otherwise."""
    return {"overt": version("overt"), "numpy": np.__version__}


def again(published: canonical.Value, result: Result) -> Agreement:
    """What a document says against what its records give."""
    members = parts_of(published)
    worked_out = value_of(result)
    return compared({name: value for name, value in members.items() if name not in AROUND}, worked_out)


def parts_of(published: canonical.Value) -> dict[str, canonical.Value]:
    """The members of a document; `VerificationFailed` unless it is one of this version."""
    if not isinstance(published, dict) or published.get("v") != VERSION:
        raise VerificationFailed("result", f"it is no {VERSION!r}: read it with the version that wrote it")
    made_at, code = published.get("made_at"), published.get("code")
    if not isinstance(made_at, str) or not isinstance(code, dict) or code.keys() != programs().keys():
        raise VerificationFailed("result", f"it does not say when and with what it was made: {made_at!r}, {code!r}")
    return dict(published)
