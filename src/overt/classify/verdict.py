"""What would be decided about a row: the dry run that `overt classify` and ``POST /v1/classify`` share.

A requested model is optional; the caller is taken to accept what the policy names, and where the policy names nothing
for the model, a redirect is still shown as a redirect: a dry run asks what is prescribed, not what is deployed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from overt.classify.rows import Row
from overt.core.decide import decide
from overt.core.decision import Decision, Intervene, RuleMatch, outcome
from overt.core.domain import BANDS, DOMAINS, Band, ModelName, NoticeId, ReceiptId
from overt.core.finding import Assessment, Finding, Release, Unavailable
from overt.core.notice import Stamp
from overt.core.policy import ANY_MODEL, Policy
from overt.core.request import Request, ServerChoice

UNNAMED_FALLBACK: Final = ModelName("(a model that the policy does not name)")
STAMP: Final = Stamp(
    notice_id=NoticeId("dry-run"),
    receipt_id=ReceiptId("dry-run"),
    issued_at="1970-01-01T00:00:00Z",
    contact="the operator",
)
"""A dry run issues no notice, so nobody sees this."""


def request_of(row: Row) -> Request:
    """The request of a row, whose caller accepts what the policy names."""
    return Request(model=row.model or ANY_MODEL, segments=row.segments, acceptance=ServerChoice())


def judge(row: Row, policy: Policy, assessment: Assessment, *, ms: float, unread: int = 0) -> dict[str, Any]:
    """The row that goes out for a row that came in (overt.md section 13).

    ``ms`` is what the assessment took; ``unread`` the characters over the declared cap that were not read.
    """
    request = request_of(row)
    decision = decide(_with_fallbacks(policy, request.model), request, assessment, STAMP)
    matched = _deciding(decision)
    domain, band = (matched.rule.domain, matched.rule.band) if matched is not None else _foremost(assessment)
    finding = next((f for f in assessment.findings if isinstance(f, Finding) and f.domain == domain), None)
    found: dict[str, Any] = {
        "id": row.id,
        "action": outcome(decision.action),
        "rule": matched.rule.id if matched is not None else None,
        "domain": domain,
        "band": band,
        "findings": [_finding(each) for each in assessment.findings],
        "trigger": _trigger(finding),
        "stages": _stages(finding, assessment),
        "ms": round(ms, 3),
    }
    return found | ({"unread": unread} if unread else {}) | ({"skipped": list(row.skipped)} if row.skipped else {})


def _with_fallbacks(policy: Policy, model: ModelName) -> Policy:
    missing = {(model, domain): (UNNAMED_FALLBACK,) for domain in DOMAINS if not policy.targets(model, domain)}
    return replace(policy, fallbacks={**policy.fallbacks, **missing}) if missing else policy


def _deciding(decision: Decision) -> RuleMatch | None:
    """The match that the notice is about."""
    if not isinstance(decision.action, Intervene) or decision.action.notice.clause is None:
        return None
    rule = decision.action.notice.clause.rule
    matches = (match for match in decision.grounds.matches if isinstance(match, RuleMatch))
    return next((match for match in matches if match.rule.id == rule), None)


def _foremost(assessment: Assessment) -> tuple[str | None, str | None]:
    """Where no rule decided: the domain that the text is likeliest about and its band, nothing where it is on none."""
    about = [
        found
        for found in assessment.findings
        if isinstance(found, Finding) and found.topic >= _point(assessment.release, found, Band.BENIGN)
    ]
    if not about:
        return None, None
    found = max(about, key=lambda each: each.topic)
    reached = [band for band in BANDS if found.at_least(band) >= _point(assessment.release, found, band)]
    return found.domain, max(reached, key=lambda band: band.rank)


def _point(release: Release, found: Finding, band: Band) -> float:
    point = release.acting_point(found.domain, band)
    return point if point is not None else 0.5


def _finding(found: Finding | Unavailable) -> dict[str, Any]:
    if isinstance(found, Unavailable):
        return {
            "domain": found.domain,
            "unavailable": found.reason,
            "cause": found.cause,
            "language": found.language,
        }
    return {
        "domain": found.domain,
        "topic": found.topic,
        "low_dual": found.low_dual,
        "high_dual": found.high_dual,
        "prohibited": found.prohibited,
    }


def _stages(finding: Finding | None, assessment: Assessment) -> list[str]:
    """The stages that spoke on the domain that the row is about; where it is about none, the most on any domain."""
    if finding is not None:
        return list(finding.stages) or ["stage1"]
    spoke = [list(each.stages) for each in assessment.findings if isinstance(each, Finding)]
    return max(spoke, key=len, default=[]) or ["stage1"]


def _trigger(finding: Finding | None) -> dict[str, Any] | None:
    if finding is None or finding.trigger is None:
        return None
    trigger = finding.trigger
    return {"segment": trigger.segment, "role": trigger.role, "start": trigger.start, "end": trigger.end}
