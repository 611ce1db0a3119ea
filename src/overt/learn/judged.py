"""Requests through the released classifier and a policy, decided as a dry run decides them, beside what was known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from overt.classify.cascade import STAGE2
from overt.classify.rows import BadRow, parse_row
from overt.classify.rows import Row as DryRow
from overt.classify.verdict import judge, request_of
from overt.core.domain import BANDS, DOMAINS, Band, Domain
from overt.core.policy import Policy
from overt.core.request import Role, Segment
from overt.learn.corpus import Row
from overt.learn.score import Assessor, numbers_of

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
    trigger: tuple[int, int] | None = None
    """The span of the request's last segment that the deciding finding points at."""
    looked_again: bool = False
    """Whether stage 2 spoke."""

    @property
    def uncovered(self) -> bool:
        """Whether no probability was given, because of the language or a fault."""
        return bool(np.isnan(self.numbers).any())

    @property
    def acted(self) -> bool:
        """Whether anything but a pass was decided."""
        return self.action in ACTED


def judge_file(path: Path, classifier: Assessor, policy: Policy) -> Iterator[Judgement]:
    """Every row of a JSON Lines file."""
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if line.strip():
            row = parse_row(line, number)
            yield _bad(row) if isinstance(row, BadRow) else _judged(row, classifier, policy)


def judge_rows(rows: Sequence[Row], classifier: Assessor, policy: Policy) -> list[Judgement]:
    """Rows of the corpus, each as one user turn."""
    return [_judged(_turn(row.text, row.id, row.domain, row.intent), classifier, policy) for row in rows]


def judge_text(classifier: Assessor, policy: Policy, text: str, preamble: str | None = None) -> Judgement:
    """One user turn, with what an agent puts in front of it if anything."""
    return _judged(_turn(text, "text", "none", "unlabelled", preamble), classifier, policy)


def decided(classifier: Assessor, policy: Policy, text: str) -> str:
    """The action on one user turn."""
    return judge_text(classifier, policy, text).action


def _turn(text: str, name: str, domain: str, intent: str, preamble: str | None = None) -> DryRow:
    before = (Segment(role=Role.SYSTEM, text=preamble),) if preamble is not None else ()
    segments = (*before, Segment(role=Role.USER, text=text, message=0))
    fields = {"domain": domain, "intent": intent}
    return DryRow(id=name, segments=segments, model=None, skipped=(), fields=fields)


def _judged(row: DryRow, classifier: Assessor, policy: Policy) -> Judgement:
    assessment = classifier.assess_now(request_of(row))
    found = judge(row, policy, assessment, ms=0.0)
    acted = found["action"] in ACTED
    span = found["trigger"]
    return Judgement(
        id=str(row.id),
        about=_about(row),
        action=str(found["action"]),
        because=str(found["domain"]) if acted else None,
        numbers=numbers_of(assessment),
        trigger=(span["start"], span["end"]) if acted and span is not None else None,
        looked_again=STAGE2 in found["stages"],
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

    def covered(self) -> Bench:
        """The rows that got a probability."""
        kept = [place for place, judgement in enumerate(self.judgements) if not judgement.uncovered]
        return self._at(kept)

    def acted(self, domain: Domain | None = None) -> Flags:
        """Which were acted on; because of this domain, if one is named."""
        wanted = [j.acted and (domain is None or j.because == domain) for j in self.judgements]
        return np.asarray(wanted, dtype=bool)

    def scores(self, domain: Domain, band: Band = Band.HIGH_DUAL) -> Doubles:
        """The probabilities of one band of one domain."""
        place, rank = DOMAINS.index(domain), BANDS.index(band)
        return np.asarray([judgement.numbers[place, rank] for judgement in self.judgements], dtype=np.float64)
