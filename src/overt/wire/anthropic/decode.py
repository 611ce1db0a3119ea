"""A request body of Anthropic Messages as `Asked`: the bytes as they came, and what Overt needs to know of them.

Only what Overt itself reads is checked; every other rule is the provider's, and unknown members pass untouched.
Every text that a model could read becomes a segment, whatever kind of block it hides in: a block of an unknown type
gives all its strings. Pictures, encrypted and encoded data hold no text and are skipped. ``fallback`` blocks echoed
from earlier replies are accepted in any form and say nothing (protocol notes 1.5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import final

from overt.core.domain import ModelName
from overt.core.request import Asked, Request, Role, Segment
from overt.errors import BadRequest
from overt.wire.anthropic.fallbacks import read_acceptance
from overt.wire.anthropic.fields import a_flag, a_name, a_string, an_array, an_object, wrong
from overt.wire.json import encode, parse

_ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT, "system": Role.SYSTEM}
_TEXTLESS = ("image", "redacted_thinking", "container_upload", "fallback")
_CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")
# Members that are never text, and members that are not where they look encoded: a text must not hide behind a name.
_NOT_TEXT = frozenset(("type", "id", "tool_use_id", "file_id", "media_type", "cache_control", "page_age"))
_ENCODED = frozenset(("data", "signature", "encrypted_content", "encrypted_index", "encrypted_stdout"))
_BASE64 = re.compile(r"[A-Za-z0-9+/_=-]*+")


def decode_request(body: bytes, *, betas: tuple[str, ...]) -> Asked:
    """Read a body. ``betas`` are the values of ``anthropic-beta`` (see `parse_betas`). Raises `BadRequest`."""
    value = parse(body)
    if not isinstance(value, dict):
        raise wrong("the body", "an object", value)
    model = ModelName(a_name(value.get("model"), "model"))
    request = Request(
        model=model,
        segments=(*_system(value), *_tools(value), *_format(value), *_conversation(value)),
        stream=a_flag(value.get("stream"), "stream"),
        acceptance=read_acceptance(value, model, betas),
    )
    return Asked(body, request)


def _system(body: Mapping[str, object]) -> Iterator[Segment]:
    system = body.get("system")
    if isinstance(system, str):
        yield Segment(role=Role.SYSTEM, text=system)
    elif system is not None:
        for index, block in enumerate(an_array(system, "system")):
            path = f"system[{index}]"
            yield Segment(
                role=Role.SYSTEM, text=a_string(an_object(block, path).get("text"), f"{path}.text"), part=index
            )


def _tools(body: Mapping[str, object]) -> Iterator[Segment]:
    tools = body.get("tools")
    if tools is None:
        return
    for index, value in enumerate(an_array(tools, "tools")):
        path = f"tools[{index}]"
        tool = an_object(value, path)
        name = a_string(tool.get("name", tool.get("type", "")), f"{path}.name")
        description = tool.get("description")
        lines = [name, "" if description is None else a_string(description, f"{path}.description")]
        lines += [_json(tool[key]) for key in ("input_schema", "input_examples") if tool.get(key)]
        yield Segment(role=Role.TOOL_SCHEMA, text="\n".join(filter(None, lines)), part=index, source=name)


def _format(body: Mapping[str, object]) -> Iterator[Segment]:
    """A JSON schema for the reply is text that the model reads, like a tool's."""
    config = body.get("output_config")
    asked = config.get("format") if isinstance(config, dict) else None
    for source, value in (("output_config.format", asked), ("output_format", body.get("output_format"))):
        if isinstance(value, dict):
            yield Segment(role=Role.TOOL_SCHEMA, text=_json(value), source=source)


def _json(value: object) -> str:
    return encode(value).decode("utf-8")


def _conversation(body: Mapping[str, object]) -> Iterator[Segment]:
    messages = an_array(body.get("messages"), "messages")
    if not messages:
        raise BadRequest("messages: expected at least one message, got []")
    tool_names: dict[str, str] = {}
    for index, value in enumerate(messages):
        path = f"messages[{index}]"
        message = an_object(value, path)
        role = message.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            raise wrong(f"{path}.role", '"user", "assistant" or "system"', role)
        yield from _message(message.get("content"), _Place(_ROLES[role], index, f"{path}.content", tool_names))


@final
@dataclass(frozen=True, slots=True)
class _Place:
    """Where a text stands: whose turn, which message, its JSON path; and the names of tools used so far, by call."""

    role: Role
    message: int
    path: str
    tool_names: dict[str, str]

    def segment(self, text: str, part: int, *, role: Role | None = None, source: str = "") -> Segment:
        return Segment(role=role or self.role, text=text, message=self.message, part=part, source=source)


def _message(content: object, place: _Place) -> Iterator[Segment]:
    if isinstance(content, str):
        yield place.segment(content, 0)
        return
    if not isinstance(content, list):
        raise wrong(place.path, "a string or an array of blocks", content)
    for part, value in enumerate(content):
        path = f"{place.path}[{part}]"
        block = an_object(value, path)
        kind = a_name(block.get("type"), f"{path}.type")
        yield from _block(block, kind, path, part, place)


def _block(block: Mapping[str, object], kind: str, path: str, part: int, place: _Place) -> Iterator[Segment]:
    if kind in _CALLS:
        name = a_string(block.get("name"), f"{path}.name")
        if isinstance(block.get("id"), str):
            place.tool_names[str(block["id"])] = name
        yield place.segment(_json(block.get("input")), part, source=name)
        return
    if kind.endswith("tool_result"):
        if kind == "tool_result" and not isinstance(block.get("content"), str | list | None):
            raise wrong(f"{path}.content", "a string or an array of blocks", block["content"])
        call = block.get("tool_use_id")
        source = place.tool_names.get(call, call) if isinstance(call, str) else ""
        for text in _texts(block, kind, path):
            yield place.segment(text, part, role=Role.TOOL_RESULT, source=source)
        return
    for text in _texts(block, kind, path):
        yield place.segment(text, part, source="" if kind == "text" else kind)


def _texts(block: Mapping[str, object], kind: str, path: str) -> Iterator[str]:
    """Every text of a block."""
    if kind in _TEXTLESS:
        return
    if kind in ("text", "thinking"):
        yield a_string(block.get(kind), f"{path}.{kind}")
        return
    for name, value in block.items():
        if name == "source" and isinstance(value, dict):
            yield from _source(value, f"{path}.source")
        elif name == "content":
            yield from _content(value, f"{path}.content")
        else:
            yield from _strings({name: value})


def _source(source: Mapping[str, object], path: str) -> Iterator[str]:
    """The text of a document's source. An encoded file holds none that we can read."""
    if source.get("type") == "text":
        yield a_string(source.get("data"), f"{path}.data")
    elif source.get("type") == "content":
        yield from _content(source.get("content"), f"{path}.content")
    else:
        yield from _strings(source)


def _content(value: object, path: str) -> Iterator[str]:
    """The text of what a block contains: a string, blocks, or a single block."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _content(each, f"{path}[{index}]")
    elif isinstance(value, dict):
        kind = value.get("type")
        yield from _texts(value, kind if isinstance(kind, str) else "", path)
    elif isinstance(value, str):
        yield value


def _strings(value: object) -> Iterator[str]:
    """Every string in a value of unknown shape."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            encoded = name in _ENCODED and isinstance(each, str) and _BASE64.fullmatch(each)
            if name not in _NOT_TEXT and not encoded:
                yield from _strings(each)
