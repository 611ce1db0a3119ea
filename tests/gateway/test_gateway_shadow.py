"""A candidate in shadow changes no byte, delays nobody, keeps no text, and counts what it had no room for."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from gateway_samples import BETA, BIG, SMALL, asked, message, running, stream

from overt.config.settings import Settings
from overt.core.decide import decide
from overt.core.domain import Band, Digest, Domain, ModelName, NoticeId, ReceiptId
from overt.core.finding import Assessment, Release
from overt.core.notice import Stamp
from overt.core.request import Request, Role, Segment
from overt.errors import OperatorError
from overt.gateway.app import create_app
from overt.gateway.compose import make_key, opened
from overt.gateway.places import SHADOW_FILE
from overt.gateway.shadow import MOST_CHARACTERS, MOST_WAITING, Beside, Seen, Shadow
from overt.policy.bundle import bundled_text, load_bundled
from overt.ports import Classifier
from overt.store.comparisons import open_comparisons
from overt.testing.classifier import FIXED_RELEASE, FixedClassifier
from overt.testing.clock import ManualClock
from overt.testing.comparisons import MemoryComparisons
from overt.testing.releases import WORDS, write_tiny_release
from overt.testing.upstream import Answer

USING, TRIED = FIXED_RELEASE.digest, Digest("sha256:" + "5" * 64)
CANDIDATE = replace(FIXED_RELEASE, version="2", digest=TRIED)
POLICY = load_bundled("default")
PATIENCE = 10.0


class Careless:
    """A candidate that finds nothing in anything."""

    release = CANDIDATE

    async def assess(self, request: Request) -> Assessment:
        del request
        nothing = Request(model=ModelName("m"), segments=(Segment(role=Role.USER, text="", message=0),))
        return replace(await FixedClassifier().assess(nothing), release=CANDIDATE)


class Faulty:
    """A candidate that breaks the port's promise."""

    release = CANDIDATE

    async def assess(self, request: Request) -> Assessment:
        raise RuntimeError(f"a fault about {request.segments[0].text!r}")


class Stuck:
    """A candidate that does not answer until it is told to."""

    release = CANDIDATE

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def assess(self, request: Request) -> Assessment:
        await self.go.wait()
        return await FixedClassifier(release=CANDIDATE).assess(request)


@asynccontextmanager
async def beside(
    candidate: Classifier, kept: MemoryComparisons, *, current: Classifier | None = None
) -> AsyncIterator[Shadow]:
    shadow = Shadow(
        candidate=candidate, using=USING, current=current, policy=POLICY, comparisons=kept, clock=ManualClock()
    )
    shadow.start()
    try:
        yield shadow
    finally:
        await shadow.aclose()


async def seen(text: str, number: int = 1) -> Seen:
    """An exchange as the pipeline offers it."""
    request = Request(model=BIG, segments=(Segment(role=Role.USER, text=text, message=0),))
    stamp = Stamp(notice_id=NoticeId("ntc_1"), receipt_id=ReceiptId(f"rcp_{number}"), issued_at="now", contact="us")
    assessment = await FixedClassifier().assess(request)
    return Seen(request, assessment, decide(POLICY, request, assessment, stamp), stamp)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(int(PATIENCE / 0.005)):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came to be")


# --- what a caller gets ----------------------------------------------------------------------------------------------

EXCHANGES: dict[str, tuple[dict[str, Any], dict[str, str], Any]] = {
    "pass": (asked("hello"), {}, message),
    "pass, streamed": (asked("hello", stream=True), {}, stream),
    "redirect": (asked("cyber:high_dual", fallbacks="default"), {"anthropic-beta": BETA}, message),
    "redirect, streamed": (
        asked("cyber:high_dual", fallbacks="default", stream=True),
        {"anthropic-beta": BETA},
        stream,
    ),
    "refuse": (asked("cyber:prohibited"), {}, message),
    "refuse, streamed": (asked("cyber:prohibited", stream=True), {}, stream),
}
OURS = re.compile(r"\b(rcp|ntc|req|msg)_[A-Za-z0-9]{20,}")
"""Identifiers that are drawn anew for every exchange."""


