"""What was asked: a request as segments, and what its caller accepts in place of the requested model.

A segment is one part of a request with its role; each is assessed by itself, so that a notice can say which part
decided. `Segment.preamble` marks what the caller's software sends with every request: it can never decide alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import final

from overt.core.domain import ModelName


class Role(StrEnum):
    """Who a segment comes from."""

    SYSTEM = "system"
    TOOL_SCHEMA = "tool_schema"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL_RESULT = "tool_result"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One part of a request. ``message`` is its index in the conversation, None outside it (system, tools)."""

    role: Role
    text: str
    message: int | None = None
    part: int = 0
    source: str = ""

    @property
    def preamble(self) -> bool:
        """Whether the caller's software sends this with every request."""
        return self.role in (Role.SYSTEM, Role.TOOL_SCHEMA)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """A model that the caller accepts instead, with the caller's own changes of parameters for it.

    ``overrides`` maps a top-level parameter to its JSON value; an explicit null means the target's default.
    """

    model: ModelName
    overrides: Mapping[str, object] = field(default_factory=dict)


@final
@dataclass(frozen=True, slots=True)
class RequestedOnly:
    """The caller accepts no other model: an intervention can only be a refusal."""


@final
@dataclass(frozen=True, slots=True)
class ServerChoice:
    """The caller accepts the model that the policy names for (requested model, domain)."""


@final
@dataclass(frozen=True, slots=True)
class Named:
    """The caller accepts these models, tried in this order."""

    fallbacks: tuple[Fallback, ...]


Acceptance = RequestedOnly | ServerChoice | Named


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to a model, in no particular protocol."""

    model: ModelName
    segments: tuple[Segment, ...]
    stream: bool = False
    acceptance: Acceptance = RequestedOnly()


@final
@dataclass(frozen=True, slots=True)
class Asked:
    """A request together with the very bytes in which it came."""

    raw: bytes
    request: Request
