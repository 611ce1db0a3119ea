"""What a client demands beyond a true receipt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from overt.errors import VerificationFailed
from overt.proof.note import VerifierKey
from overt.proof.policy import Policy, accept
from overt.proof.receipt import MERGE_DELAY_MS


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Times are milliseconds.

    ``included`` waits until the log holds the entry, instead of taking its promise. ``delay`` is the longest time that
    a promise may leave to the log, ``fresh`` how far a promise's own time may be from our clock. A promise is kept once
    a checkpoint with the quorum of ``witnesses`` covers it; without that policy the log's own signature is enough.
    """

    included: bool = False
    delay: int = MERGE_DELAY_MS
    fresh: int = 300_000
    witnesses: Policy | None = None


def lacking(terms: Terms, note: bytes, *log: VerifierKey) -> str | None:
    """Why a checkpoint of the log, whose keys these are, does not do; None if it does."""
    if terms.witnesses is None:
        return None
    try:
        accept(terms.witnesses, note, *log)
    except VerificationFailed as failure:
        return str(failure)
    return None
