"""An upstream that answers from a script and remembers what it was sent.

    upstream = ScriptedUpstream({"big-1": [Answer(body=b'{"type":"message",…}')]})

A model's answers are given in turn, the last one again and again. ``cut_at`` breaks the body off after so many bytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import final

from overt.core.exchange import Outgoing
from overt.errors import OvertError, UpstreamUnreachable
from overt.ports import Reply


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One scripted answer; ``fails`` is raised instead of answering."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    body: bytes = b""
    chunk: int = 1 << 16
    cut_at: int | None = None
    fails: OvertError | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One request that the upstream was sent."""

    outgoing: Outgoing
    path: str
    headers: tuple[tuple[str, str], ...]


@final
@dataclass(slots=True)
class ScriptedUpstream:
    """Implements `ports.Upstream` from a script: model name to answers."""

    script: Mapping[str, list[Answer]]
    described: tuple[Mapping[str, object], ...] = ()
    sent: list[Sent] = field(default_factory=list)
    _turn: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name that receipts give as provider."""
        return "scripted"

    async def models(self, headers: tuple[tuple[str, str], ...] = ()) -> tuple[Mapping[str, object], ...]:
        """The described models, or the script's names."""
        del headers
        return self.described or tuple({"id": name} for name in self.script)

    async def send(self, outgoing: Outgoing, *, path: str, headers: tuple[tuple[str, str], ...]) -> Reply:
        """The next answer for the model."""
        self.sent.append(Sent(outgoing=outgoing, path=path, headers=headers))
        answers = self.script[outgoing.model]
        turn = self._turn.get(outgoing.model, 0)
        self._turn[outgoing.model] = turn + 1
        answer = answers[min(turn, len(answers) - 1)]
        if answer.fails is not None:
            raise answer.fails
        return Reply(answer.status, answer.headers, _chunks(answer))

    async def aclose(self) -> None:
        """Nothing to release."""


async def _chunks(answer: Answer) -> AsyncIterator[bytes]:
    body = answer.body if answer.cut_at is None else answer.body[: answer.cut_at]
    for start in range(0, len(body), answer.chunk):
        yield body[start : start + answer.chunk]
    if answer.cut_at is not None:
        raise UpstreamUnreachable("the scripted upstream broke off in the middle of its reply")
