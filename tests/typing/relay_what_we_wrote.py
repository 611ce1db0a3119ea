"""What we wrote is never relayed as received."""

from overt.core.exchange import Composed, Received, Relay
from overt.core.serve import Disclosed, Relaying


def edited(received: Received) -> Composed:
    """The upstream's words, changed."""
    return Composed(received.raw.replace(b"yes", b"no"))


def serve(state: Relaying, told: Disclosed, received: Received) -> list[Relay]:
    """Pass it off as theirs, before and after disclosing."""
    return [
        state.relay(edited(received)),  # E: arg-type
        told.relay(edited(received)),  # E: arg-type
        Relay(edited(received)),  # E: arg-type
    ]
