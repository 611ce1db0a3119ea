"""What is sent on: the client's own bytes, or a change that the notice in hand tells of, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from overt.core.decision import Decision, Notify, Pass, Redirect, Refuse, RetryLater
from overt.core.exchange import Amended, Declined, Verbatim
from overt.core.request import Asked, Fallback

Amend = Callable[[bytes, Fallback], bytes]
"""A wire protocol's rewriting of a request body for another model; it starts from the client's bytes."""


def forward(asked: Asked, decision: Decision, amend: Amend) -> Verbatim | Amended | Declined:
    """Turn a decision into what the upstream is given (flow step 6)."""
    action = decision.action
    if isinstance(action, Pass):
        return Verbatim(asked.raw, asked.request.model)
    match action.remedy:
        case Notify():
            return Verbatim(asked.raw, asked.request.model)
        case Redirect(to=fallback):
            return Amended(amend(asked.raw, fallback), fallback.model, action.notice)
        case Refuse() | RetryLater():
            return Declined(action.notice)
        case _ as unreachable:
            assert_never(unreachable)
