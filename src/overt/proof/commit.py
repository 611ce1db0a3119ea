"""Keyed commitments: an entry commits to a value without telling it, and a 32-byte secret opens it later.

``salt = HMAC(secret, "overt/v1/field-salt" 00 field)`` and
``commitment = HMAC(salt, "overt/v1/commit" 00 field 00 value)``, both with SHA-256.
The secret opens all fields of one receipt; a field's salt opens that field alone. HMAC pads short keys with zeros, so
a secret of any other length than 32 bytes is refused: ``k`` and ``k 00`` would collide.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final

from overt.errors import VerificationFailed

SECRET_BYTES: Final = 32

TIME: Final = "time"
"""The exact time, POSIX milliseconds in decimal digits."""
CALLER: Final = "caller"
"""The id of the caller's key."""
REQUEST: Final = "request"
"""The bytes of the request as they came in."""
RESPONSE: Final = "response"
"""The bytes of the response as they went out."""


def field_salt(secret: bytes, field: str) -> bytes:
    """What opens one field and no other."""
    if len(secret) != SECRET_BYTES:
        raise VerificationFailed("commitment", f"a secret has {SECRET_BYTES} bytes, this one has {len(secret)}")
    return hmac.digest(secret, b"overt/v1/field-salt\x00" + _name(field), "sha256")


def commit_with_salt(salt: bytes, field: str, value: bytes) -> bytes:
    """The commitment to a value, given the salt of its field."""
    if len(salt) != SECRET_BYTES:
        raise VerificationFailed("commitment", f"a salt has {SECRET_BYTES} bytes, this one has {len(salt)}")
    return hmac.digest(salt, b"overt/v1/commit\x00" + _name(field) + b"\x00" + value, "sha256")


def commit(secret: bytes, field: str, value: bytes) -> bytes:
    """The commitment to a value."""
    return commit_with_salt(field_salt(secret, field), field, value)


def commitments(secret: bytes, values: Mapping[str, bytes]) -> dict[str, bytes]:
    """The commitment to each value, by field."""
    return {field: commit(secret, field, value) for field, value in values.items()}


def opens(secret: bytes, field: str, value: bytes, commitment: bytes) -> bool:
    """Whether the commitment is to this value."""
    return hmac.compare_digest(commit(secret, field, value), commitment)


def _name(field: str) -> bytes:
    raw = field.encode()
    if not raw or b"\x00" in raw:
        raise VerificationFailed("commitment", f"the field name {field!r} is empty or holds a zero byte")
    return raw
