"""Verifying a report, in numbered steps. The first that fails ends it; `docs/audit/report.md` has the same numbers.

1. plan: the key signed it, and each byte is as Overt writes it
2. records: each line is canonical, and the chain continues the plan to its end
3. reference: a recorded reference is the one that the plan names
4. calls: every record is a call of the plan (route, prompt, repetition, request to the byte), none after its answer
5. order: calls left in the plan's order, as far as so many at once allow
6. times: the plan was made before the first call
7. result: the same key signed it, and each byte is as Overt writes it
8. data: the result names this plan, these records and their Merkle root
9. numbers: each is worked out again from the responses
10. verdict: it is one of four, and follows from the numbers
11. limits: what was not proved

Nothing derived is read: not the rows that a collection writes, and not the page of a report.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from overt.audit.answers import answer_of
from overt.audit.chain import Chain
from overt.audit.collect.order import units_of
from overt.audit.collect.request import body_of
from overt.audit.plan import Plan, Route
from overt.audit.record import Record
from overt.audit.report.document import again, parts_of, programs
from overt.audit.report.follows import check_verdict
from overt.audit.report.material import Files, Material, plan_in, recorded_of, whole_chain
from overt.audit.report.result import Result, result_of
from overt.audit.report.seal import open_result
from overt.errors import VerificationFailed
from overt.proof import canonical
from overt.proof.verify import Mark, Step, run

STEPS: Final = (
    "plan",
    "records",
    "reference",
    "calls",
    "order",
    "times",
    "result",
    "data",
    "numbers",
    "verdict",
    "limits",
)
LIMITS: Final = (
    "not proved: that the responses are what a provider sent (it signed nothing); that no call was made beside these; "
    "that the times are true; why answers changed"
)
Found = tuple[Mark, str]


def verify_report(files: Files, result: bytes, vkey: str, *, trusted: bool) -> tuple[Step, ...]:
    """All steps, or those up to the first that fails. ``trusted``: ``vkey`` is from a source other than the folder."""
    return run(STEPS, _found(files, result, vkey, trusted=trusted))


def _found(files: Files, raw: bytes, vkey: str, *, trusted: bool) -> Iterator[Found]:
    plan, digest = plan_in(files.plan, vkey)
    yield _plan(digest, vkey, trusted=trusted)  # 1
    chain = whole_chain(files.records, digest)
    yield Mark.HOLDS, f"{len(chain.records):,} records continue the plan, Merkle root {chain.root}"  # 2
    recorded = recorded_of(plan, files.recorded)
    yield _reference(plan)  # 3
    yield check_calls(plan, chain)  # 4
    yield check_order(plan, chain.records)  # 5
    yield check_times(plan, chain.records)  # 6
    published = open_result(raw, vkey)
    members = parts_of(published)
    yield Mark.HOLDS, f"signed by the same key, made at {members['made_at']}"  # 7
    yield _data(members, digest, chain)  # 8
    found = result_of(Material(plan=plan, digest=digest, chain=chain, recorded=recorded))
    yield _numbers(published, members, found)  # 9
    yield Mark.HOLDS, check_verdict(published, plan)  # 10
    yield Mark.OPEN, LIMITS  # 11


def check_calls(plan: Plan, chain: Chain) -> Found:
    """Every record is what the collection would have asked, and asks for nothing that was answered already."""
    routes = {route.name: route for route in plan.routes}
    prompts = {prompt.pid: prompt for prompt in plan.prompts}
    answered: dict[tuple[str, str, int], int] = {}
    for record in chain.records:
        route, prompt, call = routes.get(record.route), prompts.get(record.pid), (record.route, record.pid, record.rep)
        if route is None or prompt is None or record.rep >= plan.samples:
            raise VerificationFailed(f"record {record.number}", f"the plan does not ask {call!r}")
        if (odd := _odd(record, route)) is not None:
            raise VerificationFailed(f"record {record.number}", odd)
        if record.request != body_of(route, prompt):
            raise VerificationFailed(f"record {record.number}", "its request is not the one that the plan gives")
        if call in answered:
            raise VerificationFailed(
                f"record {record.number}", f"{call!r} was answered by record {answered[call]} and was asked again"
            )
        if answer_of(record).error is None:
            answered[call] = record.number
    planned = len(plan.prompts) * plan.samples * len(plan.routes)
    return Mark.HOLDS, f"every request is one of the plan's, to the byte; {len(answered):,} of {planned:,} are answered"


def _odd(record: Record, route: Route) -> str | None:
    for name, found, expected in (
        ("role", record.role, route.role),
        ("API", record.api, route.api),
        ("model", record.model, route.model),
    ):
        if found != expected:
            return f"its {name} is {found!r}, the plan's is {expected!r}"
    return None


def check_order(plan: Plan, records: tuple[Record, ...]) -> Found:
    """At no instant had a route skipped more of the plan's calls than can be under way at once.

    A collection begins units in the plan's order (`overt.audit.collect.order`), at most so many at once as its quickest
    route may have calls, and asks what is left in that order again after a stop. Twice as many are allowed here, since
    clocks are set.
    """
    places = {(unit.prompt.pid, unit.rep): place for place, unit in enumerate(units_of(plan))}
    most = 2 * max((route.most_at_once for route in plan.routes), default=1)
    by_route: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for record in records:
        by_route[record.route].append((record.at, places[record.pid, record.rep]))
    for name, asked in by_route.items():
        seen, furthest = set[int](), -1
        for at, place in sorted(asked):
            seen.add(place)
            furthest = max(furthest, place)
            if furthest + 1 - len(seen) > most:
                raise VerificationFailed(
                    f"route {name!r}",
                    f"by {at} it had asked call {furthest + 1} of the plan's order, and not {furthest + 1 - len(seen)} "
                    f"of those before it; at most {most} can be under way",
                )
    return Mark.HOLDS, f"every route was asked in the order that the seed {plan.seed} gives, up to {most} at once"


def check_times(plan: Plan, records: tuple[Record, ...]) -> Found:
    """By the collector's own clock."""
    if not records:
        return Mark.OPEN, "no call was made"
    first = min(_instant(record.at, f"record {record.number}") for record in records)
    made = _instant(plan.made_at, "plan")
    if first < made:
        raise VerificationFailed("times", f"the first call left at {first}, before the plan was made at {made}")
    return Mark.HOLDS, f"the plan was made at {plan.made_at}, the first call left at {first.isoformat()}"


