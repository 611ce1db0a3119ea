"""Proofs out of the published tiles alone, for whoever wants to keep one: no database, no gateway."""

from __future__ import annotations

from overt.errors import VerificationFailed
from overt.proof import tiles
from overt.proof.merkle import prove_inclusion, verify_inclusion
from overt.proof.note import Checkpoint, VerifierKey, open_checkpoint
from overt.proof.tlogproof import TlogProof

_WHAT = "export"


def find(reader: tiles.Reader, size: int, leaf: bytes) -> int | None:
    """The index of a leaf in a log of this size, by looking through the lowest tiles; None if it is not there."""
    for tile in tiles.tiles_at(size, 0):
        hashes = tiles.read_hashes(reader, tile)
        if leaf in hashes:
            return tile.index * tiles.WIDTH + hashes.index(leaf)
    return None


def leaf_at(reader: tiles.Reader, size: int, index: int) -> bytes:
    """The leaf hash of an entry, also where the entry itself is not served any more."""
    if not 0 <= index < size:
        raise VerificationFailed(_WHAT, f"there is no entry {index} among {size}")
    number, place = divmod(index, tiles.WIDTH)
    return tiles.read_hashes(reader, tiles.Tile(0, number, tiles.width_at(size, 0, number)))[place]


def export_proof(
    reader: tiles.Reader, keys: tuple[VerifierKey, ...], leaf: bytes | int
) -> tuple[TlogProof, bytes, Checkpoint]:
    """The proof of a leaf, given by its hash or its index, against the latest checkpoint; the leaf; the checkpoint.

    The proof is verified before it is given. Raises `VerificationFailed`.
    """
    note = reader(tiles.CHECKPOINT)
    if note is None:
        raise VerificationFailed("checkpoint", "the log has none")
    checkpoint = open_checkpoint(note, *keys)
    index = leaf if isinstance(leaf, int) else find(reader, checkpoint.size, leaf)
    if index is None:
        raise VerificationFailed(_WHAT, f"the log has no leaf {leaf!r} among its {checkpoint.size} entries yet")
    found = leaf_at(reader, checkpoint.size, index)
    path = prove_inclusion(index, checkpoint.size, tiles.hashes_in(checkpoint.size, tiles.rows_from(reader)))
    verify_inclusion(index=index, size=checkpoint.size, leaf=found, path=path, root=checkpoint.root)
    return TlogProof(index=index, path=path, checkpoint=note), found, checkpoint
