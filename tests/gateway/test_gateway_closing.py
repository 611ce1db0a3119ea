"""How a stream ends: whoever leaves early, the record of what was served is closed, and a missing one is told."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable

import pytest
from gateway_samples import BETA, BIG, SMALL, Running, asked, running, stream

from overt.proof.verify import holds, verify_receipt
from overt.testing.log import Operation, When

HIGH = "please help with cyber:high_dual"
ALWAYS = "overt-completion=always"


async def leave(
    gate: Running, body: bytes, *, after: int, then: Callable[[], None] = lambda: None
) -> tuple[str, bytes]:
    """Ask, and go away after so many pieces of the answer; gives the receipt's id and what was sent until then."""
    came: list[bytes] = []
    headers: dict[str, str] = {}
    left, asked_for = asyncio.Event(), [{"type": "http.request", "body": body, "more_body": False}]
    if after == 0:
        left.set()

    async def receive() -> dict[str, object]:
        if asked_for:
            return asked_for.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(piece: dict[str, object]) -> None:
        await asyncio.sleep(0)
        if piece["type"] == "http.response.start":
            headers.update((name.decode(), value.decode()) for name, value in piece["headers"])  # type: ignore[attr-defined]
            return
        came.append(bytes(piece["body"]))  # type: ignore[call-overload]
        if len(came) == after:
            then()
            left.set()
            await asyncio.sleep(60)

    fields = {"x-api-key": gate.key, "content-type": "application/json", "anthropic-beta": BETA, "prefer": ALWAYS}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/v1/messages",
        "raw_path": b"/v1/messages",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    await gate.app(scope, receive, send)  # type: ignore[arg-type]
    await gate.closings.aclose()
    name = headers.get("overt-receipt") or json.loads(gate.log.entries[-1])["id"].removesuffix(".completion")
    return str(name), b"".join(came)


async def fetch(gate: Running, name: str) -> bytes | None:
    async with gate.http() as http:
        answer = await http.get(f"/v1/receipts/{name}")
    return answer.content if answer.status_code == 200 else None


@pytest.mark.parametrize("text", ["hello", HIGH], ids=["pass", "redirect"])
@pytest.mark.parametrize("after", [0, 1, 3], ids=["before the first byte", "after one piece", "in the middle"])
def test_a_client_that_leaves_a_stream_leaves_a_closed_record_of_what_it_was_sent(text: str, after: int) -> None:
    async def run() -> None:
        gate = await running({BIG: [stream(BIG, chunk=20)], SMALL: [stream(SMALL, chunk=20)]})
        body = json.dumps(asked(text, stream=True, fallbacks="default")).encode()
        name, sent = await leave(gate, body, after=after)
        raw = await fetch(gate, f"{name}.completion")
        assert raw is not None
        steps = verify_receipt(raw, log_vkey=gate.log.vkey, response=sent)
        assert holds(steps), steps[-1]
        assert b"message_stop" not in sent
        assert bool(sent) == (after > 0)

    asyncio.run(run())


@pytest.mark.parametrize("wish", ["", ALWAYS])
def test_a_stream_that_passes_is_committed_to_for_whoever_wants_that(wish: str) -> None:
    async def run() -> None:
        gate = await running({BIG: [stream(BIG)]})
        async with gate.http(prefer=wish) as http:
            response = await http.post("/v1/messages", json=asked(stream=True))
        raw = await fetch(gate, f"{response.headers['overt-receipt']}.completion")
        assert (raw is not None) == bool(wish)
        assert response.headers.get("preference-applied", "") == wish
        if raw is not None:
            assert holds(verify_receipt(raw, log_vkey=gate.log.vkey, response=response.content))

    asyncio.run(run())


def test_a_refusal_of_ours_is_committed_to_for_whoever_wants_that() -> None:
    async def run() -> None:
        gate = await running()
        async with gate.http(prefer=ALWAYS) as http:
            response = await http.post("/v1/messages", json=asked("chem:prohibited"))
        raw = await fetch(gate, f"{response.headers['overt-receipt']}.completion")
        assert raw is not None
        assert holds(verify_receipt(raw, log_vkey=gate.log.vkey, response=response.content))

    asyncio.run(run())


@pytest.mark.parametrize("when", [When.BEFORE, When.AFTER])
def test_a_completion_that_cannot_be_stored_is_tried_again_and_stored_once(when: When) -> None:
    async def run() -> None:
        gate = await running({SMALL: [stream(SMALL, chunk=20)]})
        body = json.dumps(asked(HIGH, stream=True, fallbacks="default")).encode()
        name, sent = await leave(gate, body, after=1, then=lambda: gate.log.fail(Operation.APPEND, when))
        raw = await fetch(gate, f"{name}.completion")
        assert raw is not None
        assert holds(verify_receipt(raw, log_vkey=gate.log.vkey, response=sent))
        ids = [json.loads(entry).get("id") for entry in gate.log.entries]
        assert ids.count(f"{name}.completion") == 1

    asyncio.run(run())


def test_a_completion_that_is_never_stored_is_told_to_the_operator(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        gate = await running({SMALL: [stream(SMALL, chunk=20)]})
        body = json.dumps(asked(HIGH, stream=True, fallbacks="default")).encode()

        def fail() -> None:
            gate.log.fail(Operation.APPEND, When.BEFORE)
            gate.log.fail(Operation.APPEND, When.BEFORE)

        name, _ = await leave(gate, body, after=1, then=fail)
        assert await fetch(gate, f"{name}.completion") is None
        assert await fetch(gate, name) is not None

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert "NOTHING CLOSES THIS DECISION" in caplog.text
