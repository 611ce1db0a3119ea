"""Decoders of what texts are wrapped in. Each gives the plain text, or None where the input does not decode to text."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from itertools import pairwise
from typing import Final
from urllib.parse import unquote_to_bytes

PRINTABLE_SHARE: Final = 0.9
SHORTEST_BASE64: Final = 24
SHORTEST_BLOB: Final = 32

_MAGIC: Final = ("%PDF", "<?xml", "PK\x03\x04", "GIF8")
_ESCAPE: Final = re.compile(r"\\x([0-9A-Fa-f]{2})|\\u\{?([0-9A-Fa-f]{1,6})\}?|\\U([0-9A-Fa-f]{8})")
_HEX_ONLY: Final = re.compile(r"(?:0x)?[0-9A-Fa-f]+")
_NOT_HEX: Final = re.compile("[^0-9A-Fa-f]")
_WHITESPACE: Final = re.compile(r"\s+")
_LARGEST_CODE: Final = 0x10FFFF


def base64_text(encoded: str) -> str | None:
    """Base64 or base64url, with or without padding and line breaks."""
    compact = _WHITESPACE.sub("", encoded).rstrip("=").replace("-", "+").replace("_", "/")
    if len(compact) < SHORTEST_BASE64 or len(compact) % 4 == 1:
        return None
    try:
        return _readable(base64.b64decode(compact + "=" * (-len(compact) % 4)))
    except binascii.Error:
        return None


def hexadecimal_text(encoded: str) -> str | None:
    """Pairs of hexadecimal digits, apart or together."""
    digits = _NOT_HEX.sub("", encoded.removeprefix("0x"))
    return _readable(bytes.fromhex(digits)) if len(digits) % 2 == 0 else None


def percent_text(encoded: str) -> str | None:
    """Percent-encoded bytes."""
    return _readable(unquote_to_bytes(encoded), fewest=1)


def escaped_text(encoded: str) -> str | None:
    """``\\x41``, ``\\u0041``, ``\\u{41}`` and ``\\U00000041``."""
    plain = _ESCAPE.sub(lambda m: _character(int(m.group(1) or m.group(2) or m.group(3), 16)), encoded)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def rot13(text: str) -> str:
    """Letters 13 places on."""
    return codecs.encode(text, "rot13")


def is_blob(run: str) -> bool:
    """Whether a run of base64 letters is an encoding and not words, a path or an identifier.

    Digests and keys mix digits with letters or cases throughout; words and paths change between them now and then.
    """
    compact = _WHITESPACE.sub("", run).rstrip("=")
    if len(compact) < SHORTEST_BLOB:
        return False
    if _HEX_ONLY.fullmatch(compact):
        return any(c.isdigit() for c in compact)
    kinds = [_kind(c) for c in compact]
    changes = sum(a != b for a, b in pairwise(kinds))
    return len(set(kinds)) >= 3 and changes * 3 >= len(compact)


def _kind(character: str) -> str:
    if character.isdigit():
        return "0"
    if character.isalpha():
        return "A" if character.isupper() else "a"
    return "/"


def _character(code: int) -> str:
    return chr(code) if code <= _LARGEST_CODE else "\ufffd"


def _readable(content: bytes, fewest: int = 4) -> str | None:
    """The bytes as text, if they are UTF-8, mostly printable, and not a file of a known kind."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if len(text) < fewest or text.startswith(_MAGIC):
        return None
    printable = sum(c.isprintable() or c in "\n\r\t" for c in text)
    return text if printable >= PRINTABLE_SHARE * len(text) else None