async def exchanged(
    body: dict[str, Any], headers: Mapping[str, str], answer: Any, told: Beside | None
) -> tuple[int, dict[str, str], str]:
    """The whole answer of a fresh gateway, but for what is drawn anew every time."""
    script: dict[str, list[Answer]] = {BIG: [answer(BIG)], SMALL: [answer(SMALL)]}
    gate = await running(script) if told is None else await running(script, beside=told)
    async with gate.http(**headers) as http:
        reply = await http.post("/v1/messages", json=body)
    fields = {name: OURS.sub(r"\1", value) for name, value in reply.headers.items() if name != "server-timing"}
    return reply.status_code, fields, OURS.sub(r"\1", reply.content.decode())


@pytest.mark.parametrize("candidate", [Careless(), Faulty()], ids=["decides otherwise", "breaks"])
@pytest.mark.parametrize(("body", "headers", "answer"), EXCHANGES.values(), ids=EXCHANGES.keys())
def test_the_answer_is_the_same_with_and_without_a_candidate(
    body: dict[str, Any], headers: dict[str, str], answer: Any, candidate: Classifier
) -> None:
    async def run() -> None:
        kept = MemoryComparisons()
        without = await exchanged(body, headers, answer, None)
        async with beside(candidate, kept) as shadow:
            assert await exchanged(body, headers, answer, shadow.see) == without
        counted = sum((await kept.dropped()).values())
        assert len(kept.rows) + counted == 1

    asyncio.run(run())


def test_a_pass_is_the_providers_own_bytes_with_a_candidate_that_would_refuse() -> None:
    async def run() -> None:
        kept = MemoryComparisons()
        async with beside(FixedClassifier(release=CANDIDATE), kept) as shadow:
            gate = await running({BIG: [message(BIG)]}, classifier=Careless(), beside=shadow.see)
            async with gate.http() as http:
                reply = await http.post("/v1/messages", json=asked("cyber:prohibited"))
            assert reply.content == message(BIG).body
            assert "overt" not in json.loads(reply.content)
        (row,) = kept.rows
        assert (row.current.outcome, row.candidate.outcome, row.domain) == ("pass", "refuse", Domain.CYBER)
        assert row.receipt == reply.headers["overt-receipt"]

    asyncio.run(run())


def test_a_candidate_that_never_answers_delays_nobody() -> None:
    async def run() -> None:
        kept, stuck = MemoryComparisons(), Stuck()
        async with beside(stuck, kept) as shadow:
            gate = await running({BIG: [message(BIG)] * 3}, beside=shadow.see)
            async with gate.http() as http, asyncio.timeout(PATIENCE):
                replies = [await http.post("/v1/messages", json=asked("hello")) for _ in range(3)]
            assert [reply.status_code for reply in replies] == [200] * 3
            assert not kept.rows
            stuck.go.set()
        assert len(kept.rows) == 3

    asyncio.run(run())


def test_an_exchange_that_could_not_be_recorded_is_not_compared() -> None:
    async def run() -> None:
        kept = MemoryComparisons()
        async with beside(Careless(), kept) as shadow:
            gate = await running(beside=shadow.see)
            await gate.log.aclose()
            async with gate.http() as http:
                reply = await http.post("/v1/messages", json=asked("hello"))
            assert reply.status_code == 503
        assert (kept.rows, await kept.dropped()) == ((), {})

    asyncio.run(run())


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_a_row_holds_both_outcomes_and_all_probabilities() -> None:
    async def run() -> None:
        kept = MemoryComparisons()
        async with beside(Careless(), kept) as shadow:
            shadow.see(await seen("bio:high_dual"))
        (row,) = kept.rows
        assert (row.receipt, row.when) == ("rcp_1", int(ManualClock().now() * 1000))
        assert (row.current.release, row.current.outcome, row.current.domain) == (USING, "refuse", Domain.BIO)
        assert (row.candidate.release, row.candidate.outcome, row.candidate.domain) == (TRIED, "pass", None)
        assert row.current.numbers[1] == (0.99, 0.99, 0.99, 0.001)
        assert row.candidate.numbers == ((0.001,) * 4,) * 4
        assert row.is_flip

    asyncio.run(run())


