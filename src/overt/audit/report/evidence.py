"""The pairs of answers that say most, for a reader: those in which the common direction of change is clearest.

A pair's ``weight`` is the inner product of its difference (in words) with the differences of all other pairs, over
their number: what the statistic of `overt.audit.stats.paired` sums up. It is the test's arithmetic, not a judgement,
and no proof by itself: some pair comes first in every audit, also where nothing changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from overt.audit.plan import Plan, Question
from overt.audit.report.sides import Place, Side
from overt.audit.stats.paired import SEEN_BY, differences

SHOWN: Final = 12
PLACES: Final = 6
"""Decimals of a weight that decide the order; what is equal to these stands in the order of prompts."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One pair. Records are those of its answers, None for a recording. Scores are None where nothing is graded."""

    pid: str
    rep: int
    weight: float
    reference_record: int | None
    endpoint_record: int | None
    reference_score: float | None
    endpoint_score: float | None


def evidence_of(plan: Plan, reference: Side, endpoint: Side) -> tuple[Evidence, ...]:
    """The clearest pairs first; of a question about a topic, pairs on the topic, and those that lost score first."""
    places = [(prompt.pid, 0) for prompt in plan.prompts if _is_asked_about(plan, prompt.topic)]
    both = [place for place in places if place in reference.answers and place in endpoint.answers]
    if len(both) < 2:
        return ()
    texts = [[side.answers[place].text for place in both] for side in (reference, endpoint)]
    rows = differences(texts[0], texts[1])[SEEN_BY].astype(np.float64)
    products = rows @ rows.T
    np.fill_diagonal(products, 0.0)
    weights = products.sum(axis=1) / (len(both) - 1)
    found = [
        _evidence(place, round(float(weight), PLACES), reference, endpoint)
        for place, weight in zip(both, weights, strict=True)
    ]
    about_topic = plan.question is Question.TOPIC
    ranked = sorted(found, key=lambda each: (-_loss(each) if about_topic else 0.0, -each.weight, each.pid))
    return tuple(ranked[:SHOWN])


def _is_asked_about(plan: Plan, topic: str) -> bool:
    return plan.question is Question.CHANGE or topic == plan.topic


def _evidence(place: Place, weight: float, reference: Side, endpoint: Side) -> Evidence:
    return Evidence(
        pid=place[0],
        rep=place[1],
        weight=weight,
        reference_record=reference.records.get(place),
        endpoint_record=endpoint.records.get(place),
        reference_score=reference.answers[place].score,
        endpoint_score=endpoint.answers[place].score,
    )


def _loss(found: Evidence) -> float:
    return (found.reference_score or 0.0) - (found.endpoint_score or 0.0)
