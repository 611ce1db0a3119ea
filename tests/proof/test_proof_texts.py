"""Canonical JSON, base64, notes, keys, commitments and signed documents: one form each, everything else refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from overt.errors import VerificationFailed
from overt.proof import b64, canonical, commit, dsse
from overt.proof.note import (
    Checkpoint,
    VerifierKey,
    open_checkpoint,
    open_note,
    parse_checkpoint,
    parse_vkey,
    sign_checkpoint,
    sign_note,
    signature_line,
)
from overt.proof.tlogproof import TlogProof, decode_proof, encode_proof
from overt.testing.log import ORIGIN, known_signer

LOG = known_signer()
KEY = parse_vkey(LOG.vkey)

ascii_keys = st.text(st.characters(max_codepoint=0x7E, min_codepoint=0x20), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-canonical.LARGEST, canonical.LARGEST) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ascii_keys, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_canonical_json_is_that_of_rfc_8785_and_reads_back(value: Any) -> None:
    raw = canonical.encode(value)
    assert raw == rfc8785.dumps(value)
    assert canonical.decode(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b"1.0",
        b"1e3",
        b"-0",
        b"NaN",
        b"Infinity",
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'"\\u0041"',
        b'"\\/"',
        b'"\xff"',
        b'"\\ud800"',
        b" 1",
        b"1\n",
        b"",
        b"9007199254740992",
        b"1" * 5000,
        b"[" * 17 + b"]" * 17,
        b"[" * 100_000,
        '{"é":1}'.encode(),
        b"\xef\xbb\xbf1",
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_what_is_not_canonical_is_refused(raw: bytes) -> None:
    with pytest.raises(VerificationFailed, match="canonical JSON"):
        canonical.decode(raw)


@pytest.mark.parametrize("value", [1.5, b"x", {1: 2}, {"é": 1}, 2**53, "\ud800", {1, 2}], ids=repr)
def test_what_has_no_canonical_form_is_not_encoded(value: Any) -> None:
    with pytest.raises(VerificationFailed, match="canonical JSON"):
        canonical.encode(value)


@given(st.binary(max_size=40))
def test_base64_reads_back(raw: bytes) -> None:
    assert b64.decode(b64.encode(raw), "x") == raw


@pytest.mark.parametrize("text", ["QQ=", "QQ", "QR==", "QQ==\n", " QQ==", "Q Q==", "QQ==QQ==", "-_==", "QQ===", "é"])
def test_base64_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(VerificationFailed, match="base64"):
        b64.decode(text, "x")


def test_python_alone_would_accept_trailing_bits() -> None:
    assert base64.b64decode("QR==", validate=True) == b"A"


def note(text: str = "text\n") -> bytes:
    return sign_note(text, KEY, LOG.sign)


def test_a_note_gives_its_text() -> None:
    assert open_note(note(), KEY) == "text\n"


def test_a_text_may_hold_empty_lines_because_the_last_one_splits() -> None:
    assert open_note(note("a\n\nb\n"), KEY) == "a\n\nb\n"


def test_a_hundred_meaningless_signatures_are_ignored() -> None:
    other = VerifierKey(name="grease.example", public=bytes(32))
    raw = note() + signature_line(other, b"\x00" * 64).encode() * 99
    assert open_note(raw, KEY) == "text\n"
    with pytest.raises(VerificationFailed, match="101 signatures"):
        open_note(raw + signature_line(other, b"\x00" * 64).encode(), KEY)


BAD_LINE = signature_line(KEY, b"\x00" * 64).encode()


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"text\n\n" + BAD_LINE + note()[len("text\n\n") :], "does not verify"),
        (b"text\n\n" + BAD_LINE, "does not verify"),
        (note().replace(b"text", b"tent"), "does not verify"),
        (note().replace(b"\n", b"\r\n"), "control character"),
        (note()[:-1], "does not end"),
        (b"text\n\n", "no signatures"),
        (b"text\n", "no signatures"),
        (b"", "no signatures"),
        (b"text\n\n\n", "no signatures"),
        (note() + b"\xff\n", "UTF-8"),
        (note().replace("—".encode(), b"-"), "not a signature line"),
        (note().replace(ORIGIN.encode(), b"a+b"), "not a signature line"),
        (note().replace(b"overt.test", b"other.test"), "no signature by"),
        (note() + "— x QUJD\n".encode(), "too short"),
        (note() + "— x QUJDRE=\n".encode(), "base64"),
        (note() + "— x QUJDRE==\n".encode()[:-1] + b" \n", "base64"),
        (note() + "— x -_-_-_-_\n".encode(), "base64"),
        (note() + "— x \n".encode(), "too short"),
        (note() + "— x\n".encode(), "too short"),
    ],
)
def test_a_malformed_or_falsely_signed_note_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(VerificationFailed, match=why):
        open_note(raw, KEY)


def test_only_the_first_line_of_a_key_counts() -> None:
    assert open_note(note() + BAD_LINE, KEY) == "text\n"


def test_unused_bits_of_the_base64_in_a_signature_line_do_not_count() -> None:
    raw = note()
    last = raw.rstrip(b"=\n")[-1:]
    assert last in b"AEIMQUYcgkosw048"
    assert open_note(raw.replace(last + b"=\n", bytes([last[0] + 1]) + b"=\n"), KEY) == "text\n"


def test_a_key_with_the_same_id_and_another_name_does_not_count() -> None:
    raw = note().replace(b"\xe2\x80\x94 overt.test/log", b"\xe2\x80\x94 overt.test/lag")
    with pytest.raises(VerificationFailed, match="no signature by"):
        open_note(raw, KEY)


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n07\n{b64.encode(bytes(32))}\n",
        f"{ORIGIN}\n-1\n{b64.encode(bytes(32))}\n",
        f"{ORIGIN}\n{2**63}\n{b64.encode(bytes(32))}\n",
        f"{ORIGIN}\n7\n{b64.encode(bytes(31))}\n",
        f"{ORIGIN}\n7\n{b64.encode(bytes(32))}\nextension\n",
        f"{ORIGIN}\n7\n{b64.encode(bytes(32))}",
        f"a b\n7\n{b64.encode(bytes(32))}\n",
        f"\n7\n{b64.encode(bytes(32))}\n",
        f"{ORIGIN}\n٧\n{b64.encode(bytes(32))}\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(VerificationFailed, match="checkpoint"):
        parse_checkpoint(text)


def test_a_checkpoint_of_another_log_is_refused_even_if_the_key_signed_it() -> None:
    raw = sign_checkpoint(Checkpoint(origin="overt.test/other", size=0, root=bytes(32)), KEY, LOG.sign)
    with pytest.raises(VerificationFailed, match=r"'overt\.test/other'"):
        open_checkpoint(raw, KEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        LOG.vkey.replace("+", "-"),
        LOG.vkey.upper(),
        LOG.vkey[:-1],
        LOG.vkey + "\n",
        "x" + LOG.vkey,
        f"a b+{LOG.vkey.split('+', 1)[1]}",
        f"{ORIGIN}+{KEY.id.hex()}+{b64.encode(b'%c' % 4 + KEY.public)}",
        f"{ORIGIN}+{KEY.id.hex()}+{b64.encode(b'%c' % 1 + KEY.public[1:])}",
    ],
)
def test_a_malformed_key_is_refused(text: str) -> None:
    with pytest.raises(VerificationFailed):
        parse_vkey(text)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_secret_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(VerificationFailed, match="32 bytes"):
        commit.commit(bytes(length), "prompt", b"hello")


@pytest.mark.parametrize("field", ["", "a\x00b"])
def test_a_field_name_that_is_empty_or_holds_a_zero_byte_is_refused(field: str) -> None:
    with pytest.raises(VerificationFailed, match="field name"):
        commit.commit(bytes(32), field, b"hello")


def test_swapped_fields_do_not_open() -> None:
    secret = bytes(range(32))
    commitment = commit.commit(secret, "request", b"hello")
    assert commit.opens(secret, "request", b"hello", commitment)
    assert not commit.opens(secret, "response", b"hello", commitment)


def test_a_salt_opens_its_own_field_only() -> None:
    secret = bytes(range(32))
    salt = commit.field_salt(secret, "request")
    assert commit.commit_with_salt(salt, "request", b"x") == commit.commit(secret, "request", b"x")
    assert commit.commit_with_salt(salt, "response", b"x") != commit.commit(secret, "response", b"x")


def test_a_document_of_one_type_does_not_pass_for_another() -> None:
    signed = dsse.sign_document(dsse.PROMISE, b"{}", LOG.sign)
    assert dsse.open_document(dsse.PROMISE, signed, KEY.public, "promise") == b"{}"
    with pytest.raises(VerificationFailed, match="signer"):
        dsse.open_document(dsse.KEY, signed, KEY.public, "signer")


PROOF = TlogProof(index=3, path=(bytes(32), bytes(range(32))), checkpoint=note())


@pytest.mark.parametrize("extra", [None, b"", b"more"])
def test_a_proof_as_text_reads_back(extra: bytes | None) -> None:
    proof = TlogProof(index=3, path=PROOF.path, checkpoint=PROOF.checkpoint, extra=extra)
    assert decode_proof(encode_proof(proof)) == proof


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"proof@v1", b"proof@v2"),
        (b"index 3", b"index 03"),
        (b"index 3", b"index -3"),
        (b"index 3\n", b""),
        (b"index 3\n", b"index 3\nAAAA\n"),
        (b"index 3", "index ٣".encode()),
        (b"\n\n", b"\n"),
        (b"c2sp", b"\xff"),
    ],
)
def test_a_malformed_proof_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(VerificationFailed, match="inclusion proof"):
        decode_proof(encode_proof(PROOF).replace(old, new))


def test_python_alone_would_accept_a_member_that_occurs_twice() -> None:
    assert json.loads('{"a":1,"a":2}') == {"a": 2}