def test_where_there_is_a_judge_the_releases_are_compared_without_it() -> None:
    async def run() -> None:
        kept = MemoryComparisons()
        async with beside(FixedClassifier(release=CANDIDATE), kept, current=FixedClassifier()) as shadow:
            cleared = await seen("cyber:prohibited")
            calm = await Careless().assess(cleared.request)
            decision = decide(POLICY, cleared.request, calm, cleared.stamp)
            shadow.see(replace(cleared, assessment=calm, decision=decision))
        (row,) = kept.rows
        assert (row.current.outcome, row.candidate.outcome) == ("refuse", "refuse")

    asyncio.run(run())


def test_a_domain_without_a_finding_is_kept_as_such() -> None:
    async def run() -> None:
        kept = MemoryComparisons()
        candidate = FixedClassifier(release=CANDIDATE, unavailable=frozenset({Domain.CHEM}))
        async with beside(candidate, kept) as shadow:
            shadow.see(await seen("hello"))
        (row,) = kept.rows
        assert [numbers is None for numbers in row.candidate.numbers] == [False, False, True, False]
        assert (row.current.outcome, row.candidate.outcome) == ("pass", "error")

    asyncio.run(run())


# --- what is dropped -------------------------------------------------------------------------------------------------


def test_what_finds_no_room_is_dropped_and_counted() -> None:
    async def run() -> None:
        kept, stuck = MemoryComparisons(), Stuck()
        async with beside(stuck, kept) as shadow:
            one = await seen("hello")
            shadow.see(one)
            await asyncio.sleep(0.01)  # it is under way and waits no more
            for _ in range(MOST_WAITING + 5):
                shadow.see(one)
            stuck.go.set()
        counted = await kept.dropped()
        assert set(counted) == {(USING, TRIED)}
        assert len(kept.rows) + counted[USING, TRIED] == 1 + MOST_WAITING + 5
        assert counted[USING, TRIED] >= 5

    asyncio.run(run())


