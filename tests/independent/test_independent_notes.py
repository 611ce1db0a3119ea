"""Signed notes: the same verdict in Go, in JavaScript and here, whatever was done to the note.

A verdict is "refused", or the text and the set of known keys that signed it.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from typing import Final

import pytest
from note_cases import KNOWN, LOG, TWIN, VKEYS, WITNESS, sample_notes
from outside import go, node, sigstore

from overt.errors import VerificationFailed
from overt.log.keys import signer_of
from overt.proof.cosign import cosign
from overt.proof.note import (
    Checkpoint,
    SignatureLine,
    open_signed,
    parse_vkey,
    sign_checkpoint,
    sign_note,
    signature_line,
    with_lines,
)
from overt.testing.log import known_signer

COUNT: Final = int(os.environ.get("OVERT_NOTES", "3000"))
SIGNER: Final = known_signer()
KEY: Final = parse_vkey(SIGNER.vkey)


@cache
def notes() -> list[bytes]:
    return sample_notes(COUNT, seed=16)


def our_verdict(raw: bytes) -> str:
    try:
        note = open_signed(raw, KNOWN)
    except VerificationFailed:
        return "n"
    names = sorted((f"{line.name}+{line.id.hex()}" for line in note.signed), key=str.encode)
    return f"{hashlib.sha256(note.text.encode()).hexdigest()} {' '.join(names)}"


@cache
def our_verdicts() -> list[str]:
    return [our_verdict(raw) for raw in notes()]


def as_lines(raws: list[bytes]) -> list[str]:
    return [VKEYS, *(raw.hex() or "-" for raw in raws)]


def differences(theirs: list[str]) -> list[tuple[bytes, str, str]]:
    assert len(theirs) == COUNT
    both = zip(notes(), our_verdicts(), theirs, strict=True)
    return [(raw, ours, other) for raw, ours, other in both if ours != other][:3]


def test_the_sample_holds_enough_of_both_verdicts() -> None:
    refused = our_verdicts().count("n")
    assert COUNT * 0.3 < refused < COUNT * 0.7
    assert {len(verdict.split(" ")) - 1 for verdict in our_verdicts() if verdict != "n"} >= {1, 2, 3}


def test_go_gives_the_same_verdicts() -> None:
    assert differences(go("notes", lines=as_lines(notes()))) == []


def test_javascript_gives_the_same_verdicts() -> None:
    assert differences(node("check.mjs", "notes", lines=as_lines(notes()))) == []


NOTE: Final = sign_note("text\n", LOG, signer_of(LOG.name, (38_462).to_bytes(32, "big")).sign)
TWIN_LINE: Final = signature_line(TWIN, signer_of(TWIN.name, (104_618).to_bytes(32, "big")).sign(b"text\n"))
GREASE: Final = "".join(SignatureLine(name=f"g{i}", id=bytes(4), signature=b"x").text for i in range(100))

NAMED: Final = {
    "one honest signature": (NOTE, True),
    "a known key with a false signature": (b"text\n\n" + signature_line(LOG, bytes(64)).encode(), False),
    "a false line before the true one": (
        NOTE.replace(b"\n\n", b"\n\n" + signature_line(LOG, bytes(64)).encode()),
        False,
    ),
    "a false line after the true one": (NOTE + signature_line(LOG, bytes(64)).encode(), True),
    "99 junk signatures": (NOTE + "".join(GREASE.splitlines(keepends=True)[:99]).encode(), True),
    "100 junk signatures": (NOTE + GREASE.encode(), False),
    "carriage returns": (NOTE.replace(b"\n", b"\r\n"), False),
    "no last line feed": (NOTE[:-1], False),
    "a plus in a name": (NOTE + "— a+b QUJDREVG\n".encode(), False),
    "a space in a name": (NOTE + "— a\u2003b QUJDREVG\n".encode(), False),
    "a key of the same name and the same id": (b"text\n\n" + TWIN_LINE.encode(), False),
    "that key beside the true one": (NOTE + TWIN_LINE.encode(), True),
    "an id that fits and a name that does not": (NOTE.replace(LOG.name.encode(), b"other.test/log"), False),
    "unused bits in the base64 of an unknown line": (NOTE + "— x QUJDREX=\n".encode(), True),
    "a second true line": (NOTE + NOTE.split(b"\n\n")[1], True),
    "an ML-DSA cosignature of an unknown witness": (
        with_lines(NOTE, [SignatureLine(name=WITNESS.name, id=b"pqc!", signature=bytes(2428)).text]),
        True,
    ),
}


def test_two_keys_of_one_name_have_the_same_id() -> None:
    assert (LOG.name, LOG.id) == (TWIN.name, TWIN.id)
    assert LOG.public != TWIN.public


@pytest.mark.parametrize("name", list(NAMED))
def test_each_named_game_has_the_outcome_that_it_should(name: str) -> None:
    raw, accepted = NAMED[name]
    assert (our_verdict(raw) != "n") == accepted


def test_each_named_game_has_the_same_outcome_in_go_and_javascript() -> None:
    raws = [raw for raw, _ in NAMED.values()]
    ours = dict(zip(NAMED, map(our_verdict, raws), strict=True))
    assert dict(zip(NAMED, go("notes", lines=as_lines(raws)), strict=True)) == ours
    assert dict(zip(NAMED, node("check.mjs", "notes", lines=as_lines(raws)), strict=True)) == ours


def test_sigstore_reads_the_same_state_from_a_cosigned_checkpoint() -> None:
    checkpoint = Checkpoint(origin=KEY.name, size=70_000, root=bytes(range(32)))
    witness = signer_of(WITNESS.name, (10).to_bytes(32, "big"))
    raw = sign_checkpoint(checkpoint, KEY, SIGNER.sign)
    cosigned = with_lines(raw, [cosign(checkpoint.text, WITNESS, 1_793_000_007, witness.sign)])
    assert sigstore("notes", lines=[cosigned.hex()]) == [f"{KEY.name} 70000 {checkpoint.root.hex()}"]
