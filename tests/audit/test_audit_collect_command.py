"""``overt audit collect`` as a process: what it prints, its exit status, and what is left when it is killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, final

import pytest
from collect_samples import PRICE, AskedOfSite, Says, Site, finals, plan_of, records_of, route, sealed, wanted

from overt.audit.collect.session import RECORDS_FILE
from overt.audit.plan import Api, Plan, Role
from overt.audit.rows import read_answers
from overt.proof.note import VerifierKey


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a process printed, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def found(self) -> dict[str, Any]:
        """The JSON on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found


async def started(folder: Path, *options: str, **variables: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "overt.cli", "audit", "collect", str(folder), *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | variables,
    )


async def ended(process: asyncio.subprocess.Process) -> Ran:
    async with asyncio.timeout(120):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ran(status=process.returncode, out=out.decode(), err=err.decode())


async def ran(folder: Path, *options: str, **variables: str) -> Ran:
    return await ended(await started(folder, *options, **variables))


def two_sides(site: Site, *, asked: int = 6, samples: int = 1, budget: str = "1") -> Plan:
    price = {"price": PRICE, "parameters": {"max_tokens": 50}}
    return plan_of(
        route(site.url, "official", role=Role.REFERENCE, api=Api.ANTHROPIC, **price),
        route(site.url, "reseller", **price),
        asked=asked,
        samples=samples,
        budget=budget,
    )


def test_a_whole_collection_says_so_and_writes_rows_that_a_test_reads(tmp_path: Path) -> None:
    async def go() -> None:
        async with Site(script=lambda asked: Says(text=asked.prompt, refuses="Question 1" in asked.prompt)) as site:
            plan = two_sides(site, samples=2)
            sealed(tmp_path, plan)
            done = await ran(tmp_path, "--json")
            assert done.status == 0, done.err
            assert {"complete": True, "stopped": None, "left": 0, "records": 24}.items() <= done.found.items()
            assert done.found["cost"] == "0.00768"
            reference = read_answers(tmp_path / "reference.jsonl")
            endpoint = read_answers(tmp_path / "endpoint.jsonl")
            assert {answer.model for answer in reference} == {"official"}
            assert {(a.pid, a.rep) for a in reference} == {(a.pid, a.rep) for a in endpoint}
            assert len(reference) == 12
            rows = [json.loads(line) for line in (tmp_path / "endpoint.jsonl").read_text("ascii").splitlines()]
            assert [row["pid"] for row in rows if row.get("refused")] == ["p1", "p1"]
            again = await ran(tmp_path)
            assert again.status == 0
            assert again.out.startswith("Complete: 24 of 24 calls are answered.")
            assert len(site.asked) == 24

    asyncio.run(go())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=["INT", "TERM", "KILL"])
def test_an_ended_process_loses_nothing_and_goes_on_to_the_same_answers(tmp_path: Path, number: signal.Signals) -> None:
    async def go() -> None:
        enough = asyncio.Event()

        def script(asked: AskedOfSite) -> Says:
            if asked.number == 12:
                enough.set()
            return Says(text=asked.prompt, delay_s=0.05)

        async with Site(script=script) as site:
            plan = two_sides(site, asked=20)
            sealed(tmp_path, plan)
            process = await started(tmp_path)
            await enough.wait()
            process.send_signal(number)
            killed = await ended(process)
            of = wanted(tmp_path, plan)
            asked_by_first, kept = len(site.asked), len(records_of(of))
            if number is signal.SIGKILL:
                assert killed.status == -number
                assert kept < asked_by_first
            else:
                assert killed.status == 128 + number
                assert f"resume with: overt audit collect {tmp_path}" in killed.err
                assert kept == asked_by_first < 40
            resumed = await ran(tmp_path, "--json")
            assert resumed.status == 0, resumed.err
            assert resumed.found["records_before"] == kept
            assert resumed.found["records"] == 40
            lost = resumed.found["lost_calls"]
            assert (0 < lost <= 8) if number is signal.SIGKILL else lost == 0
            assert len(site.asked) <= 40 + lost
            whole = tmp_path / "whole"
            sealed(whole, plan)
            assert (await ran(whole)).status == 0
            assert finals(records_of(of)) == finals(records_of(replace(of, folder=whole)))

    asyncio.run(go())


def test_a_second_interrupt_does_not_wait(tmp_path: Path) -> None:
    async def go() -> None:
        enough = asyncio.Event()

        def script(_: AskedOfSite) -> Says:
            enough.set()
            return Says(delay_s=60.0)

        async with Site(script=script) as site:
            sealed(tmp_path, two_sides(site))
            process = await started(tmp_path, "--json")
            await enough.wait()
            assert process.stderr is not None
            process.send_signal(signal.SIGINT)
            assert b"once more to leave them" in await process.stderr.readline()
            process.send_signal(signal.SIGINT)
            cut = await ended(process)
            assert cut.status == 130
            assert Decimal(cut.found["cost"]) > 0
            assert cut.found["records"] == 0
            site.script = lambda _: Says()
            assert 0 < (await ran(tmp_path, "--json")).found["lost_calls"] <= 8

    asyncio.run(go())


