"""What a reader must know beside the verdict, in sentences: signs in the responses, gaps in the data, and limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from overt.audit.compare import Comparison
from overt.audit.plan import Plan, Role
from overt.audit.report.path import Path
from overt.audit.report.routes import RouteFound, Tokens
from overt.audit.verdict import Verdict

LIMITS: Final = (
    "A change of answers has innocent causes: another version, another host, a hidden prompt, routing, a trial with "
    "some users, other hardware. This says that answers changed, not why, and not that anybody meant it.",
    "No change detected is not proof of none: a change smaller than the audit could see, on other prompts, at another "
    "time or for other accounts stays unseen.",
    "An endpoint that recognises these prompts or this account may answer them otherwise than others'.",
    "Times are those of the machine that collected. That the plan is older than the data is proved only where its "
    "digest was published, or entered into a log, before.",
    "The signature shows that the key's owner vouches for these responses as they were received; no provider signed "
    "them.",
)
RECORDED: Final = (
    "The reference is a recording that was made before. A difference may be the passing of time between the two, and "
    "the recording is not in the chain of this audit: the plan names its digest."
)
ASKED: Final = (
    "The reference is the route {name!r} ({model!r} at {url!r}), asked in the same minutes. It is taken as what the "
    "endpoint should be: if it changed as well, in the same way, that is not seen."
)
MOSTLY: Final = 0.8
MOST_NAMES: Final = 5
LONGEST_NAME: Final = 120


def limits_of(plan: Plan) -> tuple[str, ...]:
    """What was the reference, and what nothing here proves."""
    reference = next((route for route in plan.routes if route.role is Role.REFERENCE), None)
    if reference is None:
        return (RECORDED, *LIMITS)
    told = ASKED.format(name=reference.name, model=reference.model, url=reference.base_url)
    return (told, *LIMITS)


def notes_of(
    plan: Plan,
    *,
    answered: int,
    planned: int,
    late: int,
    baseline: Comparison | None,
    routes: Sequence[RouteFound],
) -> tuple[str, ...]:
    """About the audit as a whole."""
    found: list[str] = []
    endpoints = sum(1 for route in plan.routes if route.role is Role.ENDPOINT)
    if answered < planned:
        found.append(
            f"{planned - answered:,} of {planned:,} planned calls have no answer: the test is of those that do"
        )
    if late:
        found.append(f"{late:,} pairs were asked for more than an hour apart: they are no pairs in time")
    if endpoints > 1:
        found.append(f"{endpoints} endpoints: each is tested at alpha {plan.alpha:g}/{endpoints}")
    if baseline is not None and baseline.verdict is Verdict.CHANGED:
        found.append(
            f"the reference differs from itself between its repetitions (p = {baseline.p_value:.3g}): it is no steady "
            "reference, and a change of the endpoint may be of this kind"
        )
    for route in routes:
        if route.role is Role.REFERENCE:
            found += _on_names(route)
    return tuple(found)


def notes_on(
    route: RouteFound,
    *,
    verdict: Verdict,
    answered_by_both: bool,
    unrefused: Comparison | None,
    path: Path | None,
    tokens: Tokens | None,
) -> tuple[str, ...]:
    """About one endpoint."""
    found = list(_on_names(route))
    if not answered_by_both:
        found.append("no prompt was answered by both sides, so nothing could be compared")
    if tokens is not None:
        found += _on_tokens(tokens)
    if route.refused:
        found.append(f"{route.refused:,} of {route.answered:,} answers are refusals by the server's own word")
    if route.empty:
        found.append(
            f"{route.empty:,} answers are empty and are no refusals: a limit of tokens that is too low, perhaps"
        )
    if unrefused is not None and verdict is Verdict.CHANGED and unrefused.verdict is not Verdict.CHANGED:
        found.append(
            f"without the prompts that a side refused no change is detected (p = {unrefused.p_value:.3g}): what "
            "changed is mostly what is refused"
        )
    if path is not None and path.alarm_at is not None and not verdict.is_finding:
        found.append(
            f"the e-process raised its alarm after {path.alarm_at:,} pairs, the registered test did not: the verdict "
            "is the test's"
        )
    return tuple(found)


def _on_names(route: RouteFound) -> Iterator[str]:
    if route.by_others:
        others = [str(each.model) for each in route.served if each.relation in ("other", "snapshot")]
        names = ", ".join(repr(name[:LONGEST_NAME]) for name in others[:MOST_NAMES])
        yield (
            f"{route.by_others:,} of {route.answered:,} responses of {route.route!r} say that they are by another "
            f"model than {route.model!r}: {names}"
        )
    unnamed = sum(each.answers for each in route.served if each.model is None)
    if unnamed:
        yield f"{unnamed:,} responses of {route.route!r} name no model: who answered is not known"


def _on_tokens(tokens: Tokens) -> Iterator[str]:
    if tokens.least == tokens.most == 0:
        return
    if tokens.middle and tokens.alike >= MOSTLY * tokens.prompts:
        yield (
            f"the endpoint counts {tokens.middle:+g} input tokens for {tokens.alike:,} of {tokens.prompts:,} of the "
            "same prompts: a prompt that was added or left out, or another template"
        )
    else:
        yield (
            f"the two sides count the same prompts differently, by {tokens.least:+} to {tokens.most:+} input tokens: "
            "another tokenizer, or prompts that were changed"
        )
