"""Fixed requests with the decisions that one release and one policy gave on them: they must be given again.

A canary file is JSON Lines. The first line names format, release and policy; each other line holds a row as it was
given, what was decided, and the findings. Decisions must be identical. Findings may differ in their last digits between
machines, and the largest difference is told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from overt.classify.model import OUTPUTS
from overt.classify.release import Parts
from overt.classify.rows import BadRow, parse_row
from overt.classify.verdict import judge, request_of
from overt.core.domain import Digest
from overt.core.policy import Policy
from overt.errors import BadRequest
from overt.learn.drift import Level

FORMAT: Final = "overt-canary/1"
DECISION: Final = ("action", "rule", "domain", "band")
REMEDY: Final = "record it again with `overt drift canary FILE --make REQUESTS`"


@final
@dataclass(frozen=True, slots=True)
class Recorded:
    """A row, and its verdict as far as it was recorded."""

    row: Mapping[str, Any]
    verdict: Mapping[str, Any]

    @property
    def decision(self) -> Mapping[str, Any]:
        """What must be the same."""
        return {name: self.verdict[name] for name in DECISION}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A canary file."""

    release: Digest
    policy: Digest
    recorded: Sequence[Recorded]


@final
@dataclass(frozen=True, slots=True)
class Changed:
    """A row whose decision is another one now."""

    id: str | int
    was: Mapping[str, Any]
    now: Mapping[str, Any]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay found. ``stale`` says that the record is about another release or policy, and nothing was replayed.
    ``farthest`` is the largest difference of a probability."""

    rows: int
    changed: Sequence[Changed] = ()
    farthest: float = 0.0
    stale: str | None = None

    @property
    def level(self) -> Level:
        """Gate where any decision changed; look where the record is stale."""
        if self.changed:
            return Level.GATE
        return Level.LOOK if self.stale is not None else Level.STEADY


def record(lines: Iterable[bytes], parts: Parts, policy: Policy) -> Canary:
    """Decide every row and remember what was decided."""
    rows = [_fields(line, number) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise BadRequest("there is no request to record; give JSON lines as `overt classify` reads them")
    recorded = [Recorded(row, verdict) for row, verdict in zip(rows, _verdicts(rows, parts, policy), strict=True)]
    return Canary(release=parts.model.release.digest, policy=policy.digest, recorded=recorded)


def replay(canary: Canary, parts: Parts, policy: Policy) -> Replayed:
    """Decide every row again and compare."""
    release = parts.model.release.digest
    for name, was, now in (("release", canary.release, release), ("policy", canary.policy, policy.digest)):
        if was != now:
            return Replayed(rows=len(canary.recorded), stale=f"recorded for {name} {was}, this is {now}; {REMEDY}")
    verdicts = _verdicts([each.row for each in canary.recorded], parts, policy)
    pairs = [(was, Recorded(was.row, now)) for was, now in zip(canary.recorded, verdicts, strict=True)]
    return Replayed(
        rows=len(pairs),
        changed=[Changed(now.verdict["id"], was.decision, now.decision) for was, now in pairs if _differs(was, now)],
        farthest=max((_farthest(was.verdict["findings"], now.verdict["findings"]) for was, now in pairs), default=0.0),
    )


def written(canary: Canary) -> str:
    """The canary as the text of its file."""
    head = {"v": FORMAT, "release": canary.release, "policy": canary.policy}
    rows = ({"row": each.row, **each.decision, "findings": each.verdict["findings"]} for each in canary.recorded)
    return "".join(json.dumps(line) + "\n" for line in (head, *rows))


def read_canary(file: Path) -> Canary:
    """Read a canary file. Raises `BadRequest` where it is none."""
    try:
        head, *rows = [json.loads(line) for line in file.read_bytes().splitlines()]
        if head["v"] != FORMAT:
            raise ValueError(f"expected {FORMAT!r}, found {head['v']!r}")
        recorded = [Recorded(row["row"], {name: row[name] for name in (*DECISION, "findings")}) for row in rows]
        return Canary(release=Digest(head["release"]), policy=Digest(head["policy"]), recorded=recorded)
    except OSError as fault:
        raise BadRequest(f"{str(file)!r} cannot be read: {fault.strerror}; {REMEDY}") from fault
    except (KeyError, TypeError, ValueError) as fault:
        raise BadRequest(f"{str(file)!r} is no canary ({fault!r}); {REMEDY}") from fault


def _verdicts(rows: Sequence[Mapping[str, Any]], parts: Parts, policy: Policy) -> list[dict[str, Any]]:
    classifier = parts.classifier()
    found = []
    for number, fields in enumerate(rows, 1):
        row = parse_row(json.dumps(fields).encode(), number)
        if isinstance(row, BadRow):
            raise BadRequest(f"row {number} cannot be decided: {row.error}")
        found.append(judge(row, policy, classifier.assess_now(request_of(row)), ms=0.0))
    return found


def _fields(line: bytes, number: int) -> Mapping[str, Any]:
    row = parse_row(line, number)
    if isinstance(row, BadRow):
        raise BadRequest(f"line {number} cannot be recorded: {row.error}")
    return row.fields


def _differs(was: Recorded, now: Recorded) -> bool:
    return was.decision != now.decision


def _farthest(was: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> float:
    """The largest difference of a probability; 1 where one of both has none."""
    gaps = [0.0]
    for before, after in zip(was, now, strict=True):
        if ("unavailable" in before) != ("unavailable" in after):
            return 1.0
        gaps.extend(abs(before[name] - after[name]) for name in OUTPUTS if name in before)
    return max(gaps)
