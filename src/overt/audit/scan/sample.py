"""What a scan says: evidence, the class of a turn, and the class of a sample.

Evidence is never dropped: the class is that of the first in `ORDER` for which there is any. Where an alias is refused
it is a refusal, for "alias" is a note and no fault. ``standing`` is what the corrected score needs: who gave the
answer. The two differ: a truncated answer of the requested model is its own answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final


class Kind(StrEnum):
    """The classes."""

    SERVED_BY_OTHER = "served_by_other"
    PARTIAL = "partial"
    """Some turns of a sample, not all, by another model."""
    REFUSED = "refused"
    ERROR = "error"
    TRUNCATED = "truncated"
    ALIAS = "alias"
    OWN = "own"
    UNKNOWN = "unknown"

    @property
    def is_finding(self) -> bool:
        """Whether a scan that finds one exits with 1."""
        return self in (Kind.SERVED_BY_OTHER, Kind.PARTIAL, Kind.REFUSED)


ORDER: Final = tuple(Kind)
"""The first with evidence is the class."""


class Standing(StrEnum):
    """Who gave the answer: O, F, X and U of the corrected score."""

    OWN = "own"
    OTHER = "other"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@final
@dataclass(frozen=True, slots=True)
class Evidence:
    """One observation: the class that it speaks for, the member where it was seen, and what was seen."""

    kind: Kind
    where: str
    what: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One answer. ``served`` is the model that gave it, None if nothing says so."""

    requested: str | None
    served: str | None
    evidence: tuple[Evidence, ...]

    @property
    def kind(self) -> Kind:
        """The class of this answer alone."""
        return first(self.evidence)

    @property
    def standing(self) -> Standing:
        """Who gave it."""
        kinds = {each.kind for each in self.evidence}
        if Kind.SERVED_BY_OTHER in kinds:
            return Standing.OTHER
        if Kind.REFUSED in kinds:
            return Standing.REFUSED
        return Standing.OWN if kinds & {Kind.OWN, Kind.ALIAS} else Standing.UNKNOWN


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One sample of a run. ``task`` is what repeated samples share (a cluster); ``group`` is the run or task set.

    ``turns`` is how many answers there were, None if nothing says so; ``others`` how many another model gave. ``score``
    is on the scale of the run, None if there is none.
    """

    file: str
    id: str
    epoch: int
    group: str
    task: str
    requested: str | None
    served: str | None
    kind: Kind
    standing: Standing
    turns: int | None
    others: int
    score: float | None
    stratum: str | None
    evidence: tuple[Evidence, ...]


def first(evidence: Iterable[Evidence]) -> Kind:
    """The class that evidence gives."""
    kinds = {each.kind for each in evidence}
    return next((kind for kind in ORDER if kind in kinds), Kind.UNKNOWN)


def whole(turns: Sequence[Turn]) -> tuple[Kind, Standing]:
    """Class and standing of a sample of these answers, in their order: contaminated if any turn is.

    An error or a cut before the last turn was got over and gives no class. A turn of which nothing is known leaves the
    sample unknown, unless another turn settles it.
    """
    if not turns:
        return Kind.UNKNOWN, Standing.UNKNOWN
    standings = Counter(turn.standing for turn in turns)
    if standings[Standing.OTHER]:
        all_other = standings[Standing.OTHER] == len(turns)
        return Kind.SERVED_BY_OTHER if all_other else Kind.PARTIAL, Standing.OTHER
    if standings[Standing.REFUSED]:
        return Kind.REFUSED, Standing.REFUSED
    last = turns[-1].kind
    open_turns = [turn for turn in turns[:-1] if turn.kind is not Kind.ERROR] + [turns[-1]]
    known = all(turn.standing is Standing.OWN for turn in open_turns)
    standing = Standing.OWN if known else Standing.UNKNOWN
    if last in (Kind.ERROR, Kind.TRUNCATED):
        return last, standing
    if not known:
        return Kind.UNKNOWN, standing
    aliases = any(each.kind is Kind.ALIAS for turn in turns for each in turn.evidence)
    return Kind.ALIAS if aliases else Kind.OWN, standing
