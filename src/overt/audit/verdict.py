"""The four things an audit may say. There is no fifth: why something changed is not for a statistic to tell."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What an audit found."""

    NO_CHANGE = "no change detected"
    CHANGED = "changed"
    CHANGED_ON_TOPIC = "changed more on topic than on matched control"
    CANNOT_TELL = "cannot tell"

    @property
    def is_finding(self) -> bool:
        """Whether a command that says this exits with 1."""
        return self in (Verdict.CHANGED, Verdict.CHANGED_ON_TOPIC)
