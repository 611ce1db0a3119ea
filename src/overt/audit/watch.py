"""Watching an endpoint over time: rows in the order in which they came, against a reference, to one verdict.

Where prompts repeat from day to day, days are the units (`stats.days`); otherwise every prompt's answer is paired with
the reference's (`stats.betting`). Nothing is kept between two runs: whoever watches appends rows to a file and asks
again about the whole of it. What was said about a row or day never changes by those that follow, so looking as often as
one likes is allowed, and anybody who holds the rows gets the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, final

import numpy as np

from overt.audit.rows import Answer
from overt.audit.stats.betting import Wealth, bet_on_texts
from overt.audit.stats.days import FIRST_DAYS, Day, change_of_texts, settled, watch_texts_by_day
from overt.audit.verdict import Verdict
from overt.errors import BadRequest

DATE: Final = len("2026-01-31")
FEWEST_PAIRS: Final = 10
"""Fewer pairs say nothing about a change of ordinary size."""
REFERENCE_DAYS: Final = 3
"""Days that stand for the reference where there is no other."""


class Unit(StrEnum):
    """What is taken to be exchangeable while nothing changes."""

    DAYS = "days"
    PAIRS = "pairs"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What was seen. ``e_max`` is the largest e-value of any time; under no change it ever is 1/alpha in <= alpha."""

    verdict: Verdict
    e_max: float
    alarm_at: str | None
    """The date of the alarm; the prompt of the pair where rows have no date."""
    unit: Unit
    looks: int
    """Days or pairs that were looked at."""
    warnings: tuple[str, ...]
    names: tuple[str, ...] = ()
    """Of the looks: the day, or the date (else the prompt) of the pair."""
    log_wealth: tuple[float, ...] = ()
    """The logarithm of the e-value after each look."""
    distances: tuple[float, ...] = ()
    """By day: how far its texts are from the reference's, from 0 to 1 (`stats.days.change_of_texts`)."""


def watch(reference: Sequence[Answer], rows: Sequence[Answer], alpha: float = 0.05) -> Watched:
    """The verdict on ``rows``, which stand in time order. Without a ``reference`` the first days' rows are it."""
    if not rows:
        raise BadRequest("no answer to watch: expected rows with pid, model, rep, text and date")
    dates = [row.date[:DATE] for row in rows if row.date]
    if len(dates) == len(rows) and dates != sorted(dates):
        raise BadRequest("rows must be in the order of their dates: sort them, oldest first")
    seen = {(row.pid, row.date[:DATE]) for row in rows if row.date}
    if len(dates) == len(rows) and len(seen) > len({prompt for prompt, _ in seen}):
        return _by_days(reference, rows, alpha)
    return _by_pairs(reference, rows, alpha)


def _by_days(reference: Sequence[Answer], rows: Sequence[Answer], alpha: float) -> Watched:
    names = sorted({_day(row) for row in rows})
    before, warnings = reference, list[str]()
    if not before:
        before = [row for row in rows if _day(row) in names[:REFERENCE_DAYS]]
        names = names[REFERENCE_DAYS:]
        warnings.append(f"no reference: the first {REFERENCE_DAYS} days stand for it, and are not watched")
    grouped: dict[str, list[Answer]] = {name: [] for name in names}
    for row in rows:
        if _day(row) in grouped:
            grouped[_day(row)].append(row)
    if len(names) <= FIRST_DAYS:
        warnings.append(f"{len(names)} days to watch: the first {FIRST_DAYS} only teach how much days differ")
        return _told(Wealth(log_wealth=np.zeros(len(names))), names, alpha, Unit.DAYS, enough=False, warnings=warnings)
    days = settled(_by_prompt(before), [_by_prompt(grouped[name]) for name in names])
    left_out = sorted(set(range(len(names))) - set(days.kept))
    if left_out:
        warnings.append(f"left out for lack of answers: {', '.join(names[number] for number in left_out)}")
    wealth = watch_texts_by_day(days.reference, days.days)
    kept = [names[number] for number in days.kept]
    found = _told(wealth, kept, alpha, Unit.DAYS, enough=len(kept) > FIRST_DAYS, warnings=warnings)
    by_day = [change_of_texts({prompt: days.reference[prompt] for prompt in day}, day) for day in days.days]
    return replace(found, distances=tuple(by_day))


def _by_pairs(reference: Sequence[Answer], rows: Sequence[Answer], alpha: float) -> Watched:
    if not reference:
        raise BadRequest("no reference, and no prompt repeats from day to day: give recorded answers of the reference")
    unused: dict[str, list[Answer]] = {}
    for answer in reversed(reference):
        unused.setdefault(answer.pid, []).append(answer)
    pairs = [(unused[row.pid].pop(), row) for row in rows if unused.get(row.pid)]
    warnings = list[str]()
    if len(pairs) < len(rows):
        warnings.append(f"{len(rows) - len(pairs)} answers have no answer of the reference left to pair with")
    if len(pairs) < FEWEST_PAIRS:
        warnings.append(f"{len(pairs)} pairs: at least {FEWEST_PAIRS} are needed")
    wealth = bet_on_texts([first.text for first, _ in pairs], [second.text for _, second in pairs])
    names = [row.date or row.pid for _, row in pairs]
    return _told(wealth, names, alpha, Unit.PAIRS, enough=len(pairs) >= FEWEST_PAIRS, warnings=warnings)


def _told(
    wealth: Wealth, names: Sequence[str], alpha: float, unit: Unit, *, enough: bool, warnings: Sequence[str]
) -> Watched:
    alarm = wealth.alarm_at(alpha)
    verdict = Verdict.CHANGED if alarm is not None else Verdict.NO_CHANGE if enough else Verdict.CANNOT_TELL
    return Watched(
        verdict=verdict,
        e_max=wealth.e_max,
        alarm_at=None if alarm is None else names[alarm],
        unit=unit,
        looks=len(names),
        warnings=tuple(warnings),
        names=tuple(names),
        log_wealth=tuple(wealth.log_wealth.tolist()),
    )


def _by_prompt(rows: Sequence[Answer]) -> Day:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.pid, []).append(row.text)
    return found


def _day(row: Answer) -> str:
    return (row.date or "")[:DATE]
