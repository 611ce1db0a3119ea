"""What the checks for drift say: one line each, for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, final

from overt.core.domain import Domain
from overt.learn.canary import Replayed
from overt.learn.drift import Chart, Distance, Level, Stability, TooLittle, Wealth

NOT_MADE: Final = "-"
EVERY: Final = "every domain"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A line of the report. ``domain`` is None where it is about all. ``level`` is None where the check could not be
    made, and ``detail`` says why."""

    name: str
    domain: Domain | None
    level: Level | None
    detail: str
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def word(self) -> str:
        """The level as it is printed."""
        return self.level.word if self.level is not None else NOT_MADE


def psi_check(domain: Domain, found: Stability | TooLittle) -> Check:
    """The line of the population stability index."""
    if isinstance(found, TooLittle):
        return _not_made("psi", domain, found)
    detail = f"PSI {found.index:.3f}; equal populations reach {found.noise:.3f} once in a thousand times"
    figures = {"index": found.index, "noise": found.noise}
    return Check(name="psi", domain=domain, level=found.level, detail=detail, figures=figures)


def ks_check(domain: Domain, found: Distance | TooLittle) -> Check:
    """The line of the Kolmogorov-Smirnov test."""
    if isinstance(found, TooLittle):
        return _not_made("ks", domain, found)
    detail = f"distance {found.distance:.3f}, p {found.p:.2g}"
    figures = {"distance": found.distance, "p": found.p}
    return Check(name="ks", domain=domain, level=found.level, detail=detail, figures=figures)


def flags_check(domain: Domain, found: Chart | TooLittle) -> Check:
    """The line of the chart of flags."""
    if isinstance(found, TooLittle):
        return _not_made("flags", domain, found)
    latest, reach, outside = found.averages[-1], found.reach[-1], sum(found.outside)
    detail = (
        f"average {100 * latest:.3f} %, reference {100 * found.centre:.3f} % ± {100 * reach:.3f}; "
        f"{outside} of {len(found.rates)} points outside"
    )
    figures = {"average": latest, "centre": found.centre, "reach": reach, "batch": found.batch}
    figures |= {"points": len(found.rates), "outside": outside}
    return Check(name="flags", domain=domain, level=found.level, detail=detail, figures=figures)


def appeals_check(domain: Domain, found: Wealth | TooLittle) -> Check:
    """The line of the betting test."""
    if isinstance(found, TooLittle):
        return _not_made("appeals", domain, found)
    audited, gate = len(found.after), 1 / found.alpha
    detail = (
        f"{found.overturned} of {audited} overturned, {100 * found.promised:g} % promised; "
        f"evidence {found.highest:.3g}, gate at {gate:g}"
    )
    figures = {"audited": audited, "overturned": found.overturned, "evidence": found.highest, "gate_at": gate}
    return Check(name="appeals", domain=domain, level=found.level, detail=detail, figures=figures)


def canary_check(found: Replayed) -> Check:
    """The line of the canary."""
    if found.stale is not None:
        return Check(name="canary", domain=None, level=found.level, detail=found.stale)
    same = found.rows - len(found.changed)
    detail = f"{same:,} of {found.rows:,} decisions as recorded; probabilities within {found.farthest:.2g}"
    figures = {"rows": found.rows, "changed": len(found.changed), "farthest": found.farthest}
    return Check(name="canary", domain=None, level=found.level, detail=detail, figures=figures)


def _not_made(name: str, domain: Domain, found: TooLittle) -> Check:
    return Check(name=name, domain=domain, level=None, detail=found.why)


def overall(checks: Sequence[Check]) -> Level:
    """The worst; look where nothing could be checked at all."""
    made = [line.level for line in checks if line.level is not None]
    return max(made) if made else Level.LOOK


def worst(checks: Sequence[Check], domain: Domain) -> Level | None:
    """The worst of one domain, None where nothing was checked in it."""
    made = [line.level for line in checks if line.level is not None and line.domain is domain]
    return max(made) if made else None


def as_object(line: Check) -> dict[str, object]:
    """A line as JSON has it."""
    level = line.level.word if line.level is not None else None
    return {"check": line.name, "domain": line.domain, "level": level, "figures": line.figures, "detail": line.detail}


def as_json(checks: Sequence[Check], counts: Mapping[str, object]) -> str:
    """The report for machines."""
    found = {"level": overall(checks).word, "checks": [as_object(line) for line in checks], "rows": counts}
    return json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False)


def as_prose(checks: Sequence[Check], counts: Mapping[str, Mapping[str, object]]) -> str:
    """The report for people: a table, what was left out of it, what to do, and the worst word."""
    table = [f"{line.domain or 'all':12}  {line.name:7}  {line.word:6}  {line.detail}" for line in checks]
    left_out = [f"{name}: {words}" for name, found in counts.items() if (words := _left_out(found))]
    nothing = [] if any(line.level is not None for line in checks) else ["Nothing could be checked."]
    gates = dict.fromkeys(line.domain or EVERY for line in checks if line.level is Level.GATE)
    advice = [f"Lower {', '.join(gates)} by one action until you know why (docs/drift.md)."] if gates else []
    return "\n".join([*table, *left_out, *nothing, *advice, overall(checks).word])


def _left_out(counts: Mapping[str, object]) -> str:
    missing = counts["missing"]
    domains = missing if isinstance(missing, dict) else {}
    lacking = ", ".join(f"{domain} {count:,}" for domain, count in domains.items() if count)
    if not counts["undecided"] and not lacking:
        return ""
    return f"of {counts['rows']:,} rows, {counts['undecided']:,} have no decision; no finding in: {lacking or 'none'}"
