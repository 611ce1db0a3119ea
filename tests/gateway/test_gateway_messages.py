"""``/v1/messages`` end to end over fakes: bytes pass unchanged, and whatever is not a pass says so."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from gateway_samples import (
    BETA,
    BIG,
    SMALL,
    TINY,
    Running,
    asked,
    decision_word,
    message,
    policy_of,
    refusal,
    refused_stream,
    running,
    stream,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.domain import Domain
from overt.core.exchange import Amended, Verbatim
from overt.proof.verify import holds, verify_receipt
from overt.testing.classifier import FixedClassifier
from overt.testing.upstream import Answer

HIGH = "please help with cyber:high_dual"
CATEGORY = {"cyber": "cyber", "bio": "bio", "chem": "general_harms", "frontier_llm": "frontier_llm"}
SCALARS = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=12).filter(str.isprintable)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcé"), inner, max_size=3)
)
UNKNOWN = st.dictionaries(st.text("xyz_é", min_size=4, max_size=9), VALUES, max_size=4)


@settings(max_examples=40, deadline=None)
@given(UNKNOWN, UNKNOWN, st.booleans(), st.integers(1, 40))
def test_bytes_that_pass_are_equal_in_both_directions(
    sent: dict[str, Any], answered: dict[str, Any], streaming: bool, chunk: int
) -> None:
    async def run() -> None:
        reply = stream(BIG, odd=True, chunk=chunk) if streaming else message(BIG, **answered)
        gate = await running({BIG: [reply]})
        body = json.dumps({**sent, **asked(stream=streaming)}, indent=1, ensure_ascii=False).encode()
        async with gate.http() as http:
            response = await http.post("/v1/messages?beta=true", content=body)
        assert response.content == reply.body
        assert gate.upstream.sent[0].outgoing == Verbatim(body, BIG)
        assert gate.upstream.sent[0].path == "/v1/messages?beta=true"
        assert decision_word(response.headers) == "pass"

    asyncio.run(run())


async def ask(gate: Running, *, accepts: bool, streaming: bool, text: str = HIGH, **members: Any) -> Any:
    """The final message, through the strict SDK."""
    client = gate.sdk()
    body = {**asked(text), **members}
    if not accepts:
        if streaming:
            async with client.messages.stream(**body) as events:
                return await events.get_final_message()
        return await client.messages.create(**body)
    options: dict[str, Any] = {"betas": [BETA], "fallbacks": "default", **body}
    if streaming:
        async with client.beta.messages.stream(**options) as events:
            return await events.get_final_message()
    return await client.beta.messages.create(**options)


@pytest.mark.parametrize("streaming", [False, True], ids=["body", "stream"])
@pytest.mark.parametrize("domain", [domain.value for domain in Domain])
def test_who_did_not_opt_in_is_refused_with_full_stop_details(domain: str, streaming: bool) -> None:
    async def run() -> None:
        gate = await running()
        told = await ask(gate, accepts=False, streaming=streaming, text=f"{domain}:high_dual")
        assert told.stop_reason == "refusal"
        assert told.model == BIG
        assert told.content == []
        assert told.stop_details.category == CATEGORY[domain]
        assert told.stop_details.recommended_model == SMALL
        notice = told.model_extra["overt"]
        assert notice["domain"] == domain
        assert notice["notice"] in told.stop_details.explanation
        assert gate.upstream.sent == []

    asyncio.run(run())


@pytest.mark.parametrize("streaming", [False, True], ids=["body", "stream"])
@pytest.mark.parametrize("domain", [domain.value for domain in Domain])
def test_who_opted_in_is_redirected_with_a_fallback_block_and_the_notice(domain: str, streaming: bool) -> None:
    async def run() -> None:
        gate = await running({SMALL: [stream(SMALL) if streaming else message(SMALL)]})
        told = await ask(gate, accepts=True, streaming=streaming, text=f"{domain}:high_dual")
        assert told.model == SMALL
        assert [block.type for block in told.content] == ["fallback", "text"]
        block = told.content[0]
        assert (block.from_.model, block.to.model, block.trigger.category) == (BIG, SMALL, CATEGORY[domain])
        assert told.stop_details is None
        assert [(i.type, i.model) for i in told.usage.iterations] == [("message", BIG), ("fallback_message", SMALL)]
        assert told.model_extra["overt"]["rule"].startswith(domain)
        sent = gate.upstream.sent[0].outgoing
        assert isinstance(sent, Amended)
        assert sent.notice.id == told.model_extra["overt"]["notice"]
        assert "fallbacks" not in json.loads(sent.body)

    asyncio.run(run())


@pytest.mark.parametrize("streaming", [False, True], ids=["body", "stream"])
def test_prohibited_is_refused_whoever_opted_in(streaming: bool) -> None:
    async def run() -> None:
        gate = await running()
        told = await ask(gate, accepts=True, streaming=streaming, text="bio:prohibited")
        assert told.stop_reason == "refusal"
        assert told.model_extra["overt"]["rule"] == "bio-1"
        assert told.model_extra["overt"]["recommended_model"] is None

    asyncio.run(run())


def test_a_named_list_is_tried_in_the_callers_order_with_the_callers_overrides() -> None:
    async def run() -> None:
        gate = await running({TINY: [message(TINY)]})
        fallbacks = [{"model": TINY, "max_tokens": 9}, {"model": SMALL}]
        told = await ask(gate, accepts=True, streaming=False, fallbacks=fallbacks)
        assert told.model == TINY
        assert json.loads(gate.upstream.sent[0].outgoing.body)["max_tokens"] == 9

    asyncio.run(run())


def test_a_caller_may_forbid_any_other_model_and_ask_for_an_error() -> None:
    async def run() -> None:
        gate = await running()
        async with gate.http(prefer="overt-on-flag=error", **{"anthropic-beta": BETA}) as http:
            response = await http.post("/v1/messages", json=asked(HIGH, fallbacks="default"))
        assert response.status_code == 403
        assert response.json()["error"]["type"] == "permission_error"
        assert response.json()["overt"]["decision"] == "refuse"
        assert decision_word(response.headers) == "refuse"

    asyncio.run(run())


@pytest.mark.parametrize("streaming", [False, True], ids=["body", "stream"])
def test_a_request_that_could_not_be_checked_is_a_retryable_error_and_no_refusal(streaming: bool) -> None:
    async def run() -> None:
        gate = await running(classifier=FixedClassifier(unavailable=frozenset({Domain.CHEM})))
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked(stream=streaming))
        assert response.status_code == 529
        assert response.json()["error"]["type"] == "overloaded_error"
        assert "chem classifier gave no finding" in response.json()["error"]["message"]
        assert gate.upstream.sent == []

    asyncio.run(run())


def test_the_policy_observe_passes_everything_and_records_what_it_would_have_done() -> None:
    async def run() -> None:
        gate = await running({BIG: [message(BIG)]}, policy=policy_of("observe"))
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked(HIGH))
        assert decision_word(response.headers) == "pass"
        assert b'"shadow":["cyber-2"]' in gate.log.entries[-1]

    asyncio.run(run())


@pytest.mark.parametrize("streaming", [False, True], ids=["body", "stream"])
@pytest.mark.parametrize("text", ["hello", HIGH, "chem:prohibited"], ids=["pass", "redirect", "refuse"])
def test_every_exchange_leaves_a_receipt_that_verifies_against_key_bytes_and_log(text: str, streaming: bool) -> None:
    async def run() -> None:
        make = stream if streaming else message
        gate = await running({BIG: [make(BIG)], SMALL: [make(SMALL)]})
        body = json.dumps(asked(text, fallbacks="default", stream=streaming)).encode()
        async with gate.http(**{"anthropic-beta": BETA}) as http:
            response = await http.post("/v1/messages", content=body)
            name = response.headers["overt-receipt"]
            receipt = (await http.get(f"/v1/receipts/{name}")).content
            completion = await http.get(f"/v1/receipts/{name}.completion")
        steps = verify_receipt(receipt, log_vkey=gate.log.vkey, request=body, fetched=gate.log.reader)
        assert holds(steps), steps[-1]
        if text == HIGH:
            closed = verify_receipt(completion.content, log_vkey=gate.log.vkey, response=response.content)
            assert holds(closed), closed[-1]
        else:
            assert completion.status_code == 404

    asyncio.run(run())


def test_asking_for_the_lesser_model_itself_passes() -> None:
    async def run() -> None:
        gate = await running({SMALL: [message(SMALL)]})
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked(HIGH, model=SMALL))
        assert decision_word(response.headers) == "pass"

    asyncio.run(run())


def test_a_flagged_turn_and_then_a_harmless_one_is_answered_by_the_requested_model() -> None:
    async def run() -> None:
        gate = await running({BIG: [message(BIG)]})
        turns = [
            {"role": "user", "content": HIGH},
            {"role": "assistant", "content": "No."},
            {"role": "user", "content": "What is the capital of France, and since when?"},
        ]
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked(messages=turns))
        assert decision_word(response.headers) == "pass"

    asyncio.run(run())


def test_an_echoed_fallback_block_is_accepted_without_any_header() -> None:
    async def run() -> None:
        gate = await running({BIG: [message(BIG)]})
        block = {
            "type": "fallback",
            "from": {"model": BIG},
            "to": {"model": SMALL},
            "trigger": None,
            "cache_control": {"type": "ephemeral"},
        }
        turns = [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [block, {"type": "text", "text": "hello"}]},
            {"role": "user", "content": "thanks"},
        ]
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked(messages=turns))
        assert response.status_code == 200

    asyncio.run(run())


@pytest.mark.parametrize("streaming", [False, True], ids=["body", "stream"])
def test_a_providers_refusal_is_relayed_as_the_providers_to_who_did_not_opt_in(streaming: bool) -> None:
    async def run() -> None:
        reply = refused_stream(BIG) if streaming else refusal(BIG)
        gate = await running({BIG: [reply]})
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked(stream=streaming))
        assert response.content == reply.body
        assert decision_word(response.headers) == "pass"

    asyncio.run(run())


def test_a_second_answer_is_asked_for_from_the_callers_own_bytes() -> None:
    async def run() -> None:
        gate = await running({BIG: [refusal(BIG)], SMALL: [refusal(SMALL)], TINY: [message(TINY)]})
        fallbacks = [{"model": SMALL, "max_tokens": 9}, {"model": TINY}]
        told = await ask(gate, accepts=True, streaming=False, text="hello", fallbacks=fallbacks)
        assert told.model == TINY
        assert [block.type for block in told.content] == ["fallback", "fallback", "text"]
        kinds = [(i.type, i.model) for i in told.usage.iterations]
        assert kinds == [("message", BIG), ("message", SMALL), ("fallback_message", TINY)]
        assert json.loads(gate.upstream.sent[2].outgoing.body)["max_tokens"] == 50

    asyncio.run(run())


@pytest.mark.parametrize("streaming", [False, True], ids=["body", "stream"])
@pytest.mark.parametrize("status", [429, 500, 529])
@pytest.mark.parametrize("first", ["policy", "provider"])
def test_a_fallback_that_cannot_be_reached_leaves_the_refusal_and_recommends_it(
    first: str, status: int, streaming: bool
) -> None:
    async def run() -> None:
        broken = Answer(status=status, body=b'{"type":"error"}')
        gate = await running({BIG: [refused_stream(BIG) if streaming else refusal(BIG)], SMALL: [broken]})
        text = HIGH if first == "policy" else "hello"
        told = await ask(gate, accepts=True, streaming=streaming, text=text, fallbacks=[{"model": SMALL}])
        assert told.stop_reason == "refusal"
        assert told.model == BIG
        assert told.stop_details.recommended_model == SMALL
        assert all(block.type != "fallback" for block in told.content)
        assert told.model_extra["overt"]["recommended_model"] == SMALL

    asyncio.run(run())
