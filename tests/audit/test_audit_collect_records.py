"""What records mean for a collection, how they are written, and what is worked out from them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from collect_samples import Says, plan_of, prompts, route, worded

from overt.audit.chain import read_chain
from overt.audit.collect.derive import Gaps, gaps_of, write_prompts, write_rows
from overt.audit.collect.ledger import Ledger
from overt.audit.collect.outcome import Outcome, outcome_of, wait_asked
from overt.audit.collect.write import Writer, open_records
from overt.audit.plan import Api, Role
from overt.audit.record import Record
from overt.audit.rows import Answer, Prompt, read_answers, read_prompts
from overt.errors import BadRequest, OperatorError, VerificationFailed

PLAN = "a" * 64
ANSWER = json.dumps(worded(Api.CHAT, Says()))
REFUSAL = json.dumps(worded(Api.CHAT, Says(refuses=True)))


def record(
    status: int = 200,
    body: str = ANSWER,
    *,
    headers: tuple[tuple[str, str], ...] = (),
    pid: str = "p0",
    rep: int = 0,
    of: str = "cloud",
    at: str = "2026-11-23T00:00:00.000Z",
    fault: str | None = None,
) -> Record:
    return Record(
        number=0,
        previous="",
        at=at,
        route=of,
        role=Role.ENDPOINT,
        api=Api.CHAT,
        pid=pid,
        rep=rep,
        model="big-1",
        request="{}",
        status=status,
        headers=headers,
        body=body,
        first_byte_ms=1,
        total_ms=1,
        fault=fault,
    )


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, ANSWER, Outcome.ANSWERED),
        (200, REFUSAL, Outcome.ANSWERED),
        (400, '{"error": {"code": "content_filter"}}', Outcome.ANSWERED),
        (200, "<html>", Outcome.FAILED),
        (200, '{"error": {"message": "upstream failed"}}', Outcome.FAILED),
        (0, "", Outcome.FAILED),
        *((status, "{}", Outcome.FAILED) for status in (408, 409, 425, 429, 500, 502, 503, 504, 529)),
        *((status, "{}", Outcome.REJECTED) for status in (400, 403, 413, 422, 451)),
        *((status, "{}", Outcome.HOPELESS) for status in (301, 307, 401, 402, 404, 405, 410)),
        (429, '{"error": {"type": "insufficient_quota"}}', Outcome.HOPELESS),
    ],
)
def test_what_a_status_means(status: int, body: str, outcome: Outcome) -> None:
    assert outcome_of(record(status, body, fault="cut: x" if status == 0 else None)) is outcome


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Mon, 23 Nov 2026 00:01:30 GMT"}, 90.0),
        ({"retry-after": "Mon, 23 Nov 2026 00:01:30 GMT", "date": "Mon, 23 Nov 2026 00:01:00 GMT"}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2025 00:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
    ids=str,
)
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert wait_asked(record(429, "{}", headers=tuple(headers.items()))) == seconds


# --- the ledger ------------------------------------------------------------------------------------------------------


def rejected(pid: str) -> Record:
    return record(400, "{}", pid=pid)


@pytest.mark.parametrize(
    ("records", "done"),
    [
        ([], set()),
        ([record(pid="p0"), record(500, "{}", pid="p1")], {"p0"}),
        ([rejected("p0"), record(pid="p1")], {"p0", "p1"}),
        ([rejected("p0"), rejected("p1")], {"p0", "p1"}),
        ([rejected("p0"), rejected("p1"), rejected("p2")], set()),
        ([rejected("p0"), rejected("p1"), rejected("p2"), rejected("p3"), record(pid="p4")], {"p4"}),
        ([rejected("p0"), rejected("p1"), record(500, "{}"), rejected("p2"), record(pid="p4")], {"p4"}),
        ([rejected("p0"), record(pid="p4"), rejected("p1"), rejected("p2")], {"p0", "p1", "p2", "p4"}),
        ([rejected("p0"), record(pid="p0")], {"p0"}),
    ],
)
def test_a_call_is_done_when_answered_or_rejected_by_a_route_that_accepts_others(
    records: list[Record], done: set[str]
) -> None:
    ledger = Ledger(plan_of(route("https://a.example")))
    ledger.read(records)
    assert {pid for pid in (p.pid for p in prompts(6)) if ledger.is_done(("cloud", pid, 0))} == done
    standing = ledger.standings()[0]
    assert standing.done == len(done)
    assert standing.attempts == len(records)


def test_what_stopped_an_earlier_run_does_not_stop_the_next_before_its_first_call() -> None:
    ledger = Ledger(plan_of(route("https://a.example")))
    for each in map(rejected, ("p0", "p1", "p2")):
        ledger.add(each)
    assert ledger.rejects("cloud")
    resumed = Ledger(plan_of(route("https://a.example")))
    resumed.read(map(rejected, ("p0", "p1", "p2")))
    assert not resumed.rejects("cloud")


@pytest.mark.parametrize(
    "stray", [record(of="other"), record(pid="p9"), record(rep=1)], ids=["route", "prompt", "repetition"]
)
def test_records_of_another_plan_are_refused(stray: Record) -> None:
    with pytest.raises(BadRequest, match="folder of its own"):
        Ledger(plan_of(route("https://a.example"))).read([stray])


# --- the file --------------------------------------------------------------------------------------------------------


async def written(path: Path, records: Iterable[Record]) -> list[Record]:
    writer = Writer(open_records(path, PLAN))
    running = asyncio.create_task(writer.run())
    found = await asyncio.gather(*map(writer.write, records))
    writer.finish()
    await running
    writer.close()
    return found


def test_records_written_in_several_runs_are_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    first = asyncio.run(written(path, [record(pid=f"p{n}") for n in range(20)]))
    second = asyncio.run(written(path, [record(pid="p20")]))
    chain = read_chain(path, PLAN)
    assert chain.records == (*first, *second)
    assert [each.number for each in chain.records] == list(range(21))
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("lost", [1, 40, 10_000], ids=["line end", "half a line", "all of the last line but a bit"])
def test_a_torn_line_is_set_aside_and_the_chain_goes_on(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "r.jsonl"
    asyncio.run(written(path, [record(pid="p0"), record(pid="p1")]))
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    torn = whole[: max(first + 1, len(whole) - lost)]
    path.write_bytes(torn)
    opened = open_records(path, PLAN)
    Writer(opened).close()
    assert opened.set_aside is not None
    assert opened.set_aside.read_bytes() == torn[first:]
    asyncio.run(written(path, [record(pid="p1")]))
    assert [each.pid for each in read_chain(path, PLAN).records] == ["p0", "p1"]


def test_a_file_that_does_not_continue_the_plan_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    asyncio.run(written(path, [record()]))
    before = path.read_bytes()
    with pytest.raises(VerificationFailed):
        open_records(path, "b" * 64)
    assert path.read_bytes() == before
    Writer(open_records(path, PLAN)).close()


def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    opened = open_records(path, PLAN)
    with pytest.raises(OperatorError, match="another collection writes"):
        open_records(path, PLAN)
    Writer(opened).close()
    Writer(open_records(path, PLAN)).close()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="nowhere"):
        open_records(tmp_path / "nowhere" / "r.jsonl", PLAN)


def test_who_stops_waiting_for_a_record_does_not_take_it_back(tmp_path: Path) -> None:
    async def go() -> None:
        writer = Writer(open_records(tmp_path / "r.jsonl", PLAN))
        running = asyncio.create_task(writer.run())
        waiting = asyncio.create_task(writer.write(record(pid="p0")))
        await asyncio.sleep(0)
        waiting.cancel()
        await writer.write(record(pid="p1"))
        writer.finish()
        await running
        writer.close()

    asyncio.run(go())
    assert [each.pid for each in read_chain(tmp_path / "r.jsonl", PLAN).records] == ["p0", "p1"]


# --- what is worked out ----------------------------------------------------------------------------------------------

A, B, C = (route("https://a.example", name) for name in "abc")


def test_rows_are_what_a_test_reads(tmp_path: Path) -> None:
    plan = plan_of(replace(A, role=Role.REFERENCE), B, C, samples=2)
    records = [
        record(of="a", pid="p1"),
        record(500, "{}", of="b", pid="p1"),
        record(body=REFUSAL, of="b", pid="p1"),
        record(of="b", pid="p1", body=ANSWER),
        record(of="c", pid="p0", rep=1),
    ]

    def grade(answers: Iterable[Answer]) -> tuple[Answer, ...]:
        return tuple(replace(answer, score=0.5) for answer in answers)

    files = write_rows(tmp_path, plan, records, grade)
    assert [path.name for path in files] == ["reference.jsonl", "endpoint.b.jsonl", "endpoint.c.jsonl"]
    (first,), (second,), (third,) = map(read_answers, files)
    assert (first.pid, first.model, first.rep, first.text, first.score) == ("p1", "a", 0, "An answer, ö.", 0.5)
    assert (second.text, second.score) == ("", None)
    assert (third.rep, third.date) == (1, "2026-11-23T00:00:00.000Z")
    assert write_rows(tmp_path, plan, records, grade) == files
    assert len(list(tmp_path.iterdir())) == 3


def test_the_prompts_of_a_plan_are_rows_for_a_test_of_topics(tmp_path: Path) -> None:
    told = Prompt(pid="p9", topic="töpic", text="Why?\n", stratum="word/1", pair="9")
    plan = plan_of(replace(A, role=Role.REFERENCE), B)
    plan = replace(plan, prompts=(*plan.prompts, told))
    assert read_prompts(write_prompts(tmp_path, plan)) == plan.prompts


def test_pairs_that_were_asked_hours_apart_are_counted() -> None:
    plan = plan_of(A, B)
    records = [
        record(of="a", pid="p0"),
        record(of="b", pid="p0", at="2026-11-23T00:00:05.000Z"),
        record(of="a", pid="p1"),
        record(of="b", pid="p1", at="2026-11-23T02:00:00.000Z"),
        record(of="a", pid="p2"),
    ]
    assert gaps_of(plan, records) == Gaps(pairs=2, largest_s=7200.0, over_an_hour=1)
    assert gaps_of(plan, []) == Gaps(pairs=0, largest_s=0.0, over_an_hour=0)
