"""What is sent on is the client's very bytes, or a change with its notice, or nothing."""

from __future__ import annotations

import pytest
from core_samples import BIG, SMALL, asking, decided, finding, notice, policy

from overt.core.decision import Decision, Intervene, Notify, Pass, Redirect, Refuse, Remedy, RetryLater
from overt.core.exchange import Amended, Declined, Verbatim
from overt.core.forward import forward
from overt.core.request import Asked, Fallback

RAW = b'{ "model":"big-1",  "odd": [1] }'
ASKED = Asked(RAW, asking())
GROUNDS = decided(policy(), finding(0.9)).grounds


def mark(raw: bytes, fallback: Fallback) -> bytes:
    """A rewriting that shows what it was given."""
    return raw + b" for " + fallback.model.encode()


def never(raw: bytes, fallback: Fallback) -> bytes:
    raise AssertionError(f"{raw!r} was rewritten for {fallback.model}")


@pytest.mark.parametrize("action", [Pass(), Intervene(Notify(), notice(served=BIG))], ids=["pass", "notify"])
def test_a_request_that_is_left_alone_is_sent_on_as_the_very_bytes(action: Pass | Intervene) -> None:
    sent = forward(ASKED, Decision(action, GROUNDS), never)
    assert sent == Verbatim(RAW, BIG)
    assert isinstance(sent, Verbatim)
    assert sent.body is RAW


def test_a_redirect_is_rewritten_from_the_very_bytes_and_carries_its_notice() -> None:
    told = notice(served=SMALL)
    decision = Decision(Intervene(Redirect(Fallback(model=SMALL)), told), GROUNDS)
    assert forward(ASKED, decision, mark) == Amended(RAW + b" for small-1", SMALL, told)


@pytest.mark.parametrize("remedy", [Refuse(), Refuse(SMALL), RetryLater()], ids=["refuse", "recommend", "retry"])
def test_what_is_declined_is_sent_to_nobody_and_carries_its_notice(remedy: Remedy) -> None:
    told = notice()
    assert forward(ASKED, Decision(Intervene(remedy, told), GROUNDS), never) == Declined(told)
