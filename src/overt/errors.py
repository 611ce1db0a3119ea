"""Everything that can go wrong, as one tree. Callers catch by meaning: whose fault, and may I retry?

    OvertError
    ├── CallerError                the request is at fault; sending it again unchanged cannot help
    │   ├── BadRequest             malformed or contradictory (HTTP 400)
    │   ├── Unauthenticated        no key, or one we do not know (401)
    │   ├── Forbidden              a known key that may not do this (403)
    │   ├── NotFound               an unknown model, receipt, notice or path (404)
    │   └── TooLarge               over the size limit (413)
    ├── OperatorError              the deployment is at fault
    │   ├── InvalidFile            configuration or policy; carries every problem at once
    │   ├── BadRelease             a classifier that is missing, altered or unreadable
    │   ├── LogUnavailable         the log cannot store, so nothing may be served (503)
    │   │   └── Superseded         another process leads the log, and has moved it on
    │   └── StoreUnavailable       receipts and notices cannot be kept, so nothing may be served (503)
    ├── UpstreamError              the model server is at fault
    │   ├── UpstreamTimeout        it did not answer in time (504)
    │   ├── UpstreamUnreachable    no connection, or cut before the first byte (502)
    │   └── UpstreamGarbage        it answered with something that is not the protocol (502)
    ├── VerificationFailed         a proof does not hold; names the numbered step
    ├── UnprovenAnswer             an answer came, and what must stand behind it does not (`overt.client`)
    │   ├── ReceiptMissing         no receipt came, or it cannot be fetched
    │   ├── ReceiptFalse           the receipt does not verify, or is about something else
    │   ├── NotLogged              the log promised to hold the entry by now, and does not
    │   └── HistoryChanged         the log does not continue what it signed before
    └── InvariantBroken            a promise of this code base was about to be broken; a bug

Messages quote the offending value with ``!r`` and say what to do about it.
"""

from __future__ import annotations

from dataclasses import dataclass


class OvertError(Exception):
    """Base of every error that Overt raises on purpose."""


class CallerError(OvertError):
    """The request is at fault."""


class BadRequest(CallerError):
    """Malformed or contradictory."""


class Unauthenticated(CallerError):
    """No key, or one we do not know."""


class Forbidden(CallerError):
    """A known key that may not do this."""


class NotFound(CallerError):
    """An unknown model, receipt, notice or path."""


class TooLarge(CallerError):
    """Over the size limit."""


class OperatorError(OvertError):
    """The deployment is at fault."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file: where, what, and the remedy."""

    where: str
    what: str
    remedy: str
    line: int | None = None

    def __str__(self) -> str:
        place = f"line {self.line}: {self.where}" if self.line is not None else self.where
        return f"{place}: {self.what} ({self.remedy})"


class InvalidFile(OperatorError):
    """A configuration or policy file with at least one problem; all of them are listed."""

    def __init__(self, name: str, problems: tuple[Problem, ...]) -> None:
        self.name = name
        self.problems = problems
        listing = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{name} has {len(problems)} problem(s):\n{listing}")


class BadRelease(OperatorError):
    """A classifier release that is missing, altered or unreadable."""


class LogUnavailable(OperatorError):
    """The log cannot store an entry, so no answer may be served."""


class Superseded(LogUnavailable):
    """Another process leads the log now, and has moved it on: what we wanted to write is out of date."""


class StoreUnavailable(OperatorError):
    """The store cannot keep or read receipts, notices or keys, so no answer may be served."""


class UpstreamError(OvertError):
    """The model server is at fault."""


class UpstreamTimeout(UpstreamError):
    """It did not answer in time."""


class UpstreamUnreachable(UpstreamError):
    """No connection, or the connection was cut before the first byte."""


class UpstreamGarbage(UpstreamError):
    """It answered with something that is not the protocol."""


class VerificationFailed(OvertError):
    """A proof does not hold. ``step`` is the numbered step of `overt.proof.verify` that failed."""

    def __init__(self, step: str, reason: str) -> None:
        self.step = step
        self.reason = reason
        super().__init__(f"{step}: {reason}")


class UnprovenAnswer(OvertError):
    """An answer came, and what must stand behind it does not. The answer was not handed over, or not to its end."""


class ReceiptMissing(UnprovenAnswer):
    """No receipt came with an answer, or the receipt that it names cannot be fetched."""


class ReceiptFalse(UnprovenAnswer):
    """The receipt does not verify, or is about another exchange."""


class NotLogged(UnprovenAnswer):
    """The log promised to hold the entry by now, and does not."""


class HistoryChanged(UnprovenAnswer):
    """The log does not continue a checkpoint that it signed: history was rewritten, or is not the same for all."""


class InvariantBroken(OvertError):
    """A promise of this code base was about to be broken. Never caught to continue."""
