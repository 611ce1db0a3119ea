"""Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint), read strictly.

A note is text, an empty line, and signature lines. Signatures by unknown keys are ignored, as the specification
demands; a signature that names a known key and does not verify makes the whole note invalid.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final, final

from overt.errors import VerificationFailed
from overt.proof import b64
from overt.proof.ed25519 import KEY_BYTES, Sign, verifies
from overt.proof.merkle import HASH_BYTES

ED25519: Final = b"\x01"
MOST_SIGNATURES: Final = 100
_DASH: Final = "\N{EM DASH} "
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_ID = re.compile(r"[0-9a-f]{8}")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """An Ed25519 public key with its name, as in ``name+hex(id)+base64(01 || key)``."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The first four bytes of the hash of name, type and key."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    @property
    def text(self) -> str:
        """The key as text."""
        return f"{self.name}+{self.id.hex()}+{b64.encode(ED25519 + self.public)}"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The state of a log: how many entries it has, and the root over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{b64.encode(self.root)}\n"


@final
@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    id: bytes
    signature: bytes


def valid_name(name: str) -> bool:
    """Whether a key or a log may have this name."""
    return bool(name) and "+" not in name and not any(c.isspace() or c < " " for c in name)


def parse_vkey(text: str) -> VerifierKey:
    """The key, or `VerificationFailed` with what is wrong about the text."""
    name, plus, rest = text.partition("+")
    id_, second, encoded = rest.partition("+")
    if not plus or not second or not valid_name(name) or not _ID.fullmatch(id_):
        raise VerificationFailed("key", f"{text!r} is not 'name+hex id+base64 key'")
    raw = b64.decode(encoded, "key")
    if raw[:1] != ED25519 or len(raw) != 1 + KEY_BYTES:
        raise VerificationFailed("key", f"{text!r} is not an Ed25519 key (type 01 and {KEY_BYTES} bytes)")
    key = VerifierKey(name=name, public=raw[1:])
    if key.id.hex() != id_:
        raise VerificationFailed("key", f"{text!r} says the id {id_}, but name and key give {key.id.hex()}")
    return key


def sign_note(text: str, key: VerifierKey, sign: Sign) -> bytes:
    """A note with one signature."""
    if not text.endswith("\n") or not valid_name(key.name):
        raise VerificationFailed("note", f"text {text!r} or name {key.name!r} does not fit a note")
    return f"{text}\n{signature_line(key, sign(text.encode()))}".encode()


def signature_line(key: VerifierKey, signature: bytes) -> str:
    """The line that holds a signature."""
    return f"{_DASH}{key.name} {b64.encode(key.id + signature)}\n"


def open_note(raw: bytes, key: VerifierKey) -> str:
    """The text of a note that this key signed, or `VerificationFailed`."""
    text, lines = _split(raw)
    signed = False
    for line in lines:
        if (line.name, line.id) != (key.name, key.id):
            continue
        if not verifies(key.public, line.signature, text.encode()):
            raise VerificationFailed("note", f"the signature by {key.name} ({key.id.hex()}) does not verify")
        signed = True
    if not signed:
        names = sorted({f"{line.name}+{line.id.hex()}" for line in lines})
        raise VerificationFailed("note", f"no signature by {key.name}+{key.id.hex()}, only by {names!r}")
    return text


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in the text of a note; lines beyond the third are refused."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise VerificationFailed("checkpoint", f"expected origin, size and root in three lines, got {text!r}")
    origin, size, encoded = lines[:3]
    if not valid_name(origin) or not _SIZE.fullmatch(size):
        raise VerificationFailed("checkpoint", f"origin {origin!r} or size {size!r} is malformed")
    root = b64.decode(encoded, "checkpoint")
    if len(root) != HASH_BYTES:
        raise VerificationFailed("checkpoint", f"the root has {len(root)} bytes, expected {HASH_BYTES}")
    return Checkpoint(origin=origin, size=int(size), root=root)


def open_checkpoint(raw: bytes, key: VerifierKey) -> Checkpoint:
    """The checkpoint of the log whose key this is: the key's name is the log's origin."""
    checkpoint = parse_checkpoint(open_note(raw, key))
    if checkpoint.origin != key.name:
        raise VerificationFailed("checkpoint", f"it is of the log {checkpoint.origin!r}, not {key.name!r}")
    return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, key: VerifierKey, sign: Sign) -> bytes:
    """The checkpoint as a signed note. Ed25519 is deterministic: the same state gives the same bytes."""
    return sign_note(checkpoint.text, key, sign)


def _split(raw: bytes) -> tuple[str, list[_Line]]:
    try:
        note = raw.decode()
    except UnicodeDecodeError as error:
        raise VerificationFailed("note", f"it is not UTF-8: {error}") from error
    if any(c < " " and c != "\n" for c in note):
        raise VerificationFailed("note", "it holds a control character")
    at = note.rfind("\n\n")
    if at < 0 or not note.endswith("\n") or at + 2 == len(note):
        raise VerificationFailed("note", "it has no signatures after an empty line, or does not end with a line")
    lines = note[at + 2 : -1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise VerificationFailed("note", f"it has {len(lines)} signatures, more than {MOST_SIGNATURES}")
    return note[: at + 1], [_line(line) for line in lines]


def _line(line: str) -> _Line:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not valid_name(name):
        raise VerificationFailed("note", f"{line!r} is not a signature line")
    raw = b64.decode(encoded, "note")
    if len(raw) < 5:
        raise VerificationFailed("note", f"the signature by {name!r} is too short")
    return _Line(name, raw[:4], raw[4:])
