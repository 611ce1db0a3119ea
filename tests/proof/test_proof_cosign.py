"""Cosignatures: what a witness signs, how it is read, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.errors import VerificationFailed
from overt.log.keys import SeedSigner, signer_of
from overt.proof import b64
from overt.proof.cosign import (
    LATEST,
    ML_DSA,
    ML_DSA_KEY_BYTES,
    CosignerKey,
    MlDsaKey,
    cosign,
    cosignature_message,
    open_cosigned,
    parse_cosigner_key,
    parse_witness_key,
    read_cosignatures,
)
from overt.proof.note import (
    Checkpoint,
    SignatureLine,
    key_id,
    open_checkpoint,
    parse_vkey,
    sign_checkpoint,
    signature_line,
    vkey_text,
    with_lines,
)
from overt.testing.log import ORIGIN, known_signer

LOG = known_signer()
KEY = parse_vkey(LOG.vkey)
CHECKPOINT = Checkpoint(origin=ORIGIN, size=7, root=bytes(range(32)))
NOTE = sign_checkpoint(CHECKPOINT, KEY, LOG.sign)
NOW = 1_793_000_007


def witness(number: int) -> tuple[CosignerKey, SeedSigner]:
    signer = signer_of(f"witness.example/w{number}", bytes([number]) * 32)
    return CosignerKey(name=signer.vkey.split("+")[0], public=parse_vkey(signer.vkey).public), signer


W1, S1 = witness(1)
W2, S2 = witness(2)
LINE1 = cosign(CHECKPOINT.text, W1, NOW, S1.sign)
LINE2 = cosign(CHECKPOINT.text, W2, NOW + 1, S2.sign)


def test_a_cosigned_checkpoint_gives_the_witnesses_and_their_times() -> None:
    opened = open_cosigned(with_lines(NOTE, [LINE1, LINE2]), [KEY], [W1, W2])
    assert opened.checkpoint == CHECKPOINT
    assert opened.log == KEY
    assert [(each.key, each.time) for each in opened.cosignatures] == [(W1, NOW), (W2, NOW + 1)]


def test_a_witness_that_is_not_known_is_left_out() -> None:
    opened = open_cosigned(with_lines(NOTE, [LINE1, LINE2]), [KEY], [W2])
    assert [each.key for each in opened.cosignatures] == [W2]


def test_a_cosignature_does_not_replace_the_signature_of_the_log() -> None:
    only = NOTE[: NOTE.rindex(b"\n\n") + 2] + LINE1.encode()
    with pytest.raises(VerificationFailed, match="no log signed it, only witnesses"):
        open_cosigned(only, [KEY], [W1])


def test_a_plain_signature_by_the_witness_is_not_a_cosignature() -> None:
    line = signature_line(W1, S1.sign(CHECKPOINT.text.encode()))
    with pytest.raises(VerificationFailed, match="does not verify"):
        open_cosigned(with_lines(NOTE, [line]), [KEY], [W1])


def test_a_log_key_and_a_witness_key_of_the_same_bytes_have_different_ids() -> None:
    key = CosignerKey(name=KEY.name, public=KEY.public)
    assert key.id != KEY.id
    with pytest.raises(VerificationFailed, match="not an Ed25519 key"):
        parse_vkey(key.text)
    with pytest.raises(VerificationFailed, match="not the key of a witness"):
        parse_witness_key(KEY.text)


def _line(signature: bytes) -> str:
    return SignatureLine(name=W1.name, id=W1.id, signature=signature).text


def _signed(time: int) -> bytes:
    return time.to_bytes(8, "big") + S1.sign(b"cosignature/v1\ntime %d\n" % time + CHECKPOINT.text.encode())


@pytest.mark.parametrize(
    "signature",
    [
        _signed(NOW)[:-1],
        _signed(NOW) + b"\x00",
        _signed(NOW)[8:],
        _signed(NOW + 1)[:8] + _signed(NOW)[8:],
        _signed(LATEST + 1),
        NOW.to_bytes(8, "big") + S2.sign(cosignature_message(NOW, CHECKPOINT.text)),
        NOW.to_bytes(8, "little") + _signed(NOW)[8:],
    ],
    ids=["short", "long", "no time", "other time", "time over 2**63", "other witness", "little endian"],
)
def test_a_false_cosignature_by_a_known_witness_makes_the_note_invalid(signature: bytes) -> None:
    raw = with_lines(NOTE, [_line(signature), LINE2])
    with pytest.raises(VerificationFailed, match="does not verify"):
        open_cosigned(raw, [KEY], [W1, W2])
    assert open_cosigned(raw, [KEY], [W2]).cosignatures[0].key == W2


@given(st.integers(0, LATEST))
def test_every_time_that_can_be_written_reads_back(time: int) -> None:
    line = cosign(CHECKPOINT.text, W1, time, S1.sign)
    assert open_cosigned(with_lines(NOTE, [line]), [KEY], [W1]).cosignatures[0].time == time


@pytest.mark.parametrize("time", [-1, LATEST + 1])
def test_a_time_that_cannot_be_written_is_not_signed(time: int) -> None:
    with pytest.raises(VerificationFailed, match="time"):
        cosign(CHECKPOINT.text, W1, time, S1.sign)


def test_the_lines_of_an_answer_are_read_and_those_of_others_left_out() -> None:
    found = read_cosignatures((LINE2 + LINE1).encode(), CHECKPOINT.text, [W1])
    assert [(each.key, each.time, each.line) for each in found] == [(W1, NOW, LINE1)]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (b"", "no signatures"),
        (b"\n", "no signatures"),
        (LINE2.encode(), "no signature by"),
        (LINE1.encode()[:-1], "does not end"),
        (LINE1.encode() + b"\n" + LINE1.encode(), "does not verify"),
        (b"x\n\n" + cosign(CHECKPOINT.text + "\nx\n", W1, NOW, S1.sign).encode(), "empty line"),
        (b"garbage\n", "not a signature line"),
        (b"\xff\n", "UTF-8"),
        (cosign(CHECKPOINT.text + "x\n", W1, NOW, S1.sign).encode(), "does not verify"),
    ],
)
def test_an_answer_without_a_true_cosignature_is_refused(lines: bytes, why: str) -> None:
    with pytest.raises(VerificationFailed, match=why):
        read_cosignatures(lines, CHECKPOINT.text, [W1])


def test_a_second_cosignature_takes_the_place_of_the_first() -> None:
    later = cosign(CHECKPOINT.text, W1, NOW + 60, S1.sign)
    raw = with_lines(with_lines(NOTE, [LINE1, LINE2]), [later])
    assert raw == with_lines(NOTE, [later, LINE2])
    assert open_cosigned(raw, [KEY], [W1]).cosignatures[0].time == NOW + 60


def test_no_more_signatures_are_written_than_are_read() -> None:
    lines = [SignatureLine(name=f"w{i}", id=b"abcd", signature=b"x").text for i in range(99)]
    assert open_checkpoint(with_lines(NOTE, lines), KEY) == CHECKPOINT
    with pytest.raises(VerificationFailed, match="101 signatures"):
        with_lines(NOTE, [*lines, LINE1])


def test_a_checkpoint_signed_by_the_old_and_the_new_key_of_a_log_opens_with_either() -> None:
    new = signer_of(ORIGIN, bytes(32))
    new_key = parse_vkey(new.vkey)
    raw = with_lines(NOTE, [signature_line(new_key, new.sign(CHECKPOINT.text.encode()))])
    for keys in ([KEY], [new_key], [KEY, new_key]):
        assert open_checkpoint(raw, *keys) == CHECKPOINT
    assert open_checkpoint(NOTE, KEY, new_key) == CHECKPOINT
    false = with_lines(NOTE, [signature_line(new_key, bytes(64))])
    with pytest.raises(VerificationFailed, match="does not verify"):
        open_checkpoint(false, KEY, new_key)


def test_a_key_given_twice_is_refused_and_not_counted_twice() -> None:
    with pytest.raises(VerificationFailed, match="two of the keys given"):
        open_cosigned(with_lines(NOTE, [LINE1]), [KEY], [W1, W1])


def test_an_ml_dsa_key_is_read_and_its_lines_are_ignored() -> None:
    public = bytes(ML_DSA_KEY_BYTES)
    text = vkey_text("witness.example/pq", ML_DSA, public)
    key = parse_witness_key(text)
    assert key == MlDsaKey(name="witness.example/pq", public=public)
    assert key.text == text
    with pytest.raises(VerificationFailed, match="ML-DSA-44"):
        parse_cosigner_key(text)
    line = SignatureLine(name=key.name, id=key_id(key.name, ML_DSA, public), signature=bytes(8 + 2420)).text
    assert open_cosigned(with_lines(NOTE, [line, LINE1]), [KEY], [W1]).cosignatures[0].key == W1


@pytest.mark.parametrize("kind", [b"", b"\x01", b"\x02", b"\x05", b"\x06", b"\xff"])
def test_a_key_of_another_type_is_no_witness(kind: bytes) -> None:
    with pytest.raises(VerificationFailed, match="not the key of a witness"):
        parse_witness_key(vkey_text("w", kind, bytes(32)))


def test_a_checkpoint_of_another_log_is_refused_although_its_witness_is_known() -> None:
    other = Checkpoint(origin="overt.test/other", size=7, root=bytes(32))
    raw = with_lines(sign_checkpoint(other, KEY, LOG.sign), [cosign(other.text, W1, NOW, S1.sign)])
    with pytest.raises(VerificationFailed, match=r"overt\.test/other"):
        open_cosigned(raw, [KEY], [W1])
    assert b64.encode(other.root) in raw.decode()
