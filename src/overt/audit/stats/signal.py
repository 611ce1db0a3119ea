"""Ability and answer bias apart, for questions with two answers: d' and the criterion of signal detection.

A model that starts to say "yes" to everything loses on the questions whose answer is no, and has lost no ability. With
H the share of "yes" where yes is right and F where it is wrong,

    d' = z(H) - z(F)   what it can tell apart          c = -(z(H) + z(F)) / 2   how unwilling it is to say yes

(Green and Swets, 1966; Macmillan and Creelman, Detection Theory, 2005). Shares of 0 and 1 have no quantile and become
(k + 1/2)/(n + 1) (log-linear correction: Hautus, Behavior Research Methods 27, 1995; other shares stay as they are).
Errors are those of the delta method (Gourevitch and Galanter, Psychometrika 32, 1967); those of a change take the two
sides as independent, which is too wide where the prompts are the same. Both classes of answer are needed: without
either, nothing is said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import exp, pi, sqrt
from statistics import NormalDist
from typing import Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

Flags: TypeAlias = npt.NDArray[np.bool_]

NORMAL: Final = NormalDist()
BRACKETED: Final = re.compile(r"[\[({<*\"']\s*(yes|no|true|false)\s*[\])}>*\"']", re.IGNORECASE)
OPENING: Final = re.compile(r"\W{0,3}(yes|no|true|false)\b", re.IGNORECASE)
CLOSING: Final = re.compile(r"\b(yes|no|true|false)\W{0,5}\Z", re.IGNORECASE)
ONE_CLASS: Final = 0.9
"""The share of one right answer from which a topic counts as that answer."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """One side's answers: shares of "yes" where it is right and where it is wrong, uncorrected; d' and c corrected."""

    hits: float
    false_alarms: float
    sensitivity: float
    criterion: float
    sensitivity_error: float
    criterion_error: float
    n_yes: int
    n_no: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSplit:
    """What changed from reference to endpoint: `sensitivity` is ability, `criterion` bias; intervals of 1 - alpha."""

    reference: Detection
    endpoint: Detection
    sensitivity: float
    sensitivity_low: float
    sensitivity_high: float
    criterion: float
    criterion_low: float
    criterion_high: float

    @property
    def is_mostly_bias(self) -> bool:
        """Whether the readiness to say yes moved further than the ability to tell."""
        return abs(self.criterion) > abs(self.sensitivity)


def two_way(text: str) -> bool | None:
    """Whether an answer says yes (or true); None where it says neither.

    The first answer in brackets or quotes counts, else a first word, else a last one.
    """
    found = BRACKETED.search(text) or OPENING.match(text) or CLOSING.search(text)
    return None if found is None else found.group(1).lower() in ("yes", "true")


def signal_split(
    reference_truth: Flags, reference_yes: Flags, endpoint_truth: Flags, endpoint_yes: Flags, *, alpha: float = 0.05
) -> SignalSplit | None:
    """Compare two sides: (N,) whether yes is right and whether it was said. None where a side lacks a class."""
    before, after = _detection(reference_truth, reference_yes), _detection(endpoint_truth, endpoint_yes)
    if before is None or after is None:
        return None
    quantile = NORMAL.inv_cdf(1 - alpha / 2)
    sensitivity = after.sensitivity - before.sensitivity
    criterion = after.criterion - before.criterion
    wide = quantile * sqrt(before.sensitivity_error**2 + after.sensitivity_error**2)
    broad = quantile * sqrt(before.criterion_error**2 + after.criterion_error**2)
    return SignalSplit(
        reference=before,
        endpoint=after,
        sensitivity=sensitivity,
        sensitivity_low=sensitivity - wide,
        sensitivity_high=sensitivity + wide,
        criterion=criterion,
        criterion_low=criterion - broad,
        criterion_high=criterion + broad,
    )


def are_two_answers(target_truth: Flags, control_truth: Flags) -> bool:
    """Whether topic and control are the two answers of one question, such as primes and composites.

    Then a model that leans to one answer loses on one and gains on the other, and no control is left.
    """
    if not len(target_truth) or not len(control_truth):
        return False
    target, control = float(target_truth.mean()), float(control_truth.mean())
    return max(target, control) >= ONE_CLASS and min(target, control) <= 1 - ONE_CLASS


def _detection(truth: Flags, said_yes: Flags) -> Detection | None:
    n_yes, n_no = int(truth.sum()), int((~truth).sum())
    if not n_yes or not n_no:
        return None
    hits, alarms = int((truth & said_yes).sum()), int((~truth & said_yes).sum())
    hit, hit_error = _quantile(hits, n_yes)
    alarm, alarm_error = _quantile(alarms, n_no)
    error = sqrt(hit_error**2 + alarm_error**2)
    return Detection(
        hits=hits / n_yes,
        false_alarms=alarms / n_no,
        sensitivity=hit - alarm,
        criterion=-(hit + alarm) / 2,
        sensitivity_error=error,
        criterion_error=error / 2,
        n_yes=n_yes,
        n_no=n_no,
    )


def _quantile(count: int, number: int) -> tuple[float, float]:
    """The normal quantile of a share, corrected at its ends, and its standard error."""
    share = count / number if 0 < count < number else (count + 0.5) / (number + 1)
    quantile = NORMAL.inv_cdf(share)
    density = exp(-(quantile**2) / 2) / sqrt(2 * pi)
    return quantile, sqrt(share * (1 - share) / number) / density
