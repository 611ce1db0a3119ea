"""Worked out from records when a collection ends: rows for ``overt audit test``, and how close in time pairs are.

The files of rows are copies for other programs. Records are the evidence: a report reads those, and the rows are
written anew each time.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias, final

from overt.audit.answers import Answered, answers_of
from overt.audit.plan import Plan, Role, Route
from overt.audit.record import Record
from overt.audit.rows import Answer, Prompt
from overt.errors import OperatorError

HOUR_S: Final = 3600.0
PROMPTS_FILE: Final = "prompts.jsonl"

GradeAll: TypeAlias = Callable[[Iterable[Answer]], tuple[Answer, ...]]
"""The same answers, with scores where they can be graded."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """How far apart in time the answers of one unit (a prompt and a repetition) were asked for, in seconds.

    ``pairs`` counts the units that have all their answers, ``over_an_hour`` those of them that are too far apart to
    be called paired.
    """

    pairs: int
    largest_s: float
    over_an_hour: int


def gaps_of(plan: Plan, records: Iterable[Record]) -> Gaps:
    """How close in time the answers are that are compared with each other."""
    instants: dict[tuple[str, int], list[datetime]] = defaultdict(list)
    for answer in answers_of(records).answers:
        if answer.date is not None:
            instants[answer.pid, answer.rep].append(datetime.fromisoformat(answer.date))
    whole = [each for each in instants.values() if len(each) == len(plan.routes)]
    seconds = [(max(each) - min(each)).total_seconds() for each in whole]
    return Gaps(
        pairs=len(whole),
        largest_s=max(seconds, default=0.0),
        over_an_hour=sum(1 for each in seconds if each > HOUR_S),
    )


def write_rows(
    folder: Path, plan: Plan, records: Sequence[Record], grade: GradeAll = lambda answers: tuple(answers)
) -> tuple[Path, ...]:
    """Write the answers of each route; gives the files, in the plan's order. ``grade`` scores what it can.

    ``reference.jsonl`` and ``endpoint.jsonl`` where a role has one route, ``endpoint.<route>.jsonl`` where it has
    several. A row has pid, model (the route's name), rep, text and date, ``score`` where it is graded, and ``refused``
    where the server refused: a refusal has no score.
    """
    found = answers_of(records)
    rows: dict[str, list[str]] = defaultdict(list)
    for answer, answered in zip(grade(found.answers), found.answered, strict=True):
        rows[answer.model].append(_row(answer, answered))
    written: list[Path] = []
    for route in plan.routes:
        path = folder / file_of(route, plan)
        _write(path, "".join(f"{row}\n" for row in rows[route.name]))
        written.append(path)
    return tuple(written)


def write_prompts(folder: Path, plan: Plan) -> Path:
    """Write the plan's prompts as rows for the tests that need topics; gives the file."""
    path = folder / PROMPTS_FILE
    _write(path, "".join(f"{_prompt(prompt)}\n" for prompt in plan.prompts))
    return path


def file_of(route: Route, plan: Plan) -> str:
    """The name of the file with a route's rows."""
    alike = [each for each in plan.routes if each.role is route.role]
    role = {Role.REFERENCE: "reference", Role.ENDPOINT: "endpoint"}[route.role]
    return f"{role}.jsonl" if len(alike) == 1 else f"{role}.{route.name}.jsonl"


def _prompt(prompt: Prompt) -> str:
    row = {"pid": prompt.pid, "topic": prompt.topic, "prompt": prompt.text}
    known = {"stratum": prompt.stratum, "pair": prompt.pair}
    return json.dumps(row | {name: value for name, value in known.items() if value is not None}, ensure_ascii=True)


def _row(answer: Answer, answered: Answered) -> str:
    row: dict[str, object] = {
        "pid": answer.pid,
        "model": answer.model,
        "rep": answer.rep,
        "text": answer.text,
        "date": answer.date,
    }
    if answered.refused:
        row["refused"] = True
    elif answer.score is not None:
        row["score"] = answer.score
    return json.dumps(row, ensure_ascii=True)


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_text(text, encoding="ascii", newline="\n")
        os.replace(draft, path)
    except OSError as error:
        raise OperatorError(f"cannot write {str(path)!r}: {error.strerror}") from error
