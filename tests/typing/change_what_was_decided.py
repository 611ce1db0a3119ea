"""What was decided, told and received stays as it is."""

from overt.core.decision import Decision, Pass
from overt.core.exchange import Received
from overt.core.notice import Notice


def rewrite(decision: Decision, notice: Notice, received: Received) -> None:
    """Change each of them afterwards."""
    decision.action = Pass()  # E: misc
    notice.why = "No reason."  # E: misc
    received.raw = b""  # E: misc
