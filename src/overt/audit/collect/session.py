"""One run of ``overt audit collect`` in a folder: everything is opened, checked, run and closed in the right order.

1. Plan and budget come checked from the caller; parameters of routes are checked here.
2. The file of records is locked, verified and, after a crash, repaired.
3. What was asked and never recorded is counted at its most (`Journal`).
4. Keys are looked for only if there is something left to ask, and before the first call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final, final

from overt.audit.collect.ask import Asker, Patience
from overt.audit.collect.cost import FREE, most_cost
from overt.audit.collect.journal import lost_calls, open_journal
from overt.audit.collect.ledger import Call, Ledger
from overt.audit.collect.purse import Purse
from overt.audit.collect.request import body_of, check_routes, keys_of
from overt.audit.collect.run import Collection, Parts
from overt.audit.collect.write import Writer, open_records
from overt.audit.plan import Plan
from overt.errors import OperatorError

RECORDS_FILE: Final = "responses.jsonl"
JOURNAL_FILE: Final = "asked.jsonl"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to collect. ``digest`` is the plan's; ``budget`` the most that this audit may have cost when it ends."""

    folder: Path
    plan: Plan
    digest: str
    budget: Decimal
    environment: Mapping[str, str] = field(repr=False)
    """Holds the keys, so no message shows it."""
    patience: Patience = field(default_factory=Patience)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A collection that may be run once. ``earlier`` counts records of earlier runs, ``lost`` calls without one."""

    collection: Collection
    earlier: int
    set_aside: Path | None
    lost: int
    lost_cost: Decimal


@asynccontextmanager
async def opened(wanted: Wanted) -> AsyncIterator[Session]:
    """Everything of a run, open; closed in the end, whatever comes."""
    check_routes(wanted.plan.routes)
    records = open_records(wanted.folder / RECORDS_FILE, wanted.digest)
    writer = Writer(records)
    try:
        ledger = Ledger(wanted.plan)
        ledger.read(records.chain.records)
        lost = lost_calls(wanted.folder / JOURNAL_FILE, records.chain.records)
        lost_cost = _most(wanted.plan, lost)
        keys = keys_of(wanted.plan.routes, wanted.environment) if _is_left(ledger) else {}
        journal = open_journal(wanted.folder / JOURNAL_FILE)
        asker = Asker(keys=keys, patience=wanted.patience)
        try:
            yield Session(
                collection=Collection(
                    wanted.plan,
                    Parts(
                        ledger=ledger,
                        purse=Purse(limit=wanted.budget, spent=ledger.spent + lost_cost),
                        writer=writer,
                        journal=journal,
                        asker=asker,
                        patience=wanted.patience,
                    ),
                ),
                earlier=len(records.chain.records),
                set_aside=records.set_aside,
                lost=lost.total(),
                lost_cost=lost_cost,
            )
        finally:
            await asker.aclose()
            journal.close()
    finally:
        writer.close()


def _is_left(ledger: Ledger) -> bool:
    return any(standing.done < standing.planned for standing in ledger.standings())


def _most(plan: Plan, calls: Counter[Call]) -> Decimal:
    """The most that calls without a record may have cost."""
    routes = {route.name: route for route in plan.routes}
    prompts = {prompt.pid: prompt for prompt in plan.prompts}
    cost = FREE
    for (name, pid, _), times in calls.items():
        if name not in routes or pid not in prompts:
            raise OperatorError(f"{JOURNAL_FILE} names route {name!r} and prompt {pid!r}, which the plan does not ask")
        cost += times * most_cost(routes[name], body_of(routes[name], prompts[pid]))
    return cost
