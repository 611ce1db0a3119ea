"""Redirects: another model's reply with the notice first, as the official client reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic.types.beta import BetaMessage
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_samples import (
    BETA,
    LINKS,
    NAMES,
    PRIMARY,
    TARGET,
    client,
    disclosed_first,
    events,
    policy_notice,
    provider_notice,
    relaying,
    transcript,
    units,
    wire,
)

from overt.core.domain import Domain, ModelName
from overt.core.exchange import ProviderRefusal, Relay, Served
from overt.core.notice import Notice
from overt.errors import UpstreamGarbage, UpstreamUnreachable
from overt.wire.anthropic.redirect import RedirectedStream, Retold, redirect_body
from overt.wire.anthropic.refuse import refuse_stream
from overt.wire.anthropic.shape import Hop, policy_hop, provider_hop
from overt.wire.anthropic.stream import message_id, read_body
from overt.wire.sse import frame

ASK: Mapping[str, Any] = {
    "model": PRIMARY,
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hello"}],
    "betas": [BETA],
}
BODY = {
    "id": "msg_target",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-4-8",
    "content": [{"type": "text", "text": "Grüße", "citations": None, "future": 1.50}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "stop_details": None,
    "usage": {
        "input_tokens": 40,
        "output_tokens": 5,
        "cache_read_input_tokens": 2,
        "cache_creation_input_tokens": 0,
        "future": "kept",
    },
    "future_member": {"kept": True},
}


def retold(notice: Notice, *hops: Hop, recommended: ModelName | None = None, message: str = "msg_primary") -> Retold:
    return Retold(notice=notice, hops=hops, message_id=message, target=TARGET, links=LINKS, recommended=recommended)


def redirected(how: Retold, raw: bytes) -> list[Served]:
    stream = RedirectedStream(relaying(), how)
    return [*(served for unit in units(raw) for served in stream.feed(unit)), *stream.end()]


def streamed(raw: bytes) -> BetaMessage:
    """What the stream helper makes of it; reading it with ``create(stream=True)`` must work as well."""
    with client(raw, stream=True).beta.messages.create(**ASK, stream=True) as plain:
        assert [event.type for event in plain if event.type != "ping"] == [
            event["type"] for event in events(raw) if event["type"] != "ping"
        ]
    with client(raw, stream=True).beta.messages.stream(**ASK) as helper:
        return helper.get_final_message()


def iterations(message: BetaMessage) -> list[tuple[str, str | None]]:
    return [(each.type, getattr(each, "model", None)) for each in message.usage.iterations or []]


def first_hop() -> Hop:
    raw = units(transcript("refuses.sse"))
    return provider_hop(PRIMARY, ProviderRefusal("cyber", retriable=True), raw)


def test_a_redirect_by_our_policy_reads_as_a_fallback_turn() -> None:
    notice = policy_notice()
    served = redirected(retold(notice, policy_hop(notice), message="msg_fresh"), transcript("serves.sse"))
    disclosed_first(served)
    message = streamed(wire(served))
    assert message.id == "msg_fresh"
    assert message.model == "claude-opus-4-8"
    assert [block.type for block in message.content] == ["fallback", "thinking", "text", "tool_use"]
    assert iterations(message) == [("message", PRIMARY), ("fallback_message", "claude-opus-4-8")]
    assert message.stop_reason == "tool_use"
    assert message.stop_details is None
    seam = message.content[0]
    assert seam.type == "fallback"
    assert (seam.from_.model, seam.to.model, seam.trigger.category) == (PRIMARY, "claude-opus-4-8", "cyber")
    text = message.content[2]
    assert text.type == "text"
    assert text.text == "Guten Tag, grüße aus Köln 🙂"


def test_the_first_event_tells_of_the_notice() -> None:
    notice = policy_notice()
    served = redirected(retold(notice, policy_hop(notice)), transcript("serves.sse"))
    start: Any = events(disclosed_first(served).composed.raw)[0]
    assert start["type"] == "message_start"
    assert start["message"]["overt"]["notice"] == "ntc_1"
    assert start["message"]["overt"]["reason"] == notice.text
    assert start["message"]["overt"]["decision"] == "redirect"
    assert start["message"]["overt"]["trigger"] == {"segment": 3, "role": "user", "start": 4, "end": 20}
    assert start["message"]["model"] == "claude-opus-4-8"
    assert start["message"]["future_member"] == {"kept": [1.0, 1e2]}


def test_after_a_provider_refusal_the_primary_keeps_its_id_and_its_tokens() -> None:
    primary = units(transcript("refuses.sse"))
    how = retold(provider_notice(), first_hop(), message=message_id(primary) or "")
    message = streamed(wire(redirected(how, transcript("serves.sse"))))
    assert message.id == "msg_primary"
    entries = message.usage.iterations or []
    assert [(entry.type, entry.input_tokens, entry.output_tokens) for entry in entries] == [
        ("message", 412, 0),
        ("fallback_message", 40, 31),
    ]
    assert message.usage.input_tokens == 40


def test_a_chain_of_declines_has_one_block_and_one_entry_for_each() -> None:
    second = provider_hop(
        ModelName("claude-opus-5"),
        ProviderRefusal("something_new", retriable=True),
        units(transcript("refuses_in_a_category_of_its_own.sse")),
    )
    how = retold(provider_notice(), first_hop(), second)
    message = streamed(wire(redirected(how, transcript("serves.sse"))))
    seams = [block for block in message.content if block.type == "fallback"]
    assert [(seam.from_.model, seam.to.model, seam.trigger.category) for seam in seams] == [
        (PRIMARY, "claude-opus-5", "cyber"),
        ("claude-opus-5", "claude-opus-4-8", None),
    ]
    assert iterations(message) == [
        ("message", PRIMARY),
        ("message", "claude-opus-5"),
        ("fallback_message", "claude-opus-4-8"),
    ]


def test_a_chain_that_declines_to_the_last_is_the_last_refusal_with_every_hop() -> None:
    how = retold(provider_notice(), first_hop())
    message = streamed(
        wire(redirected(how, transcript("refuses_in_a_category_of_its_own.sse").replace(b"something_new", b"cyber")))
    )
    assert message.stop_reason == "refusal"
    assert message.model == "claude-opus-5"
    assert [block.type for block in message.content] == ["fallback"]
    assert iterations(message) == [("message", PRIMARY), ("fallback_message", "claude-opus-5")]
    assert message.stop_details is not None
    assert how.notice.text in (message.stop_details.explanation or "")
    assert message.stop_details.recommended_model is None


def test_an_unreachable_first_fallback_gives_the_primary_refusal_with_a_recommendation() -> None:
    how = retold(provider_notice(recommended=TARGET), recommended=TARGET)
    served = redirected(how, transcript("refuses.sse"))
    disclosed_first(served)
    message = streamed(wire(served))
    assert message.stop_reason == "refusal"
    assert message.content == []
    assert message.model == PRIMARY
    assert iterations(message) == [("message", PRIMARY)]
    assert message.stop_details is not None
    assert message.stop_details.recommended_model == TARGET
    told = message.stop_details.explanation or ""
    assert told.startswith("This request was declined. ")
    assert how.notice.text in told
    assert how.notice.id in told


def test_an_unreachable_second_fallback_gives_the_second_refusal_with_a_recommendation() -> None:
    how = retold(provider_notice(recommended=TARGET), first_hop(), recommended=TARGET)
    raw = transcript("refuses_in_a_category_of_its_own.sse").replace(b'"something_new"', b"null")
    message = streamed(wire(redirected(how, raw)))
    assert iterations(message) == [("message", PRIMARY), ("fallback_message", "claude-opus-5")]
    assert [block.type for block in message.content] == ["fallback"]
    assert message.stop_details is not None
    assert message.stop_details.recommended_model == TARGET


def test_the_targets_own_iterations_stay_and_its_last_becomes_the_fallback_message() -> None:
    how = retold(provider_notice(), first_hop())
    message = streamed(wire(redirected(how, transcript("serves_after_a_tool_loop.sse"))))
    assert iterations(message) == [
        ("message", PRIMARY),
        ("message", "claude-opus-4-8"),
        ("fallback_message", "claude-opus-4-8"),
    ]


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith(("serves", "refuses", "falls", "holds"))])
@pytest.mark.parametrize("hops", [0, 1, 2, 3])
def test_indices_are_contiguous_and_the_notice_comes_first(name: str, hops: int) -> None:
    notice = policy_notice()
    served = redirected(retold(notice, *(policy_hop(notice) for _ in range(hops))), transcript(name))
    disclose = disclosed_first(served)
    assert notice.id.encode() in disclose.composed.raw
    assert notice.text in events(disclose.composed.raw)[0]["message"]["overt"]["reason"]  # type: ignore[index]
    parsed = [json.loads(line[6:]) for line in wire(served).splitlines() if line.startswith(b'data: {"')]
    starts = [event["index"] for event in parsed if event["type"] == "content_block_start"]
    expected = starts if name.startswith("holds") else list(range(len(starts)))
    assert starts == expected
    assert len([event for event in parsed if event["type"] == "message_start"]) == 1


def test_unknown_events_and_unreadable_data_pass_and_only_indices_move() -> None:
    notice = policy_notice()
    served = redirected(retold(notice, policy_hop(notice)), transcript("holds_unknown_events.sse"))
    raw = wire(served)
    assert b'event: content_block_future\ndata: {"type":"content_block_future","index":1,"x":1}\n\n' in raw
    assert b'event: weather\ndata: {"type":"weather"}\n\n' in raw
    assert b"event: content_block_delta\ndata: {not json\n\n" in raw


def test_pings_and_the_end_are_relayed_as_they_came() -> None:
    notice = policy_notice()
    served = redirected(retold(notice, policy_hop(notice)), transcript("serves.sse"))
    relayed = [unit.received.raw for unit in served if isinstance(unit, Relay)]
    assert relayed == [
        b'event: ping\ndata: {"type": "ping"}\n\n',
        b'event: message_stop\ndata: {"type": "message_stop"}\n\n',
    ]


def test_a_stream_with_crlf_and_comments_keeps_both() -> None:
    notice = policy_notice()
    raw = wire(redirected(retold(notice, policy_hop(notice)), transcript("serves_crlf_with_comments.sse")))
    assert raw.startswith(b"\xef\xbb\xbf: connected\r\n\r\n")
    assert b": keep-alive\r\n" in raw
    message = streamed(raw.removeprefix(b"\xef\xbb\xbf"))
    assert [block.type for block in message.content] == ["fallback", "thinking", "text", "tool_use"]


def test_a_target_that_breaks_off_at_once_is_an_upstream_fault() -> None:
    stream = RedirectedStream(relaying(), retold(policy_notice(), policy_hop(policy_notice())))
    (unit,) = units(transcript("breaks_off_at_once.sse"))
    with pytest.raises(UpstreamGarbage, match="overloaded_error: Overloaded"):
        stream.feed(unit)
    assert not stream.disclosed


def test_a_target_that_says_nothing_is_an_upstream_fault() -> None:
    stream = RedirectedStream(relaying(), retold(policy_notice(), policy_hop(policy_notice())))
    with pytest.raises(UpstreamUnreachable, match="before it began"):
        stream.end()


def test_a_whole_body_has_the_block_first_and_keeps_what_it_does_not_know() -> None:
    notice = policy_notice(domain=Domain.CHEM)
    raw = json.dumps(BODY).encode()
    served = redirect_body(relaying(), retold(notice, policy_hop(notice)), read_body(raw))
    body = wire(served)
    assert disclosed_first(served).notice is notice
    assert b'{"type": "text", "text": "Gr\\u00fc\\u00dfe", "citations": null, "future": 1.5}' in body
    assert b'"future_member": {"kept": true}' in body
    message = client(body).beta.messages.create(**ASK)
    assert [block.type for block in message.content] == ["fallback", "text"]
    assert message.content[0].trigger.category == "general_harms"
    assert message.id == "msg_primary"
    assert message.model == "claude-opus-4-8"
    assert iterations(message) == [("message", PRIMARY), ("fallback_message", "claude-opus-4-8")]
    assert message.usage.iterations is not None
    assert message.usage.iterations[1].cache_read_input_tokens == 2
    overt: Any = (message.model_extra or {})["overt"]
    assert (overt["domain"], overt["notice"], overt["reason"]) == ("chem", "ntc_1", notice.text)


def test_a_whole_refusal_takes_the_recommendation() -> None:
    notice = provider_notice(recommended=TARGET)
    details = {"type": "refusal", "category": "cyber", "explanation": "no", "recommended_model": None}
    raw = json.dumps({**BODY, "content": [], "stop_reason": "refusal", "stop_details": details}).encode()
    served = redirect_body(relaying(), retold(notice, recommended=TARGET), read_body(raw))
    message = client(wire(served)).beta.messages.create(**ASK)
    assert message.content == []
    assert message.stop_details is not None
    assert message.stop_details.recommended_model == TARGET
    assert message.stop_details.category == "cyber"
    assert iterations(message) == [("message", "claude-opus-4-8")]


texts = st.text(st.characters(codec="utf-8"), max_size=12)
blocks = st.lists(st.lists(texts, max_size=3), max_size=4)


def generated(content: list[list[str]], *, ascii_only: bool) -> bytes:
    """A target's stream with these text blocks, each in these pieces."""
    start = {**BODY, "content": [], "stop_reason": None}
    data: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for index, pieces in enumerate(content):
        block = {"type": "text", "text": "", "extra": {"kept": index}}
        data.append({"type": "content_block_start", "index": index, "content_block": block})
        data += [
            {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": piece}}
            for piece in pieces
        ]
        data.append({"type": "content_block_stop", "index": index})
    data.append({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}})
    data.append({"type": "message_stop"})
    return b"".join(frame(each["type"], json.dumps(each, ensure_ascii=ascii_only).encode()) for each in data)


