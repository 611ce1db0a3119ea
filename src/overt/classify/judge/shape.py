"""How one family of judges is asked and how it answers. Pure: a shape makes questions and reads replies.

A question is the body of a chat-completions request without model, temperature and streaming, which the judge adds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

from overt.classify.judge.opinion import Fault, NoOpinion
from overt.classify.judge.quote import harmless
from overt.classify.judge.written import WrittenPolicy
from overt.core.domain import Band, Domain
from overt.core.notice import Confidence

Question: TypeAlias = Mapping[str, object]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What stands in a judge's replies."""

    band: Band
    confidence: Confidence | None = None
    code: str
    short: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """``ask`` gives the questions about a text, none where the family has no category for the policy's domain; ``read``
    gets one reply for each question, in order. An ``advisory`` family does not read our policy: what it says is
    recorded and changes nothing.
    """

    name: str
    advisory: bool
    ask: Callable[[WrittenPolicy, str], tuple[Question, ...]]
    read: Callable[[WrittenPolicy, Sequence[str]], Said | NoOpinion]


def as_it_stands(policy: WrittenPolicy, text: str, *, most_tokens: int) -> tuple[Question, ...]:
    """The question of a family that reads no policy of ours: the user's message alone. None about frontier_llm, for
    which such families have no category."""
    if policy.domain is Domain.FRONTIER_LLM:
        return ()
    return ({"messages": [{"role": "user", "content": harmless(text)}], "max_tokens": most_tokens},)


def unreadable(shape: str, what: str) -> NoOpinion:
    """The reply is not of the shape. It is not quoted, because it may repeat the text."""
    return NoOpinion(fault=Fault.UNREADABLE, reason=f"the reply is not of shape {shape!r}: {what}")
