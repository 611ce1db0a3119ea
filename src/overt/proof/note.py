"""Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint), read strictly.

A note is text, an empty line, and signature lines. Signatures by unknown keys are ignored, as the specification
demands; a signature that names a known key and does not verify makes the whole note invalid. Every verdict is that of
the Go library: only the first line of a key counts, and base64 in a signature line may have unused bits that are not
zero (docs/decisions/0021). What a key can sign is its own matter (`NoteKey`), so other types of signature fit in.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, final

from overt.errors import VerificationFailed
from overt.proof import b64
from overt.proof.ed25519 import KEY_BYTES, Sign, verifies
from overt.proof.merkle import HASH_BYTES

ED25519: Final = b"\x01"
MOST_SIGNATURES: Final = 100
_DASH: Final = "\N{EM DASH} "
_LARGEST_SIZE: Final = 2**63 - 1
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_ID = re.compile(r"[0-9a-f]{8}")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


class NoteKey(Protocol):
    """A key that may sign a note. Name and id tell which lines are its own."""

    @property
    def name(self) -> str:
        """The key's name."""
        ...

    @property
    def id(self) -> bytes:
        """Four bytes that go with name, type and key."""
        ...

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Whether this is the key's signature of the text."""
        ...


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """An Ed25519 public key with its name, as in ``name+hex(id)+base64(01 || key)``."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The first four bytes of the hash of name, type and key."""
        return key_id(self.name, ED25519, self.public)

    @property
    def text(self) -> str:
        """The key as text."""
        return vkey_text(self.name, ED25519, self.public)

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's Ed25519 signature of the text."""
        return verifies(self.public, signature, text)


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
@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureLine:
    """Whose signature it says it is, and the signature."""

    name: str
    id: bytes
    signature: bytes

    @property
    def text(self) -> str:
        """The line, with its end."""
        return f"{_DASH}{self.name} {b64.encode(self.id + self.signature)}\n"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text and the lines of those known keys that did sign it, in their order."""

    text: str
    signed: tuple[SignatureLine, ...]

    def is_signed_by(self, key: NoteKey) -> bool:
        """Whether this key signed it."""
        return any((line.name, line.id) == (key.name, key.id) for line in self.signed)


def valid_name(name: str) -> bool:
    """Whether a key or a log may have this name."""
    return bool(name) and "+" not in name and not any(c.isspace() or c < " " for c in name) and _encodes(name)


def key_id(name: str, kind: bytes, public: bytes) -> bytes:
    """The first four bytes of the hash of name, type and key."""
    return hashlib.sha256(name.encode() + b"\n" + kind + public).digest()[:4]


def vkey_text(name: str, kind: bytes, public: bytes) -> str:
    """A key of any type as text."""
    return f"{name}+{key_id(name, kind, public).hex()}+{b64.encode(kind + public)}"


def split_vkey(text: str) -> tuple[str, bytes, bytes]:
    """Name, type and public key, or `VerificationFailed` with what is wrong about the text."""
    name, plus, rest = text.partition("+")
    id_, second, encoded = rest.partition("+")
    if not plus or not second or not valid_name(name) or not _ID.fullmatch(id_):
        raise VerificationFailed("key", f"{text!r} is not 'name+hex id+base64 key'")
    raw = b64.decode(encoded, "key")
    kind, public = raw[:1], raw[1:]
    expected = key_id(name, kind, public).hex()
    if expected != id_:
        raise VerificationFailed("key", f"{text!r} says the id {id_}, but name and key give {expected}")
    return name, kind, public


def parse_vkey(text: str) -> VerifierKey:
    """The key of a log or of a signer of receipts, or `VerificationFailed` with what is wrong about the text."""
    name, kind, public = split_vkey(text)
    if kind != ED25519 or len(public) != KEY_BYTES:
        raise VerificationFailed("key", f"{text!r} is not an Ed25519 key (type 01 and {KEY_BYTES} bytes)")
    return VerifierKey(name=name, public=public)


def sign_note(text: str, key: VerifierKey, sign: Sign) -> bytes:
    """A note with one signature."""
    if not text.endswith("\n") or not valid_name(key.name):
        raise VerificationFailed("note", f"text {text!r} or name {key.name!r} does not fit a note")
    return f"{text}\n{signature_line(key, sign(text.encode()))}".encode()


def signature_line(key: NoteKey, signature: bytes) -> str:
    """The line that holds a signature."""
    return SignatureLine(name=key.name, id=key.id, signature=signature).text


def with_lines(raw: bytes, lines: Iterable[str]) -> bytes:
    """The note with more signature lines; a line takes the place of an earlier one by the same key."""
    text, old = _split(raw)
    kept: dict[tuple[str, bytes], str] = {}
    for line in old:
        kept.setdefault((line.name, line.id), line.text)
    for new in lines:
        line = _line(new.removesuffix("\n"))
        kept[line.name, line.id] = line.text
    if len(kept) > MOST_SIGNATURES:
        raise VerificationFailed("note", f"it would have {len(kept)} signatures, more than {MOST_SIGNATURES}")
    return "".join([text, "\n", *kept.values()]).encode()


def open_signed(raw: bytes, keys: Sequence[NoteKey]) -> Note:
    """The note with the lines of those of these keys that signed it, at least one; or `VerificationFailed`."""
    text, lines = _split(raw)
    signed: dict[tuple[str, bytes], SignatureLine] = {}
    for line in lines:
        place = (line.name, line.id)
        known = [key for key in keys if (key.name, key.id) == place]
        if len(known) > 1:
            raise VerificationFailed("note", f"two of the keys given are both {_named(*place)}; give one of them")
        if not known or place in signed:
            continue
        if not known[0].verifies(text.encode(), line.signature):
            raise VerificationFailed("note", f"the signature by {line.name} ({line.id.hex()}) does not verify")
        signed[place] = line
    if not signed:
        sought = " or ".join(_named(key.name, key.id) for key in keys)
        names = sorted({_named(line.name, line.id) for line in lines})
        raise VerificationFailed("note", f"no signature by {sought}, only by {names!r}")
    return Note(text=text, signed=tuple(signed.values()))


def open_note(raw: bytes, *keys: VerifierKey) -> str:
    """The text of a note that one of these keys signed, and none falsely; or `VerificationFailed`."""
    return open_signed(raw, keys).text


def unverified_text(raw: bytes) -> str:
    """The text of a well-formed note, to find out whose it says it is. Nobody's signature was checked."""
    return _split(raw)[0]


