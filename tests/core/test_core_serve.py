"""Nothing of ours is written before it was told, and the bytes of a pass are checked at the end."""

from __future__ import annotations

import hashlib

import pytest
from core_samples import BIG, POSITION, SMALL, notice
from hypothesis import given
from hypothesis import strategies as st

from overt.core.decision import Action, Intervene, Notify, Pass, Redirect, Refuse, Remedy, RetryLater
from overt.core.exchange import BreakOff, Composed, Disclose, Received, Relay, Write, served_bytes
from overt.core.request import Fallback
from overt.core.serve import Disclosed, Relaying, Transcript
from overt.errors import InvariantBroken

TOLD = notice(served=SMALL)
UNTOUCHED: list[Action] = [Pass(), Intervene(Notify(), notice(served=BIG))]
REMEDIES: list[Remedy] = [Redirect(Fallback(model=SMALL)), Refuse(), RetryLater()]


def test_relaying_serves_what_was_received() -> None:
    received = Received(b"data: 1\n\n")
    unit = Relaying(POSITION).relay(received)
    assert unit == Relay(received)
    assert served_bytes(unit) is received.raw


def test_relaying_cannot_write() -> None:
    assert not hasattr(Relaying(POSITION), "write")


def test_disclosing_serves_the_notice_and_gives_the_right_to_write() -> None:
    unit, state = Relaying(POSITION).disclose(TOLD, Composed(b"told"))
    assert unit == Disclose(TOLD, Composed(b"told"))
    assert state == Disclosed(POSITION, TOLD)
    assert state.write(Composed(b"more")) == Write(Composed(b"more"))
    assert state.relay(Received(b"theirs")) == Relay(Received(b"theirs"))


def test_breaking_off_needs_no_notice_in_either_state() -> None:
    error = Composed(b"event: error\n\n")
    assert Relaying(POSITION).break_off(error) == BreakOff(error)
    assert Disclosed(POSITION, TOLD).break_off(error) == BreakOff(error)


@pytest.mark.parametrize(
    "unit",
    [Relay(Received(b"x")), Disclose(TOLD, Composed(b"x")), Write(Composed(b"x")), BreakOff(Composed(b"x"))],
    ids=lambda unit: type(unit).__name__,
)
def test_every_unit_has_its_bytes(unit: Relay | Disclose | Write | BreakOff) -> None:
    assert served_bytes(unit) == b"x"
    assert Transcript().served(unit) == b"x"


@pytest.mark.parametrize("action", UNTOUCHED, ids=["pass", "notify"])
@given(chunks=st.lists(st.binary(max_size=30)), cut=st.integers(0, 60))
def test_a_reply_that_was_relayed_whole_is_sealed_however_it_was_cut(
    action: Action, chunks: list[bytes], cut: int
) -> None:
    transcript, state = Transcript(), Relaying(POSITION)
    for chunk in chunks:
        transcript.received(chunk)
    whole = b"".join(chunks)
    for part in (whole[:cut], whole[cut:]):
        transcript.served(state.relay(Received(part)))
    transcript.seal(action)
    assert transcript.served_digest == hashlib.sha256(whole).digest()


@pytest.mark.parametrize("action", UNTOUCHED, ids=["pass", "notify"])
@pytest.mark.parametrize(
    ("received", "served"),
    [(b"abc", b"abd"), (b"abc", b"ab"), (b"abc", b"abc "), (b"", b"x"), (b"x", b"")],
    ids=["a byte changed", "a byte left out", "a byte added", "all of it ours", "all of it left out"],
)
def test_a_reply_that_was_to_be_left_alone_is_not_sealed_if_a_byte_differs(
    action: Action, received: bytes, served: bytes
) -> None:
    transcript = Transcript()
    transcript.received(received)
    transcript.served(Relay(Received(served)))
    with pytest.raises(InvariantBroken, match="not the bytes received"):
        transcript.seal(action)


@pytest.mark.parametrize("unit", [Disclose(TOLD, Composed(b"x")), Write(Composed(b"x"))], ids=["disclosed", "written"])
def test_words_of_ours_in_a_pass_are_found_at_the_seal(unit: Disclose | Write) -> None:
    transcript = Transcript()
    transcript.received(b"abc")
    transcript.served(Relay(Received(b"abc")))
    transcript.served(unit)
    with pytest.raises(InvariantBroken):
        transcript.seal(Pass())


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: type(remedy).__name__)
def test_an_intervention_may_serve_other_bytes_than_were_received(remedy: Remedy) -> None:
    transcript = Transcript()
    transcript.received(b"abc")
    transcript.served(Disclose(TOLD, Composed(b"told")))
    transcript.seal(Intervene(remedy, TOLD))
    assert transcript.served_digest == hashlib.sha256(b"told").digest()


def test_saying_that_the_upstream_broke_off_is_left_out_of_the_comparison() -> None:
    transcript, state = Transcript(), Relaying(POSITION)
    transcript.received(b"abc")
    transcript.served(state.relay(Received(b"abc")))
    assert transcript.served(state.break_off(Composed(b"event: error\n\n"))) == b"event: error\n\n"
    transcript.seal(Pass())
    assert transcript.served_digest == hashlib.sha256(b"abc").digest()


def test_two_transcripts_share_nothing() -> None:
    first, second = Transcript(), Transcript()
    first.received(b"abc")
    second.seal(Pass())
    with pytest.raises(InvariantBroken):
        first.seal(Pass())
