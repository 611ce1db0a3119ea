"""What goes wrong between a caller and a simulated endpoint; which request it strikes follows from its number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from overt.testing.language_models import uniform_of


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Shares of all requests, each from 0 to 1; the default is none.

    ``limited``: 429 with ``retry-after``; so does every request while more than ``most_at_once`` are open. ``broken``:
    ``broken_status`` (500, 503, 529, …). ``cut``: the connection ends in the middle of the answer. Every request takes
    ``latency_s`` and up to ``spread_s`` more.
    """

    limited: float = 0.0
    retry_after_s: int = 1
    most_at_once: int | None = None
    broken: float = 0.0
    broken_status: int = 500
    cut: float = 0.0
    latency_s: float = 0.0
    spread_s: float = 0.0
    seed: int = 0

    def strikes(self, what: str, number: int, share: float) -> bool:
        """Whether this kind of trouble meets this request; kinds are independent of each other."""
        return uniform_of("trouble", what, self.seed, number) < share

    def latency(self, number: int) -> float:
        """How long this request takes, in seconds."""
        return self.latency_s + self.spread_s * uniform_of("trouble", "latency", self.seed, number)
