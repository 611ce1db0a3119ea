"""Rows of a dry run: one JSON object a line, with ``text`` or ``messages``, to segments.

A row with both is read by its messages: they say who said what, and a text beside them is a summary of theirs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, final

from overt.core.domain import ModelName
from overt.core.request import Role, Segment
from overt.errors import BadRequest

_ROLES: Final[Mapping[str, Role]] = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL_RESULT,
    "function": Role.TOOL_RESULT,
}
_TEXT_BLOCKS: Final = ("text", "input_text", "output_text")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row that can be classified. ``skipped`` names the kinds of blocks that hold no text and were not read."""

    id: str | int
    segments: tuple[Segment, ...]
    model: ModelName | None
    skipped: tuple[str, ...]
    fields: Mapping[str, Any]


@final
@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot, and why. Without a usable id, the number of its line stands for it."""

    id: str | int
    error: str


def parse_row(line: bytes, number: int) -> Row | BadRow:
    """The row of a line, or what is wrong with it."""
    row_id: str | int = f"line {number}"
    try:
        fields = _object(line)
        row_id = _row_id(fields, row_id)
        skipped: list[str] = []
        segments = tuple(_segments(fields, skipped))
        model = fields.get("model")
        if model is not None and not isinstance(model, str):
            _bad(f"model is {model!r}; give a string or leave it out")
        return Row(
            id=row_id,
            segments=segments,
            model=ModelName(model) if model else None,
            skipped=tuple(dict.fromkeys(skipped)),
            fields=fields,
        )
    except BadRequest as fault:
        return BadRow(row_id, str(fault))


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(line.decode("utf-8-sig"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as fault:
        raise BadRequest(f"not a line of JSON ({fault}); give one JSON object a line, in UTF-8") from fault
    if not isinstance(value, dict):
        _bad(f"a row is an object, not {_shown(value)}")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _row_id(fields: Mapping[str, Any], otherwise: str | int) -> str | int:
    row_id = fields.get("id", otherwise)
    if isinstance(row_id, bool) or not isinstance(row_id, (str, int)):
        _bad(f"id is {_shown(row_id)}; give a string or a whole number")
    return row_id


def _segments(fields: Mapping[str, Any], skipped: list[str]) -> list[Segment]:
    text, messages = fields.get("text"), fields.get("messages")
    if text is None and messages is None:
        _bad('give "text" or "messages"')
    if messages is None:
        if not isinstance(text, str):
            _bad(f"text is {_shown(text)}; give a string")
        return [Segment(role=Role.USER, text=text, message=0)]
    if not isinstance(messages, list) or not messages:
        _bad(f"messages is {_shown(messages)}; give a list with at least one message")
    return [segment for index, message in enumerate(messages) for segment in _message(message, index, skipped)]


def _message(message: object, index: int, skipped: list[str]) -> list[Segment]:
    if not isinstance(message, dict):
        _bad(f"message {index} is {_shown(message)}; give an object with role and content")
    role = _ROLES.get(message["role"]) if isinstance(message.get("role"), str) else None
    if role is None:
        _bad(f"message {index} has role {_shown(message.get('role'))}; give one of {', '.join(_ROLES)}")
    place = None if role is Role.SYSTEM else index
    content = message.get("content")
    if content is None and role is Role.ASSISTANT:
        return []
    return [
        Segment(role=part_role, text=text, message=place, part=part)
        for part, (part_role, text) in enumerate(_parts(content, role, f"message {index}", skipped))
    ]


def _parts(content: object, role: Role, where: str, skipped: list[str]) -> list[tuple[Role, str]]:
    """The texts of a content, each with the role it plays; a tool result inside a user's message is a tool's word."""
    if isinstance(content, str):
        return [(role, content)]
    if not isinstance(content, list):
        _bad(f"content of {where} is {_shown(content)}; give a string or a list of blocks")
    parts: list[tuple[Role, str]] = []
    for block in content:
        parts.extend(_block(block, role, where, skipped))
    return parts


def _block(block: object, role: Role, where: str, skipped: list[str]) -> list[tuple[Role, str]]:
    if isinstance(block, str):
        return [(role, block)]
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        _bad(f"{where} has a block {_shown(block)}; give a string or an object with a type")
    if block["type"] in _TEXT_BLOCKS:
        if not isinstance(block.get("text"), str):
            _bad(f"{where} has a text block without text ({_shown(block.get('text'))}); give a string")
        return [(role, block["text"])]
    if block["type"] == "tool_result":
        content = block.get("content")
        return _parts(content, Role.TOOL_RESULT, where, skipped) if content is not None else []
    skipped.append(block["type"])
    return []


def _shown(value: object) -> str:
    """A value as an error quotes it, cut short."""
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:80]}…"


def _bad(message: str) -> NoReturn:
    raise BadRequest(message)
