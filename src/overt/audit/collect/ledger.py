"""Where a collection stands, worked out from its records alone: the same after a stop as without one.

A call is done when it was answered, or when its request was rejected by a route that does accept others: one of a row
of rejections, with no answer between, that is shorter than `REJECTIONS_IN_A_ROW`. What is done follows from all
records, whichever run they are of; when a route must stop follows from those of this run.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias, final

from overt.audit.answers import answer_of
from overt.audit.collect.cost import FREE, cost_of
from overt.audit.collect.outcome import REJECTIONS_IN_A_ROW, Outcome, outcome_of
from overt.audit.plan import Plan
from overt.audit.record import Record
from overt.errors import BadRequest

Call: TypeAlias = tuple[str, str, int]
"""Route, pid and rep."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a route is. ``attempts`` counts records; the others count calls of the plan."""

    route: str
    planned: int
    answered: int
    refused: int
    """Of those answered."""
    rejected: int
    attempts: int
    cost: Decimal

    @property
    def done(self) -> int:
        """Calls that will not be asked again."""
        return self.answered + self.rejected


@final
class Ledger:
    """See the module."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._routes = {route.name: route for route in plan.routes}
        self._pids = {prompt.pid for prompt in plan.prompts}
        self._answered: set[Call] = set()
        self._refused: set[Call] = set()
        self._rejected: set[Call] = set()
        self._row: dict[str, list[Call]] = defaultdict(list)
        """The rejections since the last answer."""
        self._in_this_run: Counter[str] = Counter()
        """How many of them are of this run."""
        self._attempts: Counter[str] = Counter()
        self._cost: dict[str, Decimal] = defaultdict(lambda: FREE)

    def read(self, records: Iterable[Record]) -> None:
        """Take in what earlier runs recorded. `BadRequest` if it is not of this plan."""
        for record in records:
            self._check(record)
            self.add(record)
        self._in_this_run.clear()

    def add(self, record: Record) -> Outcome:
        """Take in one record."""
        call = (record.route, record.pid, record.rep)
        outcome = outcome_of(record)
        self._attempts[record.route] += 1
        self._cost[record.route] += cost_of(record, self._routes[record.route])
        if outcome is Outcome.ANSWERED:
            self._answered.add(call)
            self._rejected |= self._singly_rejected(record.route)
            self._row[record.route].clear()
            self._in_this_run[record.route] = 0
            if answer_of(record).refused:
                self._refused.add(call)
        elif outcome is Outcome.REJECTED:
            self._row[record.route].append(call)
            self._in_this_run[record.route] += 1
        return outcome

    def rejects(self, route: str) -> bool:
        """Whether the route rejects whatever is asked."""
        return self._in_this_run[route] >= REJECTIONS_IN_A_ROW

    def is_done(self, call: Call) -> bool:
        """Whether a call is not to be made again."""
        return call in self._answered or call in self._rejected or call in self._singly_rejected(call[0])

    @property
    def spent(self) -> Decimal:
        """What all records cost."""
        return sum(self._cost.values(), FREE)

    def standings(self) -> tuple[Standing, ...]:
        """How far each route is, in the plan's order."""
        rejected_calls = self._rejected.union(*(self._singly_rejected(name) for name in self._routes)) - self._answered
        answered, refused, rejected = (
            Counter(route for route, _, _ in calls) for calls in (self._answered, self._refused, rejected_calls)
        )
        planned = len(self._plan.prompts) * self._plan.samples
        return tuple(
            Standing(
                route=name,
                planned=planned,
                answered=answered[name],
                refused=refused[name],
                rejected=rejected[name],
                attempts=self._attempts[name],
                cost=self._cost[name],
            )
            for name in self._routes
        )

    def _singly_rejected(self, route: str) -> set[Call]:
        """The calls of the row that still goes on, if they are too few to be the route's fault."""
        row = self._row[route]
        return set(row) if len(row) < REJECTIONS_IN_A_ROW else set()

    def _check(self, record: Record) -> None:
        route = self._routes.get(record.route)
        if route is None or record.pid not in self._pids or record.rep >= self._plan.samples:
            raise BadRequest(
                f"record {record.number} is of route {record.route!r}, prompt {record.pid!r} and rep {record.rep}, "
                "which the plan does not ask: collect every plan in a folder of its own"
            )
