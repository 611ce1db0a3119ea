"""What cannot be recorded is refused before a model is called: no answer is paid for that nobody may have."""

from __future__ import annotations

import asyncio

import pytest
from gateway_samples import BIG, asked, message, running, stream

from overt.core.domain import ModelName
from overt.gateway.models import LONGEST_NAME
from overt.testing.upstream import Answer

LONG = ModelName("\U0001f511" * LONGEST_NAME)  # a character that takes the most room in a record


def test_the_longest_names_that_are_allowed_fit_into_a_record() -> None:
    async def run() -> None:
        gate = await running({LONG: [message(LONG)]}, any_model=True)
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked(model=LONG))
        assert response.status_code == 200
        assert response.json()["model"] == LONG
        assert len(gate.log.entries[-1]) < 32_768

    asyncio.run(run())


@pytest.mark.parametrize("length", [LONGEST_NAME + 1, 65_536], ids=str)
def test_a_longer_name_is_refused_before_a_model_is_called(length: int) -> None:
    async def run() -> None:
        gate = await running({"x" * length: [message("x")]}, any_model=True)
        before = gate.log.entries
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked(model="x" * length))
        assert response.status_code == 413
        assert response.json()["error"]["type"] == "request_too_large"
        assert gate.upstream.sent == []
        assert gate.log.entries == before

    asyncio.run(run())


@pytest.mark.parametrize("answer", [message("y" * 70_000), stream("y" * 70_000)], ids=["whole", "stream"])
def test_an_upstream_that_gives_itself_such_a_name_failed_and_the_receipt_says_so(answer: Answer) -> None:
    async def run() -> None:
        gate = await running({BIG: [answer]})
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked(stream=answer.headers != message(BIG).headers))
        assert response.status_code == 502
        assert "70000 characters" in response.json()["error"]["message"]
        assert b'"outcome":"error"' in gate.log.entries[-1]
        assert response.headers["overt-receipt"] in gate.log.entries[-1].decode()

    asyncio.run(run())
