"""What a collection asks, keeps, tries again and stops for, against a server that misbehaves as written."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from collect_samples import (
    IMPATIENT,
    PRICE,
    USED,
    AskedOfSite,
    Says,
    Site,
    collected,
    finals,
    plan_of,
    records_of,
    route,
    wanted,
)

from overt.audit.answers import answer_of
from overt.audit.collect.ask import LARGEST_BODY, Patience
from overt.audit.collect.cost import most_cost
from overt.audit.collect.ledger import Ledger
from overt.audit.collect.order import units_of
from overt.audit.collect.request import body_of
from overt.audit.collect.run import Cause, Stop
from overt.audit.collect.session import JOURNAL_FILE, Session
from overt.audit.plan import Api, Plan, Role
from overt.audit.record import Record
from overt.errors import OperatorError

FAILED_ONCE = {
    "500": Says(status=500, raw=b'{"error": {"message": "oops"}}'),
    "529": Says(status=529, raw=b'{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}'),
    "429 at once": Says(status=429, raw=b'{"error": {"message": "slow"}}', headers={"retry-after": "0"}),
    "408": Says(status=408, raw=b"{}"),
    "not JSON": Says(raw=b"<html>busy</html>"),
    "not UTF-8": Says(raw=b'{"x": "\xff"}'),
    "JSON of another shape": Says(raw=b'{"object": "list", "data": []}'),
    "empty": Says(raw=b""),
    "cut before the body": Says(cut=0),
    "cut in the middle": Says(cut=40),
}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def run(plan: Plan, folder: Path, **members: object) -> tuple[Stop | None, tuple[Record, ...]]:
    of = wanted(folder, plan, **members)
    stop = asyncio.run(collected(of))
    return stop, records_of(of)


@pytest.mark.parametrize("api", list(Api))
def test_every_call_of_the_plan_is_asked_once_and_its_response_kept_to_the_byte(tmp_path: Path, api: Api) -> None:
    async def go() -> None:
        async with Site() as site:
            plan = plan_of(route(site.url, api=api), asked=5, samples=2)
            of = wanted(tmp_path, plan)
            assert await collected(of) is None
            records = records_of(of)
            assert Counter((r.pid, r.rep) for r in records) == {(f"p{n}", rep): 1 for n in range(5) for rep in (0, 1)}
            assert sorted(r.request for r in records) == sorted(asked.raw for asked in site.asked)
            assert {answer_of(r).text for r in records} == {f"To Question {n}, ö?: well." for n in range(5)}
            assert all(json.loads(r.body)["model"] == "big-1" and "ö" in r.body for r in records)

    asyncio.run(go())


@pytest.mark.parametrize("api", list(Api))
@pytest.mark.parametrize("fault", FAILED_ONCE.values(), ids=FAILED_ONCE)
def test_a_call_that_failed_is_recorded_and_made_again(tmp_path: Path, fault: Says, api: Api) -> None:
    def script(asked: AskedOfSite) -> Says:
        return fault if asked.attempt == 0 else Says()

    async def go() -> None:
        async with Site(script=script) as site:
            of = wanted(tmp_path, plan_of(route(site.url, api=api), asked=3))
            assert await collected(of) is None
            records = records_of(of)
            assert len(records) == 6
            assert len(finals(records)) == 3
            failed = [r for r in records if answer_of(r).error is not None]
            assert len(failed) == 3
            assert all(r.status == fault.status or (fault.cut is not None and r.status == 0) for r in failed)
            assert all(r.fault for r in failed if r.status == 0)

    asyncio.run(go())


def test_a_call_without_an_answer_in_time_is_a_timeout(tmp_path: Path) -> None:
    def script(asked: AskedOfSite) -> Says:
        return Says(delay_s=5.0 if asked.attempt == 0 else 0.0)

    async def go() -> None:
        async with Site(script=script) as site:
            of = wanted(tmp_path, plan_of(route(site.url), asked=1), patience=replace(IMPATIENT, answer_s=0.1))
            assert await collected(of) is None
            first, second = records_of(of)
            assert first.status == 0
            assert (first.fault or "").startswith("timeout: no whole answer within 0.1 s")
            assert second.status == 200

    asyncio.run(go())


def test_a_body_over_the_limit_is_not_kept(tmp_path: Path) -> None:
    def script(asked: AskedOfSite) -> Says:
        return Says(text="x" * (LARGEST_BODY + 1)) if asked.attempt == 0 else Says()

    async def go() -> None:
        async with Site(script=script) as site:
            of = wanted(tmp_path, plan_of(route(site.url), asked=1))
            assert await collected(of) is None
            first, second = records_of(of)
            assert (first.status, first.body) == (200, "")
            assert (first.fault or "").startswith("too large")
            assert second.body

    asyncio.run(go())


def test_retry_after_holds_the_whole_route(tmp_path: Path) -> None:
    async def go() -> None:
        arrivals: list[float] = []

        def script(asked: AskedOfSite) -> Says:
            arrivals.append(asyncio.get_running_loop().time())
            limited = Says(status=429, raw=b'{"error": {"message": "slow"}}', headers={"retry-after": "1"})
            return limited if asked.number == 0 else Says()

        async with Site(script=script) as site:
            of = wanted(tmp_path, plan_of(route(site.url, most_at_once=1), asked=3))
            assert await collected(of) is None
            assert len(records_of(of)) == 4
            assert arrivals[1] - arrivals[0] >= 1.0

    asyncio.run(go())


def test_a_server_that_asks_to_wait_for_hours_stops_the_collection(tmp_path: Path) -> None:
    async def go() -> None:
        limited = Says(status=429, raw=b"{}", headers={"retry-after": "7200"})
        async with Site(script=lambda _: limited) as site:
            stop = await collected(wanted(tmp_path, plan_of(route(site.url, most_at_once=1))))
            assert stop is not None
            assert stop.cause is Cause.ROUTE
            assert "asks to wait 7200 s" in stop.said
            assert len(site.asked) == 1

    asyncio.run(go())


@pytest.mark.parametrize(
    ("status", "raw", "said"),
    [
        (401, b'{"error": {"message": "bad key"}}', "sends no key"),
        (402, b"{}", "add credit"),
        (404, b'{"error": {"message": "no such model"}}', "'big-1'"),
        (307, b"", "redirection"),
        (429, b'{"error": {"code": "insufficient_quota", "message": "quota"}}', "out of credit"),
        (410, b"{}", "correct the route"),
    ],
    ids=["key", "credit", "model", "redirection", "quota", "gone"],
)
def test_what_cannot_succeed_is_asked_once_and_stops_with_its_remedy(
    tmp_path: Path, status: int, raw: bytes, said: str
) -> None:
    async def go() -> None:
        says = Says(status=status, raw=raw, headers={"location": "/elsewhere"} if status == 307 else {})
        async with Site(script=lambda _: says) as site:
            of = wanted(tmp_path, plan_of(route(site.url, most_at_once=1)))
            stop = await collected(of)
            assert stop is not None
            assert stop.cause is Cause.ROUTE
            assert said in stop.said
            assert "'cloud'" in stop.said
            assert [r.status for r in records_of(of)] == [status]
            site.script = lambda _: Says()
            assert await collected(of) is None
            assert len(finals(records_of(of))) == 6

    asyncio.run(go())


def test_one_rejected_prompt_is_done_but_a_route_that_rejects_all_stops(tmp_path: Path) -> None:
    rejection = Says(status=400, raw=b'{"error": {"message": "too long"}}')

    async def go() -> None:
        async with Site(script=lambda asked: rejection if "Question 2" in asked.prompt else Says()) as site:
            of = wanted(_made(tmp_path / "one"), plan_of(route(site.url, most_at_once=1)))
            assert await collected(of) is None
            assert len(records_of(of)) == 6
            assert await collected(of) is None
            assert len(site.asked) == 6
        async with Site(script=lambda _: rejection) as site:
            of = wanted(_made(tmp_path / "all"), plan_of(route(site.url, most_at_once=1)))
            stop = await collected(of)
            assert stop is not None
            assert "3 requests in a row" in stop.said
            assert len(site.asked) == 3
            site.script = lambda _: Says()
            assert await collected(of) is None
            assert len(finals(records_of(of))) == 6

    asyncio.run(go())


def test_a_refusal_is_an_answer_even_as_an_error_of_http(tmp_path: Path) -> None:
    filtered = Says(status=400, raw=b'{"error": {"code": "content_filter", "message": "filtered"}}')

    async def go() -> None:
        async with Site(script=lambda asked: filtered if asked.number % 2 else Says(refuses=True)) as site:
            of = wanted(tmp_path, plan_of(route(site.url)))
            assert await collected(of) is None
            assert len(records_of(of)) == 6
            ledger = Ledger(of.plan)
            ledger.read(records_of(of))
            assert ledger.standings()[0].refused == 6

    asyncio.run(go())


def test_a_server_that_is_away_stops_the_collection_and_costs_nothing(tmp_path: Path) -> None:
    plan = plan_of(route("http://127.0.0.1:9", price=PRICE, most_at_once=2), asked=20, budget="1")
    stop, records = run(plan, tmp_path)
    assert stop is not None
    assert stop.cause is Cause.ROUTE
    assert "3 calls in a row" in stop.said
    assert 18 <= len(records) <= 30
    assert all((r.fault or "").startswith("no connection") for r in records)
    ledger = Ledger(plan)
    ledger.read(records)
    assert ledger.spent == 0


def test_the_order_of_requests_is_the_order_of_the_plan(tmp_path: Path) -> None:
    async def go() -> None:
        async with Site() as site:
            plan = plan_of(route(site.url, most_at_once=1), asked=8, samples=2)
            assert await collected(wanted(tmp_path, plan)) is None
            assert [asked.prompt for asked in site.asked] == [unit.prompt.text for unit in units_of(plan)]

    asyncio.run(go())


def test_the_answers_of_a_unit_are_asked_for_together(tmp_path: Path) -> None:
    async def go() -> None:
        async with Site(script=lambda _: Says(delay_s=0.02)) as site:
            routes = (route(site.url, "a", role=Role.REFERENCE), route(site.url, "b"), route(site.url, "c"))
            plan = plan_of(*(replace(each, most_at_once=1) for each in routes), asked=6)
            assert await collected(wanted(tmp_path, plan)) is None
            asked = [each.prompt for each in site.asked]
            assert all(len(set(asked[at : at + 3])) == 1 for at in range(0, 18, 3))
            assert site.most_at_once == 3

    asyncio.run(go())


def test_no_route_has_more_calls_at_once_or_a_minute_than_it_may(tmp_path: Path) -> None:
    async def go() -> None:
        arrivals: list[float] = []

        def script(_: AskedOfSite) -> Says:
            arrivals.append(asyncio.get_running_loop().time())
            return Says(delay_s=0.05)

        async with Site(script=script) as site:
            plan = plan_of(route(site.url, most_at_once=3), asked=12)
            assert await collected(wanted(tmp_path, plan)) is None
            assert site.most_at_once == 3
        arrivals.clear()
        async with Site(script=script) as site:
            plan = plan_of(route(site.url, most_at_once=4, most_per_minute=600), asked=6)
            assert await collected(wanted(_made(tmp_path / "paced"), plan)) is None
            assert arrivals[-1] - arrivals[0] >= 5 * 0.1 - 0.02

    asyncio.run(go())


# --- money -----------------------------------------------------------------------------------------------------------


def test_what_is_spent_never_exceeds_the_budget_and_units_are_never_half_bought(tmp_path: Path) -> None:
    async def go() -> None:
        async with Site(script=lambda _: Says(delay_s=0.005)) as site:
            routes = (
                route(site.url, "a", role=Role.REFERENCE, price=PRICE, parameters={"max_tokens": 100}),
                route(site.url, "b", price=PRICE, parameters={"max_tokens": 100}),
            )
            plan = plan_of(*routes, asked=40, budget="0.01")
            of = wanted(tmp_path, plan)
            most = sum(most_cost(each, body_of(each, plan.prompts[0])) for each in routes)
            sessions: list[Session] = []
            stop = await collected(of, sessions.append)
            highest = sessions[0].collection.spent
            assert stop is not None
            assert stop.cause is Cause.BUDGET
            records = records_of(of)
            each_cost = (USED[0] * PRICE.input + USED[1] * PRICE.output) / 1_000_000
            assert highest == len(records) * each_cost
            assert Decimal("0.01") - most < highest <= Decimal("0.01")
            by_pid = Counter(r.pid for r in records)
            assert set(by_pid.values()) == {2}
            again = await collected(of)
            assert again is not None
            assert again.cause is Cause.BUDGET
            assert len(records_of(of)) == len(records)

    asyncio.run(go())


def test_a_provider_that_charges_for_more_than_was_sent_makes_later_calls_dearer(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 50_000, "completion_tokens": 10}
    message = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": usage}

    async def go() -> None:
        async with Site(script=lambda _: Says(raw=json.dumps(message).encode())) as site:
            plan = plan_of(route(site.url, price=PRICE, most_at_once=1), asked=20, budget="0.28")
            of = wanted(tmp_path, plan)
            stop = await collected(of)
            assert stop is not None
            assert stop.cause is Cause.BUDGET
            ledger = Ledger(plan)
            ledger.read(records_of(of))
            assert ledger.spent == 5 * Decimal("0.0501")
            assert ledger.spent <= plan.budget

    asyncio.run(go())


def test_calls_that_a_kill_cut_off_count_at_their_most(tmp_path: Path) -> None:
    async def go() -> None:
        async with Site() as site:
            plan = plan_of(route(site.url, price=PRICE, parameters={"max_tokens": 100}), asked=4, budget="1")
            of = wanted(tmp_path, plan)
            lost = ["cloud", "p1", 0]
            (tmp_path / JOURNAL_FILE).write_text(f'{json.dumps(lost)}\n{json.dumps(lost)}\n["clo', "utf-8")
            seen: list[Session] = []
            assert await collected(of, seen.append) is None
            most = most_cost(plan.routes[0], body_of(plan.routes[0], plan.prompts[1]))
            assert (seen[0].lost, seen[0].lost_cost) == (2, 2 * most)
            assert seen[0].collection.spent == 2 * most + 4 * Decimal("0.00032")

    asyncio.run(go())


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", list(Api))
def test_the_key_is_sent_and_written_nowhere(tmp_path: Path, api: Api) -> None:
    key = "sk-a-very-secret-one"

    def script(asked: AskedOfSite) -> Says:
        if asked.attempt == 0:
            return Says(text=f"your key is {key}", headers={"x-request-id": f"for {key}"})
        return Says(headers={"x-ratelimit-remaining-requests": "9", "x-ours": "1"})

    async def go() -> None:
        async with Site(script=script) as site:
            plan = plan_of(route(site.url, api=api, key_variable="THE_KEY", price=PRICE), asked=2, budget="1")
            of = wanted(tmp_path, plan, environment={"THE_KEY": f"{key}\n"})
            assert await collected(of) is None
            shown = {"x-api-key": key} if api is Api.ANTHROPIC else {"authorization": f"Bearer {key}"}
            assert all(shown.items() <= asked.headers.items() for asked in site.asked)
            assert not any(key.encode() in path.read_bytes() for path in tmp_path.iterdir())
            records = records_of(of)
            assert len(records) == 4
            assert sum((r.fault or "").startswith("holds the key") for r in records) == 2
            names = {name for r in records for name, _ in r.headers}
            assert {"request-id", "x-ratelimit-remaining-requests"} <= names
            assert not names & {"set-cookie", "x-ours", "authorization"}

    asyncio.run(go())


def test_a_key_that_is_not_set_is_named_before_the_first_call(tmp_path: Path) -> None:
    async def go() -> None:
        async with Site() as site:
            plan = plan_of(route(site.url, key_variable="KEY_B"), route(site.url, "other", key_variable="KEY_A"))
            with pytest.raises(OperatorError, match="KEY_A, KEY_B"):
                await collected(wanted(tmp_path, plan, environment={"KEY_A": " "}))
            assert site.asked == []
            of = wanted(tmp_path, plan, environment={"KEY_A": "a", "KEY_B": "b"})
            assert await collected(of) is None
            assert await collected(replace(of, environment={})) is None

    asyncio.run(go())


# --- stopping --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [False, True], ids=["stop", "cut"])
def test_a_stopped_collection_goes_on_to_the_same_answers(tmp_path: Path, cut: bool) -> None:
    async def go() -> None:
        sessions: list[Session] = []

        def script(asked: AskedOfSite) -> Says:
            if asked.number == 5:
                sessions[0].collection.stop(Cause.INTERRUPTED, "told to")
                if cut:
                    asyncio.get_running_loop().call_later(0.02, sessions[0].collection.cut)
            return Says(text=asked.prompt, delay_s=0.1)

        async with Site(script=script) as site:
            plan = plan_of(route(site.url, "a", role=Role.REFERENCE), route(site.url, "b"), asked=12)
            of = wanted(tmp_path, plan)
            stop = await collected(of, sessions.append)
            assert stop == Stop(cause=Cause.INTERRUPTED, said="told to")
            kept = len(records_of(of))
            assert kept == len(site.asked) if not cut else kept < len(site.asked)
            site.script = lambda asked: Says(text=asked.prompt)
            assert await collected(of) is None
            assert len(records_of(of)) == 24
            whole = wanted(_made(tmp_path / "whole"), plan)
            assert await collected(whole) is None
            assert finals(records_of(of)) == finals(records_of(whole))

    asyncio.run(go())


def test_a_wait_ends_when_the_collection_stops(tmp_path: Path) -> None:
    async def go() -> None:
        sessions: list[Session] = []
        came = asyncio.Event()

        def script(_: AskedOfSite) -> Says:
            came.set()
            return Says(status=429, raw=b"{}", headers={"retry-after": "600"})

        async with Site(script=script) as site:
            plan = plan_of(route(site.url, most_per_minute=1))
            running = asyncio.create_task(collected(wanted(tmp_path, plan, patience=Patience()), sessions.append))
            await came.wait()
            await asyncio.sleep(0.05)
            sessions[0].collection.stop(Cause.INTERRUPTED, "told to")
            async with asyncio.timeout(2):
                stop = await running
            assert stop is not None
            assert stop.cause is Cause.INTERRUPTED

    asyncio.run(go())


def test_calls_that_fail_to_the_last_attempt_are_left_and_asked_by_the_next_run(tmp_path: Path) -> None:
    broken = Says(status=503, raw=b"{}")

    async def go() -> None:
        async with Site(script=lambda asked: broken if "Question 3" in asked.prompt else Says()) as site:
            of = wanted(tmp_path, plan_of(route(site.url)))
            assert await collected(of) is None
            assert len(records_of(of)) == 5 + IMPATIENT.attempts
            site.script = lambda _: Says()
            assert await collected(of) is None
            assert len(finals(records_of(of))) == 6
            assert len(site.asked) == 5 + IMPATIENT.attempts + 1

    asyncio.run(go())
