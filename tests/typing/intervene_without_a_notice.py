"""Nothing is refused without saying so."""

from overt.core.decision import Intervene, Refuse

SILENT = Intervene(Refuse())  # E: call-arg
EMPTY = Intervene(Refuse(), None)  # E: arg-type
