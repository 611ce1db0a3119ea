"""What is served, as a state that cannot write before it has disclosed (flow step 11).

Both states are made from a `Position`, which only `Log.append` returns: no byte of an answer without a durable record.
`Relaying` can relay what was received and nothing else. Only `Relaying.disclose` gives a `Disclosed`, and only a
`Disclosed` can write. `Transcript.seal` checks the promise once more at the end, on the bytes themselves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import final

from overt.core.decision import Action, relays
from overt.core.exchange import BreakOff, Composed, Disclose, Received, Relay, Served, Write, served_bytes
from overt.core.notice import Notice
from overt.core.receipt import Position
from overt.errors import InvariantBroken


@final
@dataclass(frozen=True, slots=True)
class Disclosed:
    """The person has been told; from here on we may write."""

    position: Position
    notice: Notice

    def relay(self, received: Received) -> Relay:
        """Serve a unit as it was received."""
        return Relay(received)

    def write(self, composed: Composed) -> Write:
        """Serve a unit that we wrote."""
        return Write(composed)

    def break_off(self, composed: Composed) -> BreakOff:
        """Say that the upstream broke off."""
        return BreakOff(composed)


@final
@dataclass(frozen=True, slots=True)
class Relaying:
    """The record is durable and nothing was changed so far."""

    position: Position

    def relay(self, received: Received) -> Relay:
        """Serve a unit as it was received."""
        return Relay(received)

    def break_off(self, composed: Composed) -> BreakOff:
        """Say that the upstream broke off."""
        return BreakOff(composed)

    def disclose(self, notice: Notice, composed: Composed) -> tuple[Disclose, Disclosed]:
        """Serve the unit that carries the notice, and gain the right to write."""
        return Disclose(notice, composed), Disclosed(self.position, notice)


@final
@dataclass(slots=True)
class Transcript:
    """Running digests of what was received and what was served, in bounded memory."""

    _received: hashlib._Hash = field(default_factory=hashlib.sha256)
    _served: hashlib._Hash = field(default_factory=hashlib.sha256)

    def received(self, raw: bytes) -> None:
        """Note bytes that came from the upstream."""
        self._received.update(raw)

    def served(self, unit: Served) -> bytes:
        """Note a unit that goes to the client, and give its bytes."""
        raw = served_bytes(unit)
        if not isinstance(unit, BreakOff):
            self._served.update(raw)
        return raw

    @property
    def served_digest(self) -> bytes:
        """SHA-256 of everything served so far (32 bytes)."""
        return self._served.digest()

    def seal(self, action: Action) -> None:
        """Raise `InvariantBroken` if the action was to leave the reply alone and the reply is not the same."""
        if relays(action) and self._received.digest() != self._served.digest():
            raise InvariantBroken("the reply passed, but the bytes served are not the bytes received")
