"""The log's key is replaced under a gateway, by the operator's commands; whoever holds the first key goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
from click.testing import CliRunner
from gateway_samples import asked

from overt.cli.log_rotate import command
from overt.client.kit import open_kit
from overt.config.settings import Settings
from overt.gateway.app import create_app
from overt.gateway.compose import make_key, opened
from overt.gateway.places import LOG_FOLDER
from overt.log.files import directory_reader
from overt.policy.bundle import bundled_text, load_bundled
from overt.proof.check import check_log
from overt.proof.keys import decode_keys
from overt.proof.note import open_signed, parse_vkey
from overt.proof.verify import holds, verify_receipt


@asynccontextmanager
async def served(data: Path) -> AsyncIterator[httpx2.AsyncClient]:
    async with reached(data) as (http, _):
        yield http


@asynccontextmanager
async def reached(data: Path) -> AsyncIterator[tuple[httpx2.AsyncClient, httpx2.ASGITransport]]:
    settings = replace(Settings.default(), data=str(data))
    text = bundled_text("default").encode()
    async with opened(settings, load_bundled("default"), text, public_url="http://gate.example") as gateway:
        key = await make_key(gateway.store, "tests")
        headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
        transport = httpx2.ASGITransport(app=create_app(gateway))
        async with httpx2.AsyncClient(transport=transport, base_url="http://gate.example", headers=headers) as http:
            yield http, transport


def rotate(data: Path, *arguments: str) -> str:
    result = CliRunner().invoke(command, [*arguments, "--data", str(data)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


async def key_shown(http: httpx2.AsyncClient) -> str:
    return str((await http.get("/.well-known/overt.json")).json()["log_public_key"])


async def one_receipt(http: httpx2.AsyncClient) -> bytes:
    answer = await http.post("/v1/messages", json=asked(model="demo-large"))
    return (await http.get(f"/v1/receipts/{answer.headers['overt-receipt']}")).content


def test_receipts_of_every_stage_verify_with_the_key_of_their_time_and_the_log_with_the_first(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(tmp_path) as http:
            first = await key_shown(http)
            assert (await http.get("/log/log.keys")).status_code == 404
            receipts = [(first, await one_receipt(http))]
            new = (await asyncio.to_thread(rotate, tmp_path, "begin")).splitlines()[0]
        async with served(tmp_path) as http:
            assert await key_shown(http) == first
            receipts.append((first, await one_receipt(http)))
            note = open_signed((await http.get("/log/checkpoint")).content, [parse_vkey(first), parse_vkey(new)])
            assert len(note.signed) == 2
            (announced,) = decode_keys((await http.get("/log/log.keys")).content)
            assert (announced.by, announced.vkey) == (first, new)
        await asyncio.to_thread(rotate, tmp_path, "finish")
        async with served(tmp_path) as http:
            assert await key_shown(http) == new
            receipts.append((new, await one_receipt(http)))
        reader = directory_reader(tmp_path / LOG_FOLDER)
        for key, raw in receipts:
            steps = verify_receipt(raw, log_vkey=key, fetched=reader)
            assert holds(steps), steps[-1]
        assert holds(verify_receipt(receipts[2][1], log_vkey=first, fetched=reader)), "the log leads there"
        assert not holds(verify_receipt(receipts[2][1], log_vkey=first)), "nothing else does"
        assert not holds(verify_receipt(receipts[0][1], log_vkey=new, fetched=reader)), "and nothing leads back"
        for key in (first, new):
            assert holds(check_log(reader, key, full=True).steps)
        assert new in rotate(tmp_path, "show")

    asyncio.run(run())


def test_a_folder_without_a_key_is_refused_and_gets_none(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["begin", "--data", str(tmp_path)])
    assert "holds no log key" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_a_client_that_was_given_the_first_key_follows_the_log_to_the_next(tmp_path: Path) -> None:
    data, state = tmp_path / "gateway", tmp_path / "client.json"

    async def ask(http: httpx2.AsyncClient, transport: httpx2.ASGITransport, log_key: str) -> int:
        kit = open_kit(log_key=log_key, state=state)
        try:
            async with kit.async_client(transport) as client:
                client.headers = http.headers
                answer = await client.post("http://gate.example/v1/messages", json=asked(model="demo-large"))
                await kit.asettle("http://gate.example", api_key=http.headers["x-api-key"], inner=transport)
                return int(answer.status_code)
        finally:
            await kit.aclose()

    async def run() -> list[int]:
        async with reached(data) as (http, transport):
            first = await key_shown(http)
            found = [await ask(http, transport, first)]
        await asyncio.to_thread(rotate, data, "begin")
        async with reached(data) as (http, transport):
            found.append(await ask(http, transport, first))
        await asyncio.to_thread(rotate, data, "finish")
        async with reached(data) as (http, transport):
            assert await key_shown(http) != first
            found.append(await ask(http, transport, first))
            found.append(await ask(http, transport, first))
            state.unlink()
            found.append(await ask(http, transport, first))
        return found

    assert asyncio.run(run()) == [200] * 5
