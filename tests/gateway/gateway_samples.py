"""What the gateway's tests share: a gateway over fakes, a scripted provider, and the official SDK in front of it.

The classifier finds what a text spells out: ``cyber:high_dual`` in a request is a request of that domain and band.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anthropic
import httpx2
from starlette.applications import Starlette

from overt.core.domain import Domain, ModelName
from overt.core.policy import Policy
from overt.gateway.admit import Admission
from overt.gateway.app import create_app
from overt.gateway.closing import Closings
from overt.gateway.compose import announcements_of, make_key
from overt.gateway.gossip import Gossip
from overt.gateway.models import Models
from overt.gateway.parts import Gateway, Published
from overt.gateway.pipeline import Pages, Pipeline
from overt.gateway.record import Recorder
from overt.gateway.shadow import Beside, nobody
from overt.policy.bundle import bundled_text, load_bundled
from overt.ports import Classifier, Store
from overt.proof.receipt import Issuer
from overt.proof.statement import encode_entry
from overt.testing.archive import MemoryArchive
from overt.testing.classifier import FixedClassifier
from overt.testing.clock import ManualClock
from overt.testing.log import MemoryLog
from overt.testing.receipts import MINUTE, known_issuer
from overt.testing.store import MemoryStore
from overt.testing.upstream import Answer, ScriptedUpstream

BIG = ModelName("big-1")
SMALL = ModelName("small-1")
TINY = ModelName("tiny-1")
BETA = "server-side-fallback-2026-07-01"
URL = "http://gate.example"
EVENTS = (("content-type", "text/event-stream"), ("x-provider", "1"))
JSON = (("content-type", "application/json"), ("request-id", "req_provider"))


@dataclass(kw_only=True)
class Running:
    """A gateway over fakes, and what stands behind it."""

    app: Starlette
    upstream: ScriptedUpstream
    log: MemoryLog
    store: Store
    key: str
    gateway: Gateway
    closings: Closings
    evidence: dict[str, bytes]
    transport: httpx2.ASGITransport = field(init=False)

    def __post_init__(self) -> None:
        self.transport = httpx2.ASGITransport(app=self.app)

    def http(self, **headers: str) -> httpx2.AsyncClient:
        """A plain client that sends the key."""
        sent = {"x-api-key": self.key, "anthropic-version": "2023-06-01", "content-type": "application/json"} | headers
        return httpx2.AsyncClient(transport=self.transport, base_url=URL, headers=sent)

    def sdk(self, *, strict: bool = True, middleware: Sequence[Any] = ()) -> anthropic.AsyncAnthropic:
        """The official client."""
        return anthropic.AsyncAnthropic(
            api_key=self.key,
            base_url=URL,
            max_retries=0,
            http_client=httpx2.AsyncClient(transport=self.transport),
            middleware=list(middleware) or None,
            _strict_response_validation=strict,
        )


def policy_of(name: str = "default") -> Policy:
    """A bundled policy with fallbacks for the scripted models."""
    targets = {(BIG, domain): (SMALL, TINY) for domain in Domain}
    return replace(load_bundled(name), fallbacks=targets)


async def running(
    script: Mapping[str, list[Answer]] | None = None,
    *,
    policy: Policy | None = None,
    classifier: Classifier | None = None,
    max_body: int = 1 << 20,
    authenticate: bool = True,
    beside: Beside = nobody,
    any_model: bool = False,
    store: Store | None = None,
) -> Running:
    """A gateway over fakes. With ``any_model`` its upstream is asked for names that nobody listed, too."""
    upstream = ScriptedUpstream(script if script is not None else {BIG: [message(BIG)], SMALL: [message(SMALL)]})
    log, clock = MemoryLog(), ManualClock(MINUTE + 12.3)
    store = store if store is not None else MemoryStore()
    issuer = known_issuer()

    async def issuing() -> Issuer:
        return issuer

    chosen = policy or policy_of()
    judge = classifier or FixedClassifier()
    for entry in announcements_of(log.origin, MINUTE, policy=chosen, release=judge.release, issuer=issuer).values():
        await log.append(encode_entry(entry))
    names = (BIG, SMALL, TINY) if any_model else (*upstream.script, BIG, SMALL, TINY)
    recorder = Recorder(log=log, store=store, issuing=issuing, clock=clock)
    closings = Closings(recorder)
    evidence: dict[str, bytes] = {}

    async def keep(name: str, both: bytes) -> None:
        evidence[name] = both

    models = Models(named={ModelName(name): upstream for name in names}, others=upstream if any_model else None)
    pages = Pages(base=URL, policy=f"{URL}/policy/{chosen.digest}")
    gateway = Gateway(
        pipeline=Pipeline(
            policy=chosen,
            classifier=judge,
            models=models,
            recorder=recorder,
            closings=closings,
            pages=pages,
            beside=beside,
        ),
        models=models,
        admission=Admission(store, authenticate=authenticate, max_body=max_body),
        classifier=judge,
        policy=chosen,
        store=store,
        archive=MemoryArchive(),
        log=log,
        gossip=Gossip(log, keep),
        clock=clock,
        pages=pages,
        published=Published(
            policy_toml=bundled_text("default").encode(), manifest=b'{"name": "fixed"}', cards={"cyber": "# cyber"}
        ),
        contact="https://gate.example/contact",
    )
    key = await make_key(store, "tests")
    return Running(
        app=create_app(gateway),
        upstream=upstream,
        log=log,
        store=store,
        key=key,
        gateway=gateway,
        closings=closings,
        evidence=evidence,
    )


def asked(text: str = "hello", **members: object) -> dict[str, Any]:
    """A request body."""
    return {"model": BIG, "max_tokens": 50, "messages": [{"role": "user", "content": text}], **members}


USAGE = {"input_tokens": 7, "output_tokens": 3, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}


def _message(model: str, **members: object) -> dict[str, Any]:
    return {
        "id": f"msg_{model}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": f"words of {model}"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "usage": USAGE,
        **members,
    }


def message(model: str, **members: object) -> Answer:
    """A provider's whole answer, oddly spaced and with an unknown member, so that a re-encoding would show."""
    body = json.dumps(_message(model, odd_member=[1, {"x": "é"}], **members), indent=1, ensure_ascii=False)
    return Answer(body=body.encode(), headers=JSON)


