"""How two stages become one probability, and when the second is asked at all.

    p_h = sigmoid(linear_h * logit(stage 1's probability_h) + deep_h * stage 2's logit_h + bias_h)

fitted on rows that neither stage had seen, then ordered like every finding: topic >= low_dual >= high_dual >=
prohibited. A gate per domain says from which high_dual probability of stage 1 stage 2 is asked; it is also asked where
stage 1 is sure of the topic, so that what is told about it is right. What stage 2 did not read is told as a probability
of at most `CEILING`, and every acting point lies above that, so stage 1 by itself can only ask for a second look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from overt.classify.model import NEVER, OUTPUTS, Floats
from overt.core.domain import DOMAINS

CEILING: Final = 0.02
"""Probabilities of what stage 2 did not read end here: at a gate, stage 1 has said all it can."""
TOPIC_GATE: Final = 0.8
"""The topic probability of stage 1 from which stage 2 is asked, in every domain."""
_TOPIC: Final = OUTPUTS.index("topic")
_HIGH: Final = OUTPUTS.index("high_dual")
_EDGE: Final = np.float32(1e-4)
"""Stage 1's probabilities are cut here before they become logits: its certainty has a limit."""
_FARTHEST: Final = 30.0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """The numbers of a joined release. ``linear``, ``deep`` and ``bias`` are per head, ``gates`` per domain."""

    linear: Floats
    deep: Floats
    bias: Floats
    gates: Floats

    def probabilities(self, first: Floats, logits: Floats) -> Floats:
        """From stage 1's probabilities (windows, 4, 4) and stage 2's logits (windows, 16): shape (windows, 4, 4)."""
        scaled = self.linear * logit(first).reshape(len(first), -1) + self.deep * logits + self.bias
        single = 1.0 / (1.0 + np.exp(-np.clip(scaled, -_FARTHEST, _FARTHEST)))
        single[:, NEVER] = 0.0
        ordered: Floats = np.minimum.accumulate(single.reshape(-1, len(DOMAINS), len(OUTPUTS)), axis=2)
        return ordered.astype(np.float32)

    def unread(self, first: Floats) -> Floats:
        """Stage 1's probabilities (..., 4 domains, 4 outputs) as they are told where stage 2 did not read."""
        told: Floats = (first * np.float32(CEILING)).astype(np.float32)
        return told

    def opening(self, first: Floats) -> Floats:
        """How far stage 1's probabilities (..., 4 domains, 4 outputs) open a gate: from 1 on, stage 2 is asked."""
        by_band, by_topic = first[..., _HIGH] / self.gates, first[..., _TOPIC] / np.float32(TOPIC_GATE)
        widest: Floats = np.maximum(by_band, by_topic).max(axis=-1)
        return widest

    def opens(self, probabilities: Floats, ease: float = 1.0) -> bool:
        """Whether stage 1's probabilities (domains, outputs) reach a gate; ``ease`` below 1 lowers the gates."""
        return bool(self.opening(probabilities) >= np.float32(ease))


def logit(probabilities: Floats) -> Floats:
    """Log odds, cut at both ends."""
    kept = np.clip(probabilities, _EDGE, 1 - _EDGE)
    odds: Floats = np.log(kept / (1 - kept))
    return odds
