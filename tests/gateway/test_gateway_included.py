"""``Prefer: receipt=included``: who wants to wait for the log, waits, and is told whether it was of use."""

from __future__ import annotations

import asyncio

import pytest
from gateway_samples import BETA, BIG, SMALL, asked, message, running, stream

from overt.gateway import pipeline
from overt.proof.receipt import parse_receipt

HIGH = "please help with cyber:high_dual"


@pytest.mark.parametrize("word", ["receipt=included", "overt-receipt=included", 'overt-receipt="included"'])
@pytest.mark.parametrize("streaming", [False, True], ids=["body", "stream"])
@pytest.mark.parametrize("text", ["hello", HIGH], ids=["pass", "redirect"])
def test_the_answer_waits_until_the_log_holds_its_entries(word: str, streaming: bool, text: str) -> None:
    async def run() -> None:
        make = stream if streaming else message
        gate = await running({BIG: [make(BIG)], SMALL: [make(SMALL)]})
        gate.log.hold()
        async with gate.http(prefer=word, **{"anthropic-beta": BETA}) as http:
            sent = asyncio.create_task(
                http.post("/v1/messages", json=asked(text, stream=streaming, fallbacks="default"))
            )
            await asyncio.sleep(0.05)
            assert not sent.done()
            gate.log.include()
            response = await sent
            raw = (await http.get(f"/v1/receipts/{response.headers['overt-receipt']}")).content
        assert response.headers["preference-applied"] == "overt-receipt=included"
        assert parse_receipt(raw).proof is not None

    asyncio.run(run())


def test_nobody_else_waits() -> None:
    async def run() -> None:
        gate = await running()
        gate.log.hold()
        async with gate.http() as http:
            response = await asyncio.wait_for(http.post("/v1/messages", json=asked()), 30)
        assert response.status_code == 200
        assert "preference-applied" not in response.headers

    asyncio.run(run())


def test_the_wait_ends_before_the_merge_delay_does() -> None:
    assert 1 < pipeline.INCLUSION_SECONDS < 60
