"""What a record means for the collection: is the call done, is it worth asking again, must its route stop?"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

from overt.audit.answers import answer_of
from overt.audit.collect.request import url_of
from overt.audit.plan import Route
from overt.audit.record import Record

REJECTIONS_IN_A_ROW: Final = 3
"""So many rejected requests of a route, with no answer between them, are the route's fault and not the prompts'."""
OUT_OF_CREDIT: Final = "insufficient_quota"
_AGAIN: Final = frozenset({408, 409, 425, 429})
_REJECTED: Final = frozenset({400, 403, 413, 422, 451})
"""About one request: too long, filtered, malformed. Also what a wrong parameter gives, for every request alike."""


class Outcome(StrEnum):
    """What became of a call."""

    ANSWERED = "answered"
    """An answer, perhaps a refusal: the call is done."""
    REJECTED = "rejected"
    """The request was not accepted; so are its like. The call is done unless the whole route rejects."""
    FAILED = "failed"
    """Worth asking again."""
    HOPELESS = "hopeless"
    """Nothing that is asked of the route can succeed until somebody does something about it."""


def outcome_of(record: Record) -> Outcome:
    """What became of the call of a record."""
    if answer_of(record).error is None:
        return Outcome.ANSWERED
    if record.status < 300 or record.status >= 500:
        return Outcome.FAILED
    if record.status in _AGAIN:
        return Outcome.HOPELESS if record.status == 429 and OUT_OF_CREDIT in record.body else Outcome.FAILED
    return Outcome.REJECTED if record.status in _REJECTED else Outcome.HOPELESS


def wait_asked(record: Record) -> float | None:
    """The seconds that ``Retry-After`` (RFC 9110 §10.2.3) or ``retry-after-ms`` asks to wait, if one does."""
    headers = dict(record.headers)
    if (seconds := _number(headers.get("retry-after-ms"))) is not None:
        return seconds / 1000
    said = headers.get("retry-after")
    if (seconds := _number(said)) is not None:
        return seconds
    try:
        until = parsedate_to_datetime(said or "")
        sent = headers.get("date")
        now = parsedate_to_datetime(sent) if sent else datetime.fromisoformat(record.at)
        return max(0.0, (_aware(until) - _aware(now)).total_seconds())
    except ValueError:
        return None


def reason_to_stop(record: Record, route: Route) -> str:
    """What a route's owner is told: what the server said, about which value, and what to do."""
    said = f"route {route.name!r} answered {_said(record)}"
    key = "sends no key" if route.key_variable is None else f"sends the key in {route.key_variable}"
    match record.status:
        case 401:
            return f"{said}; it {key}: set one that this server accepts"
        case 402:
            return f"{said}: add credit at the provider"
        case 429:
            return f"{said}: the account is out of credit; add some, or raise its limit"
        case 404 | 405:
            return f"{said}; asked was {route.model!r} at {url_of(route)!r}: correct model or base_url, and plan again"
        case status if status < 400:
            return (
                f"{said}, a redirection of {url_of(route)!r}, and keys follow none: put the new address into the plan"
            )
        case status if status in _REJECTED:
            return (
                f"{said}, and {REJECTIONS_IN_A_ROW} requests in a row were rejected; it {key} and the parameters "
                f"{dict(route.parameters)!r} for model {route.model!r}: correct what the server names, and plan again"
            )
        case _:
            return f"{said}: the server will not take such requests; correct the route, and plan again"


def _said(record: Record) -> str:
    return answer_of(record).error or record.fault or f"HTTP {record.status}"


def _number(text: str | None) -> float | None:
    """A count of seconds that is not absurd; None for anything else."""
    if text is None or not text.strip().replace(".", "", 1).isdecimal() or not text.isascii():
        return None
    return float(text)


def _aware(instant: datetime) -> datetime:
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
