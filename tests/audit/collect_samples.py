"""Plans to collect, and a model server on this machine whose every answer and fault a test writes down."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Final, final

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from overt.audit.answers import answer_of
from overt.audit.chain import read_chain
from overt.audit.collect.ask import Patience
from overt.audit.collect.run import Stop
from overt.audit.collect.session import RECORDS_FILE, Session, Wanted, opened
from overt.audit.plan import Api, Plan, Price, Question, Role, Route
from overt.audit.planning.encode import plan_digest
from overt.audit.planning.seal import PLAN_FILE, VKEY_FILE, seal_plan
from overt.audit.record import Record
from overt.audit.rows import Prompt
from overt.proof.note import VerifierKey
from overt.testing.local import LocalSite

IMPATIENT: Final = Patience(connect_s=5.0, answer_s=5.0, backoff_s=0.001, longest_backoff_s=0.01)
PRICE: Final = Price(input=Decimal(1), output=Decimal(10))
USED: Final = (20, 30)
"""Tokens of request and answer that the server counts."""


def prompts(count: int, topics: tuple[str, ...] = ("chem", "cooking")) -> tuple[Prompt, ...]:
    """Prompts in pairs, one of each topic."""
    return tuple(
        Prompt(pid=f"p{n}", topic=topics[n % len(topics)], text=f"Question {n}, ö?", pair=f"pair{n // len(topics)}")
        for n in range(count)
    )


def route(url: str, name: str = "cloud", **members: Any) -> Route:
    """A route to a server; an endpoint that speaks chat completions unless told otherwise."""
    return Route(
        **({"name": name, "role": Role.ENDPOINT, "api": Api.CHAT, "base_url": url, "model": "big-1"} | members)
    )


def plan_of(*routes: Route, asked: int = 6, samples: int = 1, budget: str = "0") -> Plan:
    """A plan that asks every route so many prompts so often."""
    return Plan(
        question=Question.CHANGE,
        routes=routes,
        prompts=prompts(asked),
        samples=samples,
        alpha=0.05,
        seed=7,
        budget=Decimal(budget),
        currency="USD",
        made_at="2026-11-23T00:00:00.000Z",
    )


def sealed(folder: Path, plan: Plan) -> None:
    """A folder with the signed plan and its key, as ``overt audit plan`` leaves it."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    key = VerifierKey(name="auditor.example", public=private.public_key().public_bytes_raw())
    folder.mkdir(exist_ok=True)
    (folder / PLAN_FILE).write_bytes(seal_plan(plan, key.text, private.sign))
    (folder / VKEY_FILE).write_text(key.text + "\n", "utf-8")


def wanted(folder: Path, plan: Plan, **members: Any) -> Wanted:
    """What a run needs to know, without patience."""
    plain: dict[str, Any] = {
        "folder": folder,
        "plan": plan,
        "digest": plan_digest(plan),
        "budget": plan.budget,
        "environment": {},
        "patience": IMPATIENT,
    }
    return Wanted(**(plain | members))


async def collected(of: Wanted, during: Callable[[Session], None] = lambda _: None) -> Stop | None:
    """One run; ``during`` is called before it."""
    async with opened(of) as session:
        during(session)
        return await session.collection.run()


def records_of(of: Wanted) -> tuple[Record, ...]:
    """What is in the folder, its chain verified."""
    return read_chain(of.folder / RECORDS_FILE, of.digest).records


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AskedOfSite:
    """One request: which in all, the how many-th of its prompt (both from 0), and what it said."""

    number: int
    attempt: int
    api: Api
    prompt: str
    body: Mapping[str, Any]
    raw: str
    headers: Mapping[str, str]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """What the server does with one request: answer with this text, or with ``status`` and ``raw``.

    ``cut`` breaks off after so many bytes of the body; ``delay_s`` waits first.
    """

    text: str = "An answer, ö."
    refuses: bool = False
    status: int = 200
    raw: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut: int | None = None


Script = Callable[[AskedOfSite], Says]


@final
@dataclass(slots=True, kw_only=True)
class Site:
    """An asynchronous context manager; ``url`` is there once it is entered, ``asked`` holds all that came."""

    script: Script = lambda asked: Says(text=f"To {asked.prompt}: well.")
    url: str = ""
    asked: list[AskedOfSite] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    _site: LocalSite = field(default_factory=LocalSite)

    async def __aenter__(self) -> Site:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_post("/v1/messages", self._messages)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/responses", self._responses)
        self.url = await self._site.open(app)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._site.close()

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        return await self._take(Api.ANTHROPIC, request)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await self._take(Api.CHAT, request)

    async def _responses(self, request: web.Request) -> web.StreamResponse:
        return await self._take(Api.RESPONSES, request)

    async def _take(self, api: Api, request: web.Request) -> web.StreamResponse:
        raw = await request.text()
        body = json.loads(raw)
        prompt = body["input"] if api is Api.RESPONSES else body["messages"][0]["content"]
        asked = AskedOfSite(
            number=len(self.asked),
            attempt=sum(1 for each in self.asked if each.prompt == prompt),
            api=api,
            prompt=prompt,
            body=body,
            raw=raw,
            headers={name.lower(): value for name, value in request.headers.items()},
        )
        self.asked.append(asked)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            says = self.script(asked)
            await self._site.wait(says.delay_s)
            return await _reply(request, api, says)
        finally:
            self._at_once -= 1


async def _reply(request: web.Request, api: Api, says: Says) -> web.StreamResponse:
    body = says.raw if says.raw is not None else json.dumps(worded(api, says), ensure_ascii=False).encode()
    if says.cut is None:
        headers = {"content-type": "application/json", "request-id": "req_1", "set-cookie": "session=secret"}
        return web.Response(body=body, status=says.status, headers=headers | dict(says.headers))
    response = web.StreamResponse(headers={"content-length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: says.cut])
    assert request.transport is not None
    request.transport.close()
    return response


def worded(api: Api, says: Says) -> dict[str, object]:
    """An answer in the words of its protocol, as protocol.md and the SDKs have it."""
    given, written = USED
    if api is Api.ANTHROPIC:
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "big-1",
            "content": [] if says.refuses else [{"type": "text", "text": says.text}],
            "stop_reason": "refusal" if says.refuses else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": given, "output_tokens": written},
        }
    if api is Api.CHAT:
        message = {"role": "assistant", "content": None if says.refuses else says.text, "refusal": None}
        finish = "content_filter" if says.refuses else "stop"
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": "big-1",
            "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
            "usage": {"prompt_tokens": given, "completion_tokens": written, "total_tokens": given + written},
        }
    kind = "refusal" if says.refuses else "output_text"
    part = {"type": kind, "refusal" if says.refuses else "text": says.text, "annotations": []}
    item = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    return {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "model": "big-1",
        "output": [item],
        "usage": {"input_tokens": given, "output_tokens": written, "total_tokens": given + written},
    }


def finals(records: tuple[Record, ...]) -> set[tuple[str, str, int, str, str]]:
    """The answers of records, without what differs from run to run (times, numbers, digests)."""
    return {(r.route, r.pid, r.rep, r.request, r.body) for r in records if answer_of(r).error is None}


def dearer(plan: Plan, price: Price) -> Plan:
    """The plan with this price on all its routes."""
    return replace(plan, routes=tuple(replace(each, price=price) for each in plan.routes))
