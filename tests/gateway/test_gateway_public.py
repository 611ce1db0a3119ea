"""What anybody may fetch: the log, notices, the policy, cards; and what only the caller may: receipts."""

from __future__ import annotations

import asyncio
import hashlib
import json

import jsonschema
import pytest
from gateway_samples import BIG, SMALL, URL, asked, message, running

from overt.gateway.app import ROUTES
from overt.gateway.compose import make_key
from overt.proof.check import check_log
from overt.proof.verify import holds


def test_the_well_known_page_says_where_everything_is_and_everything_is_there() -> None:
    async def run() -> None:
        gate = await running()
        async with gate.http(**{"x-api-key": ""}) as http:
            page = (await http.get("/.well-known/overt.json")).json()
            assert page["log_public_key"] == gate.log.vkey
            assert page["policy_hash"] == gate.gateway.policy.digest
            for address in (page["policy_url"], page["notice_schema"], page["classifier_manifest"],
                            f"{page['log_url']}/checkpoint", *page["classifier_cards"]):  # fmt: skip
                assert (await http.get(address.removeprefix(URL))).status_code == 200

    asyncio.run(run())


def test_the_policy_is_served_under_the_digest_that_receipts_name() -> None:
    async def run() -> None:
        gate = await running()
        async with gate.http() as http:
            served = (await http.get(f"/policy/{gate.gateway.policy.digest}")).content
            other = await http.get("/policy/sha256:00")
        assert "sha256:" + hashlib.sha256(served).hexdigest() == gate.gateway.policy.digest
        assert other.status_code == 404

    asyncio.run(run())


@pytest.mark.parametrize("text", ["cyber:high_dual", "bio:prohibited"])
def test_a_notice_can_be_fetched_by_its_id_and_follows_its_schema(text: str) -> None:
    async def run() -> None:
        gate = await running()
        async with gate.http() as http:
            told = (await http.post("/v1/messages", json=asked(text))).json()["overt"]
            schema = (await http.get("/schema/notice.json")).json()
            notice = await http.get(told["notice_url"].removeprefix(URL), headers={"x-api-key": ""})
            unknown = await http.get("/v1/notices/ntc_x")
        assert notice.json() == told
        jsonschema.validate(told, schema)
        assert unknown.status_code == 404

    asyncio.run(run())


def test_a_receipt_is_given_to_the_key_that_asked_and_to_no_other() -> None:
    async def run() -> None:
        gate = await running({BIG: [message(BIG)]})
        other = await make_key(gate.store, "other")
        async with gate.http() as http:
            name = (await http.post("/v1/messages", json=asked())).headers["overt-receipt"]
            assert (await http.get(f"/v1/receipts/{name}")).status_code == 200
            assert (await http.get(f"/v1/receipts/{name}", headers={"x-api-key": other})).status_code == 404

    asyncio.run(run())


def test_the_log_that_is_served_checks_from_outside() -> None:
    async def run() -> None:
        gate = await running()
        async with gate.http() as http:
            for text in ("hello", "cyber:high_dual", "bio:prohibited"):
                await http.post("/v1/messages", json=asked(text))
            files = {"checkpoint": (await http.get("/log/checkpoint")).content}

            async def fetch(path: str) -> bytes | None:
                response = await http.get(f"/log/{path}")
                return response.content if response.status_code == 200 else None

            size = int(files["checkpoint"].split(b"\n")[1])
            for path in (f"tile/0/000.p/{size}", f"tile/entries/000.p/{size}"):
                found = await fetch(path)
                assert found is not None
                files[path] = found
            assert await fetch("tile/9/x001/000") is None
        checked = check_log(files.get, gate.log.vkey)
        assert holds(checked.steps), checked.steps[-1]

    asyncio.run(run())


def test_no_text_and_no_caller_is_in_the_log() -> None:
    async def run() -> None:
        gate = await running()
        async with gate.http() as http:
            await http.post("/v1/messages", json=asked("cyber:high_dual a-very-private-word"))
        caller = await gate.store.caller(hashlib.sha256(gate.key.encode()).digest())
        assert caller is not None
        for entry in gate.log.entries:
            assert b"private-word" not in entry
            assert caller.key_id.encode() not in entry
            assert gate.key.encode() not in entry

    asyncio.run(run())


def test_a_dry_run_says_what_would_be_decided_and_leaves_no_trace() -> None:
    async def run() -> None:
        gate = await running()
        before = gate.log.entries
        async with gate.http() as http:
            row = (await http.post("/v1/classify", json={"id": "a", "text": "chem:prohibited", "model": BIG})).json()
            bad = await http.post("/v1/classify", json={"id": "a"})
        assert (row["action"], row["rule"], row["domain"], row["band"]) == ("refuse", "chem-1", "chem", "prohibited")
        assert bad.status_code == 400
        assert gate.log.entries == before

    asyncio.run(run())


def test_every_intervening_answer_links_to_its_notice_and_its_policy() -> None:
    async def run() -> None:
        gate = await running({SMALL: [message(SMALL)]})
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked("cyber:high_dual"))
        links = response.headers["link"]
        assert response.json()["overt"]["notice_url"] in links
        assert gate.gateway.policy.digest in links
        assert 'rel="help"' in links

    asyncio.run(run())


def test_health_readiness_and_the_description_of_every_route() -> None:
    async def run() -> None:
        gate = await running()
        async with gate.http(**{"x-api-key": ""}) as http:
            assert (await http.get("/healthz")).json() == {"status": "ok"}
            assert (await http.get("/readyz")).json()["status"] == "ready"
            described = (await http.get("/openapi.json")).json()["paths"]
        for entry in ROUTES:
            assert entry.method.lower() in described[entry.path.replace(":path}", "}")]
        assert json.dumps(described)

    asyncio.run(run())
