"""The request header ``Prefer`` (RFC 7240): what a caller wants to happen to a flagged request, and of its record.

``overt-on-flag=refuse|redirect|error`` and ``overt-fallback="none"``; ``overt-receipt=included`` (or, shorter,
``receipt=included``) waits until the log holds the entry, ``overt-completion=always`` commits to every answer's bytes,
those of a stream that passes too. A caller can only make the outcome stricter or
more explicit, never looser. Preferences of others are ignored, as the RFC demands; a value of ours that we do not know
is a `BadRequest`, because ignoring a misspelt wish for strictness would loosen it in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import final

from overt.core.request import Request, RequestedOnly
from overt.errors import BadRequest

_ELEMENT = re.compile(r'(?:[^,"]++|"(?:[^"\\]++|\\.)*+"?)++')
_PREFERENCE = re.compile(
    r"""\s*(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*
        (?:=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<token>[!#$%&'*+.^_`|~0-9A-Za-z-]*)))?\s*(?:;.*)?""",
    re.VERBOSE | re.DOTALL,
)


class OnFlag(StrEnum):
    """What a caller wants if the policy intervenes."""

    REFUSE = "refuse"
    REDIRECT = "redirect"
    ERROR = "error"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What the caller said: ``on_flag`` is None where nothing was said; ``no_fallback`` forbids any other model.

    ``included`` waits for the log; ``completion`` wants a receipt that commits to the answer, whatever the answer is.
    """

    on_flag: OnFlag | None = None
    no_fallback: bool = False
    included: bool = False
    completion: bool = False


def parse_prefer(values: Iterable[str]) -> Preferences:
    """Read every ``Prefer`` header of a request. Of a repeated preference the first counts (RFC 7240 section 2)."""
    said: dict[str, str] = {}
    for value in values:
        for element in _ELEMENT.findall(value):
            found = _PREFERENCE.fullmatch(element)
            if found is not None:
                quoted = found["quoted"]
                word = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else found["token"] or ""
                said.setdefault(found["name"].lower(), word)
            elif "overt-" in element.lower():
                raise BadRequest(
                    f'cannot read Prefer: {element.strip()!r}: write a name, or name=value, or name="value"'
                )
    return Preferences(
        on_flag=_on_flag(said.get("overt-on-flag")),
        no_fallback=_only("overt-fallback", "none", said),
        included=_only("overt-receipt", "included", said) or _only("receipt", "included", said),
        completion=_only("overt-completion", "always", said),
    )


def _on_flag(word: str | None) -> OnFlag | None:
    if word is None:
        return None
    try:
        return OnFlag(word.lower())
    except ValueError:
        known = ", ".join(OnFlag)
        raise BadRequest(f"Prefer: overt-on-flag={word!r} is unknown: use one of {known}") from None


def _only(name: str, known: str, said: Mapping[str, str]) -> bool:
    """Whether a preference that has one value was said."""
    word = said.get(name)
    if word not in (None, known):
        raise BadRequest(f'Prefer: {name}={word!r} is unknown: use {name}="{known}", or leave it out')
    return word == known


def apply_preferences(request: Request, preferences: Preferences) -> Request:
    """The request with what the caller forbade taken away. ``redirect`` adds nothing: consent is the protocol's own."""
    if preferences.no_fallback or preferences.on_flag in (OnFlag.REFUSE, OnFlag.ERROR):
        return replace(request, acceptance=RequestedOnly())
    return request
