"""Replacing the log's key, without a moment in which anybody's key is of no use.

    begin     a further key is made; the key in use announces it, in the log and beside it (`overt.proof.keys`)
    overlap   from the next start checkpoints have a line by each; receipt keys are certified by the old one still
    finish    the further key takes the old one's place; from the next start it alone signs

Every step is done again without harm, and a crash between two steps leaves keys that work. The database of a log knows
it by its first key, for ever.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from overt.errors import OperatorError, VerificationFailed
from overt.log.files import sync_folder, write_durably
from overt.log.keys import read_signer, write_log_key
from overt.log.parts import Opening, Parts
from overt.ports import Signer
from overt.proof.keys import KEYS, announce_log_key, decode_keys, encode_keys, keys_after
from overt.proof.note import (
    Checkpoint,
    VerifierKey,
    open_checkpoint,
    parse_vkey,
    sign_checkpoint,
    signature_line,
    with_lines,
)
from overt.proof.statement import LogKey, encode_entry

KEY_FILE: Final = "log.key"
NEXT_FILE: Final = "log.next.key"


@final
class SeveralKeys:
    """A `Notary` with the key in use, the one that follows it if there is one, and those that signed earlier."""

    def __init__(self, signers: tuple[Signer, ...], earlier: tuple[VerifierKey, ...]) -> None:
        self._signers = signers
        self._keys = (*(parse_vkey(signer.vkey) for signer in signers), *earlier)

    @property
    def origin(self) -> str:
        """The keys' name."""
        return self._keys[0].name

    @property
    def vkey(self) -> str:
        """The key in use."""
        return self._keys[0].text

    def sign(self, checkpoint: Checkpoint) -> bytes:
        """The note with a line by each key that signs. Ed25519 is deterministic: the same lines each time."""
        first, *others = self._signers
        note = sign_checkpoint(checkpoint, parse_vkey(first.vkey), first.sign)
        text = checkpoint.text.encode()
        return with_lines(note, [signature_line(parse_vkey(each.vkey), each.sign(text)) for each in others])

    def open(self, note: bytes) -> Checkpoint:
        """The checkpoint that any of the keys signed, else `VerificationFailed`."""
        return open_checkpoint(note, *self._keys)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlace:
    """Where the keys of a log are: the secret ones in ``keys``, what is announced about them beside the log."""

    keys: Path
    log: Path

    def announced(self) -> tuple[LogKey, ...]:
        """What is announced, the first one first."""
        path = self.log / KEYS
        try:
            return decode_keys(path.read_bytes()) if path.exists() else ()
        except VerificationFailed as error:
            raise OperatorError(f"{str(path)!r} is damaged: {error}; it is public: fetch it from a reader") from error

    def following(self) -> Signer | None:
        """The key that is to follow, None if there is none or it is in use by now."""
        path = self.keys / NEXT_FILE
        return read_signer(path) if path.exists() else None


def notary_of(place: KeyPlace, signer: Signer, origin: str) -> SeveralKeys:
    """The notary of a log whose key in use is ``signer``."""
    if parse_vkey(signer.vkey).name != origin:
        named = parse_vkey(signer.vkey).name
        raise OperatorError(f"the key is named {named!r}, the log {origin!r}; a log's key has the log's name")
    entries, following = place.announced(), place.following()
    announced = {entry.vkey for entry in entries}
    signers = (signer, following) if following is not None and following.vkey in announced else (signer,)
    signing = {each.vkey for each in signers}
    earlier = [parse_vkey(entry.by) for entry in entries if entry.by not in signing]
    return SeveralKeys(signers, tuple(dict.fromkeys(earlier)))


def known_by_its_first(place: KeyPlace, inner: Opening) -> Opening:
    """Opens a log whose key may have been replaced: the database knows it by the first one."""

    async def opening(vkey: str) -> Parts:
        entries = place.announced()
        if entries and parse_vkey(vkey) in keys_after(parse_vkey(entries[0].by), entries):
            return await inner(entries[0].by)
        return await inner(vkey)

    return opening


async def begin(place: KeyPlace, signer: Signer, minute: int, include: Callable[[bytes], Awaitable[None]]) -> LogKey:
    """Make the key that follows, announce it, and put the announcement into the log with ``include``."""
    following = place.following()
    if following is None:
        write_log_key(place.keys / NEXT_FILE, parse_vkey(signer.vkey).name)
        following = read_signer(place.keys / NEXT_FILE)
    entries = place.announced()
    entry = next((each for each in entries if each.vkey == following.vkey), None)
    if entry is None:
        entry = announce_log_key(by=signer.vkey, sign=signer.sign, vkey=following.vkey, minute=minute)
        place.log.mkdir(parents=True, exist_ok=True)
        write_durably(place.log / KEYS, encode_keys((*entries, entry)))
    await include(encode_entry(entry))
    return entry


def finish(place: KeyPlace, shown: bytes | None) -> Path:
    """Put the key that follows in the old one's place; where the old one is kept from now on.

    ``shown`` is the published checkpoint: raises `OperatorError` unless the key that follows has signed it already.
    """
    following = place.following()
    if following is None:
        raise OperatorError("no rotation was begun; begin one with 'overt log rotate begin'")
    try:
        open_checkpoint(shown or b"", parse_vkey(following.vkey))
    except VerificationFailed as error:
        raise OperatorError(f"the new key has signed no checkpoint yet: {error}; restart the gateway first") from error
    used = place.keys / KEY_FILE
    old = place.keys / f"log.{parse_vkey(read_signer(used).vkey).id.hex()}.key"
    # At every moment `log.key` is a whole key: it must never be missing, or the next start would make a fresh one.
    if not old.exists():
        os.link(used, old)
    os.replace(place.keys / NEXT_FILE, used)
    sync_folder(place.keys)
    return old
