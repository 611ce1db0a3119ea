"""What is remembered between two looks: how many rows were seen and their digest, what was said of them, who was told.

Everything that a look says is worked out from the rows again; the state only makes sure that the past stays what it
was, since that is what the guarantee rests on:

1. Rows that were seen must be there, unchanged and in their order: the digest of that many first rows is kept.
2. The question must be the same: alpha, the models that are watched, days or pairs.
3. A row that comes late (of a day that was judged already) is left out now and ever after, and so is an answer that had
   no answer of the reference to pair with when it was looked at.
4. With days, the reference is what it was at the first look; with pairs it may grow at its end.
5. ``e_max`` does not fall: if the same rows give less than before, another release worked it out.

A file is replaced as a whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn, final

from overt.audit.rows import Answer
from overt.audit.stats.days import FIRST_DAYS
from overt.audit.watch import Unit, Watched
from overt.audit.watching.follow import Followed, by_day, day_of
from overt.errors import BadRequest, OperatorError

WHAT: Final = "overt audit watch"
FORMAT: Final = 1
SLACK: Final = 1e-6
"""Of e-values: sums of floats differ a little between machines."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """So many first rows of a file, and their digest."""

    rows: int
    digest: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was said of one stream. ``closed`` is the last day of which no more rows are taken."""

    unit: str
    closed: str | None
    e_max: float
    alarm_at: str | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """See the module. ``told`` names the alarms whose message arrived."""

    alpha: float
    reference: Prefix
    endpoint: Prefix
    streams: Mapping[str, Kept]
    left_out: tuple[int, ...]
    """Rows of the endpoint's file, from 0, that count for nothing."""
    told: tuple[str, ...] = ()
    looked_at: str = ""
    what: str = WHAT
    format: int = FORMAT


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """The rows that count, and what there is to say about the others."""

    reference: tuple[Answer, ...]
    rows: tuple[Answer, ...]
    left_out: tuple[int, ...]
    warnings: tuple[str, ...] = field(default=())


def admit(state: State | None, reference: Sequence[Answer], rows: Sequence[Answer], alpha: float) -> Admitted:
    """Rules 1 to 4. `BadRequest` says what is not as it was. Without a state all rows count."""
    if state is None:
        return Admitted(reference=tuple(reference), rows=tuple(rows), left_out=())
    if state.alpha != alpha:
        _refuse(f"it was begun with alpha {state.alpha!r}, not {alpha!r}")
    _check_prefix(state.reference, reference, "reference")
    _check_prefix(state.endpoint, rows, "endpoint")
    _check_models(state, rows)
    fixed, warnings = _fixed_reference(state, reference)
    old = set(state.left_out)
    late = [number for number in range(state.endpoint.rows, len(rows)) if _is_late(state, rows[number])]
    kept = [number for number in range(len(rows)) if number not in old and number not in set(late)]
    if old or late:
        warnings.append(
            f"{len(old) + len(late)} rows are left out: they came for days that were judged, or without a pair"
        )
    return Admitted(
        reference=fixed,
        rows=tuple(rows[number] for number in kept),
        left_out=tuple(sorted(old.union(late))),
        warnings=tuple(warnings),
    )


def next_state(
    state: State | None,
    admitted: Admitted,
    reference: Sequence[Answer],
    rows: Sequence[Answer],
    followed: Followed,
    at: str,
) -> State:
    """The state after a look. Rule 5, and that a stream is still watched by days, or by pairs."""
    streams = {each.model: _kept(each.found.unit, each.found, rows, each.model) for each in followed.streams}
    for model, now in streams.items():
        before = state.streams.get(model) if state is not None else None
        if before is not None:
            _check_same(model, before, now)
    alone = _without_pair(followed, admitted, rows)
    by_days = any(each.found.unit is Unit.DAYS for each in followed.streams)
    frozen = state.reference if state is not None and by_days else prefix_of(reference)
    return State(
        alpha=followed.alpha,
        reference=frozen,
        endpoint=prefix_of(rows),
        streams=streams,
        left_out=tuple(sorted({*admitted.left_out, *alone})),
        told=() if state is None else state.told,
        looked_at=at,
    )


def prefix_of(rows: Sequence[Answer]) -> Prefix:
    """All rows so far."""
    return Prefix(rows=len(rows), digest=_digest(rows))