def test_a_torn_last_line_is_set_aside_and_its_call_asked_again(tmp_path: Path) -> None:
    async def go() -> None:
        async with Site() as site:
            plan = two_sides(site)
            sealed(tmp_path, plan)
            assert (await ran(tmp_path)).status == 0
            records = tmp_path / RECORDS_FILE
            whole = records.read_bytes()
            records.write_bytes(whole[:-25])
            again = await ran(tmp_path, "--json")
            assert again.status == 0, again.err
            assert again.found["set_aside"] is not None
            aside = Path(again.found["set_aside"]).read_bytes()
            assert aside == whole[:-25].rpartition(b"\n")[2]
            assert again.found["lost_calls"] == 1
            assert len(records_of(wanted(tmp_path, plan))) == 12

    asyncio.run(go())


def test_a_changed_record_stops_before_the_first_call(tmp_path: Path) -> None:
    async def go() -> None:
        async with Site() as site:
            sealed(tmp_path, two_sides(site))
            assert (await ran(tmp_path)).status == 0
            records = tmp_path / RECORDS_FILE
            records.write_bytes(records.read_bytes().replace(b"well", b"weak", 1))
            changed = await ran(tmp_path)
            assert changed.status == 2
            assert "was changed" in changed.err
            assert len(site.asked) == 12

    asyncio.run(go())


def test_a_plan_that_was_not_signed_by_the_key_is_not_carried_out(tmp_path: Path) -> None:
    async def go() -> None:
        async with Site() as site:
            sealed(tmp_path, two_sides(site))
            stranger = VerifierKey(name="auditor.example", public=bytes(31) + b"\x01").text
            assert (await ran(tmp_path, "--key", stranger)).status == 2
            plan = tmp_path / "plan.json"
            plan.write_bytes(plan.read_bytes().replace(b'"sig":"', b'"sig":"AAAA', 1))
            unsigned = await ran(tmp_path)
            assert unsigned.status == 2
            assert "signature" in unsigned.err
            assert site.asked == []

    asyncio.run(go())


def test_the_end_of_the_budget_is_said_and_exits_with_one(tmp_path: Path) -> None:
    async def go() -> None:
        async with Site() as site:
            plan = two_sides(site, asked=20)
            sealed(tmp_path, plan)
            too_much = await ran(tmp_path, "--budget", "2")
            assert too_much.status == 2
            assert "--budget 2 is above" in too_much.err
            short = await ran(tmp_path, "--budget", "0.005", "--json")
            assert short.status == 1
            assert short.found["stopped"]["cause"] == "budget"
            assert not short.found["complete"]
            assert Decimal(short.found["cost"]) <= Decimal("0.005")
            prose = await ran(tmp_path, "--budget", "0.005")
            assert "of the budget of 0.005 USD is spent" in prose.out
            assert "raise --budget, up to the plan's 1" in prose.out

    asyncio.run(go())


def test_a_route_that_cannot_go_on_exits_with_two_and_its_remedy(tmp_path: Path) -> None:
    async def go() -> None:
        unknown = Says(status=401, raw=b'{"error": {"message": "invalid x-api-key \\u001b[31m"}}')
        async with Site(script=lambda _: unknown) as site:
            plan = plan_of(route(site.url, key_variable="AUDIT_KEY"))
            sealed(tmp_path, plan)
            missing = await ran(tmp_path)
            assert missing.status == 2
            assert "AUDIT_KEY" in missing.err
            assert site.asked == []
            wrong = await ran(tmp_path, AUDIT_KEY="sk-0123456789abcdef")
            assert wrong.status == 2
            assert "invalid x-api-key \\x1b[31m; it sends the key in AUDIT_KEY" in wrong.err
            assert f"To go on with this plan: overt audit collect {tmp_path}" in wrong.err

    asyncio.run(go())


def test_two_processes_do_not_write_one_chain(tmp_path: Path) -> None:
    async def go() -> None:
        first_call = asyncio.Event()

        def script(_: AskedOfSite) -> Says:
            first_call.set()
            return Says(delay_s=120.0)

        async with Site(script=script) as site:
            sealed(tmp_path, two_sides(site, asked=1))
            process = await started(tmp_path)
            await first_call.wait()
            second = await ran(tmp_path)
            assert second.status == 2
            assert "another collection writes" in second.err
            process.kill()
            await ended(process)
            site.script = lambda _: Says()
            assert (await ran(tmp_path)).status == 0

    asyncio.run(go())


def test_a_full_disk_is_said_and_what_was_written_holds(tmp_path: Path) -> None:
    async def go() -> None:
        async with Site() as site:
            plan = two_sides(site)
            sealed(tmp_path, plan)
            full = await ended(
                await asyncio.create_subprocess_exec(
                    *("sh", "-c", 'ulimit -f 5; exec "$@"', "sh"),
                    *(sys.executable, "-m", "overt.cli", "audit", "collect", str(tmp_path)),
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                )
            )
            assert full.status == 2
            assert "File too large; make room" in full.err
            asked = len(site.asked)
            assert asked < 12
            after = await ran(tmp_path, "--json")
            assert after.status == 0, after.err
            assert after.found["lost_calls"] >= asked - after.found["records_before"] > 0
            assert after.found["set_aside"] is not None
            assert len(finals(records_of(wanted(tmp_path, plan)))) == 12

    asyncio.run(go())
