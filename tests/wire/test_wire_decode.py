"""Requests: what becomes a segment, what is refused, and that the bytes stay as they came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import BETA

from overt.core.request import RequestedOnly, Role, Segment
from overt.errors import BadRequest
from overt.wire.anthropic.decode import decode_request

HELLO = [{"role": "user", "content": "hello"}]


def body(**members: Any) -> bytes:
    return json.dumps({"model": "claude-fable-5", "max_tokens": 10, "messages": HELLO} | members).encode()


def segments(**members: Any) -> list[tuple[Role, int | None, int, str, str]]:
    request = decode_request(body(**members), betas=()).request
    return [(each.role, each.message, each.part, each.source, each.text) for each in request.segments]


def said(*content: Any, role: str = "user") -> list[tuple[Role, str, str]]:
    request = decode_request(body(messages=[{"role": role, "content": list(content)}]), betas=()).request
    return [(each.role, each.source, each.text) for each in request.segments]


def test_a_plain_request_has_its_model_its_bytes_and_one_segment() -> None:
    raw = b'{ "model":"m" , "messages":[{"role":"user","content":"caf\\u00e9"}], "future": 1.50 }'
    asked = decode_request(raw, betas=())
    assert asked.raw == raw
    assert asked.request.model == "m"
    assert asked.request.segments == (Segment(role=Role.USER, text="café", message=0),)
    assert asked.request.acceptance == RequestedOnly()
    assert not asked.request.stream


def test_system_tools_and_turns_keep_their_places() -> None:
    found = segments(
        system=[{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind.", "cache_control": {}}],
        tools=[
            {"name": "search", "description": "Finds things.", "input_schema": {"type": "object"}},
            {"type": "web_search_20250305", "name": "web_search"},
            {"type": "mcp_toolset", "mcp_server_name": "files"},
        ],
        output_config={"format": {"type": "json_schema", "schema": {"title": "Answer"}}},
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
            {"role": "system", "content": "A rule from now on."},
            {"role": "assistant", "content": "three"},
        ],
    )
    assert found == [
        (Role.SYSTEM, None, 0, "", "Be brief."),
        (Role.SYSTEM, None, 1, "", "Be kind."),
        (Role.TOOL_SCHEMA, None, 0, "search", 'search\nFinds things.\n{"type":"object"}'),
        (Role.TOOL_SCHEMA, None, 1, "web_search", "web_search"),
        (Role.TOOL_SCHEMA, None, 2, "mcp_toolset", "mcp_toolset"),
        (Role.TOOL_SCHEMA, None, 0, "output_config.format", '{"type":"json_schema","schema":{"title":"Answer"}}'),
        (Role.USER, 0, 0, "", "one"),
        (Role.USER, 0, 1, "", "two"),
        (Role.SYSTEM, 1, 0, "", "A rule from now on."),
        (Role.ASSISTANT, 2, 0, "", "three"),
    ]


def test_a_tool_result_names_the_tool_that_was_called() -> None:
    found = segments(
        messages=[
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "t1", "name": "read", "input": {"path": "a"}}],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": "found it"},
                    {"type": "tool_result", "tool_use_id": "t9", "content": [{"type": "text", "text": "lost"}]},
                    {"type": "tool_result", "tool_use_id": "t1"},
                ],
            },
        ]
    )
    assert found == [
        (Role.ASSISTANT, 0, 0, "read", '{"path":"a"}'),
        (Role.TOOL_RESULT, 1, 0, "read", "found it"),
        (Role.TOOL_RESULT, 1, 1, "t9", "lost"),
    ]


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
BLOCKS = {
    "an image": (IMAGE, []),
    "thinking": ({"type": "thinking", "thinking": "hm", "signature": "c2ln"}, [("thinking", "hm")]),
    "redacted thinking": ({"type": "redacted_thinking", "data": "c2ln"}, []),
    "an upload": ({"type": "container_upload", "file_id": "f"}, []),
    "a document of text": (
        {
            "type": "document",
            "title": "T",
            "context": "C",
            "source": {"type": "text", "media_type": "text/plain", "data": "D"},
        },
        [("document", "T"), ("document", "C"), ("document", "D")],
    ),
    "a document of blocks": (
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "D"}, IMAGE]}},
        [("document", "D")],
    ),
    "a document of one string": (
        {"type": "document", "source": {"type": "content", "content": "D"}},
        [("document", "D")],
    ),
    "a document in base64": (
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="}},
        [],
    ),
    "a search result": (
        {"type": "search_result", "source": "S", "title": "T", "content": [{"type": "text", "text": "B"}]},
        [("search_result", "S"), ("search_result", "T"), ("search_result", "B")],
    ),
    "a summary": ({"type": "compaction", "content": "so far"}, [("compaction", "so far")]),
    "a document of a kind of the future": (
        {"type": "document", "source": {"type": "markdown", "data": "# not encoded"}},
        [("document", "# not encoded")],
    ),
    "a text that hides as data": ({"type": "blob", "data": "do this"}, [("blob", "do this")]),
    "a call of the future": ({"type": "agent_tool_use", "input": {"ask": "do"}}, [("agent_tool_use", "do")]),
    "a count where blocks are usual": ({"type": "hologram", "content": 5}, []),
    "a block of the future": (
        {"type": "hologram", "id": "h1", "layers": [{"caption": "look", "data": "aGk="}, 5, None, ["here"]]},
        [("hologram", "look"), ("hologram", "here")],
    ),
}


@pytest.mark.parametrize(("block", "texts"), BLOCKS.values(), ids=BLOCKS.keys())
def test_every_text_of_a_block_becomes_a_segment(block: dict[str, Any], texts: list[tuple[str, str]]) -> None:
    assert said(block) == [(Role.USER, source, text) for source, text in texts]


def test_results_of_server_tools_are_tool_results_whoever_echoes_them() -> None:
    call = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}}
    page = {"type": "web_search_result", "title": "T", "url": "U", "encrypted_content": "c2ln", "page_age": "1 day"}
    result = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [page]}
    assert said(call, result, role="assistant") == [
        (Role.ASSISTANT, "web_search", '{"query":"q"}'),
        (Role.TOOL_RESULT, "web_search", "T"),
        (Role.TOOL_RESULT, "web_search", "U"),
    ]


@pytest.mark.parametrize("trigger", [None, {}, {"type": "refusal", "category": "new"}, {"type": "sticky"}, "absent"])
@pytest.mark.parametrize("cached", [False, True])
def test_an_echoed_fallback_block_is_accepted_and_says_nothing(trigger: object, cached: bool) -> None:
    block: dict[str, Any] = {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}}
    block |= {} if trigger == "absent" else {"trigger": trigger}
    block |= {"cache_control": {"type": "ephemeral"}} if cached else {}
    assert said(block, {"type": "text", "text": "x"}, role="assistant") == [(Role.ASSISTANT, "", "x")]


def turn(content: Any, role: Any = "user") -> dict[str, Any]:
    return {"messages": [*HELLO, {"role": role, "content": content}]}


REFUSED = {
    "no model": ({"model": None}, "model: expected a non-empty string, got None"),
    "a blank model": ({"model": " "}, "model: expected a non-empty string, got ' '"),
    "a number for a model": ({"model": 5}, "model: expected a non-empty string, got 5"),
    "no messages": ({"messages": None}, "messages: expected an array, got None"),
    "empty messages": ({"messages": []}, r"messages: expected at least one message, got \[\]"),
    "a string for messages": ({"messages": "hi"}, "messages: expected an array, got 'hi'"),
    "a message that is a string": ({"messages": ["hi"]}, r"messages\[0\]: expected an object, got 'hi'"),
    "an unknown role": (turn("x", "tool"), r"messages\[1\].role: expected .* got 'tool'"),
    "a role that is no string": (turn("x", ["user"]), r"messages\[1\].role: expected .* got \['user'\]"),
    "no content": (turn(None), r"messages\[1\].content: expected a string or an array of blocks, got None"),
    "a block that is a string": (turn(["x"]), r"messages\[1\].content\[0\]: expected an object, got 'x'"),
    "a block without a type": (turn([{}]), r"messages\[1\].content\[0\].type: expected a non-empty string"),
    "a text that is a number": (
        turn([{"type": "text", "text": 5}]),
        r"messages\[1\].content\[0\].text: expected a string, got 5",
    ),
    "a tool without a name": (
        turn([{"type": "tool_use"}], "assistant"),
        r"messages\[1\].content\[0\].name: expected a string",
    ),
    "a result that is a number": (
        turn([{"type": "tool_result", "tool_use_id": "t", "content": 5}]),
        r"messages\[1\].content\[0\].content: expected a string or an array of blocks, got 5",
    ),
    "a nested text that is null": (
        turn([{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": None}]}]),
        r"messages\[1\].content\[0\].content\[0\].text: expected a string, got None",
    ),
    "a document whose text is no text": (
        turn([{"type": "document", "source": {"type": "text", "data": 5}}]),
        r"messages\[1\].content\[0\].source.data: expected a string, got 5",
    ),
    "a system that is a number": ({"system": 5}, "system: expected an array, got 5"),
    "a system block without text": ({"system": [{}]}, r"system\[0\].text: expected a string, got None"),
    "tools that are an object": ({"tools": {}}, r"tools: expected an array, got \{\}"),
    "a tool with an odd name": ({"tools": [{"name": 1}]}, r"tools\[0\].name: expected a string, got 1"),
    "a tool with an odd description": (
        {"tools": [{"name": "a", "description": 1}]},
        r"tools\[0\].description: expected a string, got 1",
    ),
    "a stream that is a string": ({"stream": "yes"}, "stream: expected true or false, got 'yes'"),
}


@pytest.mark.parametrize(("members", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_type_names_its_path_and_its_value(members: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest, match=f"^{message}"):
        decode_request(body(**members), betas=(BETA,))


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(BadRequest, match=r"^the body: expected an object, got \[\]"):
        decode_request(b"[]", betas=())


def test_a_second_messages_member_does_not_slip_past() -> None:
    raw = body()[:-1] + b', "messages": [{"role": "user", "content": "other"}]}'
    with pytest.raises(BadRequest, match="names 'messages' twice"):
        decode_request(raw, betas=())


plain = st.text(st.characters(codec="utf-8"), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain, inner, max_size=3),
    max_leaves=8,
)
READ_MEMBERS = {
    "model",
    "messages",
    "system",
    "tools",
    "stream",
    "fallbacks",
    "fallback_credit_token",
    "output_config",
    "output_format",
}
extras = st.dictionaries(plain.filter(lambda name: name not in READ_MEMBERS), json_values, max_size=4)
block_extras = st.dictionaries(plain.filter(lambda name: name not in ("type", "text")), json_values, max_size=3)
text_blocks = st.builds(lambda extra, text: {**extra, "type": "text", "text": text}, block_extras, plain)
turns = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["user", "assistant"]),
    plain | st.lists(text_blocks, max_size=3),
)


@given(extras, st.lists(turns, min_size=1, max_size=4), st.booleans(), st.sampled_from([None, 2]))
def test_bodies_with_unknown_members_decode_and_keep_their_bytes(
    extra: dict[str, Any], messages: list[Any], stream: bool, indent: int | None
) -> None:
    raw = json.dumps({**extra, "model": "m", "messages": messages, "stream": stream}, indent=indent).encode()
    asked = decode_request(raw, betas=())
    assert asked.raw == raw
    assert asked.request.stream is stream
    texts = [
        text
        for message in messages
        for text in (
            [message["content"]] if isinstance(message["content"], str) else [b["text"] for b in message["content"]]
        )
    ]
    assert [segment.text for segment in asked.request.segments] == texts


hostile = st.recursive(
    st.none() | st.booleans() | st.integers() | plain,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "role", "content", "text", "source", "name", "input", "data", "id", "x"]),
            inner | st.sampled_from(["text", "tool_use", "tool_result", "document", "user", "assistant", "content"]),
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted(READ_MEMBERS)), hostile), st.lists(hostile, max_size=3))
def test_any_json_is_decoded_or_refused_and_never_crashes(members: dict[str, Any], content: list[Any]) -> None:
    raw = json.dumps({"model": "m", "messages": [{"role": "user", "content": content}], **members}).encode()
    try:
        asked = decode_request(raw, betas=(BETA,))
    except BadRequest:
        return
    assert asked.raw == raw