@settings(max_examples=40)
@given(blocks, st.integers(1, 3), st.booleans())
def test_any_reply_is_told_with_its_words_in_order_after_the_blocks(
    content: list[list[str]], hops: int, ascii_only: bool
) -> None:
    notice = policy_notice()
    served = redirected(
        retold(notice, *(policy_hop(notice) for _ in range(hops))), generated(content, ascii_only=ascii_only)
    )
    assert notice.id.encode() in disclosed_first(served).composed.raw
    told: list[Any] = list(events(wire(served)))
    starts = [each for each in told if each["type"] == "content_block_start"]
    assert [each["index"] for each in starts] == list(range(hops + len(content)))
    assert [each["content_block"].get("extra") for each in starts[hops:]] == [{"kept": i} for i in range(len(content))]
    message = streamed(wire(served))
    assert [block.type for block in message.content] == ["fallback"] * hops + ["text"] * len(content)
    assert [block.text for block in message.content if block.type == "text"] == ["".join(each) for each in content]


def scripted(*replies: bytes) -> httpx2.Client:
    """A transport that gives these streams, one per request."""
    left = list(replies)

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=left.pop(0))

    return httpx2.Client(transport=httpx2.MockTransport(answer))


def falling_back(*replies: bytes, chain: tuple[str, ...]) -> anthropic.Anthropic:
    """The official client with its own client-side fallback, which imitates the server's shape."""
    return anthropic.Anthropic(
        api_key="key",
        base_url="http://gate.example",
        max_retries=0,
        http_client=scripted(*replies),
        middleware=[anthropic.BetaRefusalFallbackMiddleware([{"model": model} for model in chain])],
        _strict_response_validation=True,
    )


