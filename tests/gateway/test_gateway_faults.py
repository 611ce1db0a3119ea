"""When the provider or the log fails, it is shown as what it is; no answer leaves without a durable record."""

from __future__ import annotations

import asyncio
import json

import anthropic
import pytest
from gateway_samples import BETA, BIG, JSON, SMALL, asked, decision_word, message, running, stream

from overt.errors import OvertError, UpstreamGarbage, UpstreamTimeout, UpstreamUnreachable
from overt.proof.verify import holds, verify_receipt
from overt.testing.log import Operation, When
from overt.testing.upstream import Answer

FAULTS = [
    pytest.param(UpstreamTimeout("upstream 'lab' sent nothing"), 504, id="time-out"),
    pytest.param(UpstreamUnreachable("upstream 'lab' cannot be reached"), 502, id="unreachable"),
    pytest.param(UpstreamGarbage("upstream 'lab' did not answer in HTTP"), 502, id="garbage"),
]


@pytest.mark.parametrize(("fault", "status"), FAULTS)
def test_a_fault_of_the_provider_is_named_as_its_own_and_has_a_receipt(fault: OvertError, status: int) -> None:
    async def run() -> None:
        gate = await running({BIG: [Answer(fails=fault)]})
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked())
            receipt = (await http.get(f"/v1/receipts/{response.headers['overt-receipt']}")).content
        assert response.status_code == status
        assert "model server behind this gateway failed" in response.json()["error"]["message"]
        assert "'lab'" in response.json()["error"]["message"]
        assert decision_word(response.headers) == "error"
        assert holds(verify_receipt(receipt, log_vkey=gate.log.vkey))

    asyncio.run(run())


@pytest.mark.parametrize("status", [400, 429, 500, 529])
@pytest.mark.parametrize("body", [b'{"type":"error","error":{"type":"x","message":"y"}}', b"<html>busy</html>"])
def test_an_error_status_of_the_provider_is_relayed_byte_for_byte(status: int, body: bytes) -> None:
    async def run() -> None:
        gate = await running({BIG: [Answer(status=status, body=body, headers=(*JSON, ("retry-after", "7")))]})
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked())
        assert response.status_code == status
        assert response.content == body
        assert response.headers["retry-after"] == "7"
        assert response.headers["request-id"] == "req_provider"
        assert decision_word(response.headers) == "error"

    asyncio.run(run())


def test_a_successful_answer_that_is_no_json_is_garbage() -> None:
    async def run() -> None:
        gate = await running({BIG: [Answer(body=b"<html>ok</html>")]})
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked())
        assert response.status_code == 502
        assert "not a JSON object" in response.json()["error"]["message"]

    asyncio.run(run())


def test_a_stream_that_ends_before_it_begins_is_garbage() -> None:
    async def run() -> None:
        gate = await running({BIG: [Answer(body=b": hello\n\n", headers=(("content-type", "text/event-stream"),))]})
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked(stream=True))
        assert response.status_code == 502

    asyncio.run(run())


@pytest.mark.parametrize("accepts", [False, True], ids=["pass", "redirect"])
def test_a_stream_that_breaks_off_ends_with_an_error_event_that_says_whose_fault_it_is(accepts: bool) -> None:
    async def run() -> None:
        model, text = (SMALL, "cyber:high_dual") if accepts else (BIG, "hello")
        whole = stream(model)
        cut = len(whole.body) - 300
        gate = await running({model: [stream(model, cut_at=cut)]})
        members = {"fallbacks": "default"} if accepts else {}
        async with gate.http(**{"anthropic-beta": BETA}) as http:
            response = await http.post("/v1/messages", json=asked(text, stream=True, **members))
        tail = response.text.rstrip().rsplit("\n\n", 1)[-1]
        assert tail.startswith("event: error\n")
        assert "broke off" in json.loads(tail.partition("data: ")[2])["error"]["message"]
        if not accepts:
            kept = response.content[: response.content.index(b"event: error")]
            assert whole.body.startswith(kept)

    asyncio.run(run())


def test_the_sdk_raises_on_a_stream_that_breaks_off() -> None:
    async def run() -> None:
        gate = await running({BIG: [stream(BIG, cut_at=700)]})
        with pytest.raises(anthropic.APIError, match="broke off"):
            async with gate.sdk().messages.stream(**asked()) as events:
                await events.get_final_message()

    asyncio.run(run())


@pytest.mark.parametrize("when", [When.BEFORE, When.AFTER])
@pytest.mark.parametrize("text", ["hello", "cyber:high_dual", "bio:prohibited"])
@pytest.mark.parametrize("streaming", [False, True], ids=["body", "stream"])
def test_if_the_log_cannot_store_nothing_is_served(text: str, streaming: bool, when: When) -> None:
    async def run() -> None:
        make = stream if streaming else message
        gate = await running({BIG: [make(BIG)], SMALL: [make(SMALL)]})
        gate.log.fail(Operation.APPEND, when)
        async with gate.http(**{"anthropic-beta": BETA}) as http:
            response = await http.post("/v1/messages", json=asked(text, stream=streaming, fallbacks="default"))
        assert response.status_code == 503
        assert "no receipt can be stored" in response.json()["error"]["message"]
        assert b"words of" not in response.content

    asyncio.run(run())