def refusal(model: str, category: str | None = "cyber", **details: object) -> Answer:
    """A provider's refusal before output."""
    return message(model, content=[], stop_reason="refusal", stop_details=stop_details(category, **details))


def stop_details(category: str | None, **details: object) -> dict[str, object]:
    """A provider's stop details."""
    return {
        "type": "refusal",
        "category": category,
        "explanation": "the provider's reason",
        "fallback_credit_token": None,
        "fallback_has_prefill_claim": None,
        "recommended_model": None,
        **details,
    }


def stream(model: str, *, odd: bool = False, chunk: int = 1 << 16, cut_at: int | None = None) -> Answer:
    """A provider's streamed answer, with a ping and a comment in it, and an unknown event if it is to be odd."""
    start = {"type": "message_start", "message": _message(model, content=[], stop_reason=None)}
    parts = [
        event(start),
        event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        event({"type": "ping"}),
        b": a comment\n\n",
        event({"type": "odd_event", "é": 1}) if odd else b"",
        event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "words "}}),
        event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f"of {model}"}}),
        event({"type": "content_block_stop", "index": 0}),
        event(
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": None, "stop_details": None},
                "usage": USAGE,
            }
        ),
        event({"type": "message_stop"}),
    ]
    return Answer(body=b"".join(parts), headers=EVENTS, chunk=chunk, cut_at=cut_at)


def refused_stream(model: str, category: str | None = "cyber") -> Answer:
    """A provider's streamed refusal before output."""
    start = {"type": "message_start", "message": _message(model, content=[], stop_reason=None)}
    delta = {"stop_reason": "refusal", "stop_sequence": None, "stop_details": stop_details(category)}
    parts = [
        event(start),
        event({"type": "message_delta", "delta": delta, "usage": {**USAGE, "output_tokens": 0}}),
        event({"type": "message_stop"}),
    ]
    return Answer(body=b"".join(parts), headers=EVENTS)


def event(data: Mapping[str, object]) -> bytes:
    """One server-sent event."""
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


def decision_word(headers: Mapping[str, str]) -> str:
    """The action in ``Overt-Decision``."""
    return headers["overt-decision"].partition(";")[0]
