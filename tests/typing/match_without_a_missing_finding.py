"""A missing finding is never read as a probability."""

from overt.core.finding import Finding, Unavailable


def topic(found: Finding | Unavailable) -> float:
    """Take it that the classifier always answers."""
    return found.topic  # E: union-attr