def read_state(path: Path) -> State | None:
    """The state of a file; None where there is no file yet."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise BadRequest(f"cannot read the state {str(path)!r}: {error}") from error
    if not isinstance(found, dict) or found.get("what") != WHAT:
        raise BadRequest(f"{str(path)!r} is no state of {WHAT!r}: give another --state FILE")
    if found.get("format") != FORMAT:
        raise BadRequest(
            f"the state {str(path)!r} has format {found.get('format')!r}, this release writes {FORMAT}: "
            "go on with the release that began it, or begin a new state"
        )
    try:
        return _state(found)
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequest(f"the state {str(path)!r} was changed by hand: {error!r}; restore it or begin anew") from error


def write_state(path: Path, state: State) -> None:
    """Whole or not at all, and on the disk when this returns."""
    draft = path.with_name(f".{path.name}.draft")
    text = json.dumps(asdict(state), ensure_ascii=True, indent=1, sort_keys=True) + "\n"
    try:
        with draft.open("w", encoding="ascii", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        raise OperatorError(f"cannot write the state {str(path)!r}: {error.strerror}") from error


# --- rules -----------------------------------------------------------------------------------------------------------


def _check_prefix(before: Prefix, rows: Sequence[Answer], side: str) -> None:
    if len(rows) < before.rows:
        _refuse(f"the {side} had {before.rows:,} rows and has {len(rows):,} now")
    if _digest(rows[: before.rows]) != before.digest:
        _refuse(f"one of the first {before.rows:,} rows of the {side} is not what it was")


def _check_models(state: State, rows: Sequence[Answer]) -> None:
    models = {row.model for row in rows}
    if models != set(state.streams):
        new, gone = sorted(models - set(state.streams)), sorted(set(state.streams) - models)
        said = f"models {new!r} are new" if new else f"models {gone!r} are gone"
        _refuse(f"{said}, and how many there are decides when an alarm is raised (choose one with --model-endpoint)")


def _check_same(model: str, before: Kept, now: Kept) -> None:
    if before.unit != now.unit and before.closed is not None:
        _refuse(f"{model!r} was watched by {before.unit} and would be by {now.unit} now, as prompts repeat or not")
    if before.unit == now.unit and now.e_max < before.e_max * (1 - SLACK):
        _refuse(
            f"the same rows of {model!r} gave e_max {before.e_max:.6g} before and give {now.e_max:.6g} now, as another "
            "release may"
        )


def _refuse(why: str) -> NoReturn:
    raise BadRequest(
        f"the state was made of other input: {why}. Restore the files, or keep this state as it is and begin a new one "
        "with another --state FILE"
    )


def _fixed_reference(state: State, reference: Sequence[Answer]) -> tuple[tuple[Answer, ...], list[str]]:
    grown = len(reference) - state.reference.rows
    if grown and any(each.unit == Unit.DAYS for each in state.streams.values()):
        first = state.reference.rows
        said = f"the reference grew by {grown:,} rows: days are compared with its first {first:,}, as before"
        return tuple(reference[:first]), [said]
    return tuple(reference), []


def _is_late(state: State, row: Answer) -> bool:
    kept = state.streams[row.model]
    if kept.closed is None or row.date is None:
        return False
    return day_of(row) <= kept.closed if kept.unit == Unit.DAYS else day_of(row) < kept.closed


def _kept(unit: Unit, found: Watched, rows: Sequence[Answer], model: str) -> Kept:
    """Days are closed once they are bet on; before that they only teach, and may still fill up."""
    closed = None
    if unit is Unit.DAYS and len(found.names) > FIRST_DAYS:
        closed = found.names[-1]
    if unit is Unit.PAIRS and found.names:
        closed = max((day_of(row) for row in rows if row.model == model), default=None) or None
    return Kept(unit=str(unit), closed=closed, e_max=found.e_max, alarm_at=found.alarm_at)


def _without_pair(followed: Followed, admitted: Admitted, rows: Sequence[Answer]) -> list[int]:
    """Rows that found no answer of the reference: one that comes later must not slip a pair into the past."""
    out = set(admitted.left_out)
    numbers = {id(row): number for number, row in enumerate(rows) if number not in out}
    alone: list[int] = []
    for stream in followed.streams:
        if stream.found.unit is not Unit.PAIRS:
            continue
        left = Counter(answer.pid for answer in admitted.reference)
        for row in by_day([row for number, row in enumerate(rows) if row.model == stream.model and number not in out]):
            if left[row.pid] > 0:
                left[row.pid] -= 1
            else:
                alone.append(numbers[id(row)])
    return alone


def _digest(rows: Sequence[Answer]) -> str:
    found = hashlib.sha256()
    for row in rows:
        line = [row.pid, row.model, row.rep, row.text, row.score, row.date]
        found.update(json.dumps(line, ensure_ascii=True, separators=(",", ":")).encode() + b"\n")
    return found.hexdigest()


def _state(found: Mapping[str, Any]) -> State:
    return State(
        alpha=float(found["alpha"]),
        reference=_prefix(found["reference"]),
        endpoint=_prefix(found["endpoint"]),
        streams={
            str(model): Kept(
                unit=str(Unit(kept["unit"])),
                closed=None if kept["closed"] is None else str(kept["closed"]),
                e_max=float(kept["e_max"]),
                alarm_at=None if kept["alarm_at"] is None else str(kept["alarm_at"]),
            )
            for model, kept in found["streams"].items()
        },
        left_out=tuple(int(number) for number in found["left_out"]),
        told=tuple(str(name) for name in found["told"]),
        looked_at=str(found["looked_at"]),
    )


def _prefix(found: Mapping[str, Any]) -> Prefix:
    return Prefix(rows=int(found["rows"]), digest=str(found["digest"]))
