"""Log probabilities of one token: what is read, that nothing is accused without a change, and what is found."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.audit.plan import Api
from overt.audit.stats.logprobs import (
    FLOOR,
    Call,
    Calls,
    change_of_logprobs,
    logprob_test,
    read_top_logprobs,
    table,
    watch_logprobs,
)
from overt.errors import BadRequest
from overt.testing.audited_shapes import Served, Tells, answer, read
from overt.testing.language_models import Asked, LanguageModel, SimulatedEndpoint, SimulatedModel, vocabulary

MODEL = SimulatedModel(name="big-1", words=LanguageModel(seed=1))


def told(model: SimulatedModel, calls: int, seed: int = 7, jitter: float = 0.05, prompt: str = "x") -> list[Call]:
    """The log probabilities of so many calls, read from the bodies of responses."""
    endpoint = SimulatedEndpoint(serves=model, seed=seed)
    body = {"model": "big-1", "messages": [{"role": "user", "content": prompt}], "max_tokens": 1}
    request = read(Api.CHAT, {**body, "logprobs": True, "top_logprobs": 20})
    found: list[Call] = []
    for call in range(calls):
        asked = Asked(prompt=prompt, call=call, most=1)
        served = Served(
            number=1000 * seed + call,
            request=request,
            asked=asked,
            spoken=endpoint.answer(asked),
            claimed=model.name,
            declared=False,
            tells=Tells(jitter=jitter),
        )
        read_back = read_top_logprobs(json.dumps(answer(served)))
        assert read_back is not None
        found.append(read_back)
    return found


def drawn(rng: np.random.Generator, calls: int, shift: float = 0.0) -> list[Call]:
    """Six tokens, of which the first is ``shift`` likelier."""
    exact = -np.arange(6) / 2 + np.array([shift, 0, 0, 0, 0, 0])
    return [
        {str(token): float(value) for token, value in enumerate(row)}
        for row in exact + 0.1 * rng.standard_normal((calls, 6))
    ]


def test_the_alternatives_of_the_first_token_are_read_from_a_chat_body() -> None:
    calls = told(MODEL, 3, jitter=0.0)
    exact = MODEL.words.logprobs("x")
    known = {vocabulary(64)[word].encode().hex(): float(exact[word]) for word in range(64)}
    assert all(call == {name: pytest.approx(known[name]) for name in call} for call in calls)
    assert {len(call) for call in calls} <= {20, 21}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        '{"choices": []}',
        '{"choices": [{"logprobs": null}]}',
        '{"choices": [{"logprobs": {"content": []}}]}',
        '{"choices": [{"logprobs": {"content": [{"token": "a", "logprob": null, "top_logprobs": []}]}}]}',
        '{"choices": [{"logprobs": {"content": [{"token": "a", "logprob": NaN, "top_logprobs": []}]}}]}',
        '{"choices": [{"logprobs": {"content": [7]}}]}',
    ],
    ids=["nothing", "list", "empty", "no choice", "not asked for", "no token", "null", "not a number", "odd"],
)
def test_a_body_without_log_probabilities_has_none(body: str) -> None:
    assert read_top_logprobs(body) is None


def test_minus_infinity_is_the_floor_and_tokens_are_told_apart_by_their_bytes() -> None:
    one = {"token": "�", "logprob": -0.5, "bytes": [195]}
    two = {"token": "�", "logprob": -9999, "bytes": [196]}
    body = {"choices": [{"logprobs": {"content": [{**one, "top_logprobs": [one, two]}]}}]}
    assert read_top_logprobs(json.dumps(body)) == {"c3": -0.5, "c4": FLOOR}


def test_a_token_that_a_call_does_not_tell_is_the_smallest_that_it_tells() -> None:
    found = table([{"a": -1.0, "b": -2.0}, {"a": -1.0, "c": -3.0}])
    assert found.tolist() == [[-1.0, -2.0, -2.0], [-1.0, -3.0, -3.0]]


def test_the_statistic_is_the_mean_absolute_difference_of_means() -> None:
    first: Calls = {"x": [{"a": -1.0, "b": -2.0}, {"a": -2.0, "b": -2.0}]}
    second: Calls = {"x": [{"a": -1.0, "b": -4.0}]}
    assert change_of_logprobs(first, second) == pytest.approx((0.5 + 2.0) / 2)
    assert logprob_test(first, second, draws=9).statistic == pytest.approx(1.25)


def test_without_a_change_one_in_twenty_is_below_one_in_twenty() -> None:
    found = []
    for run in range(400):
        rng = np.random.default_rng([5, run])
        found.append(logprob_test({"x": drawn(rng, 8)}, {"x": drawn(rng, 8)}, draws=199, seed=run).p_value)
    assert 0.02 <= np.mean(np.array(found) <= 0.05) <= 0.08
    assert min(found) >= 1 / 200


@pytest.mark.parametrize("changed", ["noise", "seed", "temperature"])
def test_quantisation_another_model_and_another_temperature_are_found_by_twenty_calls(changed: str) -> None:
    words = {
        "noise": replace(MODEL.words, noise=0.1),
        "seed": replace(MODEL.words, seed=2),
        "temperature": replace(MODEL.words, temperature=1.1),
    }[changed]
    found = logprob_test({"x": told(MODEL, 20)}, {"x": told(replace(MODEL, words=words), 20, seed=8)}, draws=499)
    assert found.p_value == 1 / 500
    assert found.e_value > 5


def test_calls_that_are_all_alike_prove_nothing() -> None:
    same: Calls = {"x": [{"a": -1.0}] * 10}
    assert logprob_test(same, same).p_value == 1.0


def test_one_call_a_side_can_never_reject() -> None:
    found = logprob_test({"x": [{"a": -1.0}]}, {"x": [{"a": -9.0}]})
    assert found.p_value == found.smallest_p == 1.0


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 5))
def test_p_is_never_nought_and_never_above_one(first: int, second: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = logprob_test({"x": drawn(rng, first)}, {"x": drawn(rng, second, 3.0)}, draws=49, seed=seed)
    assert 1 / 50 <= found.p_value <= 1


def days(seed: int, change: int, drift: float = 0.1) -> list[Calls]:
    """40 days of five calls, which differ by themselves; from ``change`` on one token is likelier."""
    rng = np.random.default_rng([9, seed])
    levels = drift * rng.standard_normal(40)
    return [{"x": drawn(rng, 5, levels[day] + (1.5 if day >= change else 0.0))} for day in range(40)]


def test_days_that_differ_by_themselves_raise_no_alarm_and_a_change_does() -> None:
    reference: Calls = {"x": drawn(np.random.default_rng(1), 20)}
    unchanged = [watch_logprobs(reference, days(seed, 99)).alarm_at(0.05) for seed in range(40)]
    changed = [watch_logprobs(reference, days(seed, 25)).alarm_at(0.05) for seed in range(10)]
    assert sum(alarm is not None for alarm in unchanged) <= 2
    assert all(alarm is not None and 25 <= alarm <= 29 for alarm in changed)


def test_days_with_fewer_calls_and_sides_without_a_prompt_in_common_are_refused() -> None:
    rng = np.random.default_rng(2)
    with pytest.raises(BadRequest, match="day 1 has other prompts"):
        watch_logprobs({"x": drawn(rng, 5)}, [{"x": drawn(rng, 5)}, {"x": drawn(rng, 4)}])
    with pytest.raises(BadRequest, match="no prompt has calls on both sides"):
        logprob_test({"x": drawn(rng, 5)}, {"y": drawn(rng, 5)})
    with pytest.raises(BadRequest, match="without log probabilities"):
        logprob_test({"x": [{}]}, {"x": drawn(rng, 2)})