def told_to_client(of: anthropic.Anthropic) -> list[object]:
    """What matters of each event: its type, index, kind of block, hand-over, reason to stop, and attempts."""
    found: list[object] = []
    with of.beta.messages.create(**ASK, stream=True) as stream:
        for event in stream:
            data = event.to_dict()
            block: Any = data.get("content_block", {})
            usage: Any = data.get("usage", {})
            message: Any = data.get("message", {})
            found.append(
                (
                    data["type"],
                    data.get("index"),
                    (block.get("type"), block.get("from"), block.get("to"), block.get("trigger")),
                    (message.get("id"), message.get("model"), data.get("delta")),
                    [(each["type"], each["model"]) for each in usage.get("iterations") or []],
                )
            )
    return found


SECOND = transcript("refuses_in_a_category_of_its_own.sse").replace(b'"something_new"', b"null")


def test_a_fallback_turn_equals_the_one_that_the_official_client_makes_by_itself() -> None:
    theirs = falling_back(transcript("refuses.sse"), transcript("serves.sse"), chain=(TARGET,))
    ours = client(wire(redirected(retold(provider_notice(), first_hop()), transcript("serves.sse"))), stream=True)
    assert told_to_client(ours) == told_to_client(theirs)


def test_a_chain_equals_the_one_that_the_official_client_makes_by_itself() -> None:
    theirs = falling_back(transcript("refuses.sse"), SECOND, transcript("serves.sse"), chain=("claude-opus-5", TARGET))
    second = provider_hop(ModelName("claude-opus-5"), ProviderRefusal(None, retriable=True), units(SECOND))
    how = retold(provider_notice(), first_hop(), second)
    ours = client(wire(redirected(how, transcript("serves.sse"))), stream=True)
    assert told_to_client(ours) == told_to_client(theirs)


def test_our_refusal_makes_the_official_client_fall_back_by_itself() -> None:
    refused = wire(refuse_stream(relaying(), policy_notice(served=None), message_id="msg_ours", links=LINKS))
    with falling_back(refused, transcript("serves.sse"), chain=(TARGET,)).beta.messages.stream(**ASK) as stream:
        message = stream.get_final_message()
    assert message.id == "msg_ours"
    assert [block.type for block in message.content] == ["fallback", "thinking", "text", "tool_use"]
    assert iterations(message) == [("message", PRIMARY), ("fallback_message", TARGET)]


def test_a_body_that_is_no_message_is_an_upstream_fault() -> None:
    reply = read_body(b'{"type":"something"}')
    with pytest.raises(UpstreamGarbage, match="no message"):
        redirect_body(relaying(), retold(policy_notice(), policy_hop(policy_notice())), reply)
