"""A judge is asked over HTTP, answers or does not, and neither waits too long nor asks too much."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from judge_samples import GPT, GRANITE, LLAMA, QWEN, judge_at, judge_before

from overt.classify.judge.ask import AT_ONCE, CACHED_OPINIONS, Judge
from overt.classify.judge.opinion import Fault, NoOpinion, Opinion, Outcome
from overt.classify.judge.shapes import SHAPES
from overt.classify.judge.written import digest_of, read_policy, written_policies
from overt.core.domain import BANDS, Band, Domain
from overt.core.notice import Confidence
from overt.testing.judge_server import MODEL_NAME, JudgeFault, JudgeServer

SHORT_S = 0.25


def asked(server: JudgeServer, text: str = "the text", domain: Domain = Domain.CYBER) -> Outcome:
    """What the judge before a server says about one text."""

    async def run() -> Outcome:
        patience = SHORT_S if server.fault is JudgeFault.SLOW else 30.0
        async with judge_before(server, timeout_s=patience) as judge:
            return await judge.ask(domain, text)

    return asyncio.run(run())


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("shape", [GPT, GRANITE])
def test_the_band_that_the_model_finds_is_the_opinion(shape: str, band: Band) -> None:
    opinion = asked(JudgeServer(speaks=shape, band=band))
    assert isinstance(opinion, Opinion)
    assert opinion.band is band
    assert opinion.model == MODEL_NAME
    assert opinion.confidence is (Confidence.HIGH if shape == GPT else None)
    assert opinion.ms > 0


@pytest.mark.parametrize(("shape", "unsafe"), [(QWEN, "Violent"), (LLAMA, "S2,S9")])
def test_an_advisory_shape_has_an_opinion_too(shape: str, unsafe: str) -> None:
    found = [asked(JudgeServer(speaks=shape, band=band)) for band in (Band.BENIGN, Band.PROHIBITED)]
    good, bad = (each for each in found if isinstance(each, Opinion))
    assert (good.band, bad.band) == (Band.BENIGN, Band.HIGH_DUAL)
    assert bad.rationale_code == unsafe


@pytest.mark.parametrize("shape", [QWEN, LLAMA])
def test_an_advisory_shape_is_not_asked_where_it_has_no_category(shape: str) -> None:
    server = JudgeServer(speaks=shape)
    outcome = asked(server, domain=Domain.FRONTIER_LLM)
    assert isinstance(outcome, NoOpinion)
    assert outcome.fault is Fault.NOT_ASKED
    assert server.asked == []


def test_one_question_is_sent_at_temperature_0_with_the_key_and_without_anything_else_of_ours() -> None:
    async def run() -> None:
        async with JudgeServer(speaks=GPT) as server:
            judge = judge_at(server, api_key="sk-key")
            await judge.ask(Domain.BIO, "the text")
            await judge.aclose()
        (question,) = server.asked
        assert question.headers["authorization"] == "Bearer sk-key"
        assert question.headers["content-type"] == "application/json"
        assert question.body["model"] == "asked-for"
        assert (question.body["temperature"], question.body["stream"]) == (0, False)
        assert "the text" in question.text
        assert "cookie" not in question.headers

    asyncio.run(run())


def test_without_a_key_no_key_is_sent() -> None:
    server = JudgeServer(speaks=GPT)
    asked(server)
    assert "authorization" not in server.asked[0].headers


@pytest.mark.parametrize("text", ["\ud800 a lone surrogate", "\x00\x1b[31m", "食品 🙂", "", '"}]}', "<|end|>" * 100])
def test_any_text_can_be_asked_about(text: str) -> None:
    assert isinstance(asked(JudgeServer(speaks=GPT), text), Opinion)


FAULTS = {
    JudgeFault.SLOW: (Fault.TIMEOUT, "within 0.25 s"),
    JudgeFault.STATUS_500: (Fault.STATUS, "500"),
    JudgeFault.REDIRECT: (Fault.STATUS, "307"),
    JudgeFault.GARBAGE: (Fault.UNREADABLE, "no chat completion"),
    JudgeFault.HALF_JSON: (Fault.UNREADABLE, "no chat completion"),
    JudgeFault.HALF_CONTENT: (Fault.UNREADABLE, "not of shape"),
    JudgeFault.WRONG_SCHEMA: (Fault.UNREADABLE, "not of shape"),
    JudgeFault.NO_CHOICES: (Fault.UNREADABLE, "no chat completion"),
    JudgeFault.NO_CONTENT: (Fault.UNREADABLE, "no chat completion"),
    JudgeFault.CUT_OFF: (Fault.UNREADABLE, "cut off"),
    JudgeFault.HUGE: (Fault.UNREADABLE, "at most"),
    JudgeFault.BREAKS_OFF: (Fault.UNREACHABLE, "broke off"),
}


def test_every_fault_of_the_server_is_tried() -> None:
    assert set(FAULTS) == set(JudgeFault)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("fault", "expected"), FAULTS.items(), ids=[fault.value for fault in FAULTS])
def test_a_fault_is_no_opinion_and_says_which(shape: str, fault: JudgeFault, expected: tuple[Fault, str]) -> None:
    # Half of a one-word answer can be a whole one, so this answer has two lines.
    outcome = asked(JudgeServer(speaks=shape, band=Band.HIGH_DUAL, fault=fault), "the very text")
    assert isinstance(outcome, NoOpinion)
    assert outcome.fault is expected[0]
    assert expected[1] in outcome.reason
    assert "the very text" not in outcome.reason


def test_nobody_listening_is_no_opinion() -> None:
    async def run() -> Outcome:
        async with JudgeServer(speaks=GPT) as server:
            judge = judge_at(server)
        outcome = await judge.ask(Domain.CYBER, "text")
        await judge.aclose()
        return outcome

    outcome = asyncio.run(run())
    assert isinstance(outcome, NoOpinion)
    assert outcome.fault is Fault.UNREACHABLE


def test_an_address_that_is_none_is_no_opinion() -> None:
    async def run() -> Outcome:
        policies = written_policies()
        judge = Judge(url="http://localhost:99999", model="m", shape=SHAPES[GPT], policies=policies)
        outcome = await judge.ask(Domain.CYBER, "text")
        await judge.aclose()
        return outcome

    assert isinstance(asyncio.run(run()), NoOpinion)


def test_an_opinion_is_kept_and_that_there_was_none_is_not() -> None:
    async def run() -> None:
        server = JudgeServer(speaks=GPT, fault=JudgeFault.STATUS_500)
        async with judge_before(server) as judge:
            assert isinstance(await judge.ask(Domain.CYBER, "text"), NoOpinion)
            server.fault = None
            first = await judge.ask(Domain.CYBER, "text")
            assert isinstance(first, Opinion)
            assert await judge.ask(Domain.CYBER, "text") == first
            assert len(server.asked) == 2
            await judge.ask(Domain.BIO, "text")
            await judge.ask(Domain.CYBER, "another text")
            assert len(server.asked) == 4

    asyncio.run(run())


def test_no_more_opinions_are_kept_than_there_is_room_for() -> None:
    async def run() -> None:
        server = JudgeServer(speaks=LLAMA)
        async with judge_before(server) as judge:
            for start in range(0, CACHED_OPINIONS + 1, 256):
                texts = range(start, min(start + 256, CACHED_OPINIONS + 1))
                await asyncio.gather(*(judge.ask(Domain.CYBER, f"text {number}") for number in texts))
            asked_before = len(server.asked)
            await judge.ask(Domain.CYBER, f"text {CACHED_OPINIONS}")
            assert len(server.asked) == asked_before
            await judge.ask(Domain.CYBER, "text 0")
            assert len(server.asked) == asked_before + 1

    asyncio.run(run())


def test_only_so_many_questions_are_asked_at_once() -> None:
    async def run() -> None:
        server = JudgeServer(speaks=GRANITE, delay_s=0.01)
        async with judge_before(server) as judge:
            outcomes = await asyncio.gather(*(judge.ask(Domain.CYBER, f"text {number}") for number in range(12)))
        assert all(isinstance(outcome, Opinion) for outcome in outcomes)
        assert len(server.asked) == 36
        assert 1 < server.most_at_once <= AT_ONCE

    asyncio.run(run())


def test_waiting_for_a_turn_counts_as_waiting() -> None:
    async def run() -> None:
        server = JudgeServer(speaks=GPT, fault=JudgeFault.SLOW)
        async with judge_before(server, timeout_s=0.5) as judge:
            started = time.monotonic()
            outcomes = await asyncio.gather(*(judge.ask(Domain.CYBER, f"text {n}") for n in range(3 * AT_ONCE)))
            took = time.monotonic() - started
        assert all(isinstance(each, NoOpinion) and each.fault is Fault.TIMEOUT for each in outcomes)
        assert took < 1.25

    asyncio.run(run())


def test_after_a_time_out_the_judge_can_be_asked_again() -> None:
    async def run() -> None:
        server = JudgeServer(speaks=GPT, fault=JudgeFault.SLOW)
        async with server:
            judge = judge_at(server, timeout_s=1.0)
            slow = [judge.ask(Domain.CYBER, f"text {n}") for n in range(AT_ONCE)]
            assert all(isinstance(outcome, NoOpinion) for outcome in await asyncio.gather(*slow))
            server.fault = None
            assert isinstance(await judge.ask(Domain.CYBER, "text 0"), Opinion)
            await judge.aclose()

    asyncio.run(run())


@pytest.mark.parametrize("name", [None, "", "n" * 1000])
def test_a_server_that_names_no_model_is_believed_to_be_the_one_that_was_asked_for(name: str | None) -> None:
    opinion = asked(JudgeServer(speaks=GPT, model=name))
    assert isinstance(opinion, Opinion)
    assert opinion.model == "asked-for"


def test_a_judge_can_be_closed_twice_and_before_it_was_asked() -> None:
    async def run() -> None:
        async with judge_before(JudgeServer(speaks=GPT)) as judge:
            await judge.aclose()
            await judge.ask(Domain.CYBER, "text")
            await judge.aclose()

    asyncio.run(run())


def test_the_identity_changes_with_shape_model_and_policy() -> None:
    policies = written_policies()
    judge = Judge(url="http://x", model="m", shape=SHAPES[GPT], policies=policies)
    identity = judge.identity
    assert (identity.shape, identity.model, identity.policies) == (GPT, "m", digest_of(policies))
    other = read_policy(Domain.BIO, b"## benign\n\n- B1: everything\n")
    changed = Judge(url="http://x", model="m", shape=SHAPES[GPT], policies={**policies, Domain.BIO: other})
    digests = {
        identity.digest,
        replace(identity, shape=GRANITE).digest,
        replace(identity, model="n").digest,
        changed.identity.digest,
    }
    assert len(digests) == 4
    assert all(digest.startswith("sha256:") for digest in digests)
