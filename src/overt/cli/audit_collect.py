"""``overt audit collect``: make the calls of a signed plan and keep every response; stop and go on at any time."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final, final

import click

from overt.audit.chain import Chain, read_chain
from overt.audit.collect.ask import Patience
from overt.audit.collect.derive import PROMPTS_FILE, Gaps, gaps_of, write_prompts, write_rows
from overt.audit.collect.ledger import Standing
from overt.audit.collect.progress import Progress, totals
from overt.audit.collect.run import Cause, Collection, Stop
from overt.audit.collect.session import RECORDS_FILE, Session, Wanted, opened
from overt.audit.planning.seal import read_plan
from overt.cli.money import checked_amount
from overt.cli.steps import checked_key, printable
from overt.errors import BadRequest, OperatorError

EVERY_ON_A_TERMINAL_S: Final = 0.2
EVERY_ELSEWHERE_S: Final = 10.0
INCOMPLETE: Final = 1
KILLED_BY: Final = 128
"""The exit status of a command that a signal ended is this and the signal's number, as in a shell."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """What a run came to."""

    stop: Stop | None
    standings: tuple[Standing, ...]
    spent: Decimal
    earlier: int
    lost: int
    lost_cost: Decimal
    set_aside: Path | None
    caught: signal.Signals | None

    @property
    def left(self) -> int:
        """Calls of the plan that have no answer."""
        done, planned = totals(self.standings)
        return planned - done


@click.command("collect")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--budget", callback=checked_amount, metavar="AMOUNT", help="Spend no more than this, if the plan allows more."
)
@click.option("--key", metavar="VKEY", callback=checked_key, help="Whose plan it must be; the key beside it otherwise.")
@click.option(
    "--timeout",
    default=Patience().answer_s,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Seconds to wait for a whole answer.",
)
@click.option("--json", "for_machines", is_flag=True, help="Print JSON.")
def command(folder: Path, budget: Decimal | None, key: str | None, timeout: float, for_machines: bool) -> None:
    """Ask what the signed plan in DIR says, and append every response to DIR/responses.jsonl.

    Keys come from the environment variables that the plan names. Ctrl-C lets the calls under way come to their end
    and keeps them; start the same command again to go on. Answers are also written as rows for 'overt audit test'.

    Exit status: 0 all is collected, 1 something is left (the budget is spent, or calls failed), 2 a route or an input
    must be corrected first, 130 interrupted.
    """
    sealed = read_plan(folder, key)
    limit = sealed.plan.budget
    if budget is not None and budget > limit:
        raise BadRequest(f"--budget {budget} is above the {limit} that the plan was signed for: make another plan")
    wanted = Wanted(
        folder=folder,
        plan=sealed.plan,
        digest=sealed.digest,
        budget=limit if budget is None else budget,
        environment=os.environ,
        patience=Patience(answer_s=timeout),
    )
    ended = asyncio.run(_collect(wanted))
    chain = read_chain(folder / RECORDS_FILE, sealed.digest)
    rows = _write_rows(wanted, chain)
    found = _summary(wanted, ended, chain, rows)
    click.echo(json.dumps(found, ensure_ascii=False, indent=2) if for_machines else _prose(wanted, ended, chain, rows))
    _leave(folder, ended)


def _write_rows(wanted: Wanted, chain: Chain) -> tuple[Path, ...]:
    write_prompts(wanted.folder, wanted.plan)
    if wanted.plan.checkers is None:
        return write_rows(wanted.folder, wanted.plan, chain.records)
    # A late import, for start-up time: the prompt sets are large, and most plans grade nothing.
    from overt.audit.prompts.sets import graded

    return write_rows(wanted.folder, wanted.plan, chain.records, graded)


def _leave(folder: Path, ended: _Ended) -> None:
    """The exit status, and on standard error what to do next."""
    if ended.caught is not None and ended.left:
        click.echo(f"overt: interrupted; resume with: overt audit collect {shlex.quote(str(folder))}", err=True)
        raise SystemExit(KILLED_BY + ended.caught)
    if ended.stop is not None and ended.stop.cause is Cause.ROUTE:
        raise OperatorError(
            f"{printable(ended.stop.said)}. To go on with this plan: overt audit collect {shlex.quote(str(folder))}"
        )
    if ended.left:
        raise SystemExit(INCOMPLETE)


async def _collect(wanted: Wanted) -> _Ended:
    caught: list[signal.Signals] = []
    async with opened(wanted) as session:
        collection = session.collection
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, _interrupt, collection, caught, number)
        showing = asyncio.create_task(_show(wanted, collection))
        try:
            stop = await collection.run()
        finally:
            showing.cancel()
            await asyncio.wait([showing])
            _clear()
        return _ended(session, stop, caught)


def _ended(session: Session, stop: Stop | None, caught: list[signal.Signals]) -> _Ended:
    return _Ended(
        stop=stop,
        standings=session.collection.standings(),
        spent=session.collection.spent,
        earlier=session.earlier,
        lost=session.lost,
        lost_cost=session.lost_cost,
        set_aside=session.set_aside,
        caught=caught[0] if caught and stop is not None and stop.cause is Cause.INTERRUPTED else None,
    )


