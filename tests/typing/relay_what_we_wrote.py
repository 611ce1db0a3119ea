"""What we wrote is never relayed as received, nor what was already served written once more."""

from overt.core.exchange import Composed, Received, Relay
from overt.core.notice import Notice
from overt.core.serve import Disclosed, Relaying


def edited(received: Received) -> Composed:
    """The upstream's words, changed."""
    return Composed(received.raw.replace(b"yes", b"no"))


def pass_off(told: Disclosed, received: Received) -> list[Relay]:
    """Pass it off as theirs, after disclosing and without any state."""
    return [
        told.relay(edited(received)),  # E: arg-type
        Relay(edited(received)),  # E: arg-type
    ]


def write_as_ours(state: Relaying, received: Received, notice: Notice, composed: Composed) -> None:
    """Disclose with their words, and pass theirs off as ours."""
    state.disclose(notice, received)  # E: arg-type
    _, told = state.disclose(notice, composed)
    told.write(received)  # E: arg-type
