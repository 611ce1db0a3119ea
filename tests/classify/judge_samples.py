"""What the judge's tests share: a judge before a scripted server, and findings by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from overt.classify.judge.ask import Judge
from overt.classify.judge.opinion import Opinion
from overt.classify.judge.shapes import SHAPES
from overt.classify.judge.written import written_policies
from overt.core.domain import Band, Domain
from overt.core.finding import Finding
from overt.testing.judge_server import JudgeServer

GPT, GRANITE, QWEN, LLAMA = "gpt-oss-safeguard", "granite-guardian", "qwen3guard", "llama-guard"
PATIENT_S = 30.0
"""Where a test is not about time, a busy machine must not make it one."""


def judge_at(
    server: JudgeServer, *, api_key: str | None = None, timeout_s: float = PATIENT_S, model: str = "asked-for"
) -> Judge:
    """A judge of the shape that the server speaks."""
    return Judge(
        url=server.url,
        model=model,
        shape=SHAPES[server.speaks],
        policies=written_policies(),
        api_key=api_key,
        timeout_s=timeout_s,
    )


@asynccontextmanager
async def judge_before(server: JudgeServer, *, timeout_s: float = PATIENT_S) -> AsyncIterator[Judge]:
    """The server running, and a judge that asks it."""
    async with server:
        judge = judge_at(server, timeout_s=timeout_s)
        try:
            yield judge
        finally:
            await judge.aclose()


def finding(
    domain: Domain = Domain.CYBER, *, topic: float = 0.9, low: float = 0.9, high: float = 0.9, prohibited: float = 0.1
) -> Finding:
    """A finding of stage 1."""
    return Finding(domain=domain, topic=topic, low_dual=low, high_dual=high, prohibited=prohibited, stages=("stage1",))


def opinion(band: Band) -> Opinion:
    """An opinion that says only this."""
    return Opinion(band=band, confidence=None, rationale_code="B1", rationale_short="", model="m", ms=1.0)
