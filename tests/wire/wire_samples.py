"""What the tests of the wire formats share: notices, states, transcripts, and an SDK client in front of given bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import anthropic
import httpx2

from overt.core.domain import Band, Digest, Domain, ModelName, NoticeId, ReceiptId, RuleId
from overt.core.exchange import Disclose, Received, Relay, Served, served_bytes
from overt.core.finding import ErrorRate, Trigger
from overt.core.notice import Clause, Confidence, Ground, Notice, Stamp
from overt.core.receipt import Position
from overt.core.request import Role
from overt.core.serve import Relaying
from overt.wire.anthropic.stream import StreamReader
from overt.wire.disclosure import Links

TRANSCRIPTS = Path(__file__).parent.parent / "data" / "sse"
NAMES = tuple(sorted(path.name for path in TRANSCRIPTS.glob("*.sse")))
PRIMARY = ModelName("claude-fable-5")
TARGET = ModelName("claude-opus-4-8")
LINKS = Links(notice="https://gate.example/v1/notices/ntc_1", receipt="https://gate.example/v1/receipts/rcp_1")
BETA = "server-side-fallback-2026-07-01"
FIRST_BETA = "server-side-fallback-2026-06-01"


def transcript(name: str) -> bytes:
    return (TRANSCRIPTS / name).read_bytes()


def units(raw: bytes) -> list[Received]:
    reader = StreamReader()
    return [*reader.feed(raw), *reader.end()]


def relaying() -> Relaying:
    return Relaying(Position(sequence=1, leaf=b"\x00" * 32))


def policy_notice(
    *, domain: Domain = Domain.CYBER, served: ModelName | None = TARGET, recommended: ModelName | None = None
) -> Notice:
    return Notice(
        stamp=Stamp(
            notice_id=NoticeId("ntc_1"),
            receipt_id=ReceiptId("rcp_1"),
            issued_at="2026-10-30T12:00:00Z",
            contact="appeals@gate.example",
        ),
        ground=Ground.POLICY,
        requested=PRIMARY,
        served=served,
        policy="default 3",
        policy_digest=Digest("sha256:" + "0" * 64),
        what="Another model answers.",
        why='An automated check read "your message" as exploit – development.',
        redress="To contest it, quote notice ntc_1.",
        clause=Clause(
            rule=RuleId("cyber-2"),
            title="exploit development",
            domain=domain,
            band=Band.HIGH_DUAL,
            confidence=Confidence.MEDIUM,
            trigger=Trigger(segment=3, role=Role.USER, start=4, end=20),
            error_rate=ErrorRate(domain=domain, flagged=1, negatives=1000, upper95=0.005),
        ),
        recommended=recommended,
    )


def provider_notice(*, category: str | None = "cyber", recommended: ModelName | None = None) -> Notice:
    return replace(
        policy_notice(recommended=recommended),
        ground=Ground.PROVIDER_REFUSAL,
        clause=None,
        served=None if recommended else TARGET,
        provider_category=category,
    )


def wire(served: Iterable[Served]) -> bytes:
    return b"".join(served_bytes(unit) for unit in served)


def disclosed_first(served: list[Served]) -> Disclose:
    """The first unit that is not relayed: it must be the notice."""
    altered = [unit for unit in served if not isinstance(unit, Relay)]
    assert isinstance(altered[0], Disclose)
    assert not any(isinstance(unit, Disclose) for unit in altered[1:])
    return altered[0]


def events(raw: bytes) -> list[Mapping[str, object]]:
    """The data of every event, read by a few lines that share nothing with the code under test."""
    text = raw.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    lines = [line for line in text.split("\n") if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def client(body: bytes, *, status: int = 200, stream: bool = False) -> anthropic.Anthropic:
    """The official client, strict, in front of a transport that answers every request with these bytes."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        kind = "text/event-stream" if stream else "application/json"
        return httpx2.Response(status, headers={"content-type": kind, "request-id": "req_1"}, content=body)

    return anthropic.Anthropic(
        api_key="key",
        base_url="http://gate.example",
        max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
        _strict_response_validation=True,
    )
