"""Replies as units with signs, whatever the cuts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import NAMES, PRIMARY, TARGET, transcript, units

from overt.core.domain import ModelName
from overt.core.exchange import Began, Ended, Neutral, Output, ProviderError, ProviderRefusal, Received, Sign
from overt.core.gate import Gate, TurnedDown
from overt.errors import UpstreamGarbage
from overt.wire.anthropic.stream import StreamReader, message_id, read_body, served_model, usage_of
from overt.wire.sse import frame

N, W, E = Neutral(), Output(), Ended()
FABLE, OPUS = Began(PRIMARY), Began(TARGET)
SERVED: list[Sign] = [OPUS, N, W, W, W, N, N, W, W, N, W, W, W, N, N, E]
SIGNS: dict[str, list[Sign]] = {
    "serves.sse": SERVED,
    "serves_carriage_returns.sse": SERVED,
    "serves_crlf_with_comments.sse": [N, N, *SERVED[:3], N, *SERVED[3:]],
    "serves_after_a_tool_loop.sse": [OPUS, N, W, N, N, E],
    "refuses.sse": [FABLE, ProviderRefusal("cyber", retriable=True), E],
    "refuses_after_an_empty_block.sse": [FABLE, N, N, N, ProviderRefusal("bio", retriable=True), E],
    "refuses_midway.sse": [FABLE, N, W, N, ProviderRefusal("cyber", retriable=False), E],
    "refuses_and_recommends.sse": [FABLE, ProviderRefusal("cyber", retriable=False), E],
    "refuses_in_a_category_of_its_own.sse": [
        Began(ModelName("claude-opus-5")),
        ProviderRefusal("something_new", retriable=True),
        E,
    ],
    "falls_back_by_itself.sse": [OPUS, W, N, N, W, N, N, E],
    "falls_back_and_refuses.sse": [OPUS, ProviderRefusal("cyber", retriable=False), E],
    "breaks_off.sse": [FABLE, N, W, ProviderError("overloaded_error: Overloaded")],
    "breaks_off_at_once.sse": [ProviderError("overloaded_error: Overloaded")],
    "holds_unknown_events.sse": [OPUS, N, N, N, N, W, W, N, W, W, W, N, N, E],
}


def test_every_transcript_has_its_expectation() -> None:
    assert sorted(SIGNS) == list(NAMES)


@pytest.mark.parametrize(("name", "expected"), SIGNS.items(), ids=SIGNS.keys())
def test_each_event_has_its_sign_and_its_bytes(name: str, expected: list[Sign]) -> None:
    raw = transcript(name)
    found = units(raw)
    assert b"".join(unit.raw for unit in found) == raw
    assert [sign for unit in found for sign in unit.signs] == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_cut_anywhere_decodes_to_the_same_units(name: str) -> None:
    raw = transcript(name)
    whole = units(raw)
    for cut in range(len(raw) + 1):
        reader = StreamReader()
        assert [*reader.feed(raw[:cut]), *reader.feed(raw[cut:]), *reader.end()] == whole


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_that_ends_anywhere_keeps_its_bytes(name: str) -> None:
    raw = transcript(name)
    for cut in range(len(raw) + 1):
        assert b"".join(unit.raw for unit in units(raw[:cut])) == raw[:cut]


def test_the_gate_turns_down_what_is_refused_before_output() -> None:
    gate = Gate(holding=True)
    verdicts = [gate.feed(unit) for unit in units(transcript("refuses_after_an_empty_block.sse"))[:5]]
    assert isinstance(verdicts[-1], TurnedDown)
    assert usage_of(verdicts[-1].units)["input_tokens"] == 412
    assert message_id(verdicts[-1].units) == "msg_primary"
    assert served_model(verdicts[-1].units) == PRIMARY


ODD = {
    "a message of nothing": ({"type": "message_start", "message": None}, (Began(None),)),
    "a model that is a number": ({"type": "message_start", "message": {"model": 5}}, (Began(None),)),
    "a start with content": (
        {"type": "message_start", "message": {"model": "m", "content": [{"type": "text", "text": "x"}]}},
        (Began(ModelName("m")), Output()),
    ),
    "a start with empty text": (
        {"type": "message_start", "message": {"model": "m", "content": [{"type": "text", "text": ""}]}},
        (Began(ModelName("m")),),
    ),
    "a block of nothing": ({"type": "content_block_start", "content_block": []}, (Output(),)),
    "text in the start": (
        {"type": "content_block_start", "content_block": {"type": "text", "text": "x"}},
        (Output(),),
    ),
    "an empty delta": ({"type": "content_block_delta", "delta": {"type": "text_delta", "text": ""}}, (Neutral(),)),
    "a refusal without details": (
        {"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": None}, "usage": None},
        (ProviderRefusal(None, retriable=True),),
    ),
    "an odd category": (
        {"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": {"category": 5}}},
        (ProviderRefusal(None, retriable=True),),
    ),
    "odd iterations": (
        {"type": "message_delta", "delta": {"stop_reason": "refusal"}, "usage": {"iterations": [1, "x"]}},
        (ProviderRefusal(None, retriable=True),),
    ),
    "an error of nothing": ({"type": "error"}, (ProviderError("error: "),)),
    "a type that is a list": ({"type": ["message_stop"]}, (Neutral(),)),
}


@pytest.mark.parametrize(("data", "signs"), ODD.values(), ids=ODD.keys())
def test_odd_events_have_a_sign_too(data: dict[str, Any], signs: tuple[Sign, ...]) -> None:
    raw = frame("x", json.dumps(data).encode())
    assert units(raw) == [Received(raw, signs)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["text", "refusal", "fallback", "message", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "message", "delta", "content_block", "usage", "content", "stop_reason", "stop_details", "text"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
kinds = st.sampled_from(["message_start", "content_block_start", "content_block_delta", "message_delta", "error"])


@given(st.lists(st.tuples(kinds, json_values)))
def test_no_json_crashes_the_reader(data: list[tuple[str, Any]]) -> None:
    raw = b"".join(
        frame(kind, json.dumps({**value, "type": kind} if isinstance(value, dict) else value).encode())
        for kind, value in data
    )
    assert b"".join(unit.raw for unit in units(raw)) == raw


USAGE = {"input_tokens": 4, "output_tokens": 2}
MESSAGE = {"type": "message", "id": "msg_1", "model": "claude-fable-5", "stop_reason": "end_turn", "usage": USAGE}
TEXT = [{"type": "text", "text": "hi"}]
REFUSAL = {"stop_reason": "refusal", "stop_details": {"type": "refusal", "category": "bio"}}
FELL = {"iterations": [{"type": "message"}, {"type": "fallback_message"}]}
BODIES: dict[str, tuple[dict[str, Any], tuple[Sign, ...]]] = {
    "served": ({**MESSAGE, "content": TEXT}, (FABLE, W, E)),
    "empty": ({**MESSAGE, "content": []}, (FABLE, E)),
    "refused": ({**MESSAGE, **REFUSAL, "content": []}, (FABLE, ProviderRefusal("bio", retriable=True), E)),
    "refused midway": ({**MESSAGE, **REFUSAL, "content": TEXT}, (FABLE, W, ProviderRefusal("bio", retriable=False), E)),
    "refused after a fallback": (
        {**MESSAGE, **REFUSAL, "content": [], "usage": FELL},
        (FABLE, ProviderRefusal("bio", retriable=False), E),
    ),
    "fell back": ({**MESSAGE, "content": [{"type": "fallback"}]}, (FABLE, W, E)),
    "an error": ({"type": "error", "error": {"type": "a", "message": "b"}}, (ProviderError("a: b"), E)),
    "something else": ({"input_tokens": 4}, (N, E)),
}


@pytest.mark.parametrize(("message", "signs"), BODIES.values(), ids=BODIES.keys())
def test_a_whole_body_has_several_signs(message: dict[str, Any], signs: tuple[Sign, ...]) -> None:
    raw = json.dumps(message).encode()
    assert read_body(raw) == Received(raw, signs)


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b'{"a":', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_garbage(raw: bytes) -> None:
    with pytest.raises(UpstreamGarbage, match="not a JSON object"):
        read_body(raw)


def test_usage_id_and_model_of_a_stream_and_of_a_body() -> None:
    stream = units(transcript("serves.sse"))
    usage = usage_of(stream)
    assert (usage["input_tokens"], usage["output_tokens"], usage["service_tier"]) == (40, 31, "standard")
    assert (message_id(stream), served_model(stream)) == ("msg_target", TARGET)
    body = read_body(json.dumps({**MESSAGE, "content": TEXT}).encode())
    assert usage_of([body]) == USAGE
    assert (message_id([body]), served_model([body])) == ("msg_1", PRIMARY)
    assert (message_id([]), served_model([]), usage_of([])) == (None, None, {})
