"""What goes to the model and what comes back: who wrote which bytes is part of the type.

`Verbatim` is the client's own bytes; `Amended` is anything else that goes to a model, and needs a notice.
`Received` is the upstream's own bytes; `Composed` is anything that we wrote. Only `overt.wire` makes a `Received`
(a test over the syntax trees holds it to that), so an edited reply can never be relayed as received.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from overt.core.domain import ModelName
from overt.core.notice import Notice


@final
@dataclass(frozen=True, slots=True)
class Verbatim:
    """Send on the bytes that the client sent."""

    body: bytes
    model: ModelName


@final
@dataclass(frozen=True, slots=True)
class Amended:
    """Send on a changed request, about which the person is told."""

    body: bytes
    model: ModelName
    notice: Notice


@final
@dataclass(frozen=True, slots=True)
class Declined:
    """Send nothing on, about which the person is told."""

    notice: Notice


Outgoing = Verbatim | Amended


@final
@dataclass(frozen=True, slots=True)
class Began:
    """The reply has a beginning: which model answers, as the upstream says itself (None if it does not say)."""

    model: ModelName | None


@final
@dataclass(frozen=True, slots=True)
class Output:
    """Words of the model."""


@final
@dataclass(frozen=True, slots=True)
class ProviderRefusal:
    """The provider's own refusal. ``retriable`` is False where the provider has already tried other models."""

    category: str | None
    retriable: bool


@final
@dataclass(frozen=True, slots=True)
class ProviderError:
    """The provider broke the reply off with an error of its own."""

    message: str


@final
@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more follows."""


@final
@dataclass(frozen=True, slots=True)
class Neutral:
    """A unit that says nothing about the course of the reply: a ping, a comment, an unknown event."""


Sign = Began | Output | ProviderRefusal | ProviderError | Ended | Neutral


@final
@dataclass(frozen=True, slots=True)
class Received:
    """One unit of the upstream's reply (a server-sent event, or a whole body), in its own bytes.

    ``signs`` is what the wire protocol read from it, in order; a whole body has several.
    """

    raw: bytes
    signs: tuple[Sign, ...] = (Neutral(),)


@final
@dataclass(frozen=True, slots=True)
class Composed:
    """One unit of a reply that we wrote, in whole or in part."""

    raw: bytes


@final
@dataclass(frozen=True, slots=True)
class Relay:
    """Serve a unit as it was received."""

    received: Received


@final
@dataclass(frozen=True, slots=True)
class Disclose:
    """Serve the unit that carries the notice."""

    notice: Notice
    composed: Composed


@final
@dataclass(frozen=True, slots=True)
class Write:
    """Serve a unit that we wrote, after the notice."""

    composed: Composed


@final
@dataclass(frozen=True, slots=True)
class BreakOff:
    """Serve an error of the protocol that says the upstream broke off: the reply ends here, and nobody wrote more."""

    composed: Composed


Served = Relay | Disclose | Write | BreakOff


def served_bytes(unit: Served) -> bytes:
    """The bytes of a unit as they go to the client."""
    match unit:
        case Relay(received=received):
            return received.raw
        case Disclose(composed=composed) | Write(composed=composed) | BreakOff(composed=composed):
            return composed.raw
