"""The same things done in the open: all of this type-checks."""

from typing import assert_never

from overt.core.decision import Action, Intervene, Notify, Pass, Redirect, Refuse, Remedy, RetryLater
from overt.core.domain import Digest, ModelName, NoticeId, ReceiptId
from overt.core.exchange import Amended, Composed, Received, Served, Verbatim
from overt.core.finding import Cause, Unavailable
from overt.core.notice import Notice, Stamp
from overt.core.policy import OnUnavailable, OnUncovered, Policy
from overt.core.receipt import Position
from overt.core.request import Asked
from overt.core.serve import Relaying
from overt.ports import Log, Upstream

STAMP = Stamp(
    notice_id=NoticeId("ntc_1"),
    receipt_id=ReceiptId("rcp_1"),
    issued_at="2026-10-30T12:00:00Z",
    contact="appeals@gate.example",
)
POLICY = Policy(
    name="sample",
    version="3",
    digest=Digest("sha256:"),
    modes={},
    rules=(),
    fallbacks={},
    on_unavailable=OnUnavailable.RETRY,
    on_uncovered=OnUncovered.NOTIFY,
)


def refuse(notice: Notice) -> Action:
    """Refuse and say so."""
    return Intervene(Refuse(), notice)


async def send(upstream: Upstream, asked: Asked, notice: Notice) -> None:
    """Send on what came, and what was changed with its notice."""
    await upstream.send(Verbatim(asked.raw, asked.request.model), path="/v1/messages", headers=())
    await upstream.send(Amended(b"{}", ModelName("small-1"), notice), path="/v1/messages", headers=())


async def record(log: Log, entry: bytes) -> Relaying:
    """Log first."""
    position: Position = await log.append(entry)
    return Relaying(position)


def serve(state: Relaying, received: Received, notice: Notice, composed: Composed) -> list[Served]:
    """Tell first, write then."""
    first = state.relay(received)
    told, disclosed = state.disclose(notice, composed)
    return [first, told, disclosed.write(composed), disclosed.relay(received)]


def action_word(action: Action) -> str:
    """Every action has a word."""
    match action:
        case Pass():
            return "pass"
        case Intervene(remedy=remedy):
            return remedy_word(remedy)
        case _ as unreachable:
            assert_never(unreachable)


def remedy_word(remedy: Remedy) -> str:
    """Every remedy has a word."""
    match remedy:
        case Notify():
            return "notify"
        case Redirect():
            return "redirect"
        case Refuse():
            return "refuse"
        case RetryLater():
            return "retry"
        case _ as unreachable:
            assert_never(unreachable)


def cause_words(missing: Unavailable) -> str:
    """Every cause has a word."""
    match missing.cause:
        case Cause.FAULT:
            return "it failed"
        case Cause.LANGUAGE:
            return f"{missing.language} is not covered"
        case _ as unreachable:
            assert_never(unreachable)


def answer_words(answer: OnUncovered) -> str:
    """Every answer to a language that is not covered has a word."""
    match answer:
        case OnUncovered.NOTIFY | OnUncovered.RECORD:
            return "answered"
        case OnUncovered.REFUSE:
            return "refused"
        case _ as unreachable:
            assert_never(unreachable)


def old_call(missing: Unavailable) -> Unavailable:
    """A fault needs no word for its cause."""
    return Unavailable(domain=missing.domain, reason=missing.reason)
