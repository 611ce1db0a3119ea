"""Base64, strict: one text for each byte string and one byte string for each text (RFC 4648 §3.5).

Python's decoder accepts trailing bits that mean nothing, so two texts could give the same bytes. Here they cannot.
"""

from __future__ import annotations

import base64
import binascii

from overt.errors import VerificationFailed


def encode(raw: bytes) -> str:
    """Standard alphabet, with padding."""
    return base64.b64encode(raw).decode("ascii")


def decode(text: str, what: str) -> bytes:
    """The bytes, or `VerificationFailed` naming ``what``."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise VerificationFailed(what, f"{_short(text)} is not base64: {error}") from error
    if encode(raw) != text:
        raise VerificationFailed(what, f"{_short(text)} is not canonical base64: its trailing bits are not zero")
    return raw


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
