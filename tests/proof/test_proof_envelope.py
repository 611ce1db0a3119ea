"""An envelope opens for the key that sealed it, as the type it was sealed as, and for nothing else."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from overt.errors import VerificationFailed
from overt.log.keys import signer_of
from overt.proof.dsse import PROMISE, RELEASE, pae
from overt.proof.ed25519 import verifies
from overt.proof.envelope import open_envelope, sign_envelope
from overt.proof.note import parse_vkey
from overt.testing.log import known_signer

SIGNER, STRANGER = known_signer("ours.test/releases"), signer_of("ours.test/releases", bytes(32))
KEY = parse_vkey(SIGNER.vkey)
BODY = '{"name": "é"}\n'.encode()


def sealed() -> bytes:
    return sign_envelope(RELEASE, BODY, KEY, SIGNER.sign)


def changed(**members: Any) -> bytes:
    return json.dumps(json.loads(sealed()) | members).encode()


def test_what_was_sealed_comes_back() -> None:
    assert open_envelope(sealed(), RELEASE, KEY) == BODY


def test_it_is_an_envelope_of_the_dsse_specification() -> None:
    value = json.loads(sealed())
    assert set(value) == {"payload", "payloadType", "signatures"}
    assert base64.b64decode(value["payload"]) == BODY
    (signature,) = value["signatures"]
    assert verifies(KEY.public, base64.b64decode(signature["sig"]), pae(value["payloadType"], BODY))
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_another_layout_unknown_members_and_other_signatures_do_no_harm() -> None:
    value = json.loads(sealed())
    value["signatures"].insert(0, {"sig": base64.b64encode(bytes(64)).decode()})
    assert open_envelope(json.dumps(value | {"x": 1}, indent=3).encode(), RELEASE, KEY) == BODY


def test_it_does_not_pass_for_another_type_even_if_it_says_so() -> None:
    with pytest.raises(VerificationFailed, match="expected"):
        open_envelope(sealed(), PROMISE, KEY)
    with pytest.raises(VerificationFailed, match="none of its 1 signatures"):
        open_envelope(changed(payloadType=PROMISE), PROMISE, KEY)


def other_key() -> bytes:
    return sign_envelope(RELEASE, BODY, KEY, STRANGER.sign)


REFUSED = {
    "another body": (changed(payload=base64.b64encode(b"{}").decode()), "none of its 1"),
    "another key": (other_key(), "none of its 1"),
    "no signatures": (changed(signatures=[]), "1 to 100"),
    "signatures in words": (changed(signatures=["mine"]), "an object"),
    "a signature without bytes": (changed(signatures=[{"keyid": "x"}]), "'sig'"),
    "a body that is not base64": (changed(payload="{}"), "base64"),
    "not JSON": (b"\xff", "not JSON"),
    "a list": (b"[]", "not an object"),
}


@pytest.mark.parametrize(("raw", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_whatever_else_is_refused(raw: bytes, says: str) -> None:
    with pytest.raises(VerificationFailed, match=says):
        open_envelope(raw, RELEASE, KEY)
