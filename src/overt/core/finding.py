"""What a classifier says. Absent, failed and zero are three different things.

A `Finding` is a calibrated probability; an `Unavailable` says that there is none and why. Neither is ever turned
into the other: a policy must have an answer for both.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from overt.core.domain import Band, Digest, Domain
from overt.core.request import Role


class Stage(StrEnum):
    """Which half of an exchange was assessed."""

    REQUEST = "request"
    REPLY = "reply"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """The part of the request that decided: segment index, and characters ``start:end`` of that segment's text."""

    segment: int
    role: Role
    start: int
    end: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Calibrated probabilities, in [0, 1], that the request is about a domain and at least of each band.

    ``topic >= low_dual >= high_dual >= prohibited``: the bands are ordered. ``trigger`` is the segment and span with
    the largest contribution, None where nothing contributed. ``stages`` are the parts of the classifier that spoke, in
    order.
    """

    domain: Domain
    topic: float
    low_dual: float
    high_dual: float
    prohibited: float
    trigger: Trigger | None = None
    stages: tuple[str, ...] = ()

    def at_least(self, band: Band) -> float:
        """The probability that the request is of this band or a worse one."""
        return {
            Band.BENIGN: self.topic,
            Band.LOW_DUAL: self.low_dual,
            Band.HIGH_DUAL: self.high_dual,
            Band.PROHIBITED: self.prohibited,
        }[band]


class Cause(StrEnum):
    """Why there is no probability: the check failed, or the release does not cover the language of the request."""

    FAULT = "fault"
    LANGUAGE = "language"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """No probability could be given for this domain, for this reason. ``language`` is the ISO 639-1 code of a language
    that is not covered."""

    domain: Domain
    reason: str
    cause: Cause = Cause.FAULT
    language: str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRate:
    """How often a release was wrong on real negatives: ``flagged`` of ``negatives`` turns, and the upper end of the
    one-sided 95 % Clopper-Pearson interval of that share."""

    domain: Domain
    flagged: int
    negatives: int
    upper95: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ActingPoint:
    """The probability from which a release may act on a band: chosen by Learn-then-Test, so that the false-positive
    rate on real negatives is bounded. A domain and band without one stays in shadow."""

    domain: Domain
    band: Band
    threshold: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Which classifier spoke: a released set of weights, named and pinned by digest, with its published error rates."""

    name: str
    version: str
    digest: Digest
    error_rates: tuple[ErrorRate, ...] = ()
    acting_points: tuple[ActingPoint, ...] = ()

    def acting_point(self, domain: Domain, band: Band) -> float | None:
        """The threshold that this release may act on, None where it has not earned one."""
        return next((p.threshold for p in self.acting_points if p.domain is domain and p.band is band), None)

    def error_rate(self, domain: Domain) -> ErrorRate | None:
        """The published error rate for a domain, None where it was not measured."""
        return next((rate for rate in self.error_rates if rate.domain is domain), None)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """Everything found at one stage, one entry per domain, by one release."""

    stage: Stage
    release: Release
    findings: tuple[Finding | Unavailable, ...]
