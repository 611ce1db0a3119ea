"""Who has not told the person has no way to write."""

from overt.core.exchange import Composed
from overt.core.notice import Notice
from overt.core.serve import Relaying


def serve(state: Relaying, notice: Notice, composed: Composed) -> None:
    """Write first, and disclose without a notice."""
    state.write(composed)  # E: attr-defined
    state.disclose(composed)  # E: call-arg arg-type
    told, disclosed = state.disclose(notice, composed)
    disclosed.write(told)  # E: arg-type
