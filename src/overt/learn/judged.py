"""Requests through the released classifier and a policy, decided as a dry run decides them, beside what was known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.classify.rows import BadRow, parse_row
from overt.classify.rows import Row as DryRow
from overt.classify.stage1 import Stage1
from overt.classify.verdict import judge, request_of
from overt.core.domain import BANDS, DOMAINS, Band, Domain
from overt.core.policy import Policy
from overt.core.request import Role, Segment
from overt.learn.corpus import Row
from overt.learn.score import numbers_of

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Progress: TypeAlias = Callable[[str], None]

ACTED = ("notify", "redirect", "refuse")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was decided about one request. ``numbers`` are the probabilities, (domains, bands); ``because`` is the
    domain of the rule that decided, None where nothing was done; ``error`` says why a row could not be judged."""

    id: str
    about: str
    """The source's own words for the row: domain/intent."""
    action: str
    because: str | None
    numbers: Doubles
    error: str | None = None

    @property
    def acted(self) -> bool:
        """Whether anything but a pass was decided."""
        return self.action in ACTED


def judge_file(path: Path, stage: Stage1, policy: Policy) -> Iterator[Judgement]:
    """Every row of a JSON Lines file."""
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if line.strip():
            row = parse_row(line, number)
            yield _bad(row) if isinstance(row, BadRow) else _judged(row, stage, policy)


def decided(stage: Stage1, policy: Policy, text: str) -> str:
    """The action on one user turn."""
    segments = (Segment(role=Role.USER, text=text, message=0),)
    return _judged(DryRow(id="text", segments=segments, model=None, skipped=(), fields={}), stage, policy).action


def _judged(row: DryRow, stage: Stage1, policy: Policy) -> Judgement:
    assessment = stage.assess_now(request_of(row))
    found = judge(row, policy, assessment, ms=0.0)
    acted = found["action"] in ACTED
    return Judgement(
        id=str(row.id),
        about=_about(row),
        action=str(found["action"]),
        because=str(found["domain"]) if acted else None,
        numbers=numbers_of(assessment),
    )


def _about(row: DryRow) -> str:
    domain = row.fields.get("domain", "unlabelled")
    return f"{domain}/{row.fields.get('intent') or row.fields.get('band', 'unlabelled')}"


def _bad(row: BadRow) -> Judgement:
    nothing = np.zeros((len(DOMAINS), len(BANDS)))
    return Judgement(id=str(row.id), about="unreadable", action="error", because=None, numbers=nothing, error=row.error)


@final
@dataclass(frozen=True, slots=True)
class Bench:
    """Labelled rows beside their judgements, for picking: the same place in each tuple is the same request."""

    rows: Sequence[Row]
    judgements: Sequence[Judgement]

    def __add__(self, other: Bench) -> Bench:
        return Bench([*self.rows, *other.rows], [*self.judgements, *other.judgements])

    def pick(self, wanted: Callable[[Row], bool]) -> Bench:
        """The rows that are wanted."""
        kept = [pair for pair in zip(self.rows, self.judgements, strict=True) if wanted(pair[0])]
        return Bench([row for row, _ in kept], [judgement for _, judgement in kept])

    def by(self, key: Callable[[Row], str]) -> Mapping[str, Bench]:
        """The rows in groups, in order of their names."""
        places: dict[str, list[int]] = {}
        for place, row in enumerate(self.rows):
            places.setdefault(key(row), []).append(place)
        return {name: self._at(places[name]) for name in sorted(places)}

    def _at(self, places: Sequence[int]) -> Bench:
        return Bench([self.rows[place] for place in places], [self.judgements[place] for place in places])

    def acted(self, domain: Domain | None = None) -> Flags:
        """Which were acted on; because of this domain, if one is named."""
        wanted = [j.acted and (domain is None or j.because == domain) for j in self.judgements]
        return np.asarray(wanted, dtype=bool)

    def scores(self, domain: Domain, band: Band = Band.HIGH_DUAL) -> Doubles:
        """The probabilities of one band of one domain."""
        place, rank = DOMAINS.index(domain), BANDS.index(band)
        return np.asarray([judgement.numbers[place, rank] for judgement in self.judgements], dtype=np.float64)
