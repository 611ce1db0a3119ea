"""Signed documents: Ed25519 over the DSSE pre-authentication encoding, which binds a type to the exact bytes.

The type is never sent: whoever verifies must know which type to expect, so one document cannot pass for another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from overt.errors import VerificationFailed
from overt.proof.ed25519 import Sign, verifies

PROMISE: Final = "application/vnd.overt.promise+json"
KEY: Final = "application/vnd.overt.key+json"
LOG_KEY: Final = "application/vnd.overt.log-key+json"
RELEASE: Final = "application/vnd.overt.release+json"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The exact bytes that were signed, and the signature."""

    body: bytes
    sig: bytes


def pae(kind: str, body: bytes) -> bytes:
    """The pre-authentication encoding (DSSE v1)."""
    name = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(body), body)


def sign_document(kind: str, body: bytes, sign: Sign) -> Signed:
    """Sign a document of this type."""
    return Signed(body=body, sig=sign(pae(kind, body)))


def open_document(kind: str, signed: Signed, public: bytes, what: str) -> bytes:
    """The body, or `VerificationFailed` naming ``what`` if this key did not sign it as this type."""
    if not verifies(public, signed.sig, pae(kind, signed.body)):
        raise VerificationFailed(what, f"the signature is not by the key {public.hex()}")
    return signed.body
