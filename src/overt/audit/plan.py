"""What an audit will do, fixed and signed before its first call, so that nobody can choose the test after the answers.

Values only: `overt.audit.planning` reads, writes, prices and signs them, `overt.audit.collect` carries them out,
`overt.audit.report` says what came of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import final

from overt.audit.rows import Prompt

Parameter = None | bool | int | float | str | Sequence["Parameter"] | Mapping[str, "Parameter"]
"""A value of JSON, as it goes into a request."""


class Api(StrEnum):
    """The shapes of requests and responses that we speak."""

    ANTHROPIC = "anthropic"
    CHAT = "chat"
    """``/v1/chat/completions``: OpenAI, vLLM, Ollama, OpenRouter and every compatible server."""
    RESPONSES = "responses"
    """``/v1/responses`` of OpenAI."""


class Role(StrEnum):
    """Which side of the comparison a route is on."""

    REFERENCE = "reference"
    ENDPOINT = "endpoint"


class Question(StrEnum):
    """What is asked of the endpoint."""

    CHANGE = "change"
    """Is it another than the reference?"""
    TOPIC = "topic"
    """Did it change more on a topic than on the matched control?"""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Per million tokens, in the plan's currency. ``refusals_billed``: whether a refusal costs its tokens."""

    input: Decimal
    output: Decimal
    refusals_billed: bool = True


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way to one model. Two routes may be one model at two hosts, or two models at one host.

    ``base_url`` ends before ``/v1``. ``key_variable`` names the environment variable that holds the key; the key itself
    is in no file. ``parameters`` go into every request as they are (``max_tokens``, ``temperature``, …).
    """

    name: str
    role: Role
    api: Api
    base_url: str
    model: str
    key_variable: str | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    price: Price | None = None
    """None: calls cost nothing, as to a server of one's own."""
    most_per_minute: int | None = None
    most_at_once: int = 4


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole audit: every call follows from it, and so does every number of its report.

    With recordings as the reference there is no route of that role: ``recorded`` is the digest of their file.
    ``samples`` answers are asked of every route for every prompt. ``seed`` decides the order of calls and the
    permutations of tests. ``margin`` is by how much more a topic may lose before that is called topic-specific.
    """

    question: Question
    routes: tuple[Route, ...]
    prompts: tuple[Prompt, ...]
    samples: int
    alpha: float
    seed: int
    budget: Decimal
    """The most that may be spent, in ``currency``; 0 where every route is free."""
    currency: str
    made_at: str
    """RFC 3339, UTC."""
    topic: str | None = None
    control: str | None = None
    margin: float = 0.05
    recorded: str | None = None
    checkers: str | None = None
    """The prompt set whose checkers grade the answers; None where nothing is graded."""
    power: float | None = None
    """The planner's prediction for the change that it was asked about."""
