"""The words of the domain: what a request can be about, how sensitive it is, and the names of things.

Distinct identifiers are distinct types, so that a rule's id cannot be passed where a notice's id is meant.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NewType

ModelName = NewType("ModelName", str)
RuleId = NewType("RuleId", str)
NoticeId = NewType("NoticeId", str)
ReceiptId = NewType("ReceiptId", str)
Digest = NewType("Digest", str)
"""``sha256:`` and 64 hexadecimal digits."""


class Domain(StrEnum):
    """The four topics that a policy may have rules about."""

    CYBER = "cyber"
    BIO = "bio"
    CHEM = "chem"
    FRONTIER_LLM = "frontier_llm"


class Band(StrEnum):
    """How sensitive a request is within its domain, from harmless to never acceptable."""

    BENIGN = "benign"
    LOW_DUAL = "low_dual"
    HIGH_DUAL = "high_dual"
    PROHIBITED = "prohibited"

    @property
    def rank(self) -> int:
        """0 for benign up to 3 for prohibited."""
        return BANDS.index(self)


BANDS: tuple[Band, ...] = tuple(Band)
DOMAINS: tuple[Domain, ...] = tuple(Domain)
