"""A reply that no protocol reads: an error page, or a list of numbers. Kept and relayed as it came."""

from __future__ import annotations

from overt.core.exchange import Neutral, Received


def opaque(raw: bytes) -> Received:
    """The bytes as one unit without any sign."""
    return Received(raw, (Neutral(),))
