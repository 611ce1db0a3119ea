"""No byte leaves before the log has said where the record is."""

from overt.core.serve import Disclosed, Relaying

UNRECORDED = Relaying()  # E: call-arg
UNRECORDED_TOO = Disclosed()  # E: call-arg
NOWHERE = Relaying(None)  # E: arg-type
