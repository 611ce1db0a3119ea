"""What the client kit remembers: promises until they are kept, checkpoints that have to continue, a state file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from gateway_samples import BIG, URL, Running, asked, running, stream

from overt.client.kit import Kit, open_kit
from overt.client.state import Owed, Promised, State, decode_state, encode_state
from overt.client.terms import Terms
from overt.errors import HistoryChanged, NotLogged, OperatorError, ReceiptFalse, ReceiptMissing, VerificationFailed
from overt.proof.policy import parse_policy
from overt.proof.verify import holds, verify_receipt
from overt.testing.log import ORIGIN, known_signer

HELLO = asked("hello")
WITNESS = json.loads((Path(__file__).parent.parent / "data" / "tlog-vectors.json").read_text())["witness_vkey"]


def kit_of(gate: Running, **changes: Any) -> Kit:
    return open_kit(**{"log_key": gate.log.vkey, "clock": gate.gateway.clock.now, **changes})


def later(gate: Running, seconds: float) -> None:
    clock = gate.gateway.clock
    assert hasattr(clock, "advance")
    clock.advance(seconds)


async def ask(gate: Running, kit: Kit, body: dict[str, Any] = HELLO) -> httpx2.Response:
    client = kit.async_client(gate.transport)
    return await client.post(f"{URL}/v1/messages", json=body, headers={"x-api-key": gate.key})


async def settle(gate: Running, kit: Kit) -> int:
    return await kit.asettle(URL, api_key=gate.key, inner=gate.transport)


def test_a_promise_waits_until_the_log_has_kept_it() -> None:
    async def run() -> None:
        gate = await running()
        kit = kit_of(gate)
        gate.log.hold()
        await ask(gate, kit)
        assert (kit.waiting, await settle(gate, kit)) == (1, 1)
        gate.log.include()
        assert await settle(gate, kit) == 0
        assert kit.checkpoint is not None
        assert kit.checkpoint.size == len(gate.log.entries)

    asyncio.run(run())


def test_a_later_call_settles_earlier_promises_by_itself() -> None:
    async def run() -> None:
        gate = await running()
        kit = kit_of(gate)
        gate.log.hold()
        for _ in range(3):
            await ask(gate, kit)
        gate.log.include()
        later(gate, 2)
        await ask(gate, kit)
        assert kit.waiting == 0

    asyncio.run(run())


def test_an_entry_that_is_not_in_the_log_in_time_is_told_with_the_evidence(tmp_path: Path) -> None:
    async def run() -> None:
        gate = await running()
        kit = kit_of(gate, state=tmp_path / "state.json")
        gate.log.hold()
        await ask(gate, kit)
        later(gate, 59)
        assert await settle(gate, kit) == 1
        later(gate, 2)
        with pytest.raises(NotLogged, match=r"promised within 60 s .* the log does not hold it"):
            await settle(gate, kit)
        assert kit.waiting == 0
        (evidence,) = decode_state((tmp_path / "state.json").read_bytes()).broken
        steps = verify_receipt(evidence.encode(), log_vkey=gate.log.vkey)
        assert holds(steps)
        assert b'"secret":null' in evidence.encode()

    asyncio.run(run())


def test_the_log_itself_answers_where_the_gateway_keeps_the_proof_to_itself() -> None:
    async def run() -> None:
        gate = await running()
        kit = kit_of(gate, log_key=gate.log.vkey)
        gate.log.hold()
        await ask(gate, kit)
        for number in range(600):
            await gate.log.append(b"entry %d" % number)
        gate.log.include()
        later(gate, 61)
        withheld = Through(gate, {"/v1/receipts/": 404})
        assert await kit.asettle(URL, api_key=gate.key, inner=withheld) == 0

    asyncio.run(run())


def test_a_log_that_cannot_be_read_gets_more_time_and_then_is_told_on() -> None:
    async def run() -> None:
        gate = await running()
        kit = kit_of(gate)
        gate.log.hold()
        await ask(gate, kit)
        down = Through(gate, {"/v1/receipts/": 503, "/log/": 503})
        later(gate, 61)
        assert await kit.asettle(URL, api_key=gate.key, inner=down) == 1
        later(gate, 600)
        with pytest.raises(NotLogged, match="cannot be read"):
            await kit.asettle(URL, api_key=gate.key, inner=down)

    asyncio.run(run())


def test_who_asked_to_wait_gets_no_answer_without_a_proof() -> None:
    async def run() -> None:
        gate = await running()
        assert (await ask(gate, kit_of(gate, included=True))).status_code == 200
        withheld = Through(gate, {"/log/": 503})
        kit = kit_of(gate, included=True)
        async with kit.async_client(withheld) as client:
            first = await client.post(f"{URL}/v1/messages", json=HELLO, headers={"x-api-key": gate.key})
            assert first.headers["preference-applied"].startswith("overt-receipt=included")
            with pytest.raises(NotLogged, match="whether the log continues"):
                await client.post(f"{URL}/v1/messages", json=HELLO, headers={"x-api-key": gate.key})

    asyncio.run(run())


def test_a_promise_is_kept_under_a_checkpoint_that_the_witnesses_asked_for_have_cosigned() -> None:
    async def run(quorum: str) -> None:
        gate = await running()
        lines = f"log {gate.log.vkey}\nwitness w {WITNESS}\nquorum {quorum}\n"
        terms = Terms(witnesses=parse_policy(lines.encode()))
        kit = kit_of(gate, terms=terms)
        await ask(gate, kit)
        assert kit.checkpoint is not None
        assert kit.waiting == (0 if quorum == "none" else 1)
        later(gate, 61)
        if quorum == "none":
            assert await settle(gate, kit) == 0
        else:
            with pytest.raises(NotLogged, match="quorum 'w' is not met"):
                await settle(gate, kit)

    asyncio.run(run("none"))
    asyncio.run(run("w"))


def test_a_promise_that_leaves_the_log_more_time_than_agreed_is_refused() -> None:
    async def run() -> None:
        gate = await running()
        with pytest.raises(ReceiptFalse, match="more than the agreed 1000 ms"):
            await ask(gate, kit_of(gate, terms=Terms(delay=1000)))

    asyncio.run(run())


@pytest.mark.parametrize("entries", [0, 400], ids=["shorter", "longer"])
def test_a_log_that_was_begun_anew_under_the_same_key_is_found_out(entries: int, tmp_path: Path) -> None:
    async def run() -> None:
        gate, other = await running(), await running()
        for number in range(300):
            await gate.log.append(b"entry %d" % number)
        for number in range(entries):
            await other.log.append(b"another %d" % number)
        kit = kit_of(gate, state=tmp_path / "state.json")
        await ask(gate, kit)
        kit.close()
        again = kit_of(other, state=tmp_path / "state.json")
        with pytest.raises(HistoryChanged):
            await ask(other, again)
        remembered = again.checkpoint
        assert remembered is not None
        assert remembered.size == len(gate.log.entries)
        (kept,) = other.evidence.values()
        assert str(remembered.size).encode() in kept

    asyncio.run(run())


def test_a_log_that_forks_behind_the_gateways_back_is_found_by_the_client_alone() -> None:
    async def run() -> None:
        gate, other = await running(), await running()
        for number in range(300):
            await gate.log.append(b"entry %d" % number)
            await other.log.append(b"another %d" % number)
        kit = kit_of(gate)
        await ask(gate, kit)
        async with kit.async_client(Through(other, {}, without="overt-checkpoint")) as client:
            with pytest.raises(HistoryChanged, match="both notes are in the client's state"):
                await client.post(f"{URL}/v1/messages", json=HELLO, headers={"x-api-key": other.key})

    asyncio.run(run())


def test_a_stream_that_is_left_early_has_to_be_closed_by_a_receipt_all_the_same() -> None:
    async def run(answer: int) -> None:
        gate = await running({BIG: [stream(BIG, chunk=50)]})
        kit = kit_of(gate)
        client = kit.async_client(Through(gate, {"completion": answer} if answer else {}))
        sent = client.stream("POST", f"{URL}/v1/messages", json=asked(stream=True), headers={"x-api-key": gate.key})
        async with sent as response:
            async for _ in response.aiter_raw():
                break
        assert kit.waiting == 1
        inner = Through(gate, {"completion": answer} if answer else {})
        assert await kit.asettle(URL, api_key=gate.key, inner=inner) == 1
        later(gate, 61)
        if answer:
            with pytest.raises(ReceiptMissing, match="no receipt closes it"):
                await kit.asettle(URL, api_key=gate.key, inner=inner)
        else:
            assert await kit.asettle(URL, api_key=gate.key, inner=inner) == 0

    asyncio.run(run(0))
    asyncio.run(run(404))


def test_what_is_remembered_outlives_the_process_and_belongs_to_one_at_a_time(tmp_path: Path) -> None:
    async def run() -> None:
        gate = await running()
        path = tmp_path / "kept" / "state.json"
        kit = kit_of(gate, state=path)
        await ask(gate, kit)
        with pytest.raises(OperatorError, match="in use by another client"):
            kit_of(gate, state=path)
        kit.close()
        kit.close()
        again = kit_of(gate, state=path)
        assert again.checkpoint == kit.checkpoint
        assert path.stat().st_mode & 0o777 == 0o600
        again.close()
        with pytest.raises(OperatorError, match="remembers the log key"):
            open_kit(log_key=known_signer("overt.test/other").vkey, state=path)

    asyncio.run(run())


@pytest.mark.parametrize("raw", [b"", b"{}\n", b'{"v":"overt-client/1"}\n', b"\xff"])
def test_a_state_file_that_cannot_be_read_stops_the_client(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(raw)
    for _ in range(2):
        with pytest.raises(OperatorError, match="restore it"):
            open_kit(log_key=known_signer().vkey, state=path)
    assert path.read_bytes() == raw


def test_a_key_that_is_none_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(VerificationFailed, match="key"):
        open_kit(log_key="overt.test/log")


def test_a_state_is_read_as_it_was_written() -> None:
    state = State(
        log_key=known_signer().vkey,
        checkpoint=f"{ORIGIN}\n1\nAAAA\n\n\u2014 x y\n".encode(),
        promised=(Promised(receipt=b"{}\n", seen=5, since=0),),
        owed=(Owed(id="rcp_1", leaf=bytes(32), seen=6),),
        broken=("evidence",),
    )
    assert decode_state(encode_state(state)) == state


class Through(httpx2.AsyncBaseTransport):
    """Passes on to a gateway; answers with a status where a path has a part, and strips a header of requests."""

    def __init__(self, gate: Running, statuses: dict[str, int], *, without: str = "") -> None:
        self._inner = gate.transport
        self._statuses = statuses
        self._without = without

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        for part, status in self._statuses.items():
            if part in request.url.path:
                return httpx2.Response(status, stream=Nothing())
        request.headers.pop(self._without, None)
        return await self._inner.handle_async_request(request)


class Nothing(httpx2.AsyncByteStream):
    """An empty body."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b""
