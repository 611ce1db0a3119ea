"""Whether the verdict of a document follows from its own numbers: the rules, applied without the responses.

A second look at what was signed, independent of the code that made it: a verdict is one of four; "changed" stands on a
p-value of at most alpha; "changed more on topic" on all conditions of the rule that can be read off the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from overt.audit.plan import Plan, Question
from overt.audit.verdict import Verdict
from overt.errors import VerificationFailed
from overt.proof import canonical

LOUDEST: Final = (Verdict.CHANGED_ON_TOPIC, Verdict.CHANGED, Verdict.CANNOT_TELL, Verdict.NO_CHANGE)


def check_verdict(published: canonical.Value, plan: Plan) -> str:
    """What follows, as a sentence; `VerificationFailed` where the verdict does not."""
    document = _object(published, "result")
    verdict = _verdict(document, "result")
    endpoints = document.get("endpoints")
    if not isinstance(endpoints, list) or not endpoints:
        raise VerificationFailed("verdict", f"the result has the endpoints {endpoints!r}, expected at least one")
    found = [_endpoint(_object(each, "endpoint"), plan, len(endpoints)) for each in endpoints]
    loudest = next(each for each in LOUDEST if each in found)
    if verdict is not loudest:
        raise VerificationFailed("verdict", f"it is {str(verdict)!r}, and from its endpoints follows {str(loudest)!r}")
    return f"{str(verdict)!r} follows from the numbers"


def _endpoint(endpoint: Mapping[str, canonical.Value], plan: Plan, endpoints: int) -> Verdict:
    verdict, alpha = _verdict(endpoint, "endpoint"), plan.alpha / endpoints
    if plan.question is Question.CHANGE:
        _check_change(verdict, endpoint.get("change"), alpha)
    else:
        _check_topic(verdict, _object(endpoint.get("topic"), "topic"), alpha, plan.margin)
    return verdict


def _check_change(verdict: Verdict, found: canonical.Value, alpha: float) -> None:
    if found is None:
        _demand(verdict is Verdict.CANNOT_TELL, verdict, "nothing was compared")
        return
    p_value = _number(_object(found, "change"), "p_value")
    if p_value is None:
        raise VerificationFailed("verdict", "a comparison without a p-value has no verdict")
    below = p_value <= alpha
    _demand(
        below == (verdict is Verdict.CHANGED) and verdict is not Verdict.CHANGED_ON_TOPIC,
        verdict,
        f"p is {p_value:g} at alpha {alpha:g}",
    )


def _check_topic(verdict: Verdict, found: Mapping[str, canonical.Value], alpha: float, margin: float) -> None:
    p_value, placebo, anything = (_number(found, name) for name in ("p_value", "placebo_p", "p_change"))
    if p_value is None or anything is None:
        _demand(verdict is Verdict.CANNOT_TELL, verdict, "nothing was compared")
        return
    on_topic = p_value <= alpha and placebo is not None
    delta = _number(found, "delta")
    if verdict is Verdict.CHANGED_ON_TOPIC:
        lost = delta is None or delta > 0
        _demand(on_topic and lost, verdict, f"p is {p_value:g}, placebo p {placebo}, loss {delta} (margin {margin:g})")
    elif verdict is Verdict.CHANGED:
        _demand(anything <= alpha or on_topic, verdict, f"p of any change is {anything:g} at alpha {alpha:g}")
    elif verdict is Verdict.NO_CHANGE:
        _demand(anything > alpha, verdict, f"p of any change is {anything:g} at alpha {alpha:g}")


def _demand(holds: bool, verdict: Verdict, why: str) -> None:
    if not holds:
        raise VerificationFailed("verdict", f"{str(verdict)!r} does not follow: {why}")


def _verdict(found: Mapping[str, canonical.Value], where: str) -> Verdict:
    said = found.get("verdict")
    if not isinstance(said, str) or said not in list(Verdict):
        raise VerificationFailed("verdict", f"the {where} says {said!r}, which is none of {[str(v) for v in Verdict]}")
    return Verdict(said)


def _object(found: canonical.Value, where: str) -> Mapping[str, canonical.Value]:
    if not isinstance(found, dict):
        raise VerificationFailed("verdict", f"the {where} is {found!r}, expected an object")
    return found


def _number(found: Mapping[str, canonical.Value], name: str) -> float | None:
    said = found.get(name)
    if said is None:
        return None
    try:
        return float(str(said))
    except ValueError as error:
        raise VerificationFailed("verdict", f"{name} is {said!r}, expected a number") from error
