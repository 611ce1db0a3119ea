"""Our own refusal, before any model ran, in the shape in which the provider refuses (protocol notes 1.7, 1.8 A).

The reason stands in ``stop_details.explanation`` and in the object ``overt``, never in ``content``: that holds only a
model's own words, so that echoing the turn stays legal. The first unit carries the notice.
"""

from __future__ import annotations

from collections.abc import Mapping

from overt.core.exchange import Composed, Served
from overt.core.notice import Notice
from overt.core.serve import Relaying
from overt.wire.anthropic.shape import stop_details, zero_usage
from overt.wire.disclosure import Links, overt_object
from overt.wire.json import encode
from overt.wire.sse import frame


def refuse_body(state: Relaying, notice: Notice, *, message_id: str, links: Links) -> list[Served]:
    """The refusal as one body."""
    message = {
        **_message(notice, message_id),
        "stop_reason": "refusal",
        "stop_details": stop_details(notice, links),
        "usage": zero_usage(notice.requested),
        "overt": overt_object(notice, links),
    }
    disclose, _ = state.disclose(notice, Composed(encode(message)))
    return [disclose]


def refuse_stream(state: Relaying, notice: Notice, *, message_id: str, links: Links) -> list[Served]:
    """The refusal as an event stream: ``message_start``, ``message_delta``, ``message_stop``."""
    usage = zero_usage(notice.requested)
    start = {
        **_message(notice, message_id),
        "stop_reason": None,
        "stop_details": None,
        "usage": {name: value for name, value in usage.items() if name != "iterations"},
        "overt": overt_object(notice, links),
    }
    delta = {"stop_reason": "refusal", "stop_sequence": None, "stop_details": stop_details(notice, links)}
    disclose, disclosed = state.disclose(notice, _event({"type": "message_start", "message": start}))
    return [
        disclose,
        disclosed.write(_event({"type": "message_delta", "delta": delta, "usage": usage})),
        disclosed.write(_event({"type": "message_stop"})),
    ]


def _message(notice: Notice, message_id: str) -> Mapping[str, object]:
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": notice.requested,
        "content": [],
        "stop_sequence": None,
    }


def _event(data: Mapping[str, object]) -> Composed:
    return Composed(frame(str(data["type"]), encode(data)))
