"""Which reply is told: the requested model's, a fallback's, or none (flow steps 6-9, in a loop).

A provider's refusal before output moves on to the next model that the caller accepts; a fallback that cannot be
reached leaves the refusal before it standing. Each hop starts from the caller's own bytes, and every turn of events
is in the decision's notice. Still nothing has been served.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import final

from overt.core.decide import after_failed_fallback, after_last_refusal, after_provider_refusal
from overt.core.decision import Decision, Intervene, Redirect
from overt.core.domain import ModelName
from overt.core.exchange import Amended, Outgoing, ProviderRefusal
from overt.core.notice import Stamp
from overt.core.policy import Policy
from overt.core.request import Asked
from overt.errors import InvariantBroken, UpstreamError
from overt.gateway.attempt import Attempt, begins
from overt.wire.anthropic.amend import amend
from overt.wire.anthropic.shape import Hop, policy_hop, provider_hop
from overt.wire.anthropic.stream import message_id

Try = Callable[[Outgoing], Awaitable[Attempt]]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The course that things took. ``reply`` is None where no model's words are told.

    ``hops`` are the attempts that declined; ``message_id`` the first attempt's, None if no model began;
    ``recommended`` the model that could not be reached.
    """

    decision: Decision
    reply: Attempt | None
    hops: tuple[Hop, ...] = ()
    message_id: str | None = None
    recommended: ModelName | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """Where the loop stands: what was decided so far, who declined, and the last refusal that could be told."""

    decision: Decision
    outgoing: Outgoing
    hops: tuple[Hop, ...]
    tried: frozenset[ModelName]
    refused: Attempt | None = None
    message_id: str | None = None


async def settle(
    policy: Policy, asked: Asked, decision: Decision, outgoing: Outgoing, *, stamp: Stamp, make: Try
) -> Settled:
    """Try models until one answers or none is left. Raises `UpstreamError` if the requested model fails."""
    course = _Course(
        decision=decision,
        outgoing=outgoing,
        hops=(policy_hop(outgoing.notice),) if isinstance(outgoing, Amended) else (),
        tried=frozenset({asked.request.model, outgoing.model}),
    )
    while True:
        reply = await _reach(course.outgoing, make)
        if reply is None:
            return _unreached(course)
        course = replace(course, message_id=course.message_id or message_id(reply.units))
        if reply.refusal is None:
            return Settled(decision=course.decision, reply=reply, hops=course.hops, message_id=course.message_id)
        following = after_provider_refusal(
            policy, asked.request, course.decision, reply.refusal, tried=course.tried, stamp=stamp
        )
        if following is None:
            return Settled(
                decision=after_last_refusal(course.decision),
                reply=reply,
                hops=course.hops,
                message_id=course.message_id,
            )
        await reply.aclose()
        course = _advance(course, asked, following, reply, reply.refusal)


async def _reach(outgoing: Outgoing, make: Try) -> Attempt | None:
    """The attempt; None where a fallback could not be reached, which is not the caller's loss to bear as an error."""
    try:
        reply = await make(outgoing)
    except UpstreamError:
        if isinstance(outgoing, Amended):
            return None
        raise
    if isinstance(outgoing, Amended) and (reply.failed or not begins(reply)):
        await reply.aclose()
        return None
    return reply


def _advance(course: _Course, asked: Asked, following: Decision, reply: Attempt, refusal: ProviderRefusal) -> _Course:
    """On to the next model, from the caller's own bytes."""
    action = following.action
    if not isinstance(action, Intervene) or not isinstance(action.remedy, Redirect):
        raise InvariantBroken("what follows a provider's refusal is a redirect")
    target = action.remedy.to
    declined = asked.request.model if not isinstance(course.outgoing, Amended) else reply.reported or reply.asked
    return replace(
        course,
        decision=following,
        outgoing=Amended(amend(asked.raw, target), target.model, action.notice),
        hops=(*course.hops, provider_hop(declined, refusal, reply.units)),
        tried=course.tried | {target.model},
        refused=reply,
    )


def _unreached(course: _Course) -> Settled:
    """The refusal before the fallback stands, and recommends it: the provider's, or our own."""
    target = course.outgoing.model
    return Settled(
        decision=after_failed_fallback(course.decision, target),
        reply=course.refused,
        hops=course.hops[:-1] if course.refused is not None else course.hops,
        message_id=course.message_id,
        recommended=target,
    )
