"""The collection itself: asks what is left of a plan, in its order, until all is done or something stops it.

1. A unit (one prompt, one repetition) begins when there is money for all its calls at their most, and asks its routes
   at once. So many units are under way as the quickest route may have calls.
2. A call that failed is recorded and made again, a bounded number of times, ever later and never before the server
   says.
3. A stop lets the calls under way come to their end and records them: they are paid for. `Collection.cut` does not
   wait for them.
4. A route that cannot go on stops the whole collection: answers without their counterpart of the same time are of no
   use, and cost the same.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final, assert_never, final

from overt.audit.collect.ask import Asker, Patience
from overt.audit.collect.cost import cost_of, most_cost
from overt.audit.collect.journal import Journal
from overt.audit.collect.ledger import Call, Ledger, Standing
from overt.audit.collect.order import Unit, units_of
from overt.audit.collect.outcome import Outcome, outcome_of, reason_to_stop, wait_asked
from overt.audit.collect.pace import Pace, pause
from overt.audit.collect.purse import Purse
from overt.audit.collect.request import body_of
from overt.audit.collect.write import Writer
from overt.audit.plan import Plan, Route
from overt.audit.record import Record

OVERLOADED: Final = frozenset({429, 503, 529})
"""What these say is about the whole route, not about one request."""


class Cause(StrEnum):
    """What ended a collection before all was asked."""

    BUDGET = "budget"
    ROUTE = "route"
    INTERRUPTED = "interrupted"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why a collection ended early. ``said`` is a sentence with the remedy."""

    cause: Cause
    said: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One call that is to be made. ``most`` is the most that it may cost; ``aside`` what is set aside for it."""

    route: Route
    call: Call
    request: str
    most: Decimal
    aside: Decimal


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a collection works with. ``ledger`` has read the earlier records; ``purse`` knows what they cost."""

    ledger: Ledger
    purse: Purse
    writer: Writer
    journal: Journal
    asker: Asker
    patience: Patience = field(default_factory=Patience)


