"""JSON from strangers: strict to read, and edited without disturbing a byte that is not meant.

`parse` refuses whatever two parsers could read differently: repeated names, NaN, a byte order mark, numbers that no
double holds, lone surrogates. Otherwise a second ``messages`` could slip past us to the model. It cannot be made to
recurse: nesting is counted before parsing. `read` is the lenient reader for what a provider wrote.
`splice` changes top-level members of an object in place. All other members keep their very bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import final

from overt.errors import BadRequest

MAX_DEPTH = 64
_MAX_DIGITS = 308
_BOM = b"\xef\xbb\xbf"
# Possessive, and the closing quote is optional: an unterminated string is consumed once, so scanning stays linear.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{},:]|[^\s"\[\]{},:]++', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_BLANK = re.compile(r"[ \t\n\r]*")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


class _RepeatedName(ValueError):
    """An object names a member twice."""


class _NumberRefused(ValueError):
    """A number that is not one, or that no double holds."""


def parse(body: bytes) -> object:
    """The value of an untrusted body, or `BadRequest` that says what is wrong with it and where."""
    if body.startswith(_BOM):
        raise BadRequest("the body starts with a byte order mark at byte 0: send UTF-8 without one")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(f"the body is not UTF-8 at byte {error.start}: send UTF-8") from error
    _check_depth(body)
    value = _load(text)
    if _SURROGATE_ESCAPE.search(body):
        _check_surrogates(text)
    return value


def _check_depth(body: bytes) -> None:
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    # Without escapes every other piece between quotes is outside strings. A backslash outside a string shifts that, but
    # there the parser stops, and the brackets before it were counted right.
    pieces = body.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
    depth = 0
    for bracket in b"".join(pieces[::2]).translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise BadRequest(
                f"the body nests deeper than {MAX_DEPTH} levels at byte {_depth_position(body)}: flatten it"
            )


def _depth_position(body: bytes) -> int:
    """Where the first bracket too many is. Brackets and quotes are ASCII, so Latin-1 keeps every offset."""
    depth = 0
    for token in _TOKEN.finditer(body.decode("latin-1")):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token.group(), 0)
        if depth > MAX_DEPTH:
            return token.start()
    return len(body)


def _load(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_float=_float, parse_int=_int, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise BadRequest(
            f"the body is not JSON: {error.msg} at line {error.lineno} column {error.colno} (character {error.pos})"
        ) from error
    except _RepeatedName as error:
        name = str(error)
        raise BadRequest(
            f"the body names {name!r} twice in one object at character {_second(text)}: send each name once"
        ) from error
    except _NumberRefused as error:
        raise BadRequest(
            f"the body holds the number {shown(str(error))} at character {_literal(text, str(error))}, "
            "which JSON or a double cannot hold: send a finite number"
        ) from error


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _RepeatedName(name)
            seen.add(name)
    return members


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _NumberRefused(text)
    return value


def _int(text: str) -> int:
    if len(text.lstrip("-")) > _MAX_DIGITS:
        raise _NumberRefused(text)
    return int(text)


def _constant(text: str) -> object:
    raise _NumberRefused(text)


def _second(text: str) -> int:
    """Where the first repeated name stands. Only called for a text that parses and has one."""
    seen: list[set[str]] = []
    before = ("", 0)
    for token in _TOKEN.finditer(text):
        word = token.group()
        if word in ("{", "["):
            seen.append(set())
        elif word in ("}", "]"):
            seen.pop()
        elif word == ":":
            name = json.loads(before[0])
            if name in seen[-1]:
                return before[1]
            seen[-1].add(name)
        before = (word, token.start())
    return len(text)


def _literal(text: str, word: str) -> int:
    return next((token.start() for token in _TOKEN.finditer(text) if token.group() == word), 0)


def _check_surrogates(text: str) -> None:
    for token in _TOKEN.finditer(text):
        word = token.group()
        if not word.startswith('"'):
            continue
        try:
            json.loads(word).encode("utf-8")
        except UnicodeEncodeError as error:
            raise BadRequest(
                f"the body holds a lone surrogate in the string at character {token.start()}: "
                "send surrogates in pairs, or plain UTF-8"
            ) from error


def shown(value: object) -> str:
    """A value as an error message quotes it: ``repr``, at most 80 characters of it."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def read(raw: bytes) -> Mapping[str, object] | None:
    """The object that a provider wrote, None if it is not one. For reading only: `parse` is for callers' bodies."""
    try:
        value = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def encode(value: object) -> bytes:
    """Compact UTF-8 JSON of a value that we made."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")


@final
@dataclass(frozen=True, slots=True)
class _Member:
    """One top-level member: its name, where it starts, and where its value starts and ends."""

    name: str
    start: int
    value: int
    end: int


def _blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _members(text: str) -> Iterator[_Member]:
    decoder = json.JSONDecoder()
    at = _blank(text, 0)
    if text[at : at + 1] != "{":
        raise BadRequest(f"expected a JSON object, got {shown(text[at : at + 20])}")
    at = _blank(text, at + 1)
    while text[at : at + 1] not in ("}", ""):
        start = at
        name, at = decoder.raw_decode(text, start)
        value = _blank(text, _blank(text, at) + 1)
        _, at = decoder.raw_decode(text, value)
        yield _Member(name, start, value, at)
        at = _blank(text, at)
        if text[at : at + 1] == ",":
            at = _blank(text, at + 1)


def member(raw: bytes, name: str) -> bytes | None:
    """The bytes of a top-level member's value, None if the object has no such member. The last one counts."""
    text = raw.decode("utf-8")
    found = None
    for each in _members(text):
        if each.name == name:
            found = text[each.value : each.end].encode("utf-8")
    return found


def splice(raw: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    """Give top-level members of a valid JSON object new values; None removes one; a new name is added at the end.

    Every other member keeps its bytes and its place. A name that occurs twice is changed twice.
    """
    text = raw.decode("utf-8")
    members = list(_members(text))
    if not members:
        opening = text.index("{") + 1
        head, tail = text[:opening], text[opening:]
    else:
        head, tail = text[: members[0].start], text[members[-1].end :]
    parts: list[str] = []
    for index, each in enumerate(members):
        change = changes.get(each.name, b"")
        if change is None:
            continue
        separator = text[members[index - 1].end : each.start] if parts else ""
        value = text[each.value : each.end] if each.name not in changes else change.decode("utf-8")
        parts.append(separator + text[each.start : each.value] + value)
    present = {each.name for each in members}
    for name, value_bytes in changes.items():
        if name not in present and value_bytes is not None:
            comma = "," if parts else ""
            parts.append(f"{comma}{encode(name).decode('utf-8')}:{value_bytes.decode('utf-8')}")
    return (head + "".join(parts) + tail).encode("utf-8")


def embed(raw: bytes, name: str, value: object) -> bytes:
    """Add a top-level member to an object, or give it a new value."""
    return splice(raw, {name: encode(value)})
