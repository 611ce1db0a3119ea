"""The unions are closed: there is no action, and no unit of a reply, but those listed."""

from overt.core.decision import Intervene, Pass
from overt.core.exchange import Received


class QuietPass(Pass):  # E: misc
    """A pass that is none."""


class QuietIntervention(Intervene):  # E: misc
    """An intervention that says nothing."""


class Edited(Received):  # E: misc
    """Our words in the upstream's name."""
