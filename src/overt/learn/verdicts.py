"""Verdicts as `overt classify --json` prints them, read back: what drift is measured on.

A flag in a domain is a notice, a redirect or a refusal that the verdict names this domain for. A row that could not be
classified, or a domain without a finding, is neither a flag nor a score of 0: it is counted and left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar, final

import numpy as np
import numpy.typing as npt

from overt.core.domain import DOMAINS, Band, Domain
from overt.errors import BadRequest

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

SCORE: Final = Band.HIGH_DUAL
"""The final score: the probability that a rule that acts rests on."""
FLAGGED: Final = frozenset(("notify", "redirect", "refuse"))
DECIDED: Final = FLAGGED | {"pass"}
SHAPES: Final = "give verdicts as `overt classify --json` prints them, or appeals with domain and overturned"

_Read = TypeVar("_Read")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One row. ``domain`` is what was flagged, None where nothing was; without a decision ``decided`` is False."""

    decided: bool
    domain: Domain | None
    scores: Mapping[Domain, float]
    time: float | None = None


@final
@dataclass(frozen=True, slots=True)
class Verdicts:
    """The verdicts of a period, in the order in which they were given."""

    rows: Sequence[Verdict]

    def scores(self, domain: Domain) -> Doubles:
        """The final scores of a domain."""
        return np.asarray([row.scores[domain] for row in self.rows if domain in row.scores], float)

    def flags(self, domain: Domain) -> Flags:
        """Of each row with a decision and a finding in this domain, whether it was flagged in it."""
        return np.asarray([row.domain is domain for row in self.rows if row.decided and domain in row.scores], bool)

    def counts(self) -> Mapping[str, object]:
        """How many rows there are, how many have no decision, and how many have no finding in a domain."""
        missing = {domain.value: sum(domain not in row.scores for row in self.rows) for domain in DOMAINS}
        return {"rows": len(self.rows), "undecided": sum(not row.decided for row in self.rows), "missing": missing}


def read_verdicts(file: Path, *, time: str | None = None) -> Verdicts:
    """The verdicts of a file, in its order. With ``time``, every row has this field: ISO 8601, or POSIX seconds."""
    return Verdicts(read_lines(file, lambda fields: _verdict(fields, time)))


def divided(verdicts: Verdicts, instant: float) -> tuple[Verdicts, Verdicts]:
    """What was said before an instant, and from then on, each in order of time."""
    ordered = sorted(((row.time, number, row) for number, row in enumerate(verdicts.rows) if row.time is not None))
    return (
        Verdicts([row for when, _, row in ordered if when < instant]),
        Verdicts([row for when, _, row in ordered if when >= instant]),
    )


def read_appeals(file: Path) -> Mapping[Domain, Sequence[bool]]:
    """Whether each audited appeal was overturned, by domain, in the order of the audits."""
    found: dict[Domain, list[bool]] = {}
    for domain, overturned in read_lines(file, _appeal):
        found.setdefault(domain, []).append(overturned)
    return found


def read_lines(file: Path, parse: Callable[[Mapping[str, Any]], _Read]) -> list[_Read]:
    """Every line that is not blank, parsed. Raises `BadRequest` naming the line that cannot be."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError as fault:
        raise BadRequest(f"{str(file)!r} cannot be read: {fault.strerror}; give a file of JSON lines") from fault
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.extend([parse(_object(line))] if line.strip() else [])
        except (KeyError, TypeError, ValueError) as fault:
            raise BadRequest(f"line {number} of {str(file)!r} does not fit ({fault!r}); {SHAPES}") from fault
    return found


def _object(line: bytes) -> Mapping[str, Any]:
    fields = json.loads(line)
    if not isinstance(fields, dict):
        raise ValueError(f"{fields!r} is not an object")
    return fields


def _verdict(fields: Mapping[str, Any], time: str | None) -> Verdict:
    when = instant_of(fields[time]) if time is not None else None
    if "action" not in fields and "error" in fields:
        return Verdict(decided=False, domain=None, scores={}, time=when)
    action = fields["action"]
    named = fields["domain"]
    flagged = Domain(named) if action in FLAGGED and named is not None else None
    return Verdict(decided=action in DECIDED, domain=flagged, scores=dict(_scores(fields["findings"])), time=when)


def _scores(findings: Iterable[Mapping[str, Any]]) -> Iterable[tuple[Domain, float]]:
    for found in findings:
        if "unavailable" not in found:
            yield Domain(found["domain"]), _share(found[SCORE])


def _share(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise ValueError(f"{value!r} is not a probability")


def _appeal(fields: Mapping[str, Any]) -> tuple[Domain, bool]:
    overturned = fields["overturned"]
    if not isinstance(overturned, bool):
        raise ValueError(f"overturned is {overturned!r} and not true or false")
    return Domain(fields["domain"]), overturned


def instant_of(value: object) -> float:
    """POSIX seconds of a time as people write it. Without a zone it is UTC."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no time; give ISO 8601 or POSIX seconds")
    found = datetime.fromisoformat(value)
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
