"""Cosignatures of witnesses (C2SP tlog-cosignature, ``cosignature/v1``): "at this time, this was the largest state
that I saw of the log, and it continues every state that I signed before".

A cosignature does not cover the witness's name, so a key serves one witness only. Type 06 (ML-DSA-44) is read, but not
verified: its lines are ignored like those of any key that is not known, and a policy may name such a key, which then
never counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from overt.errors import VerificationFailed
from overt.proof.ed25519 import KEY_BYTES, SIGNATURE_BYTES, Sign, verifies
from overt.proof.note import (
    Checkpoint,
    Note,
    NoteKey,
    SignatureLine,
    VerifierKey,
    key_id,
    open_signed,
    parse_checkpoint,
    signature_line,
    split_vkey,
    vkey_text,
)

COSIGNATURE: Final = b"\x04"
ML_DSA: Final = b"\x06"
ML_DSA_KEY_BYTES: Final = 1312
LATEST: Final = 2**63 - 1
_TIME_BYTES: Final = 8
_WHAT: Final = "cosignature"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CosignerKey:
    """The Ed25519 key of a witness, as in ``name+hex(id)+base64(04 || key)``. It signs nothing but cosignatures."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The first four bytes of the hash of name, type and key."""
        return key_id(self.name, COSIGNATURE, self.public)

    @property
    def text(self) -> str:
        """The key as text."""
        return vkey_text(self.name, COSIGNATURE, self.public)

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Whether this is a time and this key's signature of that time and the text."""
        if len(signature) != _TIME_BYTES + SIGNATURE_BYTES:
            return False
        time = _time(signature)
        return time <= LATEST and verifies(self.public, signature[_TIME_BYTES:], _message(time, text))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MlDsaKey:
    """The ML-DSA-44 key of a witness (type 06). It is known, but its cosignatures are not verified."""

    name: str
    public: bytes

    @property
    def text(self) -> str:
        """The key as text."""
        return vkey_text(self.name, ML_DSA, self.public)


WitnessKey = CosignerKey | MlDsaKey


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Cosignature:
    """What a witness signed, and when (POSIX seconds). Whether the time lies in the future is for the reader to ask."""

    key: CosignerKey
    time: int
    line: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """A checkpoint signed by ``log``, with the valid cosignatures of those witnesses that were asked for."""

    checkpoint: Checkpoint
    log: VerifierKey
    cosignatures: tuple[Cosignature, ...]


def parse_witness_key(text: str) -> WitnessKey:
    """The key of a witness, or `VerificationFailed` with what is wrong about the text."""
    name, kind, public = split_vkey(text)
    if kind == COSIGNATURE and len(public) == KEY_BYTES:
        return CosignerKey(name=name, public=public)
    if kind == ML_DSA and len(public) == ML_DSA_KEY_BYTES:
        return MlDsaKey(name=name, public=public)
    raise VerificationFailed(
        "key", f"{text!r} is not the key of a witness: type 04 and {KEY_BYTES} bytes, or 06 and {ML_DSA_KEY_BYTES}"
    )


def parse_cosigner_key(text: str) -> CosignerKey:
    """The key of a witness whose cosignatures can be verified, or `VerificationFailed`."""
    key = parse_witness_key(text)
    if not isinstance(key, CosignerKey):
        raise VerificationFailed("key", f"{key.name!r} has a key of type 06 (ML-DSA-44); give its key of type 04")
    return key


def cosignature_message(time: int, text: str) -> bytes:
    """What a witness signs: the time in seconds, and the text of a checkpoint."""
    if not 0 <= time <= LATEST:
        raise VerificationFailed(_WHAT, f"the time {time!r} is not between 0 and 2**63 - 1 seconds")
    return _message(time, text.encode())


def cosign(text: str, key: CosignerKey, time: int, sign: Sign) -> str:
    """The line by which a witness signs the text of a checkpoint at a time."""
    signature = sign(cosignature_message(time, text))
    return signature_line(key, time.to_bytes(_TIME_BYTES, "big") + signature)


def open_cosigned(raw: bytes, logs: Sequence[VerifierKey], witnesses: Sequence[CosignerKey]) -> Cosigned:
    """The checkpoint that one of the logs signed, with the cosignatures of these witnesses; or `VerificationFailed`.

    A false signature by any of these keys makes the whole note invalid. How many witnesses are enough is a policy's
    matter (`overt.proof.policy`).
    """
    known: list[NoteKey] = [*logs, *witnesses]
    note = open_signed(raw, known)
    checkpoint = parse_checkpoint(note.text)
    by = [log for log in logs if note.is_signed_by(log)]
    if not by:
        names = sorted(log.name for log in logs)
        raise VerificationFailed("checkpoint", f"no log signed it, only witnesses; expected a signature by {names!r}")
    if any(log.name != checkpoint.origin for log in by):
        raise VerificationFailed("checkpoint", f"it is of the log {checkpoint.origin!r}, not {by[0].name!r}")
    return Cosigned(checkpoint=checkpoint, log=by[0], cosignatures=_cosignatures(note, witnesses))


def read_cosignatures(lines: bytes, text: str, witnesses: Sequence[CosignerKey]) -> tuple[Cosignature, ...]:
    """The cosignatures of the text among the lines that a witness answered with; at least one, and none false.

    Lines by other keys are left out: what a witness says about a log is no reason to publish more than was asked for.
    """
    note = open_signed(text.encode() + b"\n" + lines, witnesses)
    if note.text != text:
        raise VerificationFailed(_WHAT, "the answer is not a list of signature lines: it has an empty line")
    return _cosignatures(note, witnesses)


def _cosignatures(note: Note, witnesses: Sequence[CosignerKey]) -> tuple[Cosignature, ...]:
    keys = {(key.name, key.id): key for key in witnesses}
    return tuple(
        Cosignature(key=key, time=_time(line.signature), line=line.text)
        for line in note.signed
        if (key := keys.get(_place(line))) is not None
    )


def _place(line: SignatureLine) -> tuple[str, bytes]:
    return line.name, line.id


def _time(signature: bytes) -> int:
    return int.from_bytes(signature[:_TIME_BYTES], "big")


def _message(time: int, text: bytes) -> bytes:
    return b"cosignature/v1\ntime %d\n" % time + text
