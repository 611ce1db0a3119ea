"""What the tests of the core share: a policy, a request and findings, each in one short call."""

from __future__ import annotations

from collections.abc import Mapping

from overt.core.decide import decide
from overt.core.decision import Decision, Intervene, Notify, Redirect, Remedy
from overt.core.domain import BANDS, Band, Digest, Domain, ModelName, NoticeId, ReceiptId, RuleId
from overt.core.finding import (
    ActingPoint,
    Assessment,
    Cause,
    ErrorRate,
    Finding,
    Release,
    Stage,
    Trigger,
    Unavailable,
)
from overt.core.notice import Ground, Notice, Stamp
from overt.core.policy import Mode, OnUnavailable, OnUncovered, Policy, Prescription, Rule
from overt.core.receipt import Position
from overt.core.request import Acceptance, Fallback, Named, Request, RequestedOnly, Role, Segment

BIG = ModelName("big-1")
SMALL = ModelName("small-1")
TINY = ModelName("tiny-1")
OTHER = ModelName("other-1")
ONLY = RequestedOnly()
POLICY_DIGEST = Digest("sha256:" + "a" * 64)
RELEASE_DIGEST = Digest("sha256:" + "b" * 64)
POSITION = Position(sequence=7, leaf=b"\x07" * 32)
STAMP = Stamp(
    notice_id=NoticeId("ntc_7"),
    receipt_id=ReceiptId("rcp_7"),
    issued_at="2026-10-30T12:00:00Z",
    contact="appeals@gate.example",
)
TRIGGER = Trigger(segment=2, role=Role.TOOL_RESULT, start=10, end=90)
ERROR_RATE = ErrorRate(domain=Domain.CYBER, flagged=3, negatives=4000, upper95=0.00194)


def released(points: Mapping[tuple[Domain, Band], float] | None = None, *rates: ErrorRate) -> Release:
    """A classifier release with these acting points and error rates."""
    earned = tuple(ActingPoint(domain=d, band=b, threshold=t) for (d, b), t in (points or {}).items())
    return Release(name="sample", version="1", digest=RELEASE_DIGEST, error_rates=rates, acting_points=earned)


def rule(
    prescription: Prescription = Prescription.REDIRECT,
    *,
    number: int = 1,
    domain: Domain = Domain.CYBER,
    band: Band = Band.HIGH_DUAL,
    threshold: float | None = 0.5,
) -> Rule:
    """One rule."""
    return Rule(
        id=RuleId(f"{domain}-{number}"),
        domain=domain,
        band=band,
        threshold=threshold,
        prescription=prescription,
        title="exploit development",
        reason="Exploits serve both sides.",
    )


def policy(
    *rules: Rule,
    mode: Mode = Mode.REFUSE,
    modes: Mapping[Domain, Mode] | None = None,
    fallbacks: Mapping[tuple[ModelName, Domain], tuple[ModelName, ...]] | None = None,
    on_unavailable: OnUnavailable = OnUnavailable.RETRY,
    on_uncovered: OnUncovered = OnUncovered.NOTIFY,
) -> Policy:
    """A policy of these rules (one that redirects, if none), every domain in ``mode``, `SMALL` in place of `BIG`."""
    return Policy(
        name="sample",
        version="3",
        digest=POLICY_DIGEST,
        modes=modes if modes is not None else dict.fromkeys(Domain, mode),
        rules=rules or (rule(),),
        fallbacks=fallbacks if fallbacks is not None else {(BIG, domain): (SMALL, TINY) for domain in Domain},
        on_unavailable=on_unavailable,
        on_uncovered=on_uncovered,
    )


def finding(
    probability: float, band: Band = Band.HIGH_DUAL, *, domain: Domain = Domain.CYBER, trigger: Trigger | None = None
) -> Finding:
    """A finding that is this sure of ``band`` and of every milder one, and excludes every worse one."""
    topic, low, high, worst = (probability if other.rank <= band.rank else 0.0 for other in BANDS)
    return Finding(domain=domain, topic=topic, low_dual=low, high_dual=high, prohibited=worst, trigger=trigger)


def missing(domain: Domain = Domain.CYBER, reason: str = "it took longer than 2 s") -> Unavailable:
    """No finding, because of a fault."""
    return Unavailable(domain=domain, reason=reason)


def uncovered(domain: Domain = Domain.CYBER, language: str | None = "ko") -> Unavailable:
    """No finding, because of the language of the request."""
    return Unavailable(domain=domain, reason="not covered", cause=Cause.LANGUAGE, language=language)


def asking(acceptance: Acceptance = ONLY, *, model: ModelName = BIG) -> Request:
    """A request for a model."""
    return Request(model=model, segments=(Segment(role=Role.USER, text="hello", message=0),), acceptance=acceptance)


def accepting(*models: ModelName) -> Named:
    """The caller's own list."""
    return Named(tuple(Fallback(model=model) for model in models))


def assessed(*findings: Finding | Unavailable, release: Release | None = None) -> Assessment:
    """What the classifier said."""
    return Assessment(stage=Stage.REQUEST, release=release or released(), findings=findings)


def decided(
    chosen: Policy,
    *findings: Finding | Unavailable,
    acceptance: Acceptance = ONLY,
    model: ModelName = BIG,
    release: Release | None = None,
) -> Decision:
    """The decision on a request with these findings."""
    return decide(chosen, asking(acceptance, model=model), assessed(*findings, release=release), STAMP)


def intervention(decision: Decision) -> Intervene:
    """The decision's intervention; there must be one."""
    assert isinstance(decision.action, Intervene), decision.action
    return decision.action


def notice(*, served: ModelName | None = None, what: str = "What.", why: str = "Why.", redress: str = "How.") -> Notice:
    """A notice with these sentences."""
    return Notice(
        stamp=STAMP,
        ground=Ground.POLICY,
        requested=BIG,
        served=served,
        policy="sample 3",
        policy_digest=POLICY_DIGEST,
        what=what,
        why=why,
        redress=redress,
    )


def answering(remedy: Remedy, requested: ModelName) -> ModelName | None:
    """The model that answers under a remedy."""
    match remedy:
        case Notify():
            return requested
        case Redirect(to=fallback):
            return fallback.model
        case _:
            return None