def _interrupt(collection: Collection, caught: list[signal.Signals], number: signal.Signals) -> None:
    """The first signal lets calls end; the second does not."""
    caught.append(number)
    if len(caught) == 1:
        collection.stop(Cause.INTERRUPTED, f"interrupted by {number.name}")
        _clear()
        waits = (
            f"waiting for {collection.under_way} calls under way" if collection.under_way else "nothing is under way"
        )
        click.echo(f"overt: {number.name}: {waits}; once more to leave them", err=True)
    else:
        collection.cut()


async def _show(wanted: Wanted, collection: Collection) -> None:
    """One line that is written anew on a terminal; a line now and then elsewhere."""
    on_a_terminal = sys.stderr.isatty()
    started, before = time.monotonic(), totals(collection.standings())[0]
    while True:
        if not on_a_terminal:
            await asyncio.sleep(EVERY_ELSEWHERE_S)
        line = _progress(wanted, collection, before=before, seconds=time.monotonic() - started).line
        click.echo(f"\r\x1b[K{line}" if on_a_terminal else line, err=True, nl=not on_a_terminal)
        if on_a_terminal:
            await asyncio.sleep(EVERY_ON_A_TERMINAL_S)


def _clear() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)


def _progress(wanted: Wanted, collection: Collection, *, before: int, seconds: float) -> Progress:
    done, planned = totals(collection.standings())
    return Progress(
        done=done,
        planned=planned,
        before=before,
        under_way=collection.under_way,
        spent=collection.spent,
        budget=wanted.budget,
        currency=wanted.plan.currency,
        seconds=seconds,
    )


# --- what it came to -------------------------------------------------------------------------------------------------


def _summary(wanted: Wanted, ended: _Ended, chain: Chain, rows: tuple[Path, ...]) -> Mapping[str, object]:
    done, planned = totals(ended.standings)
    gaps = gaps_of(wanted.plan, chain.records)
    stop = None if ended.stop is None else {"cause": str(ended.stop.cause), "said": ended.stop.said}
    return {
        "complete": ended.left == 0,
        "stopped": stop,
        "planned": planned,
        "done": done,
        "left": ended.left,
        "routes": [_route(each) for each in ended.standings],
        "cost": _amount(ended.spent),
        "budget": _amount(wanted.budget),
        "currency": wanted.plan.currency,
        "lost_calls": ended.lost,
        "lost_cost": _amount(ended.lost_cost),
        "pairs": gaps.pairs,
        "largest_gap_s": gaps.largest_s,
        "pairs_over_an_hour": gaps.over_an_hour,
        "records": len(chain.records),
        "records_before": ended.earlier,
        "head": chain.head,
        "root": chain.root,
        "plan": wanted.digest,
        "set_aside": None if ended.set_aside is None else str(ended.set_aside),
        "rows": [str(path) for path in rows],
    }


def _route(standing: Standing) -> Mapping[str, object]:
    return {
        "route": standing.route,
        "planned": standing.planned,
        "answered": standing.answered,
        "refused": standing.refused,
        "rejected": standing.rejected,
        "attempts": standing.attempts,
        "cost": _amount(standing.cost),
    }


def _prose(wanted: Wanted, ended: _Ended, chain: Chain, rows: tuple[Path, ...]) -> str:
    done, planned = totals(ended.standings)
    gaps = gaps_of(wanted.plan, chain.records)
    lines = [f"{'Complete' if not ended.left else 'Incomplete'}: {done:,} of {planned:,} calls are answered."]
    lines += [
        f"  {each.route}: {each.answered:,} answered, {each.refused:,} of them refused; {each.rejected:,} rejected; "
        f"{each.attempts:,} attempts; {_amount(each.cost)} {wanted.plan.currency}"
        for each in ended.standings
    ]
    if ended.stop is not None and ended.stop.cause is Cause.BUDGET:
        lines.append(f"Stopped: {ended.stop.said}.")
    elif ended.left and ended.stop is None:
        lines.append(
            f"{ended.left:,} calls failed to the last attempt: start the same command again to ask them once more."
        )
    lines.append(f"Cost: {_amount(ended.spent)} of {_amount(wanted.budget)} {wanted.plan.currency}.{_lost(ended)}")
    if len(wanted.plan.routes) > 1:
        lines.append(_pairing(gaps))
    if ended.set_aside is not None:
        lines.append(
            f"The last line was torn by an earlier end; it is in {ended.set_aside}, and its call is asked again."
        )
    lines.append(f"Records: {len(chain.records):,} in {wanted.folder / RECORDS_FILE}, Merkle root {chain.root}.")
    lines.append(f"Rows for 'overt audit test': {', '.join(map(str, rows))}; prompts: {wanted.folder / PROMPTS_FILE}.")
    if not ended.left:
        lines.append(f"Next: overt audit report {shlex.quote(str(wanted.folder))}")
    return "\n".join(lines)


def _pairing(gaps: Gaps) -> str:
    late = f"; {gaps.over_an_hour:,} of them over an hour, which are no pairs in time" if gaps.over_an_hour else ""
    return f"Pairs: {gaps.pairs:,} whole, their answers asked for at most {gaps.largest_s:.1f} s apart{late}."


def _lost(ended: _Ended) -> str:
    if not ended.lost:
        return ""
    return f" {ended.lost:,} calls were cut off by an earlier end; {_amount(ended.lost_cost)} of this is their most."


def _amount(amount: Decimal) -> str:
    """Money to the sixth digit, without an exponent."""
    return f"{amount:.6f}".rstrip("0").rstrip(".") if amount else "0"
