"""A classifier with a judge behind it. The judge can clear a finding, and can do nothing else to it.

1. The inner classifier assesses. Where no finding reaches the release's acting point for high_dual or prohibited,
   nothing would be done, and nobody is asked.
2. For each domain whose finding does, the judge is asked about the text that decides, all domains at the same time.
3. An opinion of a lesser band lowers the probability of each band above it to just below that band's acting point: to
   the point less 0.000001, rounded to six digits, and never below 0. A band without a point is lowered to just below
   0.5, from which it would be recorded in shadow. What is lower already stays as it is. Last, no band is left likelier
   than a lesser one.
4. An opinion of the same or a worse band changes nothing. A judge never raises a probability: its error rates are not
   calibrated, so it may not earn an action. The release's bound on false positives therefore still holds.
5. Without an opinion the finding stays as it was. ``stages`` says which: ``judge`` if it gave an opinion that counts,
   ``judge:advisory`` if it gave one that does not, ``judge:unavailable`` if it gave none.

A rule with a number of its own, lower than the acting point, is not cleared by this.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, final

from overt.classify.cascade import SPLIT
from overt.classify.judge.ask import Judge, JudgeIdentity
from overt.classify.judge.opinion import Fault, NoOpinion, Opinion, Outcome
from overt.classify.turns import Reading, readings, spread
from overt.classify.views import ViewKind, views
from overt.core.decide import SHADOW_THRESHOLD
from overt.core.domain import BANDS, Band, Domain
from overt.core.finding import Assessment, Finding, Release
from overt.core.request import Request
from overt.ports import Classifier

JUDGE: Final = "judge"
ADVISORY: Final = "judge:advisory"
UNAVAILABLE: Final = "judge:unavailable"

LONGEST_TEXT: Final = 24_000
"""Characters, some 6,000 tokens, that a judge is asked about. A longer text is not cut, or length would clear it."""

STEP: Final = 1e-6
_DIGITS: Final = 6
_IN_PLAIN_SIGHT: Final = frozenset({ViewKind.RAW, ViewKind.LEET, ViewKind.DESPACED})

log = logging.getLogger("overt.judge")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """An assessment, and what the judge said on each domain in which it was asked."""

    assessment: Assessment
    outcomes: Mapping[Domain, Outcome]


@final
class Judged:
    """Implements `ports.Classifier` over another one and a judge; both stay whoever made them's to close."""

    def __init__(self, classifier: Classifier, judge: Judge) -> None:
        self._classifier = classifier
        self._judge = judge

    @property
    def release(self) -> Release:
        """The inner classifier's: the judge adds no weights and no acting point."""
        return self._classifier.release

    @property
    def identity(self) -> JudgeIdentity:
        """Which judge may clear, for the announcement in the log."""
        return self._judge.identity

    async def assess(self, request: Request) -> Assessment:
        """As `overt.ports.Classifier.assess`. Takes longer by at most the judge's time-out."""
        return (await self.hear(request)).assessment

    async def hear(self, request: Request) -> Hearing:
        """The assessment, and what the judge said on the way to it."""
        assessment = await self._classifier.assess(request)
        acted = [each for each in assessment.findings if isinstance(each, Finding) and acts(each, assessment.release)]
        if not acted:
            return Hearing(assessment=assessment, outcomes={})
        asked = await asyncio.gather(*(self._ask(finding, request) for finding in acted))
        outcomes = {finding.domain: outcome for finding, outcome in zip(acted, asked, strict=True)}
        findings = tuple(
            self._settled(each, outcomes[each.domain], assessment.release)
            if isinstance(each, Finding) and each.domain in outcomes
            else each
            for each in assessment.findings
        )
        return Hearing(assessment=replace(assessment, findings=findings), outcomes=outcomes)

    async def _ask(self, finding: Finding, request: Request) -> Outcome:
        # Decoding a long text takes some 20 ms, in which nobody else should have to wait.
        text = await asyncio.to_thread(text_of, request, split=SPLIT in finding.stages)
        if text is None:
            reason = f"the text that decides is longer than the {LONGEST_TEXT} characters that a judge is asked about"
            return NoOpinion(fault=Fault.NOT_ASKED, reason=reason)
        return await self._judge.ask(finding.domain, text)

    def _settled(self, finding: Finding, outcome: Outcome, release: Release) -> Finding:
        if isinstance(outcome, NoOpinion):
            log.warning("no opinion on %s: %s", finding.domain, outcome.reason)
            return _spoken(finding, UNAVAILABLE)
        if self._judge.advisory:
            return _spoken(finding, ADVISORY)
        return _spoken(cleared(finding, outcome, release), JUDGE)


def acts(finding: Finding, release: Release) -> bool:
    """Whether a finding reaches the acting point that the release has earned for high_dual or prohibited."""
    points = ((band, release.acting_point(finding.domain, band)) for band in (Band.HIGH_DUAL, Band.PROHIBITED))
    return any(point is not None and finding.at_least(band) >= point for band, point in points)


def cleared(finding: Finding, opinion: Opinion, release: Release) -> Finding:
    """The finding, no band above the opinion's at its acting point or higher (step 3)."""
    probabilities: dict[Band, float] = {Band.BENIGN: finding.topic}
    for less, band in pairwise(BANDS):
        own = finding.at_least(band)
        if band.rank > opinion.band.rank:
            own = min(own, _just_below(release.acting_point(finding.domain, band)))
        probabilities[band] = min(own, probabilities[less])
    return replace(
        finding,
        low_dual=probabilities[Band.LOW_DUAL],
        high_dual=probabilities[Band.HIGH_DUAL],
        prohibited=probabilities[Band.PROHIBITED],
    )


def text_of(request: Request, *, split: bool = False) -> str | None:
    """What a judge reads: every part of the request that decides, and in plain words what is encoded in it.

    All parts, because an opinion on one of them must not clear another; where the request was ``split`` over turns, the
    earlier ones too. None if they are too long together.
    """
    parts = [(request.segments[read.parts[0].segment].role.value, read) for read in readings(request.segments)]
    turns = spread(request.segments) if split else None
    if turns is not None:
        parts.insert(0, ("earlier turns of the same user", turns[1]))
    if sum(len(reading.text) for _, reading in parts) > LONGEST_TEXT:
        return None
    text = "\n\n".join(piece for name, reading in parts for piece in _pieces(name if len(parts) > 1 else None, reading))
    return text if len(text) <= LONGEST_TEXT else None


def _pieces(name: str | None, reading: Reading) -> Iterator[str]:
    """A reading under its name, and each of its views that is not in plain sight."""
    yield reading.text if name is None else f"({name}:)\n{reading.text}"
    for view in views(reading.text):
        if view.kind not in _IN_PLAIN_SIGHT:
            yield f"(the same, decoded from {view.kind}:)\n{view.mapped.text}"


def _just_below(point: float | None) -> float:
    return max(0.0, round((SHADOW_THRESHOLD if point is None else point) - STEP, _DIGITS))


def _spoken(finding: Finding, stage: str) -> Finding:
    return replace(finding, stages=(*finding.stages, stage))
