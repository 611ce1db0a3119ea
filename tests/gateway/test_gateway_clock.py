"""A clock that is set while requests run: an hour back, an hour on. Nothing that was recorded contradicts itself.

The log reads no clock that can be set: its order is that of its queue, and its delays run on a monotonic one. So only
what a receipt says about time can move, and that is what the clock said at that moment.
"""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path

import pytest
from gateway_samples import BIG, asked, message, running

import overt.log
from overt.proof.check import check_log
from overt.proof.note import open_checkpoint, parse_vkey
from overt.proof.receipt import MERGE_DELAY_MS, open_certificate, open_promise, parse_receipt
from overt.proof.verify import holds, verify_receipt
from overt.testing.clock import ManualClock

HOUR = 3600.0
NO_CLOCK = ("log", "sequencer", "queue", "folder", "publish", "sqlite")


@pytest.mark.parametrize(
    "steps", [(-HOUR, HOUR), (HOUR, -HOUR), (-1.5, 0.0)], ids=["back and on", "on and back", "slew"]
)
def test_receipts_and_log_hold_although_the_clock_was_set_between_requests(steps: tuple[float, ...]) -> None:
    async def run() -> None:
        gate = await running({BIG: [message(BIG)]})
        clock = gate.gateway.clock
        assert isinstance(clock, ManualClock)
        key = parse_vkey(gate.log.vkey)
        sizes, before = [], None
        async with gate.http() as http:
            for step in (0.0, *steps, 0.0):
                clock.advance(step)
                told = int(clock.now() * 1000)
                answer = await http.post("/v1/messages", json=asked(f"at {told}, {step}"))
                assert answer.status_code == 200
                raw = (await http.get(f"/v1/receipts/{answer.headers['overt-receipt']}")).content
                receipt = parse_receipt(raw)
                promise = open_promise(receipt.promise, open_certificate(receipt.signer, key)[1])
                assert (promise.time, promise.due) == (told, told + MERGE_DELAY_MS)
                assert holds(verify_receipt(raw, log_vkey=gate.log.vkey, fetched=gate.log.reader, now=told))
                checked = check_log(gate.log.reader, gate.log.vkey, previous=before, full=True)
                assert checked.checkpoint is not None, checked.steps[-1]
                before = checked.checkpoint
                sizes.append(open_checkpoint(await gate.log.checkpoint(), key).size)
        assert sizes == sorted(set(sizes))

    asyncio.run(run())


@pytest.mark.parametrize("name", NO_CLOCK)
def test_the_log_asks_no_clock_that_can_be_set(name: str) -> None:
    tree = ast.parse((Path(overt.log.__path__[0]) / f"{name}.py").read_text(encoding="utf-8"))
    asked_for = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("time", "datetime")
    }
    assert asked_for <= {"time.monotonic"}
    names = [
        node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module in ("time", "datetime")
    ]
    assert not names
