"""The result of an audit: the test that the plan registered, run on the records, and what stands beside it.

1. The plan decides everything: question, prompts, alpha, seed, margin, topic and control. With several endpoints each
   is tested at alpha divided by their number, so that the chance of any false alarm in the audit is at most alpha.
2. The verdict is that of the registered tests alone. Of several endpoints the one that changed most decides.
3. The same plan and records give the same result (`overt.audit.report.numbers` says to which digit).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, assert_never, final

from overt.audit.collect.derive import gaps_of
from overt.audit.compare import Comparison, compare
from overt.audit.plan import Plan, Question
from overt.audit.report.evidence import Evidence, evidence_of
from overt.audit.report.material import Material
from overt.audit.report.notes import limits_of, notes_of, notes_on
from overt.audit.report.path import Path, path_of
from overt.audit.report.routes import RouteFound, Tokens, routes_of, tokens_between
from overt.audit.report.sides import Side, Sides, sides_of
from overt.audit.rows import Answer
from overt.audit.stats.refusals import reads_as_refusal
from overt.audit.topic import TopicAudit, audit_topic
from overt.audit.topic_rows import Asked
from overt.audit.verdict import Verdict

VERSION: Final = "overt-audit-result/1"
LOUDEST: Final = (Verdict.CHANGED_ON_TOPIC, Verdict.CHANGED, Verdict.CANNOT_TELL, Verdict.NO_CHANGE)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What the plan asked, word for word."""

    question: Question
    topic: str | None
    control: str | None
    prompts: int
    samples: int
    alpha: float
    margin: float
    seed: int
    checkers: str | None
    recorded: str | None
    power: float | None
    made_at: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """The records: how many, the Merkle root over their lines, the digest of the last, and their first and last day."""

    records: int
    root: str
    head: str
    first_at: str | None
    last_at: str | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """How much of the plan was answered. ``pairs`` have all their answers; gaps are seconds between these."""

    planned: int
    answered: int
    pairs: int
    largest_gap_s: float
    over_an_hour: int
    cost: Decimal
    budget: Decimal
    currency: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointFound:
    """One endpoint against the reference at its part of alpha: ``change`` or ``topic`` is the registered test.

    ``unrefused`` is the same test without the prompts that either side refused, where there are any: a sign of how much
    of a change is refusals.
    """

    route: str
    verdict: Verdict
    alpha: float
    change: Comparison | None
    topic: TopicAudit | None
    unrefused: Comparison | None
    path: Path | None
    tokens: Tokens | None
    evidence: tuple[Evidence, ...]
    notes: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Everything that is signed, but for the versions of the programs. ``baseline`` holds the reference against itself:
    its answers of even repetitions against those of odd ones (A/A), where there are both."""

    verdict: Verdict
    plan: str
    asked: Registered
    data: Data
    collected: Collected
    routes: tuple[RouteFound, ...]
    endpoints: tuple[EndpointFound, ...]
    baseline: Comparison | None
    notes: tuple[str, ...]
    limits: tuple[str, ...]


def result_of(material: Material, sides: Sides | None = None) -> Result:
    """The whole result; deterministic."""
    plan, records = material.plan, material.chain.records
    known = sides if sides is not None else sides_of(material)
    routes = routes_of(plan, known, records)
    alpha = plan.alpha / max(len(known.endpoints), 1)
    endpoints = tuple(_endpoint(plan, known.reference, side, routes, alpha) for side in known.endpoints)
    verdicts = {each.verdict for each in endpoints}
    collected = _collected(material, routes)
    baseline = _baseline(plan, known.reference)
    return Result(
        verdict=next((verdict for verdict in LOUDEST if verdict in verdicts), Verdict.CANNOT_TELL),
        plan=material.digest,
        asked=_registered(plan),
        data=_data(material),
        collected=collected,
        routes=routes,
        endpoints=endpoints,
        baseline=baseline,
        notes=notes_of(
            plan,
            answered=collected.answered,
            planned=collected.planned,
            late=collected.over_an_hour,
            baseline=baseline,
            routes=routes,
        ),
        limits=limits_of(plan),
    )


def _endpoint(plan: Plan, reference: Side, endpoint: Side, routes: Sequence[RouteFound], alpha: float) -> EndpointFound:
    change, topic = _tested(plan, reference, endpoint, alpha)
    path = path_of(plan, reference, endpoint, alpha)
    verdict = change.verdict if change is not None else topic.verdict if topic is not None else Verdict.CANNOT_TELL
    unrefused = _without_refusals(plan, reference, endpoint, alpha) if change is not None else None
    tokens = tokens_between(plan, reference, endpoint)
    return EndpointFound(
        route=endpoint.name,
        verdict=verdict,
        alpha=alpha,
        change=change,
        topic=topic,
        unrefused=unrefused,
        path=path,
        tokens=tokens,
        evidence=evidence_of(plan, reference, endpoint),
        notes=notes_on(
            next(route for route in routes if route.route == endpoint.name),
            verdict=verdict,
            answered_by_both=bool(_shared(reference, endpoint)),
            unrefused=unrefused,
            path=path,
            tokens=tokens,
        ),
    )


def _tested(plan: Plan, reference: Side, endpoint: Side, alpha: float) -> tuple[Comparison | None, TopicAudit | None]:
    """The registered test. Where no prompt was answered by both sides, no test of change can be run."""
    match plan.question:
        case Question.CHANGE:
            if not _shared(reference, endpoint):
                return None, None
            return compare(reference.rows, endpoint.rows, prompts=plan.prompts, alpha=alpha, seed=plan.seed), None
        case Question.TOPIC:
            asked = Asked(
                topic=str(plan.topic), control=(str(plan.control),), margin=plan.margin, alpha=alpha, seed=plan.seed
            )
            said_no = _refusals(reference, endpoint)
            return None, audit_topic(
                reference.rows,
                endpoint.rows,
                plan.prompts,
                asked,
                refused=lambda answer: _key(answer) in said_no or reads_as_refusal(answer.text),
            )
        case _ as unreachable:
            assert_never(unreachable)


def _without_refusals(plan: Plan, reference: Side, endpoint: Side, alpha: float) -> Comparison | None:
    """The same test on the prompts that neither side refused; None where nothing was refused, or nothing is left."""
    refused = {place[0] for side in (reference, endpoint) for place in side.answers if side.refused(place)}
    left = _shared(reference, endpoint) - refused
    if not refused or len(left) < 2:
        return None
    kept = [prompt for prompt in plan.prompts if prompt.pid in left]
    sides = [[answer for answer in side.rows if answer.pid in left] for side in (reference, endpoint)]
    return compare(sides[0], sides[1], prompts=kept, alpha=alpha, seed=plan.seed)


def _baseline(plan: Plan, reference: Side) -> Comparison | None:
    parts = [[answer for (_, rep), answer in reference.answers.items() if rep % 2 == half] for half in (0, 1)]
    shared = {answer.pid for answer in parts[0]} & {answer.pid for answer in parts[1]}
    if len(shared) < 2:
        return None
    kept = [prompt for prompt in plan.prompts if prompt.pid in shared]
    return compare(parts[0], parts[1], prompts=kept, alpha=plan.alpha, seed=plan.seed)


def _shared(reference: Side, endpoint: Side) -> set[str]:
    return {pid for pid, _ in reference.answers} & {pid for pid, _ in endpoint.answers}


def _refusals(*sides: Side) -> frozenset[tuple[str, str, int]]:
    return frozenset(_key(answer) for side in sides for place, answer in side.answers.items() if side.refused(place))


def _key(answer: Answer) -> tuple[str, str, int]:
    return answer.model, answer.pid, answer.rep


def _registered(plan: Plan) -> Registered:
    return Registered(
        question=plan.question,
        topic=plan.topic,
        control=plan.control,
        prompts=len(plan.prompts),
        samples=plan.samples,
        alpha=plan.alpha,
        margin=plan.margin,
        seed=plan.seed,
        checkers=plan.checkers,
        recorded=plan.recorded,
        power=plan.power,
        made_at=plan.made_at,
    )


def _data(material: Material) -> Data:
    instants = sorted(record.at for record in material.chain.records)
    return Data(
        records=len(material.chain.records),
        root=material.chain.root,
        head=material.chain.head,
        first_at=instants[0] if instants else None,
        last_at=instants[-1] if instants else None,
    )


def _collected(material: Material, routes: Sequence[RouteFound]) -> Collected:
    plan = material.plan
    gaps = gaps_of(plan, material.chain.records)
    return Collected(
        planned=sum(route.planned for route in routes),
        answered=sum(route.answered for route in routes),
        pairs=gaps.pairs,
        largest_gap_s=gaps.largest_s,
        over_an_hour=gaps.over_an_hour,
        cost=sum((route.cost for route in routes), Decimal(0)),
        budget=plan.budget,
        currency=plan.currency,
    )
