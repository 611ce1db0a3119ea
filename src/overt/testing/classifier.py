"""A classifier that finds what the text spells out: ``cyber:high_dual`` is a request of that domain and band."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, final

from overt.classify.turns import Reading, readings
from overt.core.domain import BANDS, DOMAINS, Band, Digest, Domain
from overt.core.finding import (
    ActingPoint,
    Assessment,
    Cause,
    ErrorRate,
    Finding,
    Release,
    Stage,
    Trigger,
    Unavailable,
)
from overt.core.request import Request

SURE: Final = 0.99
UNLIKELY: Final = 0.001

FIXED_RELEASE: Final = Release(
    name="fixed",
    version="1",
    digest=Digest("sha256:" + "0" * 64),
    error_rates=tuple(ErrorRate(domain=d, flagged=0, negatives=3_000, upper95=0.001) for d in DOMAINS),
    acting_points=tuple(ActingPoint(domain=d, band=b, threshold=0.5) for d in DOMAINS for b in BANDS),
)

_MARK: Final = re.compile(rf"({'|'.join(DOMAINS)}):({'|'.join(BANDS)})")


@final
class FixedClassifier:
    """Implements `ports.Classifier`. Reads the parts of a request that the real one reads; ``unavailable`` domains have
    no finding, and where ``uncovered`` is a language, no domain has: it is that of every request. A mark of band benign
    is on the topic and no worse.

        >>> classifier = FixedClassifier()
        >>> classifier = FixedClassifier(unavailable=frozenset({Domain.BIO}))
        >>> classifier = FixedClassifier(uncovered="ko")
    """

    def __init__(
        self,
        *,
        release: Release = FIXED_RELEASE,
        unavailable: frozenset[Domain] = frozenset(),
        uncovered: str | None = None,
    ) -> None:
        self._release = release
        self._unavailable = unavailable
        self._uncovered = uncovered

    @property
    def release(self) -> Release:
        """The release that was given."""
        return self._release

    async def assess(self, request: Request) -> Assessment:
        """As `overt.ports.Classifier.assess`."""
        marks = tuple(_marks(request))
        findings = tuple(self._finding(domain, marks) for domain in DOMAINS)
        return Assessment(stage=Stage.REQUEST, release=self._release, findings=findings)

    def _finding(self, domain: Domain, marks: tuple[tuple[Domain, Band, Trigger], ...]) -> Finding | Unavailable:
        if domain in self._unavailable:
            return Unavailable(domain=domain, reason="the test asked for it")
        if self._uncovered is not None:
            reason = f"the test has {self._uncovered} not covered"
            return Unavailable(domain=domain, reason=reason, cause=Cause.LANGUAGE, language=self._uncovered)
        own = [(band, trigger) for where, band, trigger in marks if where is domain]
        worst, trigger = max(own, key=lambda mark: mark[0].rank, default=(None, None))
        rank = worst.rank if worst is not None else -1
        topic, low_dual, high_dual, prohibited = (SURE if band.rank <= rank else UNLIKELY for band in BANDS)
        return Finding(
            domain=domain,
            topic=topic,
            low_dual=low_dual,
            high_dual=high_dual,
            prohibited=prohibited,
            trigger=trigger,
        )


def _marks(request: Request) -> Iterator[tuple[Domain, Band, Trigger]]:
    for reading in readings(request.segments):
        for found in _MARK.finditer(reading.text):
            yield Domain(found.group(1)), Band(found.group(2)), _trigger(request, reading, found.span())


def _trigger(request: Request, reading: Reading, span: tuple[int, int]) -> Trigger:
    segment, start, end = reading.place(*span)
    return Trigger(segment=segment, role=request.segments[segment].role, start=start, end=end)
