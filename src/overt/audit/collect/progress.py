"""How far a collection is, as one line: calls done, money spent, speed, time left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, final

from overt.audit.collect.ledger import Standing

_WIDTH: Final = 20


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """``before`` calls were done when this run began, ``seconds`` ago."""

    done: int
    planned: int
    before: int
    under_way: int
    spent: Decimal
    budget: Decimal
    currency: str
    seconds: float

    @property
    def line(self) -> str:
        """One line, without an end."""
        share = self.done / self.planned if self.planned else 1.0
        bar = "#" * int(share * _WIDTH)
        money = f"  {self.spent:.4f} of {self.budget} {self.currency}" if self.budget or self.spent else ""
        speed = (self.done - self.before) / self.seconds if self.seconds > 0 else 0.0
        left = f"  {_clock((self.planned - self.done) / speed)} left" if speed > 0 else ""
        return (
            f"[{bar:<{_WIDTH}}] {self.done:,} of {self.planned:,} ({share:.0%})  {self.under_way} under way"
            f"{money}  {speed:.1f}/s{left}"
        )


def totals(standings: Sequence[Standing]) -> tuple[int, int]:
    """Calls done and calls planned."""
    return sum(each.done for each in standings), sum(each.planned for each in standings)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
