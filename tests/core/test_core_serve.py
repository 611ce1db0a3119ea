"""Telling, serving, holding back: what may leave, when, and what the seal finds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core_samples import BIG, SMALL, STAMP, assessment, finding, policy, request
from hypothesis import given
from hypothesis import strategies as st

from overt.core.decide import decide
from overt.core.decision import Intervene, Pass
from overt.core.domain import Band, Domain
from overt.core.exchange import (
    Amended,
    Began,
    Composed,
    Declined,
    Ended,
    Neutral,
    Output,
    ProviderError,
    ProviderRefusal,
    Received,
    Sign,
    Verbatim,
    served_bytes,
)
from overt.core.forward import forward
from overt.core.gate import Gate, Hold, Release, TurnedDown
from overt.core.notice import Notice
from overt.core.receipt import Position
from overt.core.request import Acceptance, Asked, Fallback, RequestedOnly, ServerChoice
from overt.core.serve import Relaying, Transcript
from overt.errors import InvariantBroken

POSITION = Position(sequence=1, leaf=b"\x00" * 32)
HIGH = assessment(finding(Domain.CYBER, Band.HIGH_DUAL))


def intervention(accepts: Acceptance = ServerChoice()) -> Intervene:  # noqa: B008
    action = decide(policy(), request(accepts), HIGH, STAMP).action
    assert isinstance(action, Intervene)
    return action


@pytest.mark.parametrize("sentence", ["what", "why", "redress"])
@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_a_notice_with_a_blank_sentence_cannot_be_made(sentence: str, blank: str) -> None:
    with pytest.raises(InvariantBroken, match=sentence):
        replace(intervention().notice, **{sentence: blank})  # type: ignore[arg-type]


def test_a_notice_says_what_why_which_part_how_sure_and_what_now_without_blame() -> None:
    notice: Notice = intervention().notice
    for words in (
        BIG,
        SMALL,
        "your message",
        "cyber-high_dual",
        "confidence",
        "not a finding that you broke a rule",
        STAMP.notice_id,
    ):
        assert words in notice.text
    assert "violat" not in notice.text
    assert len(notice.text.split()) < 120


def amend(raw: bytes, fallback: Fallback) -> bytes:
    return raw + fallback.model.encode()


def test_what_passes_is_sent_on_in_the_clients_own_bytes() -> None:
    asked = Asked(b'{ "odd" :1}', request())
    assert forward(asked, decide(policy(), asked.request, assessment(), STAMP), amend) == Verbatim(asked.raw, BIG)


def test_what_is_amended_carries_its_notice_and_what_is_declined_is_not_sent() -> None:
    asked = Asked(b"{}", request(ServerChoice()))
    amended = forward(asked, decide(policy(), asked.request, HIGH, STAMP), amend)
    assert amended == Amended(b"{}small", SMALL, intervention().notice)
    declined = forward(asked, decide(policy(), request(RequestedOnly()), HIGH, STAMP), amend)
    assert isinstance(declined, Declined)


def test_the_seal_breaks_if_a_pass_was_not_served_as_it_was_received() -> None:
    state, transcript = Relaying(POSITION), Transcript()
    transcript.received(b"one")
    transcript.served(state.relay(Received(b"two")))
    with pytest.raises(InvariantBroken):
        transcript.seal(Pass())
    transcript.seal(intervention())


@given(st.lists(st.binary()), st.binary())
def test_the_seal_holds_for_relayed_units_and_leaves_a_broken_end_out(units: list[bytes], end: bytes) -> None:
    state, transcript = Relaying(POSITION), Transcript()
    for raw in units:
        transcript.received(raw)
        assert transcript.served(state.relay(Received(raw))) == raw
    assert transcript.served(state.break_off(Composed(end))) == end
    transcript.seal(Pass())


def test_only_who_has_disclosed_can_write() -> None:
    notice = intervention().notice
    first, state = Relaying(POSITION).disclose(notice, Composed(b"told"))
    assert served_bytes(first) == b"told"
    assert served_bytes(state.write(Composed(b"written"))) == b"written"
    assert not hasattr(Relaying(POSITION), "write")


def unit(*signs: Sign) -> Received:
    return Received(b"x", signs)


def test_a_gate_that_does_not_hold_releases_each_unit() -> None:
    gate = Gate(holding=False)
    for sign in (Began(BIG), ProviderRefusal("cyber", True), Ended()):
        assert gate.feed(unit(sign)) == Release((unit(sign),))


OPENERS: tuple[Sign, ...] = (Output(), ProviderError("busy"), Ended(), ProviderRefusal("cyber", retriable=False))


@pytest.mark.parametrize("opener", OPENERS, ids=lambda sign: type(sign).__name__)
def test_a_gate_holds_the_beginning_until_it_is_known_who_answers(opener: Sign) -> None:
    gate = Gate(holding=True)
    assert gate.feed(unit(Began(BIG))) == Hold()
    assert gate.feed(unit(Neutral())) == Hold()
    released = gate.feed(unit(opener))
    assert released == Release((unit(Began(BIG)), unit(Neutral()), unit(opener)))
    assert not gate.holding
    assert gate.feed(unit(Began(BIG))) == Release((unit(Began(BIG)),))


def test_a_refusal_before_output_is_turned_down_with_everything_that_was_held() -> None:
    gate = Gate(holding=True)
    refusal = ProviderRefusal("cyber", retriable=True)
    whole = unit(Began(BIG), refusal, Ended())
    assert gate.feed(whole) == TurnedDown(refusal, (whole,))


def test_what_is_held_when_the_upstream_closes_may_leave() -> None:
    gate = Gate(holding=True)
    gate.feed(unit(Began(BIG)))
    assert gate.end() == Release((unit(Began(BIG)),))
