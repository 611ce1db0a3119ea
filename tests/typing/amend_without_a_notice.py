"""No changed request goes to a model without a notice."""

from overt.core.domain import ModelName
from overt.core.exchange import Amended

CHANGED = Amended(b"{}", ModelName("small-1"))  # E: call-arg
CHANGED_IN_SILENCE = Amended(b"{}", ModelName("small-1"), None)  # E: arg-type
