"""The split of a change into ability and answer bias, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from overt.audit.stats.signal import Detection, SignalSplit


def split_as_object(split: SignalSplit | None) -> dict[str, Any] | None:
    """d' (ability) and the criterion c (bias) of both sides, and how each changed; None for no yes-or-no questions."""
    if split is None:
        return None
    return {
        "reference": _side(split.reference),
        "endpoint": _side(split.endpoint),
        "sensitivity": [split.sensitivity, split.sensitivity_low, split.sensitivity_high],
        "criterion": [split.criterion, split.criterion_low, split.criterion_high],
        "mostly_bias": split.is_mostly_bias,
    }


def split_as_prose(split: SignalSplit | None) -> Iterator[str]:
    """One line on ability, one on bias, and what to make of both."""
    if split is None:
        return
    before, after = split.reference, split.endpoint
    yield (
        f"Ability to tell yes from no (d'): {before.sensitivity:.2f} before, {after.sensitivity:.2f} now, change "
        f"{split.sensitivity:+.2f} ({split.sensitivity_low:+.2f} to {split.sensitivity_high:+.2f})."
    )
    yield (
        f"Unwillingness to say yes (criterion): {before.criterion:+.2f} before, {after.criterion:+.2f} now, change "
        f"{split.criterion:+.2f} ({split.criterion_low:+.2f} to {split.criterion_high:+.2f})."
    )
    if split.is_mostly_bias:
        yield "The answer that it leans to changed more than what it can tell apart."


def _side(side: Detection) -> dict[str, float | int]:
    return {
        "hits": side.hits,
        "false_alarms": side.false_alarms,
        "sensitivity": side.sensitivity,
        "criterion": side.criterion,
        "yes_is_right": side.n_yes,
        "no_is_right": side.n_no,
    }
