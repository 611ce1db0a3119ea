"""The provider's protocol, judged by oracles that we did not write: the strict SDK and its own fallback middleware."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import anthropic
import httpx2
import pytest
from gateway_samples import BETA, BIG, SMALL, TINY, asked, message, refusal, refused_stream, running, stream
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from overt.testing.upstream import Answer

Event = tuple[Any, ...]
CHAINS = {
    "second model answers": [BIG, SMALL],
    "third model answers": [BIG, SMALL, TINY],
}


def provider(script: dict[str, Answer]) -> Starlette:
    """A provider without fallbacks of its own: each model gives its scripted stream."""

    async def serve(http: Request) -> Response:
        answer = script[(await http.json())["model"]]
        return Response(answer.body, status_code=answer.status, headers=dict(answer.headers))

    return Starlette(routes=[Route("/v1/messages", serve, methods=["POST"])])


def normal(event: Any) -> Event:
    """What both sides must agree on, of one event."""
    match event.type:
        case "message_start":
            return ("message_start", event.message.id, event.message.model)
        case "content_block_start":
            block = event.content_block
            where = (block.from_.model, block.to.model, block.trigger.category) if block.type == "fallback" else ()
            return ("content_block_start", event.index, block.type, *where)
        case "content_block_delta":
            return ("content_block_delta", event.index, event.delta.type, getattr(event.delta, "text", None))
        case "message_delta":
            iterations = [(each.type, each.model) for each in event.usage.iterations or []]
            return ("message_delta", event.delta.stop_reason, tuple(iterations))
        case _:
            return (event.type, getattr(event, "index", None))


async def events_of(client: anthropic.AsyncAnthropic, **options: Any) -> list[Event]:
    events = await client.beta.messages.create(**asked(), stream=True, **options)
    return [normal(event) async for event in events if event.type != "ping"]


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS.keys())
def test_fallbacks_through_overt_give_the_events_that_the_sdks_own_middleware_gives(chain: list[str]) -> None:
    async def run() -> None:
        script = {model: refused_stream(model) for model in chain[:-1]} | {chain[-1]: stream(chain[-1])}
        named: Any = [{"model": model} for model in chain[1:]]
        transport = httpx2.ASGITransport(app=provider(script))
        by_middleware = anthropic.AsyncAnthropic(
            api_key="k",
            base_url="http://provider.example",
            max_retries=0,
            http_client=httpx2.AsyncClient(transport=transport),
            middleware=[anthropic.BetaRefusalFallbackMiddleware(named)],
        )
        gate = await running({model: [answer] for model, answer in script.items()})
        expected = await events_of(by_middleware)
        assert await events_of(gate.sdk(), betas=[BETA], fallbacks=named) == expected

    asyncio.run(run())


@pytest.mark.parametrize("streaming", [False, True], ids=["body", "stream"])
def test_the_sdks_middleware_falls_back_by_itself_on_our_refusals(streaming: bool) -> None:
    async def run() -> None:
        make = stream if streaming else message
        gate = await running({SMALL: [make(SMALL)]})
        client = gate.sdk(middleware=[anthropic.BetaRefusalFallbackMiddleware([{"model": SMALL}])])
        body = asked("cyber:high_dual")
        if streaming:
            async with client.beta.messages.stream(**body) as events:
                told: Any = await events.get_final_message()
        else:
            told = await client.beta.messages.create(**body)
        assert told.model == SMALL
        assert told.content[0].type == "fallback"
        assert told.content[-1].text == f"words of {SMALL}"

    asyncio.run(run())


def test_a_provider_that_tried_other_models_itself_is_relayed_untouched() -> None:
    async def run() -> None:
        entry = {"type": "fallback_message", "model": SMALL, "input_tokens": 1, "output_tokens": 0}
        own = refusal(BIG)
        document = json.loads(own.body)
        document["usage"]["iterations"] = [entry]
        gate = await running({BIG: [Answer(body=json.dumps(document).encode())], SMALL: [message(SMALL)]})
        async with gate.http(**{"anthropic-beta": BETA}) as http:
            response = await http.post("/v1/messages", json=asked(fallbacks="default"))
        assert response.json() == document
        assert len(gate.upstream.sent) == 1

    asyncio.run(run())


def test_a_category_that_the_policy_has_no_fallback_for_leaves_the_providers_refusal() -> None:
    async def run() -> None:
        gate = await running({BIG: [refusal(BIG, "reasoning_extraction")]})
        async with gate.http(**{"anthropic-beta": BETA}) as http:
            response = await http.post("/v1/messages", json=asked(fallbacks="default"))
        assert response.json()["stop_details"]["category"] == "reasoning_extraction"
        assert response.headers["overt-decision"].startswith("pass;ground=provider_refusal")

    asyncio.run(run())


def test_models_show_their_allowed_fallbacks_under_the_beta_and_only_then() -> None:
    async def run() -> None:
        gate = await running()
        with_beta = await gate.sdk().beta.models.list(betas=[BETA])
        shown = {model.id: model.allowed_fallback_models for model in with_beta.data}
        assert shown[BIG] == [SMALL, TINY]
        one = await gate.sdk().models.retrieve(BIG)
        assert "allowed_fallback_models" not in (one.model_extra or {})
        plain = await gate.sdk().models.list()
        assert all("allowed_fallback_models" not in (model.model_extra or {}) for model in plain.data)

    asyncio.run(run())


def test_tokens_are_counted_by_the_provider_and_nothing_is_logged() -> None:
    async def run() -> None:
        gate = await running({BIG: [Answer(body=b'{"input_tokens": 17}')]})
        before = len(gate.log.entries)
        counted = await gate.sdk().messages.count_tokens(model=BIG, messages=[{"role": "user", "content": "hello"}])
        assert counted.input_tokens == 17
        assert gate.upstream.sent[0].path == "/v1/messages/count_tokens"
        assert len(gate.log.entries) == before

    asyncio.run(run())


@pytest.mark.parametrize("text", ["cyber:high_dual", "bio:prohibited"])
@pytest.mark.parametrize("streaming", [False, True], ids=["body", "stream"])
def test_who_did_not_opt_in_never_sees_a_fallback_block(text: str, streaming: bool) -> None:
    async def run() -> None:
        gate = await running()
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked(text, stream=streaming))
        assert b'"fallback"' not in response.content

    asyncio.run(run())
