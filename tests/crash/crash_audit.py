"""An outsider who reads a log's published files again and again, hashes every entry, and remembers every checkpoint.

Whatever checkpoint anybody was ever shown has to be the root over the first entries of the log as it is at the end:
that is what "no two checkpoints conflict" means, and it is stronger than comparing equal sizes only. The root after
every single entry is worked out here anew, from a stack of complete subtrees, not from tiles.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import final

from overt.log.files import directory_reader
from overt.proof import tiles
from overt.proof.note import VerifierKey, open_checkpoint, parse_vkey


class Conflict(AssertionError):
    """A promise was broken; the campaign ends here."""


def leaf_of(entry: bytes) -> bytes:
    """The hash of an entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


@final
class Audit:
    """See the module. The log's key is the one that its folder shows first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read = directory_reader(folder)
        self._key: VerifierKey | None = None
        self._peaks: list[tuple[int, bytes]] = []
        self._roots: list[bytes] = [hashlib.sha256(b"").digest()]
        self._shown: dict[int, bytes] = {}
        self._ahead: set[int] = set()
        self.leaves: dict[bytes, int] = {}

    @property
    def size(self) -> int:
        """How many entries were read."""
        return len(self._roots) - 1

    @property
    def checkpoints(self) -> int:
        """How many different checkpoints were seen."""
        return len(self._shown)

    def note(self, raw: bytes) -> int:
        """Remember a checkpoint that somebody was shown, and compare it; its size."""
        checkpoint = open_checkpoint(raw, self._vkey())
        known = self._shown.setdefault(checkpoint.size, checkpoint.root)
        if known != checkpoint.root:
            raise Conflict(f"two checkpoints of {checkpoint.size} entries: {known.hex()} and {checkpoint.root.hex()}")
        self._ahead.add(checkpoint.size)
        self._compare()
        return checkpoint.size

    def read(self) -> int:
        """Read up to the published checkpoint; its size."""
        raw = self._read(tiles.CHECKPOINT)
        if raw is None:
            return 0
        stop = self.note(raw)
        if stop < self.size:
            raise Conflict(f"{self.size} entries were published, now the checkpoint says {stop}")
        while self.size < stop:
            number = self.size // tiles.WIDTH
            bundle = tiles.Tile(tiles.ENTRIES, number, min(tiles.WIDTH, stop - number * tiles.WIDTH))
            for entry in tiles.read_entries(self._read, bundle)[self.size % tiles.WIDTH :]:
                self._add(leaf_of(entry))
        self._compare()
        return stop

    def _add(self, leaf: bytes) -> None:
        if self.leaves.setdefault(leaf, self.size) != self.size:
            raise Conflict(f"the entry at {self.size} was logged before, at {self.leaves[leaf]}")
        height, node = 0, leaf
        while self._peaks and self._peaks[-1][0] == height:
            node = hashlib.sha256(b"\x01" + self._peaks.pop()[1] + node).digest()
            height += 1
        self._peaks.append((height, node))
        root = node
        for _, peak in reversed(self._peaks[:-1]):
            root = hashlib.sha256(b"\x01" + peak + root).digest()
        self._roots.append(root)

    def _compare(self) -> None:
        for size in [size for size in self._ahead if size <= self.size]:
            if self._shown[size] != self._roots[size]:
                raise Conflict(f"the first {size} entries have another root than was signed")
            self._ahead.discard(size)

    def _vkey(self) -> VerifierKey:
        if self._key is None:
            self._key = parse_vkey((self._folder / "log.vkey").read_text().strip())
        return self._key
