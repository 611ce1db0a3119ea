"""A signed file: a DSSE envelope (version 1), as other tools write and read it.

The type is checked against the one that the reader expects, and the signature covers both type and bytes. A ``keyid``
is a hint and proves nothing; members that we do not know are ignored, as the specification demands.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from overt.errors import VerificationFailed
from overt.proof import b64, canonical
from overt.proof.dsse import Signed, open_document, sign_document
from overt.proof.ed25519 import Sign
from overt.proof.note import VerifierKey

MOST_SIGNATURES: Final = 100
_WHAT: Final = "signature"


def sign_envelope(kind: str, body: bytes, key: VerifierKey, sign: Sign) -> bytes:
    """The envelope of a document, with one signature."""
    signed = sign_document(kind, body, sign)
    value: canonical.Value = {
        "payload": b64.encode(signed.body),
        "payloadType": kind,
        "signatures": [{"keyid": f"{key.name}+{key.id.hex()}", "sig": b64.encode(signed.sig)}],
    }
    return canonical.encode(value) + b"\n"


def open_envelope(raw: bytes, kind: str, key: VerifierKey) -> bytes:
    """The document, or `VerificationFailed` if this key did not sign it as this type."""
    envelope = _object(raw)
    found = envelope.get("payloadType")
    if found != kind:
        raise VerificationFailed(_WHAT, f"it is of the type {found!r}, expected {kind!r}")
    body = _bytes(envelope.get("payload"), "payload")
    sigs = list(_signatures(envelope.get("signatures")))
    for sig in sigs:
        try:
            return open_document(kind, Signed(body=body, sig=sig), key.public, _WHAT)
        except VerificationFailed:
            continue
    raise VerificationFailed(_WHAT, f"none of its {len(sigs)} signatures is by {key.text!r}")


def _signatures(found: object) -> Iterator[bytes]:
    if not isinstance(found, list) or not 1 <= len(found) <= MOST_SIGNATURES:
        raise VerificationFailed(_WHAT, f"expected a list of 1 to {MOST_SIGNATURES} signatures")
    for each in found:
        if not isinstance(each, dict):
            raise VerificationFailed(_WHAT, f"a signature is an object, found {each!r}")
        yield _bytes(each.get("sig"), "sig")


def _bytes(found: object, name: str) -> bytes:
    if not isinstance(found, str):
        raise VerificationFailed(_WHAT, f"member {name!r} is not base64 text")
    return b64.decode(found, _WHAT)


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise VerificationFailed(_WHAT, f"the envelope is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise VerificationFailed(_WHAT, f"the envelope is not an object but {type(value).__name__}")
    return value
