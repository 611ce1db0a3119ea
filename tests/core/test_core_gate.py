"""The gate holds the beginning back until it is known who answers, loses nothing, and never takes anything back."""

from __future__ import annotations

import pytest
from core_samples import BIG
from hypothesis import given
from hypothesis import strategies as st

from overt.core.exchange import Began, Ended, Neutral, Output, ProviderError, ProviderRefusal, Received, Sign
from overt.core.gate import Gate, Hold, Release, TurnedDown

REFUSAL = ProviderRefusal("cyber", retriable=True)
FINAL_REFUSAL = ProviderRefusal("cyber", retriable=False)
SIGNS: list[Sign] = [
    Began(BIG),
    Began(None),
    Output(),
    REFUSAL,
    FINAL_REFUSAL,
    ProviderError("overloaded"),
    Ended(),
    Neutral(),
]
START = Received(b"start", (Began(BIG),))
PING = Received(b"ping", (Neutral(),))


def sign_name(sign: object) -> str:
    return repr(sign)


@pytest.mark.parametrize("sign", SIGNS, ids=sign_name)
def test_a_gate_that_does_not_hold_releases_each_unit_as_it_comes(sign: Sign) -> None:
    gate, unit = Gate(holding=False), Received(b"x", (sign,))
    assert not gate.holding
    assert gate.feed(unit) == Release((unit,))
    assert gate.feed(unit) == Release((unit,))
    assert gate.end() == Release(())


@pytest.mark.parametrize("sign", [Began(BIG), Began(None), Neutral()], ids=sign_name)
def test_a_beginning_that_does_not_say_who_answers_is_held(sign: Sign) -> None:
    gate = Gate(holding=True)
    assert gate.feed(Received(b"x", (sign,))) == Hold()
    assert gate.holding


@pytest.mark.parametrize("sign", [Output(), FINAL_REFUSAL, ProviderError("overloaded"), Ended()], ids=sign_name)
def test_what_settles_who_answers_releases_everything_in_order(sign: Sign) -> None:
    gate, unit = Gate(holding=True), Received(b"x", (sign,))
    assert gate.feed(START) == Hold()
    assert gate.feed(PING) == Hold()
    assert gate.feed(unit) == Release((START, PING, unit))
    assert not gate.holding


def test_a_refusal_that_another_model_may_follow_turns_the_reply_down() -> None:
    gate, unit = Gate(holding=True), Received(b"refusal", (REFUSAL, Ended()))
    assert gate.feed(START) == Hold()
    assert gate.feed(unit) == TurnedDown(REFUSAL, (START, unit))
    assert not gate.holding
    assert gate.end() == Release(())


@pytest.mark.parametrize(
    ("signs", "verdict"),
    [
        pytest.param((Began(BIG), REFUSAL, Ended()), TurnedDown, id="a whole body that refuses"),
        pytest.param((Began(BIG), Output(), REFUSAL, Ended()), Release, id="words before the refusal"),
        pytest.param((Began(BIG), Output(), Ended()), Release, id="a whole answer"),
        pytest.param((Began(BIG), FINAL_REFUSAL, Ended()), Release, id="a refusal after other models"),
        pytest.param((), Hold, id="no sign at all"),
    ],
)
def test_the_first_sign_that_settles_it_decides_about_a_unit_with_several(
    signs: tuple[Sign, ...], verdict: type[Release | TurnedDown | Hold]
) -> None:
    assert isinstance(Gate(holding=True).feed(Received(b"body", signs)), verdict)


def test_the_end_of_a_reply_releases_what_is_held_as_it_is() -> None:
    gate = Gate(holding=True)
    gate.feed(START)
    gate.feed(PING)
    assert gate.end() == Release((START, PING))
    assert not gate.holding
    assert gate.end() == Release(())


@pytest.mark.parametrize("sign", SIGNS, ids=sign_name)
def test_a_gate_that_has_opened_never_holds_again(sign: Sign) -> None:
    gate = Gate(holding=True)
    gate.feed(Received(b"word", (Output(),)))
    unit = Received(b"x", (sign,))
    assert gate.feed(unit) == Release((unit,))


units = st.lists(
    st.builds(Received, st.binary(min_size=1, max_size=3), st.lists(st.sampled_from(SIGNS), max_size=3).map(tuple))
)


@given(units, st.booleans())
def test_every_unit_comes_out_once_and_in_order_and_nothing_is_held_after_the_first(
    fed: list[Received], holding: bool
) -> None:
    gate, out, opened = Gate(holding=holding), list[Received](), not holding
    for unit in fed:
        verdict = gate.feed(unit)
        if isinstance(verdict, Hold):
            assert not opened
            continue
        opened = True
        out.extend(verdict.units)
    out.extend(gate.end().units)
    assert out == fed


@given(units)
def test_a_reply_is_turned_down_only_before_its_first_word(fed: list[Received]) -> None:
    gate, spoken = Gate(holding=True), False
    for unit in fed:
        verdict = gate.feed(unit)
        if isinstance(verdict, TurnedDown):
            assert not spoken
            before = unit.signs[: unit.signs.index(verdict.refusal)]
            assert not any(isinstance(sign, Output) for sign in before)
        spoken = spoken or any(isinstance(sign, Output) for sign in unit.signs)
