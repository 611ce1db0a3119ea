"""Inclusion proofs as text (``c2sp.org/tlog-proof@v1``): index, hashes, and the checkpoint they lead to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, final

from overt.errors import VerificationFailed
from overt.proof import b64
from overt.proof.merkle import HASH_BYTES, verify_inclusion
from overt.proof.note import Checkpoint, VerifierKey, open_checkpoint

_HEAD: Final = "c2sp.org/tlog-proof@v1"
_WHAT: Final = "inclusion proof"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """``checkpoint`` is a signed note. Nothing authenticates ``extra``."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


def encode_proof(proof: TlogProof) -> bytes:
    """The proof as text."""
    lines = [_HEAD]
    if proof.extra is not None:
        lines.append(f"extra {b64.encode(proof.extra)}")
    lines.append(f"index {proof.index}")
    lines += [b64.encode(hash_) for hash_ in proof.path]
    return "\n".join([*lines, "", ""]).encode() + proof.checkpoint


def decode_proof(raw: bytes) -> TlogProof:
    """The proof, or `VerificationFailed`. The checkpoint in it is not verified yet."""
    head, empty, checkpoint = raw.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise VerificationFailed(_WHAT, f"it is not ASCII: {error}") from error
    if not empty or lines[0] != _HEAD:
        raise VerificationFailed(_WHAT, f"it does not begin with {_HEAD!r} and a section that an empty line ends")
    lines = lines[1:]
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = b64.decode(lines.pop(0).removeprefix("extra "), _WHAT)
    match = _INDEX.fullmatch(lines[0]) if lines else None
    if match is None:
        raise VerificationFailed(_WHAT, f"expected 'index N', got {lines[:1]!r}")
    path = tuple(b64.decode(line, _WHAT) for line in lines[1:])
    if any(len(hash_) != HASH_BYTES for hash_ in path):
        raise VerificationFailed(_WHAT, f"a hash in it does not have {HASH_BYTES} bytes")
    return TlogProof(index=int(match[1]), path=path, checkpoint=checkpoint, extra=extra)


def verify_proof(proof: TlogProof, leaf: bytes, *keys: VerifierKey) -> Checkpoint:
    """The checkpoint that the proof leads to, or `VerificationFailed`."""
    checkpoint = open_checkpoint(proof.checkpoint, *keys)
    verify_inclusion(index=proof.index, size=checkpoint.size, leaf=leaf, path=proof.path, root=checkpoint.root)
    return checkpoint
