"""Signed documents (DSSE): what they cover and whether they hold, by securesystemslib, @sigstore/core and WebCrypto."""

from __future__ import annotations

import json
from typing import Final

import pytest
from outside import node, sigstore
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # it exports without __all__

from overt.proof.dsse import KEY, PROMISE, RELEASE, pae, sign_document
from overt.proof.envelope import sign_envelope
from overt.proof.note import parse_vkey
from overt.testing.log import known_signer

SIGNER: Final = known_signer()
LOG: Final = parse_vkey(SIGNER.vkey)
BODIES: Final = (b"", b"{}", b'{"v":"overt-promise/1"}', "ü\n".encode(), bytes(range(256)) * 40)


KINDS: Final = (PROMISE, KEY, RELEASE, "text/ü; a=b")
DOCUMENTS: Final = tuple((kind, body) for kind in KINDS for body in BODIES)


def test_what_a_signature_covers_is_the_same_in_securesystemslib() -> None:
    for kind, body in DOCUMENTS:
        assert Envelope(body, kind, {}).pae() == pae(kind, body)


def test_what_a_signature_covers_is_the_same_in_sigstore() -> None:
    lines = [f"{kind.encode().hex()} {body.hex() or '-'}" for kind, body in DOCUMENTS]
    assert sigstore("documents", lines=lines) == [pae(kind, body).hex() for kind, body in DOCUMENTS]


def their_key(keyid: str) -> SSlibKey:
    return SSlibKey(keyid, "ed25519", "ed25519", {"public": LOG.public.hex()})


def test_securesystemslib_verifies_our_envelope_and_refuses_an_altered_one() -> None:
    raw = sign_envelope(RELEASE, b'{"v":1}', LOG, SIGNER.sign)
    key = their_key(f"{LOG.name}+{LOG.id.hex()}")
    assert Envelope.from_dict(json.loads(raw)).verify([key], 1) == {key.keyid: key}
    for old, new in ((RELEASE, PROMISE), ("eyJ2IjoxfQ==", "eyJ2IjoyfQ==")):
        altered = Envelope.from_dict(json.loads(raw.decode().replace(old, new)))
        with pytest.raises(VerificationError):
            altered.verify([key], 1)


def test_webcrypto_verifies_our_promises_and_refuses_altered_ones() -> None:
    lines: list[str] = []
    for body in BODIES[1:]:
        sig = sign_document(PROMISE, body, SIGNER.sign).sig
        for kind, covered, signature in (
            (PROMISE, body, sig),
            (KEY, body, sig),
            (PROMISE, body + b" ", sig),
            (PROMISE, body, bytes([sig[0] ^ 1]) + sig[1:]),
        ):
            lines.append(f"{LOG.public.hex()} {kind.encode().hex()} {covered.hex()} {signature.hex()}")
    assert node("check.mjs", "signed", lines=lines) == ["y", "n", "n", "n"] * (len(BODIES) - 1)
