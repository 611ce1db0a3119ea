"""What a record says, for the three shapes, for refusals and fallbacks, and for bodies that are none of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.audit.answers import Answered, answer_of, answers_of
from overt.audit.plan import Api, Role
from overt.audit.record import Record


def record(
    body: object,
    api: Api = Api.ANTHROPIC,
    *,
    status: int = 200,
    number: int = 0,
    pid: str = "p",
    rep: int = 0,
    fault: str | None = None,
) -> Record:
    return Record(
        number=number,
        previous="0" * 64,
        at="2026-11-23T20:00:00Z",
        route="cloud",
        role=Role.ENDPOINT,
        api=api,
        pid=pid,
        rep=rep,
        model="asked",
        request="{}",
        status=status,
        headers=(),
        body=body if isinstance(body, str) else json.dumps(body),
        first_byte_ms=1,
        total_ms=2,
        fault=fault,
    )


def message(**more: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "model": "asked-20260101",
        "content": [
            {"type": "thinking", "thinking": "hm"},
            {"type": "text", "text": "Yes"},
            {"type": "text", "text": "."},
        ],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 10, "output_tokens": 3},
        **more,
    }


FALLBACK = {"type": "fallback", "from": {"model": "asked"}, "to": {"model": "other"}, "trigger": {"type": "refusal"}}
CHAT = {
    "model": "m-1",
    "choices": [{"message": {"content": "No"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 4}},
}
RESPONSE = {
    "model": "m-2",
    "status": "completed",
    "output": [
        {"type": "reasoning", "content": [{"type": "output_text", "text": "not said"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "A"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "B"}]},
    ],
    "usage": {"input_tokens": 7, "output_tokens": 2},
}


@pytest.mark.parametrize(
    ("made", "said"),
    [
        pytest.param(
            record(message()),
            Answered(text="Yes.", served="asked-20260101", stop="end_turn", input_tokens=10, output_tokens=3),
            id="a message",
        ),
        pytest.param(
            record(message(content=[FALLBACK, {"type": "text", "text": "Hi"}], model="other")),
            Answered(text="Hi", served="other", stop="end_turn", input_tokens=10, output_tokens=3),
            id="a message after a fallback",
        ),
        pytest.param(
            record(message(content=[{"type": "text", "text": "He"}, FALLBACK, {"type": "text", "text": "llo"}])),
            Answered(text="Hello", served="other", stop="end_turn", input_tokens=10, output_tokens=3),
            id="a fallback midway, where model still names the requested one",
        ),
        pytest.param(
            record(
                message(
                    usage={
                        "input_tokens": 1,
                        "output_tokens": 2,
                        "cache_read_input_tokens": 5,
                        "cache_creation_input_tokens": None,
                        "iterations": [{"type": "fallback_message", "model": "sticky"}],
                    }
                )
            ),
            Answered(text="Yes.", served="sticky", stop="end_turn", input_tokens=1, output_tokens=2, cached=5),
            id="a sticky fallback without a block",
        ),
        pytest.param(
            record(message(content=[], stop_reason="refusal", stop_details={"type": "refusal", "category": "cyber"})),
            Answered(text="", served="asked-20260101", stop="refusal", refused=True, input_tokens=10, output_tokens=3),
            id="a refusal of Anthropic",
        ),
        pytest.param(
            record(CHAT, Api.CHAT),
            Answered(text="No", served="m-1", stop="stop", input_tokens=5, output_tokens=1, cached=4),
            id="a chat completion",
        ),
        pytest.param(
            record(
                {"choices": [{"message": {"content": None, "refusal": "I will not."}, "finish_reason": "stop"}]},
                Api.CHAT,
            ),
            Answered(text="I will not.", stop="stop", refused=True),
            id="a refusal text",
        ),
        pytest.param(
            record({"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]}, Api.CHAT),
            Answered(text="", stop="content_filter", refused=True),
            id="a content filter",
        ),
        pytest.param(
            record({"choices": [{"message": {"content": [{"type": "text", "text": "x"}]}}]}, Api.CHAT),
            Answered(text="x"),
            id="content as parts, no model and no usage",
        ),
        pytest.param(
            record({"error": {"code": "content_filter", "message": "blocked"}}, Api.CHAT, status=400),
            Answered(text="", stop="content_filter", refused=True),
            id="a content filter as an error of HTTP",
        ),
        pytest.param(
            record(RESPONSE, Api.RESPONSES),
            Answered(text="AB", served="m-2", stop="completed", input_tokens=7, output_tokens=2),
            id="a response",
        ),
        pytest.param(
            record(
                {
                    "status": "completed",
                    "output": [{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}],
                },
                Api.RESPONSES,
            ),
            Answered(text="No.", stop="completed", refused=True),
            id="a refusal part",
        ),
        pytest.param(
            record(
                {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}, "output": []},
                Api.RESPONSES,
            ),
            Answered(text="", stop="content_filter", refused=True),
            id="an incomplete response",
        ),
        pytest.param(
            record('{"content": [{"type": "text", "text": "a\\ud800b"}]}'),
            Answered(text="a\ufffdb"),
            id="half of a surrogate pair",
        ),
    ],
)
def test_an_answer_is_what_its_protocol_says(made: Record, said: Answered) -> None:
    assert answer_of(made) == said


@pytest.mark.parametrize(
    ("made", "error"),
    [
        pytest.param(record("", status=0, fault="TimeoutError: 60 s"), "TimeoutError: 60 s", id="no response"),
        pytest.param(record("", status=0), "no response came", id="no response and no fault"),
        pytest.param(record("", fault="not UTF-8: sha256:00"), "not UTF-8", id="an undecodable body"),
        pytest.param(record("<html>"), "not a JSON object: <html>", id="a page"),
        pytest.param(record("event: message_start\ndata: {}\n\n"), "not a JSON object: event", id="a stream"),
        pytest.param(record("[" * 100_000), "not a JSON object", id="too deep"),
        pytest.param(record([1]), "not a JSON object", id="a list"),
        pytest.param(record(message(content=None)), "'content' is None", id="no content"),
        pytest.param(record({}), "'content' is missing", id="an empty object"),
        pytest.param(record({"choices": []}, Api.CHAT), "'choices' is []", id="no choice"),
        pytest.param(record({"choices": [{"message": "text"}]}, Api.CHAT), "'choices' is", id="an odd message"),
        pytest.param(
            record({"error": {"message": "no credit", "code": 402}}, Api.CHAT), "it says no credit", id="a hidden error"
        ),
        pytest.param(
            record({"type": "error", "error": {"type": "overloaded_error", "message": "later"}}, status=529),
            "HTTP 529: overloaded_error: later",
            id="overloaded",
        ),
        pytest.param(record({"detail": "?"}, Api.CHAT, status=404), "HTTP 404: {'detail': '?'}", id="an odd error"),
        pytest.param(
            record({"status": "failed", "error": {"code": "server_error", "message": "oh"}}, Api.RESPONSES),
            "the response failed: server_error: oh",
            id="a failed response",
        ),
        pytest.param(record({"output": "text"}, Api.RESPONSES), "'output' is 'text'", id="an odd output"),
    ],
)
def test_what_is_no_answer_says_why(made: Record, error: str) -> None:
    found = answer_of(made)
    assert found.error is not None
    assert error in found.error
    assert found.text == ""
    assert not found.refused


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = ("content", "choices", "output", "usage", "model", "error", "status", "stop_reason", "incomplete_details")


@given(st.dictionaries(st.sampled_from(NAMES), JSON), st.sampled_from(Api), st.sampled_from([200, 400, 500]))
def test_no_body_makes_it_raise(body: dict[str, Any], api: Api, status: int) -> None:
    found = answer_of(record(body, api, status=status))
    found.text.encode()
    assert found.error is None or found.text == ""


@given(st.text(), st.sampled_from(Api))
def test_no_text_makes_it_raise(body: str, api: Api) -> None:
    assert answer_of(record(body, api)).error is not None


def test_answers_are_rows_by_route_and_the_missing_are_told() -> None:
    records = [
        record(message(), number=0, pid="a"),
        record("", status=0, number=1, pid="b", fault="refused connection"),
        record(message(), number=2, pid="b"),
        record(message(content=[], stop_reason="refusal"), number=3, pid="c", rep=1),
        record(message(), number=4, pid="a"),
    ]
    found = answers_of(records, grade=lambda pid, text: 1.0 if (pid, text) == ("a", "Yes.") else 0.0)
    rows = [(answer.pid, answer.model, answer.rep, answer.score) for answer in found.answers]
    assert rows == [("a", "cloud", 0, 1.0), ("b", "cloud", 0, 0.0), ("c", "cloud", 1, None)]
    assert [said.refused for said in found.answered] == [False, False, True]
    assert [(missing.number, missing.why) for missing in found.missing] == [
        (1, "refused connection"),
        (4, "answered already by record 0"),
    ]


def test_without_a_grader_no_answer_has_a_score() -> None:
    assert [answer.score for answer in answers_of([record(CHAT, Api.CHAT)]).answers] == [None]
