"""Fresh identifiers: a prefix that says what is named, and 128 random bits in lower-case base32."""

from __future__ import annotations

import base64
import secrets


def fresh_id(prefix: str) -> str:
    """``rcp_…``: 26 characters after the prefix, with no time or order in them."""
    return f"{prefix}_{base64.b32encode(secrets.token_bytes(16)).decode().rstrip('=').lower()}"
