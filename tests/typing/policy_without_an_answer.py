"""A policy says what happens when a classifier gives no finding."""

from overt.core.domain import Digest
from overt.core.policy import Policy

UNDECIDED = Policy(  # E: call-arg
    name="sample",
    version="3",
    digest=Digest("sha256:"),
    modes={},
    rules=(),
    fallbacks={},
)
