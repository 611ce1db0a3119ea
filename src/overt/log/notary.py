"""The log's key as a `Notary`: it signs checkpoints and opens those that it has signed."""

from __future__ import annotations

from typing import final

from overt.errors import OperatorError, VerificationFailed
from overt.ports import Signer
from overt.proof.note import Checkpoint, VerifierKey, open_checkpoint, parse_vkey, sign_checkpoint


@final
class OneKey:
    """A log with one key."""

    def __init__(self, key: VerifierKey, signer: Signer) -> None:
        self._key = key
        self._signer = signer

    @property
    def origin(self) -> str:
        """The key's name."""
        return self._key.name

    @property
    def vkey(self) -> str:
        """The key."""
        return self._key.text

    def sign(self, checkpoint: Checkpoint) -> bytes:
        """The note with the key's signature. Ed25519 is deterministic: the same checkpoint gives the same bytes."""
        return sign_checkpoint(checkpoint, self._key, self._signer.sign)

    def open(self, note: bytes) -> Checkpoint:
        """The checkpoint that the key signed, else `VerificationFailed`."""
        return open_checkpoint(note, self._key)


def one_key(signer: Signer, origin: str | None = None) -> OneKey:
    """The notary of a signer; raises `OperatorError` if the key is not named after the log ``origin``."""
    key = parse_vkey(signer.vkey)
    if origin not in (None, key.name):
        raise OperatorError(f"the key is named {key.name!r}, the log {origin!r}; a log's key has the log's name")
    return OneKey(key, signer)


def claimed_size(note: bytes) -> int:
    """The size that a checkpoint's text claims, whoever signed it: for never replacing a note by an older one."""
    lines = note.split(b"\n", 2)
    if len(lines) < 3 or not lines[1].isdigit():
        raise VerificationFailed("checkpoint", f"there is no size in the note {note[:80]!r}")
    return int(lines[1])
