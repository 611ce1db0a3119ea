"""What the tests of the core share."""

from __future__ import annotations

from collections.abc import Mapping

from overt.core.domain import BANDS, DOMAINS, Band, Digest, Domain, ModelName, NoticeId, ReceiptId, RuleId
from overt.core.finding import ActingPoint, Assessment, Finding, Release, Stage, Trigger, Unavailable
from overt.core.notice import Stamp
from overt.core.policy import Mode, OnUnavailable, Policy, Prescription, Rule
from overt.core.request import Acceptance, Request, RequestedOnly, Role, Segment

BIG, SMALL, TINY = ModelName("big"), ModelName("small"), ModelName("tiny")
STAMP = Stamp(
    notice_id=NoticeId("ntc_1"), receipt_id=ReceiptId("rcp_1"), issued_at="2026-11-23T00:00:00Z", contact="the operator"
)
DIGEST = Digest("sha256:" + "0" * 64)
TRIGGER = Trigger(segment=0, role=Role.USER, start=0, end=5)


def release(*, earned: bool = True) -> Release:
    points = tuple(ActingPoint(domain=d, band=b, threshold=0.5) for d in DOMAINS for b in BANDS) if earned else ()
    return Release(name="r", version="1", digest=DIGEST, acting_points=points)


def finding(domain: Domain, band: Band | None, sure: float = 0.9) -> Finding:
    """On the topic and at least of this band with this probability; of nothing if there is no band."""
    rank = band.rank if band is not None else -1
    topic, low, high, prohibited = (sure if each.rank <= rank else 0.0 for each in BANDS)
    return Finding(domain=domain, topic=topic, low_dual=low, high_dual=high, prohibited=prohibited, trigger=TRIGGER)


def assessment(*found: Finding | Unavailable, earned: bool = True) -> Assessment:
    given = {each.domain: each for each in found}
    findings = tuple(given.get(domain, finding(domain, None)) for domain in DOMAINS)
    return Assessment(stage=Stage.REQUEST, release=release(earned=earned), findings=findings)


def rule(domain: Domain, band: Band, prescription: Prescription, threshold: float | None = None) -> Rule:
    return Rule(
        id=RuleId(f"{domain}-{band}"),
        domain=domain,
        band=band,
        threshold=threshold,
        prescription=prescription,
        title="exploit development",
        reason="Because.",
    )


RULES = tuple(
    rule(domain, band, prescription)
    for domain in DOMAINS
    for band, prescription in (
        (Band.LOW_DUAL, Prescription.NOTIFY),
        (Band.HIGH_DUAL, Prescription.REDIRECT),
        (Band.PROHIBITED, Prescription.REFUSE),
    )
)


def policy(
    *,
    modes: Mapping[Domain, Mode] | None = None,
    rules: tuple[Rule, ...] = RULES,
    targets: tuple[ModelName, ...] = (SMALL,),
    on_unavailable: OnUnavailable = OnUnavailable.RETRY,
) -> Policy:
    return Policy(
        name="p",
        version="1",
        digest=DIGEST,
        modes=dict.fromkeys(DOMAINS, Mode.REFUSE) | dict(modes or {}),
        rules=rules,
        fallbacks={(BIG, domain): targets for domain in DOMAINS},
        on_unavailable=on_unavailable,
    )


def request(acceptance: Acceptance = RequestedOnly(), model: ModelName = BIG) -> Request:  # noqa: B008
    return Request(model=model, segments=(Segment(role=Role.USER, text="words", message=0),), acceptance=acceptance)
