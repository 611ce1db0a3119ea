"""Pruning: old entries of a log in a folder are removed, all hash tiles stay, and the log itself says so first.

1. an entry says which entries may be gone from now on (`overt.proof.statement.Retention`), and is included
2. when readers see it under the published checkpoint, whole bundles are removed, each compared with its hash tile first

The first bundle stays: it holds the first announcements, and what links the log with one before it. So does the last.
A gateway may run meanwhile. Whatever is interrupted is finished by doing it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from overt.errors import LogUnavailable, VerificationFailed
from overt.log.disk import SYSTEM
from overt.log.files import directory_reader
from overt.log.folder import lock_folder
from overt.log.include import include_in
from overt.log.parts import Notary, Opening
from overt.log.retained import Said, note, said_in
from overt.proof import tiles
from overt.proof.note import Checkpoint
from overt.proof.statement import Retention, decode_entry, encode_entry

LOCK: Final = "prune.lock"


@final
@dataclass(frozen=True, slots=True)
class Pruned:
    """What was done: the entry that says so, and how many bundles were removed."""

    said: Said
    bundles: int


async def prune(directory: Path, opening: Opening, notary: Notary, *, minute: int, before: int) -> Pruned | None:
    """Remove bundles whose entries are all of minutes before this one (POSIX seconds); None if there are none, and
    never were.

    Raises `VerificationFailed` if a bundle is not what its tile says: then it stays, and so do those after it;
    `LogUnavailable` while another process prunes this log: two that say so at once could each believe the other's note.
    """
    lock = lock_folder(directory, LOCK)
    if lock is None:
        raise LogUnavailable(f"another process prunes the log in {str(directory)!r}; wait for it to end")
    try:
        return await _prune(directory, opening, notary, minute=minute, before=before)
    finally:
        lock.release()


async def _prune(directory: Path, opening: Opening, notary: Notary, *, minute: int, before: int) -> Pruned | None:
    reader = directory_reader(directory)
    shown = _shown(reader, notary)
    said = said_in(directory, shown.size)
    begin = tiles.WIDTH if said is None else said.entry.kept
    kept = _kept(reader, shown.size, begin, before)
    if kept > begin:
        said = await _say(directory, opening, notary, Retention(log=notary.origin, minute=minute, kept=kept))
    if said is None:
        return None
    if _shown(reader, notary).size <= said.index:
        raise LogUnavailable(
            f"entry {said.index} says what is to be pruned, and readers do not see it yet: the witnesses have not "
            "cosigned it; see to them, and do it again"
        )
    return Pruned(said, _remove(directory, reader, said.entry.kept))


def _shown(reader: tiles.Reader, notary: Notary) -> Checkpoint:
    return notary.open(reader(tiles.CHECKPOINT) or b"")


def _kept(reader: tiles.Reader, size: int, begin: int, before: int) -> int:
    """The end of the last whole bundle, from ``begin`` on, before the first that holds a later entry or the last."""
    kept = begin
    for number in range(begin // tiles.WIDTH, max(0, size - 1) // tiles.WIDTH):
        entries = tiles.read_entries(reader, tiles.Tile(tiles.ENTRIES, number))
        if any(decode_entry(raw).minute >= before for raw in entries):
            break
        kept = (number + 1) * tiles.WIDTH
    return kept


async def _say(directory: Path, opening: Opening, notary: Notary, entry: Retention) -> Said:
    raw = encode_entry(entry)
    proof = await include_in(opening, notary, raw)
    note(directory, proof.index, raw)
    return Said(proof.index, entry)


def _remove(directory: Path, reader: tiles.Reader, kept: int) -> int:
    removed = 0
    for number in range(1, kept // tiles.WIDTH):
        bundle = tiles.Tile(tiles.ENTRIES, number)
        path = directory / bundle.path
        if not path.exists():
            continue
        hashes = tiles.read_hashes(reader, tiles.Tile(0, number))
        if tuple(tiles.leaf_hashes(tiles.read_entries(reader, bundle))) != hashes:
            raise VerificationFailed(bundle.path, "it is not what its hash tile says; nothing from here on was removed")
        SYSTEM.remove(path)
        SYSTEM.remove_folder(directory / f"{bundle.path}.p")
        SYSTEM.sync_folder(path.parent)
        removed += 1
    return removed
