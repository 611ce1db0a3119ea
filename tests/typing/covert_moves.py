"""Covert moves, written down: each marked line must be an error of the named kind, and no other line may be one."""

from typing import assert_never

from overt.core.decision import Action, Intervene, Notify, Pass, Redirect, Refuse, Remedy
from overt.core.domain import ModelName, NoticeId, RuleId
from overt.core.exchange import Amended, Composed, Declined, Received
from overt.core.finding import Cause
from overt.core.notice import Notice
from overt.core.policy import OnUncovered, Policy
from overt.core.receipt import Position
from overt.core.serve import Disclosed, Relaying
from overt.ports import Store, Upstream


def intervene_without_a_notice() -> Action:
    return Intervene(Refuse())  # E: call-arg


def intervene_with_no_notice() -> Action:
    return Intervene(Refuse(), None)  # E: arg-type


def swap_the_model_without_a_notice() -> Amended:
    return Amended(b"{}", ModelName("small"))  # E: call-arg


async def send_on_what_was_declined(upstream: Upstream, notice: Notice) -> None:
    await upstream.send(Declined(notice), path="/v1/messages", headers=())  # E: arg-type


async def send_bytes_of_nobody(upstream: Upstream) -> None:
    await upstream.send(b"{}", path="/v1/messages", headers=())  # E: arg-type


def relay_an_edited_reply(state: Relaying, received: Received) -> None:
    state.relay(Composed(received.raw + b" and more"))  # E: arg-type


def write_before_disclosing(state: Relaying) -> None:
    state.write(Composed(b"{}"))  # E: attr-defined


def disclose_without_a_notice(state: Relaying) -> None:
    state.disclose(Composed(b"{}"))  # E: call-arg arg-type


def answer_without_a_record() -> Relaying:
    return Relaying()  # E: call-arg


def answer_before_the_record_is_durable(entry: bytes) -> Relaying:
    return Relaying(entry)  # E: arg-type


def pretend_to_have_disclosed(position: Position) -> Disclosed:
    return Disclosed(position)  # E: call-arg


def change_a_notice_afterwards(notice: Notice) -> None:
    notice.what = "Nothing happened."  # E: misc


def forget_an_action(action: Action) -> str:
    match action:
        case Pass():
            return "pass"
        case _ as unreachable:
            assert_never(unreachable)  # E: arg-type


def forget_a_remedy(remedy: Remedy) -> str:
    match remedy:
        case Notify() | Redirect():
            return "told"
        case Refuse():
            return "refused"
        case _ as unreachable:
            assert_never(unreachable)  # E: arg-type


def forget_a_cause(cause: Cause) -> str:
    match cause:
        case Cause.FAULT:
            return "try again"
        case _ as unreachable:
            assert_never(unreachable)  # E: arg-type


def forget_an_answer_to_a_language(answer: OnUncovered) -> str:
    match answer:
        case OnUncovered.NOTIFY:
            return "told"
        case OnUncovered.REFUSE:
            return "refused"
        case _ as unreachable:
            assert_never(unreachable)  # E: arg-type


async def take_a_rule_for_a_notice(store: Store, rule: RuleId) -> None:
    await store.notice(rule)  # E: arg-type


def say_nothing_about_unavailable(policy: Policy) -> Policy:
    return Policy(  # E: call-arg
        name=policy.name,
        version=policy.version,
        digest=policy.digest,
        modes=policy.modes,
        rules=policy.rules,
        fallbacks=policy.fallbacks,
        on_uncovered=policy.on_uncovered,
    )


def say_nothing_about_a_language_that_is_not_covered(policy: Policy) -> Policy:
    return Policy(  # E: call-arg
        name=policy.name,
        version=policy.version,
        digest=policy.digest,
        modes=policy.modes,
        rules=policy.rules,
        fallbacks=policy.fallbacks,
        on_unavailable=policy.on_unavailable,
    )


def take_a_fault_for_a_language(policy: Policy) -> OnUncovered:
    return policy.on_unavailable  # E: return-value


def name_a_notice(name: str) -> NoticeId:
    return NoticeId(name)
