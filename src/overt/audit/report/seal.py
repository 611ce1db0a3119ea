"""A result in its signed envelope (DSSE), under the key that signed the plan.

An envelope of ours has one encoding. `open_exactly` refuses any other, also where the signature would still hold (white
space, a key's hint, members of others): whoever keeps the digest of a file then knows every byte of it.
"""

from __future__ import annotations

import json
from typing import Final

from overt.errors import VerificationFailed
from overt.proof import b64, canonical
from overt.proof.ed25519 import Sign
from overt.proof.envelope import open_envelope, sign_envelope
from overt.proof.note import parse_vkey

KIND: Final = "application/vnd.overt.audit-result+json"
RESULT_FILE: Final = "result.json"


def seal_result(document: canonical.Value, vkey: str, sign: Sign) -> bytes:
    """The signed envelope of a result; ``sign`` is that of the private half of ``vkey``."""
    return sign_envelope(KIND, canonical.encode(document), parse_vkey(vkey), sign)


def open_result(raw: bytes, vkey: str) -> canonical.Value:
    """The result in an envelope; `VerificationFailed` unless this key signed it and each byte is as we write it."""
    return canonical.decode(open_exactly(raw, KIND, vkey))


def open_exactly(raw: bytes, kind: str, vkey: str) -> bytes:
    """The document of an envelope that is written exactly as `sign_envelope` writes it."""
    key = parse_vkey(vkey)
    body = open_envelope(raw, kind, key)
    # It opened, so it is an object with at least one signature that is base64.
    signature = b64.decode(json.loads(raw)["signatures"][0]["sig"], "signature")
    if sign_envelope(kind, body, key, lambda _: signature) != raw:
        raise VerificationFailed("signature", "it holds, but the envelope is not written as Overt writes it")
    return body
