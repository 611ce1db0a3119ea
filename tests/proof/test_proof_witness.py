"""The question of a log to a witness, and the judgement of the witness, rule by rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.errors import VerificationFailed
from overt.log.keys import signer_of
from overt.proof import b64
from overt.proof.merkle import EMPTY_ROOT, hashes_of, leaf_hash, prove_consistency, root
from overt.proof.note import (
    Checkpoint,
    VerifierKey,
    parse_vkey,
    sign_checkpoint,
    sign_note,
    signature_line,
    with_lines,
)
from overt.proof.witness import (
    AddCheckpoint,
    Answer,
    Continues,
    Refused,
    checkpoint_path,
    decode_add_checkpoint,
    decode_size,
    encode_add_checkpoint,
    encode_size,
    weigh,
)
from overt.testing.log import ORIGIN, known_signer

LOG = known_signer()
KEY = parse_vkey(LOG.vkey)
LEAVES = [leaf_hash(b"%d" % i) for i in range(40)]
FORK = [*LEAVES[:5], leaf_hash(b"other"), *LEAVES[6:]]


def state(size: int, leaves: list[bytes] = LEAVES) -> Checkpoint:
    return Checkpoint(origin=ORIGIN, size=size, root=root(leaves[:size]))


def note(checkpoint: Checkpoint) -> bytes:
    return sign_checkpoint(checkpoint, KEY, LOG.sign)


def body(old: int, new: int, leaves: list[bytes] = LEAVES) -> bytes:
    path = prove_consistency(old, new, hashes_of(leaves)) if old <= new else ()
    return encode_add_checkpoint(AddCheckpoint(old=old, path=path, note=note(state(new, leaves))))


def answer(raw: bytes, last: Checkpoint | None, keys: tuple[VerifierKey, ...] = (KEY,)) -> Continues | Refused:
    return weigh(raw, lambda origin: keys if origin == ORIGIN else (), lambda _: last)


@pytest.mark.parametrize(("old", "new"), [(6, 8), (1, 40), (32, 33), (7, 7), (0, 0)])
def test_a_state_that_continues_the_last_one_may_be_cosigned(old: int, new: int) -> None:
    assert answer(body(old, new), state(old)) == Continues(checkpoint=state(new), text=state(new).text)


@pytest.mark.parametrize("new", [0, 1, 40])
def test_the_first_state_of_a_log_may_be_cosigned(new: int) -> None:
    assert answer(body(0, new), None) == Continues(checkpoint=state(new), text=state(new).text)


@pytest.mark.parametrize(
    ("raw", "last", "expected", "contradicts"),
    [
        (b"", 6, Answer.MALFORMED, False),
        (b"old 6\n\n", 6, Answer.MALFORMED, False),
        (body(6, 8).replace(b"old 6", b"old 06"), 6, Answer.MALFORMED, False),
        (body(6, 8).replace(b"old 6", b"old -6"), 6, Answer.MALFORMED, False),
        (body(6, 8).replace(ORIGIN.encode(), b"a+b"), 6, Answer.MALFORMED, False),
        (body(8, 6), 8, Answer.MALFORMED, False),
        (body(6, 8).replace(ORIGIN.encode(), b"overt.test/other"), 6, Answer.UNKNOWN_LOG, False),
        (body(6, 8).replace(b"\n8\n", b"\n9\n"), 6, Answer.UNTRUSTED, False),
        (body(5, 8), 6, Answer.OTHER_SIZE, False),
        (body(7, 8), 6, Answer.OTHER_SIZE, False),
        (body(0, 8), 6, Answer.OTHER_SIZE, False),
        (body(6, 8), None, Answer.OTHER_SIZE, False),
        (body(6, 8, FORK), 6, Answer.INCONSISTENT, False),
        (body(6, 6, FORK), 6, Answer.INCONSISTENT, True),
        (encode_add_checkpoint(AddCheckpoint(old=0, path=(bytes(32),), note=note(state(8)))), None, 422, False),
        (encode_add_checkpoint(AddCheckpoint(old=6, path=(bytes(32),), note=note(state(6)))), 6, 422, False),
        (encode_add_checkpoint(AddCheckpoint(old=6, path=(), note=note(state(8)))), 6, 422, False),
    ],
    ids=[
        "empty",
        "no note",
        "leading zero",
        "negative",
        "bad origin",
        "old above new",
        "unknown log",
        "false signature",
        "behind",
        "ahead",
        "asks anew",
        "never cosigned",
        "rewritten and grown",
        "rewritten",
        "proof from nothing",
        "proof from itself",
        "no proof",
    ],
)
def test_each_refusal_has_the_status_of_the_specification(
    raw: bytes, last: int | None, expected: int, contradicts: bool
) -> None:
    found = answer(raw, None if last is None else state(last))
    assert isinstance(found, Refused)
    assert (found.answer, found.contradicts) == (expected, contradicts), found.why


def test_an_empty_log_with_a_root_that_is_not_the_empty_one_is_refused() -> None:
    false = Checkpoint(origin=ORIGIN, size=0, root=bytes(32))
    raw = encode_add_checkpoint(AddCheckpoint(old=0, path=(), note=note(false)))
    for last in (None, Checkpoint(origin=ORIGIN, size=0, root=EMPTY_ROOT)):
        found = answer(raw, last)
        assert isinstance(found, Refused)
        assert found.answer is Answer.INCONSISTENT


def test_lines_of_a_log_beyond_the_third_are_signed_with_the_rest() -> None:
    text = state(8).text + "extension 1\nextension 2\n"
    path = prove_consistency(6, 8, hashes_of(LEAVES))
    raw = encode_add_checkpoint(AddCheckpoint(old=6, path=path, note=sign_note(text, KEY, LOG.sign)))
    assert answer(raw, state(6)) == Continues(checkpoint=state(8), text=text)
    empty = encode_add_checkpoint(AddCheckpoint(old=6, path=path, note=sign_note(text + "\n", KEY, LOG.sign)))
    assert isinstance(answer(empty, state(6)), Refused)


def test_the_origin_decides_and_not_the_name_of_the_key() -> None:
    other = signer_of("key.example/1", bytes(32))
    key = parse_vkey(other.vkey)
    raw = encode_add_checkpoint(AddCheckpoint(old=0, path=(), note=sign_checkpoint(state(8), key, other.sign)))
    assert isinstance(answer(raw, None, (KEY, key)), Continues)
    refused = answer(raw, None)
    assert isinstance(refused, Refused)
    assert refused.answer is Answer.UNTRUSTED


def test_junk_signatures_are_ignored_and_a_false_one_by_a_trusted_key_is_not() -> None:
    junk = VerifierKey(name="grease.example", public=bytes(32))
    message = decode_add_checkpoint(body(6, 8))
    greased = with_lines(message.note, [signature_line(junk, bytes(64))])
    assert isinstance(answer(body(6, 8).replace(message.note, greased), state(6)), Continues)
    second = parse_vkey(signer_of(ORIGIN, bytes(32)).vkey)
    false = with_lines(message.note, [signature_line(second, bytes(64))])
    refused = answer(body(6, 8).replace(message.note, false), state(6), (KEY, second))
    assert isinstance(refused, Refused)
    assert refused.answer is Answer.UNTRUSTED


@given(st.integers(0, 2**63 - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=63))
def test_a_question_reads_back(old: int, path: list[bytes]) -> None:
    message = AddCheckpoint(old=old, path=tuple(path), note=note(state(8)))
    assert decode_add_checkpoint(encode_add_checkpoint(message)) == message


def test_a_proof_of_more_than_63_hashes_is_neither_sent_nor_read() -> None:
    message = AddCheckpoint(old=6, path=(bytes(32),) * 64, note=note(state(8)))
    with pytest.raises(VerificationFailed, match="64 hashes"):
        encode_add_checkpoint(message)
    raw = encode_add_checkpoint(AddCheckpoint(old=6, path=message.path[:63], note=message.note))
    line = f"{b64.encode(bytes(32))}\n".encode()
    with pytest.raises(VerificationFailed, match="64 hashes"):
        decode_add_checkpoint(raw.replace(line, line * 2, 1))


@pytest.mark.parametrize(
    "line", [b"QUJD", b"\xff", b64.encode(bytes(33)).encode(), b64.encode(bytes(32)).encode()[:-1]]
)
def test_a_malformed_hash_is_refused(line: bytes) -> None:
    with pytest.raises(VerificationFailed):
        decode_add_checkpoint(b"old 6\n" + line + b"\n\n" + note(state(8)))


def test_a_size_reads_back() -> None:
    assert decode_size(encode_size(20_852_163)) == 20_852_163


@pytest.mark.parametrize(
    "raw", [b"", b"7", b"07\n", b"-7\n", b"7\n\n", b"7 \n", b"9223372036854775808\n", b"\xff\n", b"9" * 9999]
)
def test_a_malformed_size_is_refused(raw: bytes) -> None:
    with pytest.raises(VerificationFailed):
        decode_size(raw)


def test_the_last_checkpoint_is_shown_below_the_hash_of_the_origin() -> None:
    assert checkpoint_path("a") == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb/checkpoint"