@final
class Collection:
    """See the module. `run` once; `stop`, `cut` and `standings` at any time while it runs."""

    def __init__(self, plan: Plan, parts: Parts) -> None:
        self._plan = plan
        self._parts = parts
        self._routes = {route.name: route for route in plan.routes}
        self._stopped = asyncio.Event()
        self._paces = {route.name: Pace(route, self._stopped) for route in plan.routes}
        self._given_up: Counter[str] = Counter()
        self._under_way: set[asyncio.Task[Record]] = set()
        self._stop: Stop | None = None
        self._cut = False

    async def run(self) -> Stop | None:
        """Ask all that is left; None when every call that could be made was. Nothing that came is lost by an error."""
        writing = asyncio.create_task(self._parts.writer.run())
        try:
            await self._ask_all()
        except ExceptionGroup as group:
            raise _first(group) from group
        finally:
            self._parts.writer.finish()
            await writing
        return self._stop

    def stop(self, cause: Cause, said: str) -> None:
        """Ask nothing more; what is under way comes to its end. The first cause counts."""
        if self._stop is None:
            self._stop = Stop(cause=cause, said=said)
        self._stopped.set()

    def cut(self) -> None:
        """Do not wait for what is under way, either."""
        self._cut = True
        self._stopped.set()
        for asking in self._under_way:
            asking.cancel()

    @property
    def under_way(self) -> int:
        """How many calls wait for their response."""
        return len(self._under_way)

    @property
    def spent(self) -> Decimal:
        """What all calls cost until now, those of earlier runs and lost ones included."""
        return self._parts.purse.spent

    def standings(self) -> tuple[Standing, ...]:
        """How far each route is."""
        return self._parts.ledger.standings()

    async def _ask_all(self) -> None:
        units_at_once = asyncio.Semaphore(max((route.most_at_once for route in self._plan.routes), default=1))
        async with asyncio.TaskGroup() as group:
            for unit in units_of(self._plan):
                if not (calls := self._left_of(unit)):
                    continue
                await units_at_once.acquire()
                if self._stopped.is_set() or not (asked := await self._afford(calls)):
                    break
                group.create_task(self._ask_unit(asked)).add_done_callback(lambda _: units_at_once.release())

    def _left_of(self, unit: Unit) -> list[tuple[Route, Call, str]]:
        return [
            (self._routes[name], call, body_of(self._routes[name], unit.prompt))
            for name in unit.routes
            if not self._parts.ledger.is_done(call := (name, unit.prompt.pid, unit.rep))
        ]

    async def _afford(self, calls: Iterable[tuple[Route, Call, str]]) -> list[_Asked]:
        """The calls of a unit with the money set aside for all; none of them where it does not suffice."""
        asked = [self._priced(route, call, request) for route, call, request in calls]
        if not await self._parts.purse.take(sum((each.aside for each in asked), Decimal(0))):
            self._end_of_money()
            return []
        return asked

    def _priced(self, route: Route, call: Call, request: str) -> _Asked:
        most = most_cost(route, request)
        aside = self._parts.purse.margin(route.name) * most
        return _Asked(route=route, call=call, request=request, most=most, aside=aside)

    def _end_of_money(self) -> None:
        purse = self._parts.purse
        more = (
            f"raise --budget, up to the plan's {self._plan.budget}" if purse.limit < self._plan.budget else "plan again"
        )
        self.stop(
            Cause.BUDGET,
            f"{purse.spent:.4f} of the budget of {purse.limit} {self._plan.currency} is spent, and the rest does not "
            f"cover another call at its most. What is complete is kept; for more, {more}",
        )

    async def _ask_unit(self, unit: list[_Asked]) -> None:
        async with asyncio.TaskGroup() as group:
            for asked in unit:
                group.create_task(self._ask_until_done(asked))

    async def _ask_until_done(self, asked: _Asked) -> None:
        for failures in range(1, self._parts.patience.attempts + 1):
            async with self._paces[asked.route.name].turn() as may_ask:
                if not may_ask:
                    self._parts.purse.give_back(asked.aside)
                    return
                record = await self._attempt(asked)
            if record is None or self._is_over(asked.route, record):
                return
            if failures == self._parts.patience.attempts:
                self._give_up(asked.route, record)
                return
            await self._wait(asked.route, record, failures)
            if self._stopped.is_set():
                return
            asked = self._priced(asked.route, asked.call, asked.request)
            if not await self._parts.purse.take(asked.aside):
                self._end_of_money()
                return

    async def _attempt(self, asked: _Asked) -> Record | None:
        """One call, recorded and paid; None where it was cut off."""
        parts, name = self._parts, asked.route.name
        if asked.route.price is not None:
            parts.journal.note(asked.call)
        came = await self._ask(asked)
        if came is None:
            parts.purse.book(name, aside=asked.aside, most=asked.most, cost=asked.most)
            return None
        record = await parts.writer.write(came)
        parts.ledger.add(record)
        parts.purse.book(name, aside=asked.aside, most=asked.most, cost=cost_of(record, asked.route))
        return record

    async def _ask(self, asked: _Asked) -> Record | None:
        _, pid, rep = asked.call
        asking = asyncio.create_task(self._parts.asker.ask(asked.route, pid=pid, rep=rep, request=asked.request))
        self._under_way.add(asking)
        try:
            return await asking
        except asyncio.CancelledError:
            if not self._cut:
                raise
            return None
        finally:
            self._under_way.discard(asking)

    def _is_over(self, route: Route, record: Record) -> bool:
        """Whether the call needs no other attempt; stops the collection where the route can do no other."""
        outcome = outcome_of(record)
        match outcome:
            case Outcome.ANSWERED:
                self._given_up[route.name] = 0
                return True
            case Outcome.REJECTED:
                if self._parts.ledger.rejects(route.name):
                    self.stop(Cause.ROUTE, reason_to_stop(record, route))
                return True
            case Outcome.HOPELESS:
                self.stop(Cause.ROUTE, reason_to_stop(record, route))
                return True
            case Outcome.FAILED:
                return self._must_wait_too_long(route, record)
            case _ as unreachable:
                assert_never(unreachable)

    def _must_wait_too_long(self, route: Route, record: Record) -> bool:
        wait = wait_asked(record)
        if wait is None or wait <= self._parts.patience.longest_wait_s:
            return False
        self.stop(
            Cause.ROUTE, f"route {route.name!r} answered {record.status} and asks to wait {wait:.0f} s: go on then"
        )
        return True

    def _give_up(self, route: Route, record: Record) -> None:
        """This call is left for another run; so are all where calls fail one after the other."""
        self._given_up[route.name] += 1
        if self._given_up[route.name] >= self._parts.patience.given_up_in_a_row:
            why = record.fault or f"HTTP status {record.status}"
            self.stop(
                Cause.ROUTE,
                f"route {route.name!r} at {route.base_url!r} failed {self._parts.patience.attempts} times for each of "
                f"{self._given_up[route.name]} calls in a row, last with {why!r}: go on when it answers again",
            )

    async def _wait(self, route: Route, record: Record, failures: int) -> None:
        patience, asked = self._parts.patience, wait_asked(record)
        # A server that says how long to wait is believed once; if that was not enough, it is asked ever later, too.
        doublings = failures - 1 if asked is None else failures - 2
        backoff = min(patience.longest_backoff_s, patience.backoff_s * 2**doublings) if doublings >= 0 else 0.0
        wait = max(backoff, asked or 0.0) * random.uniform(1.0, 1.5)
        if record.status in OVERLOADED:
            self._paces[route.name].hold(wait)
        await pause(wait, self._stopped)


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """One exception of a group of groups: the others came of it, or say the same."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first
