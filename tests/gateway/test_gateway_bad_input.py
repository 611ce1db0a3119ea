"""Bad input gets a clear error in the protocol's own shape, leaves no entry in the log, and the server goes on."""

from __future__ import annotations

import asyncio
import json

import pytest
from gateway_samples import BETA, BIG, asked, message, running

BAD_BODIES = [
    pytest.param(b"", 400, "JSON", id="nothing"),
    pytest.param(b"{", 400, "JSON", id="cut JSON"),
    pytest.param(b"[]", 400, "object", id="no object"),
    pytest.param(b'{"model": "big-1", "messages": NaN}', 400, "NaN", id="NaN"),
    pytest.param(b'{"model": "big-1", "x": 1e999}', 400, "1e999", id="a number out of range"),
    pytest.param(b"[" * 100_000, 400, "deep", id="deep nesting"),
    pytest.param(json.dumps(asked("\ud800")).encode(), 400, "surrogate", id="lone surrogate"),
    pytest.param(b'{"model": "big-1"}\xff', 400, "", id="not UTF-8"),
    pytest.param(b'{"model": "big-1", "model": "small-1"}', 400, "twice", id="a member twice"),
    pytest.param(json.dumps(asked(model=7)).encode(), 400, "model", id="model is no string"),
    pytest.param(json.dumps(asked(messages="hi")).encode(), 400, "messages", id="messages is no array"),
    pytest.param(json.dumps(asked(messages=[])).encode(), 400, "messages", id="no messages"),
    pytest.param(json.dumps(asked(messages=[{"role": "robot"}])).encode(), 400, "robot", id="unknown role"),
    pytest.param(json.dumps(asked(stream="yes")).encode(), 400, "stream", id="stream is no flag"),
    pytest.param(json.dumps(asked(fallbacks="default")).encode(), 400, "anthropic-beta", id="fallbacks without beta"),
    pytest.param(json.dumps(asked(model="nobody-9")).encode(), 404, "nobody-9", id="unknown model"),
    pytest.param(b" " * (2 << 20), 413, "limit", id="too large"),
    pytest.param(json.dumps(asked(model="\ud800")).encode(), 400, "surrogate", id="half a pair as model"),
]


@pytest.mark.parametrize(("body", "status", "says"), BAD_BODIES)
def test_a_bad_body_is_a_clear_error_and_nothing_is_logged_or_sent(body: bytes, status: int, says: str) -> None:
    async def run() -> None:
        gate = await running({BIG: [message(BIG)]})
        before = gate.log.entries
        async with gate.http() as http:
            response = await http.post("/v1/messages", content=body)
            assert response.status_code == status
            document = response.json()
            assert document["type"] == "error"
            assert document["request_id"] == response.headers["request-id"]
            assert says in document["error"]["message"]
            assert gate.upstream.sent == []
            assert gate.log.entries == before
            assert "overt-receipt" not in response.headers
            again = await http.post("/v1/messages", json=asked())
            assert again.status_code == 200

    asyncio.run(run())


@pytest.mark.parametrize(
    "fallbacks",
    [
        pytest.param([{"model": "tiny-1"}, {"model": "nobody-9"}], id="one that is not allowed"),
        pytest.param([{"model": BIG}], id="the model itself"),
        pytest.param([], id="none"),
        pytest.param([{"model": f"m{n}"} for n in range(4)], id="four"),
        pytest.param([{"model": "small-1", "temperature": 1}], id="an unknown override"),
    ],
)
def test_fallbacks_that_cannot_be_carried_out_are_refused_up_front(fallbacks: object) -> None:
    async def run() -> None:
        gate = await running()
        async with gate.http(**{"anthropic-beta": BETA}) as http:
            response = await http.post("/v1/messages", json=asked(fallbacks=fallbacks))
        assert response.status_code == 400
        assert "fallbacks" in response.json()["error"]["message"]

    asyncio.run(run())


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens", "/v1/models", "/v1/receipts/rcp_x"])
@pytest.mark.parametrize("key", ["", "wrong"])
def test_without_a_known_key_nothing_is_served(path: str, key: str) -> None:
    async def run() -> None:
        gate = await running()
        async with gate.http(**{"x-api-key": key}) as http:
            method = "POST" if "messages" in path else "GET"
            response = await http.request(method, path, json=asked())
        assert response.status_code == 401
        assert response.json()["error"]["type"] == "authentication_error"

    asyncio.run(run())


def test_a_bearer_token_is_as_good_as_a_key() -> None:
    async def run() -> None:
        gate = await running({BIG: [message(BIG)]})
        async with gate.http(**{"x-api-key": "", "authorization": f"Bearer {gate.key}"}) as http:
            response = await http.post("/v1/messages", json=asked())
        assert response.status_code == 200

    asyncio.run(run())


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/v1/messages", 405)])
def test_what_is_not_served_says_so_in_the_protocols_shape(method: str, path: str, status: int) -> None:
    async def run() -> None:
        gate = await running()
        async with gate.http() as http:
            response = await http.request(method, path)
        assert response.status_code == status
        assert response.json()["type"] == "error"

    asyncio.run(run())
