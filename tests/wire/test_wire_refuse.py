"""Our own refusals and errors, as the official client reads them on its plain and its beta surface."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from wire_samples import (
    LINKS,
    PRIMARY,
    TARGET,
    client,
    disclosed_first,
    events,
    policy_notice,
    provider_notice,
    relaying,
    wire,
)

from overt.core.domain import Domain
from overt.core.exchange import served_bytes
from overt.core.notice import Notice
from overt.errors import (
    BadRelease,
    BadRequest,
    Forbidden,
    InvariantBroken,
    LogUnavailable,
    NotFound,
    OvertError,
    TooLarge,
    Unauthenticated,
    UpstreamGarbage,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from overt.wire.anthropic.errors import error_event, error_reply, postpone, refuse_as_error
from overt.wire.anthropic.refuse import refuse_body, refuse_stream
from overt.wire.disclosure import Links, decision_word

ASK: Any = {"model": PRIMARY, "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}
CATEGORIES = {
    Domain.CYBER: "cyber",
    Domain.BIO: "bio",
    Domain.CHEM: "general_harms",
    Domain.FRONTIER_LLM: "frontier_llm",
}


def refusal(domain: Domain = Domain.CYBER) -> Notice:
    return policy_notice(domain=domain, served=None, recommended=TARGET)


def check_refused(message: Any, notice: Notice, category: str) -> None:
    assert message.id == "msg_1"
    assert message.model == PRIMARY
    assert message.content == []
    assert message.stop_reason == "refusal"
    assert message.stop_details.category == category
    assert notice.text in message.stop_details.explanation
    assert notice.id in message.stop_details.explanation
    assert notice.stamp.receipt_id in message.stop_details.explanation
    assert message.stop_details.recommended_model == TARGET
    assert message.stop_details.fallback_credit_token is None
    assert message.stop_details.fallback_has_prefill_claim is None
    assert message.usage.input_tokens == message.usage.output_tokens == 0
    assert message.model_extra["overt"]["decision"] == "refuse"
    assert message.model_extra["overt"]["recommended_model"] == TARGET


@pytest.mark.parametrize(("domain", "category"), CATEGORIES.items(), ids=lambda value: str(value))
def test_a_refusal_body_parses_on_both_surfaces(domain: Domain, category: str) -> None:
    notice = refusal(domain)
    served = refuse_body(relaying(), notice, message_id="msg_1", links=LINKS)
    assert disclosed_first(served).notice is notice
    for surface in (client(wire(served)).messages, client(wire(served)).beta.messages):
        message = surface.create(**ASK)
        check_refused(message, notice, category)
        assert message.model_extra["overt"]["domain"] == domain
    (entry,) = client(wire(served)).beta.messages.create(**ASK).usage.iterations or []
    assert (entry.type, entry.model, entry.input_tokens, entry.output_tokens) == ("message", PRIMARY, 0, 0)


@pytest.mark.parametrize(("domain", "category"), CATEGORIES.items(), ids=lambda value: str(value))
def test_a_refusal_stream_parses_on_both_surfaces(domain: Domain, category: str) -> None:
    notice = refusal(domain)
    raw = wire(refuse_stream(relaying(), notice, message_id="msg_1", links=LINKS))
    for surface in (client(raw, stream=True).messages, client(raw, stream=True).beta.messages):
        with surface.stream(**ASK) as helper:
            check_refused(helper.get_final_message(), notice, category)
    for surface in (client(raw, stream=True).messages, client(raw, stream=True).beta.messages):
        with surface.create(**ASK, stream=True) as plain:
            assert [event.type for event in plain] == ["message_start", "message_delta", "message_stop"]


def test_the_first_event_of_a_refusal_stream_carries_the_notice() -> None:
    notice = refusal()
    served = refuse_stream(relaying(), notice, message_id="msg_1", links=LINKS)
    start: Any = events(disclosed_first(served).composed.raw)[0]
    assert start["message"]["overt"]["reason"] == notice.text
    assert start["message"]["overt"]["notice_url"] == LINKS.notice
    assert start["message"]["stop_reason"] is None


def test_what_is_unknown_is_null_and_present() -> None:
    served = refuse_body(relaying(), provider_notice(category=None, recommended=TARGET), message_id="m", links=Links())
    message: Any = client(wire(served)).messages.create(**ASK)
    overt = message.model_extra["overt"]
    absent = ("domain", "band", "rule", "clause", "confidence", "trigger", "notice_url", "receipt_url", "served_model")
    assert {name: overt[name] for name in absent} == dict.fromkeys(absent)
    assert message.stop_details.category is None


@pytest.mark.parametrize(
    ("category", "shown"), [("reasoning_extraction", "reasoning_extraction"), ("something_new", None), (None, None)]
)
def test_a_category_outside_the_closed_list_becomes_null(category: str | None, shown: str | None) -> None:
    notice = provider_notice(category=category, recommended=TARGET)
    served = refuse_body(relaying(), notice, message_id="msg_1", links=LINKS)
    message = client(wire(served)).messages.create(**ASK)
    assert message.stop_details is not None
    assert message.stop_details.category == shown
    assert (message.model_extra or {})["overt"]["provider_category"] == category


@pytest.mark.parametrize(
    ("notice", "word"),
    [
        (policy_notice(), "redirect"),
        (policy_notice(served=None), "refuse"),
        (policy_notice(served=PRIMARY), "notify"),
    ],
    ids=["another model serves", "none serves", "the requested model serves"],
)
def test_the_decision_is_told_in_the_receipts_word(notice: Notice, word: str) -> None:
    assert decision_word(notice) == word


ERRORS = [
    (BadRequest("model: missing"), 400, "invalid_request_error", anthropic.BadRequestError),
    (Unauthenticated("no key"), 401, "authentication_error", anthropic.AuthenticationError),
    (Forbidden("not yours"), 403, "permission_error", anthropic.PermissionDeniedError),
    (NotFound("no model"), 404, "not_found_error", anthropic.NotFoundError),
    (TooLarge("too long"), 413, "request_too_large", anthropic.APIStatusError),
    (LogUnavailable("disk full"), 503, "api_error", anthropic.InternalServerError),
    (UpstreamTimeout("slow"), 504, "api_error", anthropic.InternalServerError),
    (UpstreamUnreachable("gone"), 502, "api_error", anthropic.InternalServerError),
    (UpstreamGarbage("odd"), 502, "api_error", anthropic.InternalServerError),
    (BadRelease("/secret/weights is altered"), 500, "api_error", anthropic.InternalServerError),
    (InvariantBroken("secret"), 500, "api_error", anthropic.InternalServerError),
]


@pytest.mark.parametrize(("error", "status", "kind", "raised"), ERRORS, ids=lambda value: type(value).__name__)
def test_an_error_has_its_status_its_type_and_its_request_id(
    error: OvertError, status: int, kind: str, raised: type[anthropic.APIStatusError]
) -> None:
    got, body = error_reply(error, request_id="req_1")
    assert got == status
    with pytest.raises(raised) as caught:
        client(body, status=got).messages.create(**ASK)
    read: Any = caught.value.body
    assert read["type"] == "error"
    assert read["request_id"] == "req_1"
    assert read["error"]["type"] == kind
    assert (str(error) in read["error"]["message"]) == (status != 500)
    assert ("model server behind" in read["error"]["message"]) == (status in (502, 504))


def test_a_broken_stream_ends_with_an_error_event_that_the_client_raises() -> None:
    start = refuse_stream(relaying(), refusal(), message_id="msg_1", links=LINKS)[0]
    raw = served_bytes(start) + error_event(UpstreamUnreachable("cut"), request_id="req_1")
    with (
        pytest.raises(anthropic.APIError, match="cut"),
        client(raw, stream=True).messages.create(**ASK, stream=True) as plain,
    ):
        list(plain)


def test_a_request_that_could_not_be_checked_is_told_to_come_back() -> None:
    notice = refusal()
    status, disclose = postpone(relaying(), notice, request_id="req_1", links=LINKS)
    assert status == 529
    with pytest.raises(anthropic.APIStatusError, match="ntc_1") as caught:
        client(served_bytes(disclose), status=status).messages.create(**ASK)
    body: Any = caught.value.body
    assert body["error"]["type"] == "overloaded_error"
    assert notice.text in body["error"]["message"]
    assert body["overt"]["notice"] == "ntc_1"


def test_a_refusal_as_an_error_is_one_that_clients_do_not_retry() -> None:
    status, disclose = refuse_as_error(relaying(), refusal(), request_id="req_1", links=LINKS)
    with pytest.raises(anthropic.PermissionDeniedError, match="ntc_1"):
        client(served_bytes(disclose), status=status).messages.create(**ASK)
