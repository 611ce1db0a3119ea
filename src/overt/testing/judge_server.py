"""A judge's server for tests: a real HTTP server on a free port that speaks each shape, and each fault.

    async with JudgeServer(speaks="gpt-oss-safeguard", band=Band.BENIGN) as server:
        judge = Judge(url=server.url, model="m", shape=SHAPES["gpt-oss-safeguard"], policies=written_policies())

``band`` is what it finds in every text, or a function of what it was asked. It answers in the words that the models'
own documentation gives. ``fault`` may be changed at any time; ``asked`` holds every body and header that came.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, final

from aiohttp import web

from overt.core.domain import Band
from overt.testing.local import LocalSite, broken_off

MODEL_NAME: Final = "the-judge-v1"
_CRITERION: Final = re.compile(r"of band (\w+)")
_HUGE: Final = 1_000_000


class JudgeFault(StrEnum):
    """What the server does instead of answering well."""

    SLOW = "slow"
    STATUS_500 = "500"
    REDIRECT = "redirect"
    GARBAGE = "garbage"
    HALF_JSON = "half JSON"
    HALF_CONTENT = "half of the content"
    WRONG_SCHEMA = "wrong schema"
    NO_CHOICES = "no choices"
    NO_CONTENT = "no content"
    CUT_OFF = "cut off at the limit of tokens"
    HUGE = "huge"
    BREAKS_OFF = "breaks off"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AskedOfJudge:
    """One question: its body, and its headers with lower-case names."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        """All that the messages say."""
        return "\n".join(str(message["content"]) for message in self.body["messages"])


@final
@dataclass(slots=True, kw_only=True)
class JudgeServer:
    """See the module. An asynchronous context manager; ``url`` is there once it is entered."""

    speaks: str
    band: Band | Callable[[AskedOfJudge], Band] = Band.BENIGN
    fault: JudgeFault | None = None
    delay_s: float = 0.0
    model: str | None = MODEL_NAME
    url: str = ""
    asked: list[AskedOfJudge] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    _site: LocalSite = field(default_factory=LocalSite)

    async def __aenter__(self) -> JudgeServer:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._answer)
        self.url = await self._site.open(app)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._site.close()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        asked = AskedOfJudge(
            body=await request.json(), headers={name.lower(): value for name, value in request.headers.items()}
        )
        self.asked.append(asked)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self._site.wait(600.0 if self.fault is JudgeFault.SLOW else self.delay_s)
        finally:
            self._at_once -= 1
        return await self._faulty(request, asked) if self.fault is not None else web.json_response(self._whole(asked))

    async def _faulty(self, request: web.Request, asked: AskedOfJudge) -> web.StreamResponse:
        whole = json.dumps(self._whole(asked)).encode()
        content = self.says(asked)
        match self.fault:
            case JudgeFault.STATUS_500:
                return web.json_response({"error": {"message": "out of memory"}}, status=500)
            case JudgeFault.REDIRECT:
                return web.Response(status=307, headers={"location": "/v1/chat/completions"})
            case JudgeFault.GARBAGE:
                return web.Response(body=b"\xff\xfe<html>busy</html>")
            case JudgeFault.HALF_JSON:
                return web.Response(body=whole[: len(whole) // 2], content_type="application/json")
            case JudgeFault.HALF_CONTENT:
                return web.json_response(self._completion(content[: len(content) // 2]))
            case JudgeFault.WRONG_SCHEMA:
                return web.json_response(self._completion('{"violation": 1, "policy_category": "H1"}'))
            case JudgeFault.NO_CHOICES:
                return web.json_response({"object": "chat.completion", "choices": []})
            case JudgeFault.NO_CONTENT:
                return web.json_response(self._completion(None))
            case JudgeFault.CUT_OFF:
                return web.json_response(self._completion(content, finish="length"))
            case JudgeFault.HUGE:
                return web.json_response(self._completion(content + " " * _HUGE))
            case JudgeFault.BREAKS_OFF:
                return await broken_off(request, whole)
            case JudgeFault.SLOW | None:
                return web.json_response(self._whole(asked))

    def says(self, asked: AskedOfJudge) -> str:
        """The words of the shape for the band that is found."""
        band = self.band if isinstance(self.band, Band) else self.band(asked)
        match self.speaks:
            case "gpt-oss-safeguard":
                rule = f"{band.value[0].upper()}1"
                return json.dumps({"band": band, "confidence": "high", "rule": rule, "rationale": "It is so."})
            case "granite-guardian":
                wanted = _CRITERION.search(asked.text)
                yes = wanted is not None and wanted[1] == band
                return f"<think>\n</think>\n<score>{'yes' if yes else 'no'}</score>"
            case "qwen3guard":
                safety = ("Safe", "Controversial", "Unsafe", "Unsafe")[band.rank]
                return f"Safety: {safety}\nCategories: {'None' if band is Band.BENIGN else 'Violent'}"
            case "llama-guard":
                return "unsafe\nS2,S9" if band.rank >= Band.HIGH_DUAL.rank else "safe"
            case other:
                raise ValueError(f"no shape is called {other!r}; see overt.classify.judge.shapes")

    def _whole(self, asked: AskedOfJudge) -> dict[str, object]:
        return self._completion(self.says(asked))

    def _completion(self, content: str | None, *, finish: str = "stop") -> dict[str, object]:
        message = {"role": "assistant", "content": content, "reasoning": "Let me think about the policy."}
        named = {} if self.model is None else {"model": self.model}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return {"id": "chatcmpl-1", "object": "chat.completion", "created": 0, "choices": [choice]} | named
