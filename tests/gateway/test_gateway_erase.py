"""Fault row 18: after the secret of a receipt is erased nothing can be opened, and log and proofs hold as before."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from click.testing import CliRunner, Result
from gateway_samples import BETA, BIG, asked, message, running

from overt.cli.log_erase import command
from overt.gateway.compose import make_key
from overt.gateway.places import STORE_FILE
from overt.proof.check import check_log
from overt.proof.receipt import parse_receipt
from overt.proof.verify import Step, holds, verify_receipt
from overt.store.sqlite import open_store


def marks(steps: tuple[Step, ...]) -> dict[str, str]:
    return {step.name: str(step.mark) for step in steps}


def test_an_erased_receipt_opens_nothing_and_verifies_as_before(tmp_path: Path) -> None:
    async def run() -> None:
        store = await open_store(tmp_path / STORE_FILE)
        gate = await running({BIG: [message(BIG)]}, store=store)
        body = json.dumps(asked()).encode()
        async with gate.http() as http:
            answer = await http.post("/v1/messages", content=body)
            name = answer.headers["overt-receipt"]
            before = (await http.get(f"/v1/receipts/{name}")).content
            opened = verify_receipt(before, log_vkey=gate.log.vkey, request=body, response=answer.content)
            assert holds(opened)
            assert marks(opened)["request"] == marks(opened)["openings"] == "holds"

            assert (await http.delete(f"/v1/receipts/{name}/secret")).status_code == 204
            assert (await http.delete(f"/v1/receipts/{name}/secret")).status_code == 204
            after = (await http.get(f"/v1/receipts/{name}")).content

        # The file holds receipts as they are given out: the secret in base64.
        encoded = json.loads(before)["openings"]["secret"].encode()
        for file in tmp_path.iterdir():
            raw = file.read_bytes()
            assert encoded not in raw, f"{file.name} still holds the secret"
        await store.aclose()

        assert json.loads(after)["openings"] == {"secret": None, "values": {}}
        assert json.loads(after) | {"openings": 0} == json.loads(before) | {"openings": 0}
        held = verify_receipt(after, log_vkey=gate.log.vkey, fetched=gate.log.reader)
        assert holds(held)
        assert marks(held)["proof"] == marks(held)["log"] == "holds"
        assert marks(held)["openings"] == "open"
        assert not holds(verify_receipt(after, log_vkey=gate.log.vkey, request=body))
        assert holds(check_log(gate.log.reader, gate.log.vkey, full=True).steps)

    asyncio.run(run())


def test_nobody_erases_the_receipt_of_another_key() -> None:
    async def run() -> None:
        gate = await running({BIG: [message(BIG)]})
        other = await make_key(gate.store, "other")
        async with gate.http() as http:
            name = (await http.post("/v1/messages", json=asked())).headers["overt-receipt"]
            refused = await http.delete(f"/v1/receipts/{name}/secret", headers={"x-api-key": other})
            unknown = await http.delete(f"/v1/receipts/{name}/secret", headers={"x-api-key": ""})
            kept = parse_receipt((await http.get(f"/v1/receipts/{name}")).content)
        assert (refused.status_code, unknown.status_code) == (404, 401)
        assert kept.openings is not None

    asyncio.run(run())


def test_the_completion_of_an_exchange_is_erased_with_it() -> None:
    async def run() -> None:
        gate = await running()
        async with gate.http(**{"anthropic-beta": BETA}) as http:
            redirected = await http.post("/v1/messages", json=asked("cyber:high_dual", fallbacks="default"))
            name = redirected.headers["overt-receipt"]
            both = [f"/v1/receipts/{name}", f"/v1/receipts/{name}.completion"]
            assert [parse_receipt((await http.get(path)).content).openings is None for path in both] == [False, False]
            await http.delete(f"{both[0]}/secret")
            assert [parse_receipt((await http.get(path)).content).openings is None for path in both] == [True, True]

    asyncio.run(run())


def erase(data: Path, *names: str) -> Result:
    return CliRunner().invoke(command, [*names, "--data", str(data)])


def test_the_operator_erases_by_id_while_the_gateway_runs(tmp_path: Path) -> None:
    async def run() -> None:
        store = await open_store(tmp_path / STORE_FILE)
        gate = await running({BIG: [message(BIG)]}, store=store)
        async with gate.http() as http:
            name = (await http.post("/v1/messages", json=asked())).headers["overt-receipt"]
            result = await asyncio.to_thread(erase, tmp_path, name, "rcp_none")
            assert result.exit_code == 1
            assert result.output == f"{name}: erased\nrcp_none: there is no such receipt\n"
            assert parse_receipt((await http.get(f"/v1/receipts/{name}")).content).openings is None
        await store.aclose()
        assert (await asyncio.to_thread(erase, tmp_path, name)).exit_code == 0

    asyncio.run(run())


def test_a_folder_without_a_store_is_refused_and_none_is_made(tmp_path: Path) -> None:
    result = erase(tmp_path, "rcp_1")
    assert "holds no store" in str(result.exception)
    assert list(tmp_path.iterdir()) == []
