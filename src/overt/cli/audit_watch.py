"""``overt audit watch``: has the endpoint changed since? Asked again whenever rows came, by cron or with --every."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, final

import click

from overt.audit.compare import of_model
from overt.audit.rows import Answer, read_answers
from overt.audit.stats.metadata import Noted
from overt.audit.verdict import Verdict
from overt.audit.watching.follow import Followed, Stream, follow
from overt.audit.watching.page import because, headline, page
from overt.audit.watching.replies import read_replies
from overt.audit.watching.state import State, admit, next_state, read_state, write_state
from overt.errors import BadRequest, OperatorError

FILE = click.Path(dir_okay=False, path_type=Path)
SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
MOST_ROWS: Final = 3
"""Rows of evidence for each finding in prose."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for."""

    reference: Path | None
    endpoint: Path
    records: Path | None
    model_reference: str | None
    model_endpoint: str | None
    alpha: float
    state: Path | None
    page: Path | None
    title: str | None
    webhook: str | None
    for_machines: bool
    again: bool


@click.command("watch")
@click.option("--reference", type=FILE, help="Answers of the reference; without it the first days stand for it.")
@click.option("--endpoint", required=True, type=FILE, help="Dated answers of the endpoint: JSON lines, may be gzip.")
@click.option("--records", type=FILE, help="Records of 'overt audit collect': what responses say about themselves.")
@click.option("--alpha", default=0.05, show_default=True, type=SHARE, help="The share of false alarms, ever.")
@click.option("--state", type=FILE, help="Remember here what was seen, and refuse a past that was changed.")
@click.option("--page", "page_file", type=FILE, metavar="FILE.html", help="Write a status page.")
@click.option("--title", help="Of the page; the endpoint's file otherwise.")
@click.option("--webhook", metavar="URL", help="Post a message here when a change is found.")
@click.option("--model-reference", metavar="NAME", help="Which model of the reference's file.")
@click.option("--model-endpoint", metavar="NAME", help="Watch this model only; otherwise each is a stream.")
@click.option("--every", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="Look again, until stopped.")
@click.option("--rounds", type=click.IntRange(1), help="With --every: end after so many looks.")
@click.option("--json", "for_machines", is_flag=True, help="Print JSON, one object for each look.")
def command(
    reference: Path | None,
    endpoint: Path,
    records: Path | None,
    alpha: float,
    state: Path | None,
    page_file: Path | None,
    title: str | None,
    webhook: str | None,
    model_reference: str | None,
    model_endpoint: str | None,
    every: float | None,
    rounds: int | None,
    for_machines: bool,
) -> None:
    """Watch an endpoint over time: rows in the order of their dates, looked at as often as one likes.

    A row is {"pid", "model", "rep", "text", "date"}. Where prompts repeat from day to day, days are compared with days;
    otherwise answers are compared with the reference's in pairs. Run it after each day's collection, with one --state.

    Exit status: 0 no change detected or cannot tell, 1 changed (and every time after), 2 bad input.
    """
    if rounds is not None and every is None:
        raise click.UsageError("--rounds needs --every SECONDS")
    if webhook is not None:
        from overt.audit.watching.tell import check_address  # late: aiohttp is slow to load and rarely wanted

        check_address(webhook)
    wanted = Wanted(
        reference=reference,
        endpoint=endpoint,
        records=records,
        model_reference=model_reference,
        model_endpoint=model_endpoint,
        alpha=alpha,
        state=state,
        page=page_file,
        title=title,
        webhook=webhook,
        for_machines=for_machines,
        again=state is not None or every is not None,
    )
    found = look(wanted, None) if every is None else _repeat(wanted, every, rounds)
    if found.verdict.is_finding:
        raise SystemExit(1)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look gave, and what the next one must find as it was."""

    verdict: Verdict
    state: State


def look(wanted: Wanted, before: State | None) -> Looked:
    """Read, look, remember, write the page, print, and tell, in this order: what is told is remembered already.

    ``before`` is the state of the look before in this process; where there is a file of it, the file counts.
    """
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    reference, rows = _read(wanted)
    state = read_state(wanted.state) if wanted.state is not None else before
    admitted = admit(state, reference, rows, wanted.alpha)
    found = follow(
        admitted.reference,
        admitted.rows,
        alpha=wanted.alpha,
        replies=() if wanted.records is None else read_replies(wanted.records),
        warnings=admitted.warnings,
        again=wanted.again,
    )
    now = next_state(state, admitted, reference, rows, found, at)
    if wanted.state is not None:
        write_state(wanted.state, now)
    if wanted.page is not None:
        _write_page(wanted.page, page(found, title=wanted.title or wanted.endpoint.name, looked_at=at))
    click.echo(json.dumps(as_object(found), ensure_ascii=False) if wanted.for_machines else as_prose(found))
    fresh = [name for name in alarms_of(found) if name not in now.told]
    if fresh and wanted.webhook is not None and _told(wanted.webhook, found, fresh, at):
        now = replace(now, told=(*now.told, *fresh))
        if wanted.state is not None:
            write_state(wanted.state, now)
    return Looked(verdict=found.verdict, state=now)


def alarms_of(found: Followed) -> list[str]:
    """A name for each alarm and each fact, by which it is known again."""
    by_wealth = [f"e-process of {each.model}" for each in found.streams if each.model in found.alarmed]
    return [*by_wealth, *(f"{each.kind} since {each.since}" for each in found.facts)]


def as_object(found: Followed) -> dict[str, Any]:
    """For ``--json``: the members of the specification (§13), and what they rest on."""
    return {
        "verdict": str(found.verdict),
        "e_max": found.e_max,
        "alarm_at": found.alarm_at,
        "alpha": found.alpha,
        "streams": [_stream(each, found) for each in found.streams],
        "findings": [_noted(each) for each in found.noted],
        "rows": found.rows,
        "last": found.last,
        "warnings": list(found.warnings),
    }


def as_prose(found: Followed) -> str:
    """For people: the verdict, why, and what to know."""
    lines = [f"{headline(found)}.", *because(found)]
    for each in found.streams:
        unit = f"{each.found.looks:,} {each.found.unit}"
        lines.append(f"{each.model}: {unit}, {each.found.verdict}, largest e-value {each.found.e_max:.3g}.")
    for noted in found.noted:
        weight = "" if noted.kind.is_fact else " (a note)"
        lines.append(f"{noted.kind.capitalize()}{weight}: {noted.said}, since {noted.since}.")
        lines += [f"  record {row.number} of {row.at}: {row.was} → {row.now}" for row in noted.rows[:MOST_ROWS]]
    said = [*found.warnings, *(text for each in found.streams for text in each.found.warnings)]
    return "\n".join([*lines, *(f"Note: {warning}." for warning in dict.fromkeys(said))])


def _stream(stream: Stream, found: Followed) -> dict[str, Any]:
    watched = stream.found
    return {
        "model": stream.model,
        "verdict": str(watched.verdict),
        "e_max": watched.e_max,
        "alarm_at": watched.alarm_at,
        "alarm_level": len(found.streams) / found.alpha,
        "unit": str(watched.unit),
        "looks": watched.looks,
        "warnings": list(watched.warnings),
    }


def _noted(noted: Noted) -> dict[str, Any]:
    return {
        "kind": str(noted.kind),
        "fact": noted.kind.is_fact,
        "said": noted.said,
        "since": noted.since,
        "count": noted.count,
        "rows": [{"number": row.number, "at": row.at, "was": row.was, "now": row.now} for row in noted.rows],
    }


def _read(wanted: Wanted) -> tuple[tuple[Answer, ...], tuple[Answer, ...]]:
    rows = read_answers(wanted.endpoint)
    if wanted.model_endpoint is not None:
        rows = of_model(rows, wanted.model_endpoint, "endpoint")
    if wanted.reference is None:
        return (), rows
    return of_model(read_answers(wanted.reference), wanted.model_reference, "reference"), rows


def _repeat(wanted: Wanted, every: float, rounds: int | None) -> Looked:
    """One look after the other until interrupted. A file that cannot be read now may be readable the next time."""
    last: Looked | None = None
    failed, number = False, 0
    try:
        while rounds is None or number < rounds:
            if number:
                time.sleep(every)
            number += 1
            try:
                last, failed = look(wanted, None if last is None else last.state), False
            except (BadRequest, OperatorError) as error:
                click.echo(f"overt: {error}", err=True)
                failed = True
    except KeyboardInterrupt:
        click.echo("overt: interrupted; what was seen is kept", err=True)
    if last is None or (failed and not last.verdict.is_finding):
        raise OperatorError(f"the last of {number} looks failed or was not ended; what was wrong is above")
    return last


def _write_page(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_text(text, encoding="utf-8", newline="\n")
        os.replace(draft, path)
    except OSError as error:
        raise OperatorError(f"cannot write the page {str(path)!r}: {error.strerror}") from error


def _told(webhook: str, found: Followed, fresh: Sequence[str], at: str) -> bool:
    """Whether the message arrived. That it did not is said; the exit status tells of the change in any case."""
    from overt.audit.watching.tell import tell  # late: see above

    message = {"what": "overt audit watch", "at": at, "headline": headline(found), "new": list(fresh)}
    why = tell(webhook, {**message, **as_object(found)})
    if why is not None:
        click.echo(f"overt: the webhook was not told: {why}; it is tried again at the next look", err=True)
    return why is None
