"""How long and how fast the encoder is fine-tuned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long and how fast. ``lessons`` is the number of rows drawn in a round."""

    rounds: int = 4
    lessons: int = 40_000
    batch: int = 64
    encoder_rate: float = 2e-4
    head_rate: float = 1e-3
    warm_up: float = 0.05
    decay: float = 0.01
    dropout: float = 0.1
    kept: float = 0.998
    smoothing: float = 0.01
    seed: int = 7
