"""A request in a language that the release does not cover, end to end: told, recorded or refused, and never silent."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from gateway_samples import BETA, BIG, asked, decision_word, message, policy_of, refusal, running, stream
from jsonschema import Draft202012Validator

from overt.core.domain import Domain
from overt.core.policy import OnUnavailable, OnUncovered, Policy
from overt.gateway.notice_schema import NOTICE_SCHEMA
from overt.proof.verify import holds, verify_receipt
from overt.testing.classifier import FixedClassifier

KOREAN = FixedClassifier(uncovered="ko")
EVERY_DOMAIN = {domain.value: "language" for domain in Domain}
STREAMING = pytest.mark.parametrize("streaming", [False, True], ids=["body", "stream"])


def policy_that(answer: OnUncovered) -> Policy:
    """The default policy with another answer."""
    return replace(policy_of(), on_uncovered=answer)


@STREAMING
def test_it_is_answered_byte_for_byte_with_a_notice_beside_the_reply_and_a_receipt(streaming: bool) -> None:
    async def run() -> None:
        reply = stream(BIG) if streaming else message(BIG)
        gate = await running({BIG: [reply]}, classifier=KOREAN)
        body = json.dumps(asked("cyber:prohibited", stream=streaming)).encode()
        async with gate.http() as http:
            response = await http.post("/v1/messages", content=body)
            name = response.headers["overt-receipt"]
            receipt = (await http.get(f"/v1/receipts/{name}")).content
            told = (await http.get(response.headers["link"].partition(">")[0].lstrip("<"))).json()
        assert (response.status_code, response.content) == (200, reply.body)
        assert decision_word(response.headers) == "notify"
        for parameter in ("ground=language_not_covered", "unavailable=language", f'served="{BIG}"'):
            assert parameter in response.headers["overt-decision"].split(";")
        Draft202012Validator(NOTICE_SCHEMA).validate(told)
        assert (told["decision"], told["ground"], told["served_model"]) == ("notify", "language_not_covered", BIG)
        assert (told["rule"], told["domain"], told["band"]) == (None, None, None)
        assert "Korean (ko)" in told["why"]
        steps = verify_receipt(receipt, log_vkey=gate.log.vkey, request=body, fetched=gate.log.reader)
        assert holds(steps), steps[-1]
        assert "cyber (language)" in steps[2].detail
        entry = json.loads(gate.log.entries[-1])
        assert (entry["outcome"], entry["unavailable"]) == ("notify", EVERY_DOMAIN)
        assert entry["reason"]["ground"] == "language_not_covered"
        assert (entry["notice"]["id"], entry["notice"]["channel"]) == (told["notice"], "header")

    asyncio.run(run())


@STREAMING
@pytest.mark.parametrize("policy", [policy_that(OnUncovered.RECORD), policy_of("observe")], ids=["record", "observe"])
def test_it_passes_and_the_receipt_says_that_it_was_not_checked(policy: Policy, streaming: bool) -> None:
    async def run() -> None:
        reply = stream(BIG) if streaming else message(BIG)
        gate = await running({BIG: [reply]}, policy=policy, classifier=KOREAN)
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked(stream=streaming))
        assert (response.status_code, response.content) == (200, reply.body)
        assert response.headers["overt-decision"].startswith("pass;unavailable=language;")
        entry = json.loads(gate.log.entries[-1])
        assert (entry["outcome"], entry["unavailable"]) == ("pass", EVERY_DOMAIN)
        assert (entry["reason"], entry["notice"], entry["shadow"]) == (None, None, [])
        assert all(word not in gate.log.entries[-1] for word in (b'"ko"', b"Korean"))

    asyncio.run(run())


@STREAMING
def test_it_is_refused_in_words_that_are_not_about_the_content(streaming: bool) -> None:
    async def run() -> None:
        gate = await running(policy=policy_that(OnUncovered.REFUSE), classifier=KOREAN)
        options: dict[str, Any] = {"betas": [BETA], "fallbacks": "default", **asked()}
        surface = gate.sdk().beta.messages
        told: Any
        if streaming:
            async with surface.stream(**options) as events:
                told = await events.get_final_message()
        else:
            told = await surface.create(**options)
        assert (told.stop_reason, told.model, told.content) == ("refusal", BIG, [])
        assert (told.stop_details.category, told.stop_details.recommended_model) == (None, None)
        for words in ("Korean (ko)", "The refusal is not about the content", "To contest it"):
            assert words in told.stop_details.explanation
        assert (told.model_extra["overt"]["decision"], told.model_extra["overt"]["rule"]) == ("refuse", None)
        assert gate.upstream.sent == []
        entry = json.loads(gate.log.entries[-1])
        assert (entry["outcome"], entry["unavailable"]) == ("refuse", EVERY_DOMAIN)
        assert entry["reason"]["ground"] == "language_not_covered"

    asyncio.run(run())


def test_a_caller_who_prefers_errors_gets_one_that_clients_do_not_retry() -> None:
    async def run() -> None:
        gate = await running(policy=policy_that(OnUncovered.REFUSE), classifier=KOREAN)
        async with gate.http(prefer="overt-on-flag=error") as http:
            response = await http.post("/v1/messages", json=asked())
        assert (response.status_code, response.json()["overt"]["decision"]) == (403, "refuse")

    asyncio.run(run())


def test_a_fault_beside_it_is_answered_first_and_both_are_on_record() -> None:
    async def run() -> None:
        classifier = FixedClassifier(uncovered="ko", unavailable=frozenset({Domain.CHEM}))
        gate = await running(classifier=classifier)
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked())
        assert response.status_code == 529
        assert "unavailable=fault" in response.headers["overt-decision"].split(";")
        assert json.loads(gate.log.entries[-1])["unavailable"] == {**EVERY_DOMAIN, "chem": "fault"}

    asyncio.run(run())


def test_a_fault_in_a_policy_that_only_watches_is_on_record_too() -> None:
    async def run() -> None:
        classifier = FixedClassifier(unavailable=frozenset({Domain.BIO}))
        gate = await running({BIG: [message(BIG)]}, policy=policy_of("observe"), classifier=classifier)
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked())
        assert response.headers["overt-decision"].startswith("pass;unavailable=fault;")
        assert json.loads(gate.log.entries[-1])["unavailable"] == {"bio": "fault"}

    asyncio.run(run())


@pytest.mark.parametrize("fault", OnUnavailable)
def test_a_request_that_was_checked_has_no_word_of_it(fault: OnUnavailable) -> None:
    async def run() -> None:
        gate = await running({BIG: [message(BIG)]}, policy=replace(policy_of(), on_unavailable=fault))
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked())
        assert "unavailable" not in response.headers["overt-decision"]
        assert b"unavailable" not in gate.log.entries[-1]

    asyncio.run(run())


def test_a_providers_refusal_after_the_notice_is_still_on_record_as_not_checked() -> None:
    async def run() -> None:
        gate = await running({BIG: [refusal(BIG)]}, classifier=KOREAN)
        async with gate.http() as http:
            response = await http.post("/v1/messages", json=asked())
        assert decision_word(response.headers) == "notify"
        assert "unavailable=language" in response.headers["overt-decision"].split(";")
        assert json.loads(gate.log.entries[-1])["unavailable"] == EVERY_DOMAIN

    asyncio.run(run())


def test_a_dry_run_says_cause_and_language() -> None:
    async def run() -> None:
        gate = await running(classifier=KOREAN)
        async with gate.http() as http:
            row = (await http.post("/v1/classify", json={"id": 1, "text": "cyber:prohibited"})).json()
        assert row["action"] == "notify"
        assert {(each["cause"], each["language"]) for each in row["findings"]} == {("language", "ko")}

    asyncio.run(run())
