"""Which other models a caller accepts, every refusal of the protocol's list, and the request that is sent instead."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import BETA, FIRST_BETA, PRIMARY, TARGET

from overt.core.domain import ModelName
from overt.core.request import Acceptance, Fallback, Named, Request, RequestedOnly, ServerChoice
from overt.errors import BadRequest
from overt.wire.anthropic.amend import amend
from overt.wire.anthropic.decode import decode_request
from overt.wire.anthropic.fallbacks import check_allowed, parse_betas
from overt.wire.json import encode, member

OTHER = ModelName("claude-opus-5")
ENTRY = {"model": TARGET}


def request(*betas: str, **members: Any) -> Request:
    raw = json.dumps({"model": PRIMARY, "messages": [{"role": "user", "content": "x"}]} | members).encode()
    return decode_request(raw, betas=betas).request


ACCEPTED: dict[str, tuple[tuple[str, ...], dict[str, Any], Acceptance]] = {
    "nothing": ((), {}, RequestedOnly()),
    "a header alone accepts nothing": ((BETA,), {}, RequestedOnly()),
    "null": ((), {"fallbacks": None}, RequestedOnly()),
    "null under an unknown date": (("server-side-fallback-2027-01-01",), {"fallbacks": None}, RequestedOnly()),
    "default": ((BETA,), {"fallbacks": "default"}, ServerChoice()),
    "default under both dates": ((FIRST_BETA, BETA), {"fallbacks": "default"}, ServerChoice()),
    "a list": ((BETA, "other"), {"fallbacks": [ENTRY]}, Named((Fallback(model=TARGET),))),
    "a list in order": (
        (BETA,),
        {"fallbacks": [{"model": OTHER, "speed": None}, {"model": TARGET, "output_config": {"effort": "low"}}]},
        Named(
            (
                Fallback(model=OTHER, overrides={"speed": None}),
                Fallback(model=TARGET, overrides={"output_config": {"effort": "low"}}),
            )
        ),
    ),
    "the first date": (
        (FIRST_BETA,),
        {"fallbacks": [{"model": TARGET, "max_tokens": 5, "thinking": {"type": "disabled"}}]},
        Named((Fallback(model=TARGET, overrides={"max_tokens": 5, "thinking": {"type": "disabled"}}),)),
    ),
    "a token": ((), {"fallback_credit_token": "tok"}, RequestedOnly()),
    "a token with a mode": ((), {"fallback_credit_token": {"token": "t", "mode": "best_effort"}}, RequestedOnly()),
    "a token without a mode": ((), {"fallback_credit_token": {"token": "t"}}, RequestedOnly()),
    "no token": ((BETA,), {"fallbacks": "default", "fallback_credit_token": None}, ServerChoice()),
}


@pytest.mark.parametrize(("betas", "members", "expected"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_a_caller_accepts_is_read(betas: tuple[str, ...], members: dict[str, Any], expected: Acceptance) -> None:
    assert request(*betas, **members).acceptance == expected


def entries(*models: str) -> dict[str, Any]:
    return {"fallbacks": [{"model": model} for model in models]}


REFUSED: dict[str, tuple[tuple[str, ...], dict[str, Any], str]] = {
    "a list without the header": (
        ("a",),
        {"fallbacks": [ENTRY]},
        rf"fallbacks: needs .*{BETA} \(betas sent: \['a'\]\)",
    ),
    "default without the header": ((), {"fallbacks": "default"}, "fallbacks: needs the header anthropic-beta"),
    "an unknown date": (
        ("server-side-fallback-2026-08-01",),
        {"fallbacks": [ENTRY]},
        f"'server-side-fallback-2026-08-01' is unknown, .* send '{BETA}'",
    ),
    "an unknown date beside a known one": (
        (BETA, "server-side-fallback-2026-08-01"),
        {"fallbacks": [ENTRY]},
        "'server-side-fallback-2026-08-01' is unknown",
    ),
    "default under the first date": (
        (FIRST_BETA,),
        {"fallbacks": "default"},
        f"\"default\" is not part of '{FIRST_BETA}'",
    ),
    "another word": ((BETA,), {"fallbacks": "auto"}, "fallbacks: expected null, \"default\" or .* got 'auto'"),
    "an object": ((BETA,), {"fallbacks": {}}, r"fallbacks: expected .* got \{\}"),
    "an empty list": ((BETA,), {"fallbacks": []}, "fallbacks: expected 1 to 3 entries, got 0"),
    "four entries": ((BETA,), entries("a", "b", "c", "d"), "fallbacks: expected 1 to 3 entries, got 4"),
    "a string entry": ((BETA,), {"fallbacks": ["x"]}, r"fallbacks\[0\]: expected an object, got 'x'"),
    "an empty entry": ((BETA,), {"fallbacks": [{}]}, r"fallbacks\[0\]: expected an object with 'model', got \{\}"),
    "an entry without a model": ((BETA,), {"fallbacks": [{"speed": "fast"}]}, r"fallbacks\[0\].model: expected"),
    "an unknown key": (
        (BETA,),
        {"fallbacks": [{"model": "a", "temperature": 1}]},
        r"fallbacks\[0\].temperature: 'temperature' is not allowed under .* use only model, max_tokens, thinking, out",
    ),
    "a later key under the first date": (
        (FIRST_BETA,),
        {"fallbacks": [{"model": "a", "speed": "fast"}]},
        r"fallbacks\[0\].speed: 'speed' is not allowed under .*06-01': use only model, max_tokens, thinking$",
    ),
    "a repeated entry": (
        (BETA,),
        entries("a", "b", "a"),
        r"fallbacks\[2\].model: 'a' is already named by fallbacks\[0\].model",
    ),
    "the model itself": ((BETA,), entries(PRIMARY), rf"fallbacks\[0\].model: '{PRIMARY}' is already named by model"),
    "max_tokens of the wrong type": (
        (BETA,),
        {"fallbacks": [{"model": "a", "max_tokens": True}]},
        r"fallbacks\[0\].max_tokens: expected a whole number of at least 1, or null, got True",
    ),
    "max_tokens of zero": ((BETA,), {"fallbacks": [{"model": "a", "max_tokens": 0}]}, r"max_tokens: .* got 0"),
    "an unknown speed": ((BETA,), {"fallbacks": [{"model": "a", "speed": "slow"}]}, r"speed: .* got 'slow'"),
    "a speed that is a list": (
        (BETA,),
        {"fallbacks": [{"model": "a", "speed": ["fast"]}]},
        r"speed: .* got \['fast'\]",
    ),
    "thinking of the wrong type": ((BETA,), {"fallbacks": [{"model": "a", "thinking": "on"}]}, "thinking: .* got 'on'"),
    "fallbacks and a token": (
        (BETA,),
        {"fallbacks": "default", "fallback_credit_token": "t"},
        "fallbacks and fallback_credit_token cannot be sent together",
    ),
    "fallbacks and a token, best effort": (
        (BETA,),
        {"fallbacks": [ENTRY], "fallback_credit_token": {"token": "t", "mode": "best_effort"}},
        "fallbacks and fallback_credit_token cannot be sent together",
    ),
    "a blank token": ((), {"fallback_credit_token": ""}, "fallback_credit_token: expected null, a token, or .* got ''"),
    "a number for a token": ((), {"fallback_credit_token": 7}, "fallback_credit_token: expected .* got 7"),
    "an object without a token": ((), {"fallback_credit_token": {}}, "fallback_credit_token.token: expected"),
    "an unknown mode": (
        (),
        {"fallback_credit_token": {"token": "t", "mode": "maybe"}},
        "fallback_credit_token.mode: expected .* got 'maybe'",
    ),
    "a mode that is a list": (
        (),
        {"fallback_credit_token": {"token": "t", "mode": ["strict"]}},
        "fallback_credit_token.mode: expected",
    ),
}


@pytest.mark.parametrize(("betas", "members", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_each_contradiction_is_refused_with_its_reason(
    betas: tuple[str, ...], members: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadRequest, match=message):
        request(*betas, **members)


def test_betas_are_split_and_trimmed() -> None:
    assert parse_betas(["a, b,c", " d ", ",,"]) == ("a", "b", "c", "d")


def test_a_named_model_must_be_allowed() -> None:
    named = request(BETA, fallbacks=[{"model": OTHER}, {"model": TARGET}])
    assert check_allowed(named, (TARGET, OTHER)) == named
    with pytest.raises(BadRequest, match=rf"fallbacks\[0\].model: '{OTHER}' may not stand in .* one of \['{TARGET}'\]"):
        check_allowed(named, (TARGET,))


def test_a_list_on_a_model_without_fallbacks_is_refused_and_default_is_ignored() -> None:
    with pytest.raises(BadRequest, match=f"model '{PRIMARY}' does not support fallbacks"):
        check_allowed(request(BETA, fallbacks=[ENTRY]), ())
    choice = request(BETA, fallbacks="default")
    assert check_allowed(choice, ()).acceptance == RequestedOnly()
    assert check_allowed(choice, (TARGET,)) == choice
    assert check_allowed(request(), ()) == request()


def amended(original: dict[str, Any], **overrides: Any) -> dict[str, Any]:
    raw = json.dumps({"model": PRIMARY, "fallbacks": "default", **original}).encode()
    result: dict[str, Any] = json.loads(amend(raw, Fallback(model=TARGET, overrides=overrides)))
    return result


AMENDED: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "nothing": ({"max_tokens": 5}, {}, {"max_tokens": 5}),
    "another limit": ({"max_tokens": 5}, {"max_tokens": 9}, {"max_tokens": 9}),
    "a null limit inherits": ({"max_tokens": 5}, {"max_tokens": None}, {"max_tokens": 5}),
    "null removes": ({"thinking": {"type": "adaptive"}, "speed": "fast"}, {"thinking": None, "speed": None}, {}),
    "null of what is absent": ({}, {"speed": None}, {}),
    "a new parameter": ({}, {"speed": "fast"}, {"speed": "fast"}),
    "thinking is replaced whole": (
        {"thinking": {"type": "enabled", "budget_tokens": 9}},
        {"thinking": {"type": "disabled"}},
        {"thinking": {"type": "disabled"}},
    ),
    "output_config merges one level": (
        {"output_config": {"effort": "high", "format": {"type": "a", "x": 1}, "future": 1}},
        {"output_config": {"effort": None, "format": {"type": "b"}, "task_budget": {"total": 3}}},
        {"output_config": {"format": {"type": "b"}, "future": 1, "task_budget": {"total": 3}}},
    ),
    "output_config merged to nothing": ({"output_config": {"effort": "high"}}, {"output_config": {"effort": None}}, {}),
    "output_config from nothing": ({}, {"output_config": {"effort": "low"}}, {"output_config": {"effort": "low"}}),
    "a null output_config": ({"output_config": {"effort": "high"}}, {"output_config": None}, {}),
    "output_config over null": (
        {"output_config": None},
        {"output_config": {"effort": "low"}},
        {"output_config": {"effort": "low"}},
    ),
}


@pytest.mark.parametrize(("original", "overrides", "expected"), AMENDED.values(), ids=AMENDED.keys())
def test_overrides_apply_as_the_protocol_says(
    original: dict[str, Any], overrides: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert amended(original, **overrides) == {"model": TARGET, **expected}


def test_amending_leaves_every_other_byte() -> None:
    raw = b'{\n "model": "a", "messages" : [ {"x":1.50} ],\t"fallbacks": [{}], "z": "\\u00e9" }'
    expected = b'{\n "model": "claude-opus-4-8", "messages" : [ {"x":1.50} ], "z": "\\u00e9" }'
    assert amend(raw, Fallback(model=TARGET)) == expected


names = st.text(st.characters(codec="utf-8"), max_size=6).filter(lambda name: name not in ("model", "fallbacks"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(names, json_values, max_size=6), json_values, st.sampled_from([None, 0, 3]))
def test_amending_any_body_keeps_what_was_not_to_change(
    others: dict[str, Any], fallbacks: Any, indent: int | None
) -> None:
    raw = json.dumps({"model": PRIMARY, **others, "fallbacks": fallbacks}, indent=indent).encode()
    result = amend(raw, Fallback(model=TARGET))
    assert json.loads(result) == {"model": TARGET, **others}
    assert all(member(result, name) == member(raw, name) for name in others)
    assert member(result, "model") == encode(TARGET)