def test_large_requests_do_not_fill_the_memory() -> None:
    async def run() -> None:
        kept, stuck = MemoryComparisons(), Stuck()
        async with beside(stuck, kept) as shadow:
            large = await seen("x" * (MOST_CHARACTERS // 2))
            for _ in range(3):
                shadow.see(large)
            stuck.go.set()
        assert len(kept.rows) == 2
        assert await kept.dropped() == {(USING, TRIED): 1}

    asyncio.run(run())


def test_there_is_room_again_when_what_waited_was_compared() -> None:
    async def run() -> None:
        kept = MemoryComparisons()
        large = await seen("x" * MOST_CHARACTERS)
        async with beside(Careless(), kept) as shadow:
            for number in range(1, 4):
                shadow.see(large)
                await until(lambda: len(kept.rows) == number)  # noqa: B023  awaited within the round
        assert await kept.dropped() == {}

    asyncio.run(run())


def test_a_fault_is_counted_and_told_without_the_text(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        kept = MemoryComparisons()
        async with beside(Faulty(), kept) as shadow:
            shadow.see(await seen("a secret question"))
            await until(lambda: bool(caplog.records))
            shadow.see(await seen("another secret"))
        assert await kept.dropped() == {(USING, TRIED): 2}

    asyncio.run(run())
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_what_cannot_be_kept_is_counted_as_dropped_and_the_next_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        kept = MemoryComparisons()
        kept.fail()
        async with beside(Careless(), kept) as shadow:
            shadow.see(await seen("first", 1))
            await until(lambda: bool(caplog.records))
            shadow.see(await seen("second", 2))
        assert [row.receipt for row in kept.rows] == ["rcp_2"]
        assert await kept.dropped() == {(USING, TRIED): 1}

    asyncio.run(run())


def test_what_still_waits_at_the_end_is_compared_or_counted() -> None:
    async def run() -> None:
        kept = MemoryComparisons()
        async with beside(Careless(), kept) as shadow:
            for number in range(100):
                shadow.see(await seen("hello", number))
        assert len(kept.rows) + sum((await kept.dropped()).values()) == 100
        assert [row.receipt for row in kept.rows] == [f"rcp_{number}" for number in range(len(kept.rows))]
        await shadow.aclose()

    asyncio.run(run())


# --- a whole gateway -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Release, Path, Release]:
    """One in use, and a candidate that no longer knows one word and knows another."""
    folder = tmp_path_factory.mktemp("releases")
    changed = {name: found for name, found in WORDS.items() if name != "ransomware"}
    changed["beekeeping"] = (Domain.CHEM, Band.HIGH_DUAL)
    using = write_tiny_release(folder / "using", version="1")
    tried = write_tiny_release(folder / "tried", version="2", words=changed)
    return folder / "using", using, folder / "tried", tried


def test_a_configured_candidate_is_compared_and_no_text_is_kept(
    tmp_path: Path, releases: tuple[Path, Release, Path, Release]
) -> None:
    shipped, using, candidate, tried = releases
    said = ("write ransomware for me", "tell me of beekeeping", "hello my dear friend")

    async def run() -> None:
        settings = replace(Settings.default(), data=str(tmp_path), shadow=str(candidate))
        text = bundled_text("default").encode()
        async with opened(settings, POLICY, text, public_url="http://gw", weights=shipped) as gateway:
            key = await make_key(gateway.store, "tests")
            transport = httpx2.ASGITransport(app=create_app(gateway))
            async with httpx2.AsyncClient(
                transport=transport, base_url="http://gw", headers={"x-api-key": key}
            ) as http:
                for each in said:
                    body = {**asked(each), "model": "demo-large"}
                    assert (await http.post("/v1/messages", json=body)).status_code == 200
        kept = await open_comparisons(tmp_path / SHADOW_FILE)
        rows = [row for _, row in await kept.page(0, 10)]
        await kept.aclose()
        assert {(row.current.release, row.candidate.release) for row in rows} == {(using.digest, tried.digest)}
        assert [(row.current.outcome, row.candidate.outcome, row.domain) for row in rows] == [
            ("refuse", "pass", Domain.CYBER),
            ("pass", "refuse", Domain.CHEM),
            ("pass", "pass", None),
        ]

    asyncio.run(run())
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("shadow.sqlite*"))
    for word in ("ransomware", "beekeeping", "friend"):
        assert word.encode() not in raw


def test_a_candidate_that_is_the_release_in_use_is_not_compared_and_that_is_said(
    tmp_path: Path, releases: tuple[Path, Release, Path, Release], caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        settings = replace(Settings.default(), data=str(tmp_path), shadow=str(releases[0]))
        text = bundled_text("default").encode()
        async with opened(settings, POLICY, text, public_url="http://gw", weights=releases[0]):
            assert not (tmp_path / SHADOW_FILE).exists()

    asyncio.run(run())
    assert "nothing to compare" in caplog.text


def test_a_candidate_that_is_altered_or_missing_is_refused_at_the_start(
    tmp_path: Path, releases: tuple[Path, Release, Path, Release]
) -> None:
    async def run() -> None:
        settings = replace(Settings.default(), data=str(tmp_path), shadow=str(tmp_path / "nowhere"))
        text = bundled_text("default").encode()
        async with opened(settings, POLICY, text, public_url="http://gw", weights=releases[0]):
            raise AssertionError("it started")

    with pytest.raises(OperatorError, match=r"\[classifier\] shadow.*nowhere"):
        asyncio.run(run())
