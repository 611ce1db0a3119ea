"""The demonstration models are deterministic, stream, and say what they are."""

from __future__ import annotations

import asyncio
import json

import pytest

from overt.core.domain import ModelName
from overt.core.exchange import Verbatim
from overt.testing.contracts.upstream import read_all
from overt.upstream.demo import DemoUpstream


def ask(path: str = "/v1/messages", **members: object) -> tuple[int, bytes]:
    body = {"model": "demo-large", "max_tokens": 100, "messages": [{"role": "user", "content": "two words"}]} | members

    async def run() -> tuple[int, bytes]:
        outgoing = Verbatim(json.dumps(body).encode(), ModelName(str(body["model"])))
        reply = await DemoUpstream().send(outgoing, path=path, headers=())
        return reply.status, await read_all(reply)

    return asyncio.run(run())


def test_every_answer_says_that_it_is_a_demonstration() -> None:
    status, body = ask()
    text = json.loads(body)["content"][0]["text"]
    assert status == 200
    assert "demonstration model" in text
    assert "2 words" in text


def test_the_same_request_gets_the_same_bytes() -> None:
    assert ask(stream=True) == ask(stream=True)


def test_a_stream_says_the_same_as_a_body() -> None:
    _, stream = ask(stream=True)
    deltas = [json.loads(line[6:]) for line in stream.decode().splitlines() if line.startswith("data: ")]
    text = "".join(event["delta"]["text"] for event in deltas if event["type"] == "content_block_delta")
    assert text == json.loads(ask()[1])["content"][0]["text"]


@pytest.mark.parametrize("limit", [None, 0, True, "10"], ids=repr)
def test_a_missing_or_odd_limit_is_refused_by_name(limit: object) -> None:
    status, body = ask(max_tokens=limit)
    assert status == 400
    assert "max_tokens" in json.loads(body)["error"]["message"]


def test_tokens_are_counted() -> None:
    status, body = ask("/v1/messages/count_tokens?beta=true")
    assert status == 200
    assert json.loads(body)["input_tokens"] > 0
