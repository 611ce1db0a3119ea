"""A log that ended and the one that goes on: linked at both ends.

The last entry of the first names its tree and the key of the second; the first entry of the second names the first's
final tree, with that last entry in it. Neither can be changed without the other, and whoever trusts the key of the
first comes to trust that of the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from overt.errors import VerificationFailed
from overt.proof import merkle, tiles
from overt.proof.keys import read_latest
from overt.proof.note import Checkpoint, VerifierKey, parse_vkey
from overt.proof.statement import Entry, ShardClose, ShardOpen, decode_entry

_WHAT = "shards"


@final
@dataclass(frozen=True, slots=True)
class Link:
    """What holds between two logs: the final checkpoint of the first, and the key with which the second began."""

    final: Checkpoint
    next: VerifierKey


def entry_at(reader: tiles.Reader, checkpoint: Checkpoint, index: int) -> Entry:
    """An entry that lies under a checkpoint, proved to."""
    number, place = divmod(index, tiles.WIDTH)
    width = tiles.width_at(checkpoint.size, 0, number)
    if not 0 <= place < width:
        raise VerificationFailed(_WHAT, f"there is no entry {index} among {checkpoint.size}")
    raw = tiles.read_entries(reader, tiles.Tile(tiles.ENTRIES, number, width))[place]
    path = merkle.prove_inclusion(index, checkpoint.size, _hashes(reader, checkpoint.size))
    merkle.verify_inclusion(
        index=index, size=checkpoint.size, leaf=merkle.leaf_hash(raw), path=path, root=checkpoint.root
    )
    return decode_entry(raw)


def closing_of(reader: tiles.Reader, checkpoint: Checkpoint) -> ShardClose | None:
    """The entry that closes a log, its tree verified; None if the log goes on."""
    if not checkpoint.size:
        return None
    last = entry_at(reader, checkpoint, checkpoint.size - 1)
    if not isinstance(last, ShardClose):
        return None
    before = checkpoint.size - 1
    root = merkle.root_of(before, _hashes(reader, checkpoint.size))
    if (last.log, last.size, last.root) != (checkpoint.origin, before, root):
        raise VerificationFailed(_WHAT, f"the closing entry does not name the {before} entries before it")
    return last


def verify_link(first: tiles.Reader, key: VerifierKey, second: tiles.Reader) -> Link:
    """That ``second`` goes on where the log of this key ended, at both ends; or `VerificationFailed`."""
    final_ = read_latest(first, key)
    closing = closing_of(first, final_)
    if closing is None:
        raise VerificationFailed(_WHAT, f"the log {key.name!r} was not closed: no last entry names another")
    next_ = parse_vkey(closing.next)
    opening = entry_at(second, read_latest(second, next_), 0)
    if not isinstance(opening, ShardOpen):
        raise VerificationFailed(_WHAT, f"the first entry of {next_.name!r} names no log before it")
    if (opening.size, opening.root) != (final_.size, final_.root) or parse_vkey(opening.previous).name != key.name:
        raise VerificationFailed(
            _WHAT, f"{next_.name!r} says that it follows {opening.previous!r} at {opening.size}, not {final_.size}"
        )
    return Link(final_, next_)


def _hashes(reader: tiles.Reader, size: int) -> merkle.Hashes:
    return tiles.hashes_in(size, tiles.rows_from(reader))