def _instant(text: str, where: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise VerificationFailed(where, f"{text!r} is no instant: {error}") from error
    if found.tzinfo is None:
        raise VerificationFailed(where, f"{text!r} does not say in which zone it is")
    return found


def _plan(digest: str, vkey: str, *, trusted: bool) -> Found:
    if trusted:
        return Mark.HOLDS, f"the key signed it; its digest is {digest}"
    return Mark.OPEN, (
        f"signed by the key beside it ({vkey}), which shows that they belong together and not whose they are; its "
        f"digest is {digest}"
    )


def _reference(plan: Plan) -> Found:
    if plan.recorded is None:
        return Mark.HOLDS, "it was asked with the endpoint, and is in the records"
    return Mark.HOLDS, f"the recording has the digest {plan.recorded}, which the plan names"


def _data(members: dict[str, canonical.Value], digest: str, chain: Chain) -> Found:
    if members.get("plan") != digest:
        raise VerificationFailed("result", f"it is of the plan {members.get('plan')!r}, not of {digest!r}")
    data = members.get("data")
    for name, there in (("records", len(chain.records)), ("root", chain.root), ("head", chain.head)):
        said = data.get(name) if isinstance(data, dict) else None
        if said != there:
            raise VerificationFailed("data", f"the result names {name} {said!r}, the records have {there!r}")
    return Mark.HOLDS, "the result names this plan and these records"


def _numbers(published: canonical.Value, members: dict[str, canonical.Value], found: Result) -> Found:
    agreement = again(published, found)
    made_with = ""
    if members["code"] != programs():
        made_with = f" (it was made with {_shown(members['code'])}, this is {_shown(programs())})"
    if agreement.differs is not None:
        raise VerificationFailed("numbers", f"{agreement.differs}{made_with}")
    if agreement.close:
        return Mark.HOLDS, (
            f"{agreement.same:,} values are the same to the bit, {agreement.close:,} but for rounding, as "
            f"another kind of processor or library adds{made_with}"
        )
    return Mark.HOLDS, f"all {agreement.same:,} values are the same to the bit{made_with}"


def _shown(code: canonical.Value) -> str:
    return " and ".join(f"{name} {value}" for name, value in sorted(code.items())) if isinstance(code, dict) else "?"
