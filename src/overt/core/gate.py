"""The gate: a pure machine that says, unit by unit, what of a reply may leave.

For a caller who accepts another model, the beginning of a reply is held back until the model has said its first word
or the provider has refused: only then is it known who answers, and what begins is never taken back.
For every other caller each unit is released as it comes.

Feed it a `Received`; it answers `Release`, `Hold` or `TurnedDown`. It opens no socket and waits for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from overt.core.exchange import Began, Ended, Neutral, Output, ProviderError, ProviderRefusal, Received


@final
@dataclass(frozen=True, slots=True)
class Release:
    """These units may leave now, in this order."""

    units: tuple[Received, ...]


@final
@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing may leave yet: feed more."""


@final
@dataclass(frozen=True, slots=True)
class TurnedDown:
    """The provider refused before any output. ``units`` is what was held back, the refusal included."""

    refusal: ProviderRefusal
    units: tuple[Received, ...]


Verdict = Release | Hold | TurnedDown


@final
class Gate:
    """See the module. ``holding`` says whether the beginning is held back."""

    def __init__(self, *, holding: bool) -> None:
        self._holding = holding
        self._held: list[Received] = []

    @property
    def holding(self) -> bool:
        """Whether units are being held back."""
        return self._holding

    def feed(self, unit: Received) -> Verdict:
        """One more unit came."""
        if not self._holding:
            return Release((unit,))
        self._held.append(unit)
        for sign in unit.signs:
            match sign:
                case Began() | Neutral():
                    continue
                case ProviderRefusal(retriable=True):
                    return TurnedDown(sign, self._open())
                case Output() | ProviderRefusal() | ProviderError() | Ended():
                    return Release(self._open())
        return Hold()

    def end(self) -> Release:
        """The upstream closed the connection: what is held may leave as it is."""
        return Release(self._open())

    def _open(self) -> tuple[Received, ...]:
        held, self._held = tuple(self._held), []
        self._holding = False
        return held
