"""Reading members of a request with their JSON path, so that a wrong type names where it is and what it was."""

from __future__ import annotations

from collections.abc import Mapping

from overt.errors import BadRequest
from overt.wire.json import shown


def wrong(path: str, expected: str, value: object) -> BadRequest:
    """The error for a value of the wrong type or kind."""
    return BadRequest(f"{path}: expected {expected}, got {shown(value)}")


def an_object(value: object, path: str) -> Mapping[str, object]:
    """The value as an object."""
    if not isinstance(value, dict):
        raise wrong(path, "an object", value)
    return value


def an_array(value: object, path: str) -> list[object]:
    """The value as an array."""
    if not isinstance(value, list):
        raise wrong(path, "an array", value)
    return value


def a_string(value: object, path: str) -> str:
    """The value as a string."""
    if not isinstance(value, str):
        raise wrong(path, "a string", value)
    return value


def a_name(value: object, path: str) -> str:
    """The value as a string that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise wrong(path, "a non-empty string", value)
    return value


def a_flag(value: object, path: str) -> bool:
    """The value as a boolean; null counts as false."""
    if value is not None and not isinstance(value, bool):
        raise wrong(path, "true or false", value)
    return bool(value)
