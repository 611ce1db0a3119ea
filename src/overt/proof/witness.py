"""What a log asks a witness, and what the witness must answer (C2SP tlog-witness, ``add-checkpoint``).

`weigh` is the whole judgement, in the order of the specification and without any state: whoever calls it must read the
last checkpoint, weigh, and store the new one as a single step, and store before it answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, final

from overt.errors import VerificationFailed
from overt.proof import b64
from overt.proof.merkle import EMPTY_ROOT, HASH_BYTES, verify_consistency
from overt.proof.note import (
    Checkpoint,
    VerifierKey,
    open_signed,
    parse_checkpoint,
    parse_size,
    unverified_text,
)

PATH: Final = "add-checkpoint"
PENDING: Final = "checkpoint.pending"
"""Beside ``checkpoint``: the latest checkpoint of all, where that one waits for its cosignatures (ours, not C2SP's)."""
SIZE_TYPE: Final = "text/x.tlog.size"
MOST_HASHES: Final = 63
_WHAT: Final = "add-checkpoint"


class Answer(IntEnum):
    """The HTTP status by which a witness refuses."""

    MALFORMED = 400
    UNTRUSTED = 403
    UNKNOWN_LOG = 404
    OTHER_SIZE = 409
    INCONSISTENT = 422


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """A checkpoint as a signed note, and the proof that it continues the state of ``old`` entries."""

    old: int
    path: tuple[bytes, ...]
    note: bytes


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Continues:
    """The witness may cosign ``text``, once it has stored the checkpoint and the note."""

    checkpoint: Checkpoint
    text: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """``contradicts``: the log's own key signed a state that does not continue the one the witness has. Both notes
    together are evidence against the log. ``known`` is the size that goes with `Answer.OTHER_SIZE`."""

    answer: Answer
    why: str
    contradicts: bool = False
    known: int = 0


def encode_add_checkpoint(message: AddCheckpoint) -> bytes:
    """The body of the request."""
    if len(message.path) > MOST_HASHES:
        raise VerificationFailed(_WHAT, f"a proof of {len(message.path)} hashes is too long; at most {MOST_HASHES} fit")
    lines = [f"old {message.old}", *(b64.encode(hash_) for hash_ in message.path)]
    return "\n".join([*lines, "", ""]).encode() + message.note


def decode_add_checkpoint(raw: bytes) -> AddCheckpoint:
    """The request, or `VerificationFailed`. Neither the note nor the proof is verified yet."""
    head, empty, note = raw.partition(b"\n\n")
    try:
        first, *hashes = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise VerificationFailed(_WHAT, f"the lines before the checkpoint are not ASCII: {error}") from error
    if not empty or not first.startswith("old "):
        raise VerificationFailed(_WHAT, "it does not begin with 'old N' and a section that an empty line ends")
    if len(hashes) > MOST_HASHES:
        raise VerificationFailed(_WHAT, f"the proof has {len(hashes)} hashes, more than {MOST_HASHES}")
    path = tuple(b64.decode(line, _WHAT) for line in hashes)
    if any(len(hash_) != HASH_BYTES for hash_ in path):
        raise VerificationFailed(_WHAT, f"a hash in the proof does not have {HASH_BYTES} bytes")
    return AddCheckpoint(old=parse_size(first.removeprefix("old "), _WHAT), path=path, note=note)


def encode_size(size: int) -> bytes:
    """The body that goes with `Answer.OTHER_SIZE`: the size that the witness has."""
    return b"%d\n" % size


def decode_size(raw: bytes) -> int:
    """The size that a witness says it has. It is a claim: prove from there, but never believe more than is known."""
    text = raw.decode("ascii", "replace")
    if not text.endswith("\n"):
        raise VerificationFailed(_WHAT, f"the witness's size {text[:40]!r} does not end with a line")
    return parse_size(text[:-1], _WHAT)


def checkpoint_path(origin: str) -> str:
    """Where below its address a witness shows the last checkpoint of a log."""
    return f"{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint"


def weigh(
    raw: bytes, keys_of: Callable[[str], Sequence[VerifierKey]], last_of: Callable[[str], Checkpoint | None]
) -> Continues | Refused:
    """What a witness answers to a request.

    ``keys_of`` gives the trusted keys of a log by its origin (none: the log is unknown), ``last_of`` the last
    checkpoint that the witness cosigned for it.
    """
    try:
        message = decode_add_checkpoint(raw)
        text = unverified_text(message.note)
        checkpoint = parse_checkpoint(text, extensions=True)
    except VerificationFailed as error:
        return Refused(answer=Answer.MALFORMED, why=str(error))
    keys = keys_of(checkpoint.origin)
    if not keys:
        return Refused(answer=Answer.UNKNOWN_LOG, why=f"the log {checkpoint.origin!r} is not known here")
    try:
        open_signed(message.note, keys)
    except VerificationFailed as error:
        return Refused(answer=Answer.UNTRUSTED, why=str(error))
    return _weigh_state(message, Continues(checkpoint=checkpoint, text=text), last_of(checkpoint.origin))


def _weigh_state(message: AddCheckpoint, new: Continues, last: Checkpoint | None) -> Continues | Refused:
    checkpoint, known = new.checkpoint, 0 if last is None else last.size
    if message.old > checkpoint.size:
        why = f"the old size {message.old} is larger than the size {checkpoint.size} of the checkpoint"
        return Refused(answer=Answer.MALFORMED, why=why)
    if message.old != known:
        why = f"the last size cosigned here is {known}, not {message.old}"
        return Refused(answer=Answer.OTHER_SIZE, why=why, known=known)
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        why = f"the root {checkpoint.root.hex()} is not that of an empty log"
        return Refused(answer=Answer.INCONSISTENT, why=why, contradicts=True)
    root = EMPTY_ROOT if last is None else last.root
    try:
        verify_consistency(old=known, new=checkpoint.size, path=message.path, old_root=root, new_root=checkpoint.root)
    except VerificationFailed as error:
        # A proof that is merely wrong proves nothing; another root for the same size does.
        forked = known == checkpoint.size and root != checkpoint.root
        return Refused(answer=Answer.INCONSISTENT, why=str(error), contradicts=forked)
    return new
