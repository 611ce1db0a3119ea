"""One look at everything that is watched: the answers of each model by an e-process, the records by what they say.

Every model of the endpoint's file is a stream of its own. With m streams each is watched at alpha / m, and ``e_max`` is
the largest of all divided by m: alarms stay on, so this is Bonferroni on running maxima, as `stats.many.latched_alarms`
has it. The probability that an unchanged endpoint is ever called changed by the e-processes stays at most alpha.
Findings from records are facts with their rows, and have no probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from overt.audit.rows import Answer
from overt.audit.stats.many import Latched, latched_alarms
from overt.audit.stats.metadata import DayOfReplies, Noted, Reply, days_of_replies, metadata_findings
from overt.audit.verdict import Verdict
from overt.audit.watch import DATE, Unit, Watched, watch
from overt.errors import BadRequest

NO_DAY: Final = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The answers of one model, and what they say."""

    model: str
    found: Watched


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """One look. ``e_max`` is to be compared with 1 / alpha, whatever the number of streams."""

    verdict: Verdict
    e_max: float
    alarm_at: str | None
    """The first alarm's date (or prompt); of a fact, when the first response that shows it was asked for."""
    alpha: float
    streams: tuple[Stream, ...]
    alarmed: frozenset[str]
    """Models whose e-process raised the alarm."""
    noted: tuple[Noted, ...]
    reply_days: tuple[DayOfReplies, ...]
    rows: int
    last: str | None
    """The date of the last row."""
    warnings: tuple[str, ...]

    @property
    def facts(self) -> tuple[Noted, ...]:
        """Findings that say by themselves that the endpoint changed."""
        return tuple(each for each in self.noted if each.kind.is_fact)


def follow(
    reference: Sequence[Answer],
    rows: Sequence[Answer],
    *,
    alpha: float = 0.05,
    replies: Sequence[Reply] = (),
    warnings: Sequence[str] = (),
    again: bool = False,
) -> Followed:
    """What all rows, and all replies, say now. Rows are put in the order of their days, as they stand within a day.

    ``again``: more rows will come, and be looked at with these. Then nothing is bet on a first day: whether prompts
    repeat from day to day, and so what is bet on, shows on the second.
    """
    if not rows:
        raise BadRequest("no answer to watch: expected rows with pid, model, rep, text and date")
    by_model: dict[str, list[Answer]] = {}
    for row in by_day(rows):
        by_model.setdefault(row.model, []).append(row)
    share = alpha / len(by_model)
    streams = tuple(
        Stream(model=model, found=_watched(reference, by_model[model], share, again=again))
        for model in sorted(by_model)
    )
    latched = [Latched(stream=each.model, highest=each.found.e_max) for each in streams]
    alarmed = latched_alarms(latched, alpha)
    noted = metadata_findings(replies)
    dates = [row.date for row in rows if row.date is not None]
    return Followed(
        verdict=_verdict(streams, alarmed, noted),
        e_max=max(each.highest for each in latched) / len(streams),
        alarm_at=_alarm_at(streams, alarmed, noted),
        alpha=alpha,
        streams=streams,
        alarmed=alarmed,
        noted=noted,
        reply_days=days_of_replies(replies),
        rows=len(rows),
        last=max(dates, default=None),
        warnings=tuple(warnings),
    )


def by_day(rows: Sequence[Answer]) -> tuple[Answer, ...]:
    """In the order of days; in the order of the file within a day, and altogether where a row has no date."""
    if any(row.date is None for row in rows):
        return tuple(rows)
    return tuple(sorted(rows, key=day_of))


def day_of(row: Answer) -> str:
    """The day of a row, `NO_DAY` without a date."""
    return (row.date or NO_DAY)[:DATE]


def _watched(reference: Sequence[Answer], rows: Sequence[Answer], alpha: float, *, again: bool) -> Watched:
    if again and all(row.date is not None for row in rows) and len({day_of(row) for row in rows}) == 1:
        said = "one day so far: whether days or pairs are compared shows on the second"
        return Watched(verdict=Verdict.CANNOT_TELL, e_max=1.0, alarm_at=None, unit=Unit.DAYS, looks=0, warnings=(said,))
    return watch(reference, rows, alpha)


def _verdict(streams: Sequence[Stream], alarmed: frozenset[str], noted: Sequence[Noted]) -> Verdict:
    if alarmed or any(each.kind.is_fact for each in noted):
        return Verdict.CHANGED
    if all(each.found.verdict is Verdict.CANNOT_TELL for each in streams):
        return Verdict.CANNOT_TELL
    return Verdict.NO_CHANGE


def _alarm_at(streams: Sequence[Stream], alarmed: frozenset[str], noted: Sequence[Noted]) -> str | None:
    found = [each.found.alarm_at for each in streams if each.model in alarmed and each.found.alarm_at is not None]
    return min([*found, *(each.since for each in noted if each.kind.is_fact)], default=None)
