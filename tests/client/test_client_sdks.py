"""The client kit under both official SDKs, against a gateway that listens on a port, with a proxy in between."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anthropic
import openai
import pytest
from client_samples import HIGH, SDKS, Ask, Passing, world

from overt.errors import OvertError, ReceiptFalse, ReceiptMissing, UnprovenAnswer
from overt.testing.log import known_signer

BOTH = pytest.mark.parametrize("streaming", [False, True], ids=["body", "stream"])
TWO = pytest.mark.parametrize("ask", [SDKS["anthropic"], SDKS["openai-async"]], ids=["anthropic", "openai-async"])
EACH = pytest.mark.parametrize("ask", SDKS.values(), ids=SDKS.keys())


@EACH
@BOTH
def test_an_answer_with_a_true_receipt_arrives_and_the_log_keeps_its_promise(ask: Ask, streaming: bool) -> None:
    with world(streaming=streaming) as here:
        kit = here.kit()
        assert ask(here, kit, "hello", streaming) == "words of big-1"
        assert kit.checkpoint is not None
        assert kit.waiting == 0
        assert here.calls == 1


@BOTH
def test_another_models_answer_and_a_refusal_are_checked_to_their_last_byte(streaming: bool) -> None:
    with world(streaming=streaming) as here:
        kit = here.kit()
        assert SDKS["anthropic"](here, kit, HIGH, streaming) == "words of small-1"
        assert SDKS["anthropic"](here, kit, "chem:prohibited", streaming) == ""
        names = [path for path in here.proxy.seen if path.endswith(".completion")]
        assert len(names) == 2


def without_receipt(_path: str, answer: Passing) -> Passing | None:
    headers = {name: value for name, value in answer.headers.items() if name != "overt-receipt"}
    return replace(answer, headers=headers)


def receipt_gone(path: str, _answer: Passing) -> Passing | None:
    return Passing(404, {}, b"") if path.startswith("/v1/receipts/") else None


def completion_gone(path: str, _answer: Passing) -> Passing | None:
    return Passing(404, {}, b"") if path.endswith(".completion") else None


def receipt_refused(path: str, _answer: Passing) -> Passing | None:
    return Passing(500, {}, b"") if path.startswith("/v1/receipts/") else None


def receipt_altered(path: str, answer: Passing) -> Passing | None:
    if not path.startswith("/v1/receipts/"):
        return None
    at = answer.body.index(b'"promise":{"body":"') + 30
    return replace(answer, body=answer.body[:at] + bytes([answer.body[at] ^ 1]) + answer.body[at + 1 :])


def answer_altered(path: str, answer: Passing) -> Passing | None:
    return replace(answer, body=answer.body.replace(b"of big-1", b"of big-2")) if path == "/v1/messages" else None


def answer_cut(path: str, answer: Passing) -> Passing | None:
    return replace(answer, body=answer.body[:-3]) if path == "/v1/messages" else None


def decision_altered(path: str, answer: Passing) -> Passing | None:
    if path != "/v1/messages":
        return None
    return replace(answer, headers=answer.headers | {"overt-decision": "refuse;ground=policy"})


def no_id(_path: str, answer: Passing) -> Passing | None:
    return replace(answer, headers=answer.headers | {"overt-receipt": "../healthz"})


@TWO
@BOTH
@pytest.mark.parametrize(
    ("change", "fault", "says"),
    [
        pytest.param(without_receipt, ReceiptMissing, "names no receipt", id="header-stripped"),
        pytest.param(receipt_gone, ReceiptMissing, "cannot be fetched (404)", id="receipt-withheld"),
        pytest.param(receipt_refused, ReceiptMissing, "cannot be fetched (500)", id="receipt-fails"),
        pytest.param(receipt_altered, ReceiptFalse, "fails step", id="receipt-altered"),
        pytest.param(answer_altered, ReceiptFalse, "(response)", id="answer-altered"),
        pytest.param(answer_cut, ReceiptFalse, "(response)", id="answer-cut"),
        pytest.param(decision_altered, ReceiptFalse, "Overt-Decision says", id="decision-altered"),
        pytest.param(no_id, ReceiptFalse, "not an id", id="id-is-a-path"),
    ],
)
def test_a_proxy_that_strips_or_alters_is_told_on_and_the_model_is_not_asked_again(
    ask: Ask, streaming: bool, change: Any, fault: type[OvertError], says: str
) -> None:
    with world(streaming=streaming) as here:
        here.proxy.change = change
        with pytest.raises(fault) as told:
            ask(here, here.kit(), "hello", streaming)
        assert says in str(told.value)
        assert here.calls == 1


def test_the_error_is_also_of_the_sdks_own_family() -> None:
    with world() as here:
        here.proxy.change = without_receipt
        for name, ask in SDKS.items():
            family = openai.OpenAIError if name.startswith("openai") else anthropic.AnthropicError
            with pytest.raises(family) as told:
                ask(here, here.kit(), "hello", False)
            assert isinstance(told.value, UnprovenAnswer)
        assert here.calls == len(SDKS)


def test_a_stream_without_its_completion_never_shows_its_end() -> None:
    with world(streaming=True) as here:
        here.proxy.change = completion_gone
        kit, seen = here.kit(), []
        turn = {"model": "big-1", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
        with (
            kit.client() as http,
            anthropic.Anthropic(api_key=here.gate.key, base_url=here.url, http_client=http) as sdk,
            pytest.raises(ReceiptMissing, match="completion"),
            sdk.messages.stream(**turn) as told,  # type: ignore[arg-type]
        ):
            seen += [event.type for event in told]
        assert "message_stop" not in seen


def test_a_receipt_of_another_exchange_is_no_receipt_of_this_one() -> None:
    with world() as here:
        kept: list[Passing] = []

        def replay(path: str, answer: Passing) -> Passing | None:
            if path == "/v1/messages":
                kept.append(answer)
                return kept[0]
            return None

        here.proxy.change = replay
        kit = here.kit()
        SDKS["anthropic"](here, kit, "hello", False)
        with pytest.raises(ReceiptFalse, match=r"\(request\)"):
            SDKS["anthropic"](here, kit, "other words", False)
        with pytest.raises(ReceiptFalse, match="earlier answer"):
            SDKS["anthropic"](here, kit, "hello", False)


def test_an_old_answer_is_refused_by_its_own_time() -> None:
    with world() as here, pytest.raises(ReceiptFalse, match="an old answer"):
        SDKS["anthropic"](here, here.kit(clock=lambda: here.clock() + 3600), "hello", False)


def test_a_receipt_under_another_key_than_the_one_we_trust_is_false() -> None:
    with world() as here, pytest.raises(ReceiptFalse, match=r"step 2 \(log key\)"):
        SDKS["anthropic"](here, here.kit(log_key=known_signer("overt.test/other").vkey), "hello", False)


@pytest.mark.parametrize("status", [400, 429, 500])
def test_an_error_that_no_model_answered_needs_no_receipt_and_stays_the_sdks(status: int) -> None:
    with world() as here:
        here.proxy.change = lambda *_: Passing(status, {"content-type": "application/json"}, b"{}")
        with here.kit().client() as http:
            sdk = anthropic.Anthropic(api_key=here.gate.key, base_url=here.url, http_client=http, max_retries=0)
            with pytest.raises(anthropic.APIStatusError):
                sdk.messages.create(model="big-1", max_tokens=9, messages=[{"role": "user", "content": "x"}])


def test_what_is_posted_where_no_model_answers_passes() -> None:
    with world() as here, here.kit().client() as http:
        answer = http.post(f"{here.url}/v1/classify", json={"text": "hello"}, headers={"x-api-key": here.gate.key})
        assert answer.status_code == 200
        assert http.get(f"{here.url}/v1/models", headers={"x-api-key": here.gate.key}).status_code == 200