def unverified_names(raw: bytes) -> frozenset[str]:
    """Whose signatures a well-formed note says it carries. None was checked."""
    return frozenset(line.name for line in _split(raw)[1])


def parse_checkpoint(text: str, *, extensions: bool = False) -> Checkpoint:
    """The checkpoint in the text of a note. Lines beyond the third are refused, unless ``extensions`` says otherwise:
    a witness signs them with the rest, but nobody may read a meaning into them."""
    lines = text.split("\n")
    if extensions and len(lines) > 4 and all(lines[3:-1]):
        lines = [*lines[:3], lines[-1]]
    if len(lines) != 4 or lines[3]:
        raise VerificationFailed("checkpoint", f"expected origin, size and root in three lines, got {text!r}")
    origin, size, encoded = lines[:3]
    number = parse_size(size, "checkpoint")
    if not valid_name(origin):
        raise VerificationFailed("checkpoint", f"the origin {origin!r} is not a name")
    root = b64.decode(encoded, "checkpoint")
    if len(root) != HASH_BYTES:
        raise VerificationFailed("checkpoint", f"the root has {len(root)} bytes, expected {HASH_BYTES}")
    return Checkpoint(origin=origin, size=number, root=root)


def parse_size(text: str, what: str) -> int:
    """A number of entries: decimal, no leading zeros, at most 2**63 - 1."""
    if not _SIZE.fullmatch(text) or int(text) > _LARGEST_SIZE:
        raise VerificationFailed(what, f"the size {text!r} is not a decimal number from 0 to 2**63 - 1")
    return int(text)


def open_checkpoint(raw: bytes, *keys: VerifierKey) -> Checkpoint:
    """The checkpoint of the log whose keys these are: a key's name is the log's origin.

    While a key is replaced a checkpoint has lines by the old key and by the new one; either opens it.
    """
    note = open_signed(raw, keys)
    checkpoint = parse_checkpoint(note.text)
    for line in note.signed:
        if checkpoint.origin != line.name:
            raise VerificationFailed("checkpoint", f"it is of the log {checkpoint.origin!r}, not {line.name!r}")
    return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, key: VerifierKey, sign: Sign) -> bytes:
    """The checkpoint as a signed note. Ed25519 is deterministic: the same state gives the same bytes."""
    return sign_note(checkpoint.text, key, sign)


def _split(raw: bytes) -> tuple[str, list[SignatureLine]]:
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


def _line(line: str) -> SignatureLine:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not valid_name(name):
        raise VerificationFailed("note", f"{line!r} is not a signature line")
    # Not `b64.decode`: Go takes unused bits that are not zero, and the note must be the same note to everybody.
    if not _BASE64.fullmatch(encoded):
        raise VerificationFailed("note", f"the signature by {name!r} is not base64")
    raw = base64.b64decode(encoded)
    if len(raw) < 5:
        raise VerificationFailed("note", f"the signature by {name!r} is too short")
    return SignatureLine(name=name, id=raw[:4], signature=raw[4:])


def _named(name: str, id_: bytes) -> str:
    return f"{name}+{id_.hex()}"


def _encodes(name: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in name)
