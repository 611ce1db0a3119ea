"""Why a call gave no response that can be kept: the first words of a record's ``fault``."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """What went wrong. A record's ``fault`` is one of these, a colon and the particulars."""

    NO_CONNECTION = "no connection"
    """Nothing was sent, so nothing can have been charged."""
    TIMEOUT = "timeout"
    CUT = "cut"
    """The connection broke after the request had left."""
    NOT_HTTP = "not HTTP"
    TOO_LARGE = "too large"
    NOT_TEXT = "not text"
    HOLDS_KEY = "holds the key"
    """The response repeats our key, which is written nowhere."""

    def about(self, particulars: str) -> str:
        """The text of a record's ``fault``."""
        return f"{self}: {particulars}"
