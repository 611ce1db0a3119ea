"""Ed25519 (RFC 8032): checking a signature. Making one needs a private key, which pure code never holds."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Sign = Callable[[bytes], bytes]
"""Gives the 64-byte Ed25519 signature of a message."""

SIGNATURE_BYTES = 64
KEY_BYTES = 32


def verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether this key made this signature of this message."""
    if len(signature) != SIGNATURE_BYTES or len(public) != KEY_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
