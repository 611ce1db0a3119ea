"""Errors in the shape of Anthropic Messages (protocol notes 1.14), and which status each has.

A policy decision is never one of the statuses that clients retry by themselves. Where the upstream is at fault the
text says so; where the deployment is, it says no more than that.
"""

from __future__ import annotations

from collections.abc import Mapping

from overt.core.exchange import Composed, Disclose
from overt.core.notice import Notice
from overt.core.serve import Relaying
from overt.errors import (
    BadRequest,
    Forbidden,
    LogUnavailable,
    NotFound,
    OvertError,
    StoreUnavailable,
    TooLarge,
    Unauthenticated,
    UpstreamError,
    UpstreamTimeout,
)
from overt.wire.anthropic.shape import explanation
from overt.wire.disclosure import Links, overt_object
from overt.wire.json import encode
from overt.wire.sse import frame

_CALLER = {
    BadRequest: (400, "invalid_request_error"),
    Unauthenticated: (401, "authentication_error"),
    Forbidden: (403, "permission_error"),
    NotFound: (404, "not_found_error"),
    TooLarge: (413, "request_too_large"),
}


def error_reply(error: OvertError, *, request_id: str) -> tuple[int, bytes]:
    """The status and the body for an error."""
    status, kind, message = _described(error)
    return status, encode(_error(kind, message, request_id))


def error_event(error: OvertError, *, request_id: str) -> bytes:
    """The event that breaks off a stream which has begun."""
    _, kind, message = _described(error)
    return frame("error", encode(_error(kind, message, request_id)))


def postpone(state: Relaying, notice: Notice, *, request_id: str, links: Links) -> tuple[int, Disclose]:
    """The retryable error that says that a request could not be checked (remedy `RetryLater`)."""
    return 529, _disclosed_error(state, notice, "overloaded_error", request_id, links)


def refuse_as_error(state: Relaying, notice: Notice, *, request_id: str, links: Links) -> tuple[int, Disclose]:
    """A refusal as an error, for callers who prefer that (``Prefer: overt-on-flag=error``). Clients do not retry it."""
    return 403, _disclosed_error(state, notice, "permission_error", request_id, links)


def _disclosed_error(state: Relaying, notice: Notice, kind: str, request_id: str, links: Links) -> Disclose:
    error = _error(kind, explanation(notice, links), request_id)
    disclose, _ = state.disclose(notice, Composed(encode({**error, "overt": overt_object(notice, links)})))
    return disclose


def _error(kind: str, message: str, request_id: str) -> Mapping[str, object]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}


def _described(error: OvertError) -> tuple[int, str, str]:
    for kind, (status, word) in _CALLER.items():
        if isinstance(error, kind):
            return status, word, str(error)
    if isinstance(error, UpstreamError):
        status = 504 if isinstance(error, UpstreamTimeout) else 502
        return status, "api_error", f"The model server behind this gateway failed, not your request: {error}"
    if isinstance(error, LogUnavailable):
        return 503, "api_error", f"Nothing may be served, because no receipt can be stored: {error}"
    if isinstance(error, StoreUnavailable):
        return 503, "api_error", f"Nothing may be served, because nothing can be kept or looked up: {error}"
    return 500, "api_error", "This gateway failed, not your request. Its operator finds the cause under the request id."
