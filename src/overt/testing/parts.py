"""The parts of a log in memory, shared by as many processes as a test wants to have.

rows, files = SharedRows(), SharedFiles()
first = await start(memory_parts(rows, files), notary, alone=False)
second = await start(memory_parts(rows, files), notary, alone=False)     # follows the first
rows.depose()                                                            # the first was paused and does not know
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

from overt.errors import LogUnavailable, Superseded
from overt.log.notary import claimed_size
from overt.log.parts import Batch, Cosigner, Head, Memory, Parts
from overt.proof import tiles
from overt.proof.merkle import HASH_BYTES


@final
@dataclass
class SharedRows:
    """What the database of several processes holds."""

    leaves: dict[bytes, int] = field(default_factory=dict)
    waiting: dict[int, bytes] = field(default_factory=dict)
    indexes: dict[int, int] = field(default_factory=dict)
    head: Head = field(default_factory=Head)
    epoch: int = 0
    leader: MemoryQueue | None = None

    def depose(self) -> None:
        """Take the lead from whoever has it, without a word: as if it were paused for too long."""
        self.leader = None


@final
class MemoryQueue:
    """One process's `Queue`."""

    def __init__(self, shared: SharedRows) -> None:
        self._shared = shared

    async def put(self, rows: Sequence[tuple[bytes, bytes]]) -> Sequence[int]:
        """Store rows."""
        places: list[int] = []
        for leaf, entry in rows:
            if leaf not in self._shared.leaves:
                self._shared.leaves[leaf] = len(self._shared.leaves) + 1
                self._shared.waiting[self._shared.leaves[leaf]] = entry
            places.append(self._shared.leaves[leaf])
        return places

    async def take(self, most: int) -> Sequence[tuple[int, bytes]]:
        """The next rows."""
        return sorted(self._shared.waiting.items())[:most]

    async def head(self) -> Head:
        """The head."""
        return self._shared.head

    async def lead(self) -> int | None:
        """Take the lead if nobody has it."""
        if self._shared.leader is None:
            self._shared.leader = self
            self._shared.epoch += 1
        return self._shared.epoch if self._shared.leader is self else None

    async def advance(self, old: Head, new: Head, places: Sequence[int], *, epoch: int) -> None:
        """Compare and swap."""
        shared = self._shared
        if (shared.head, shared.epoch) != (old, epoch):
            raise Superseded(f"epoch {epoch} at {old.size} entries is over: it is {shared.epoch} at {shared.head.size}")
        shared.head = new
        for number, place in enumerate(places):
            shared.indexes[place] = old.size + number
            del shared.waiting[place]

    async def index(self, leaf: bytes) -> int | None:
        """The index."""
        return self._shared.indexes.get(self._shared.leaves.get(leaf, 0))

    async def aclose(self) -> None:
        """Give up the lead."""
        if self._shared.leader is self:
            self._shared.leader = None


@final
@dataclass
class SharedFiles:
    """What the tile store of several processes holds."""

    files: dict[str, bytes] = field(default_factory=dict)
    staged: dict[Head, Batch] = field(default_factory=dict)


@final
class MemoryTiles:
    """One process's `TileStore`."""

    def __init__(self, shared: SharedFiles) -> None:
        self._shared = shared

    async def stage(self, batch: Batch) -> None:
        """Keep it aside."""
        self._shared.staged[batch.head] = batch

    async def recover(self, head: Head) -> Batch | None:
        """Apply the batch of this head; drop the others, unless they are larger: see `overt.log.objects`."""
        batch = self._shared.staged.get(head)
        staged = self._shared.staged.items()
        self._shared.staged = {key: each for key, each in staged if key == head or key.size > head.size}
        if batch is not None:
            await self.apply(batch)
        return batch

    async def apply(self, batch: Batch) -> None:
        """Show its files."""
        self._shared.files |= batch.files

    async def publish(self, name: str, note: bytes) -> None:
        """Show a checkpoint."""
        shown = self._shared.files.get(name)
        if shown is not None and claimed_size(shown) > claimed_size(note):
            raise Superseded(f"{name!r} shows {claimed_size(shown)} entries already, not {claimed_size(note)}")
        self._shared.files[name] = note

    async def clean(self, batch: Batch) -> None:
        """Forget the staging, and partial tiles."""
        self._shared.staged.pop(batch.head, None)
        full = tuple(f"{path}.p/" for path in batch.files if ".p/" not in path)
        if full:
            self._shared.files = {path: data for path, data in self._shared.files.items() if not path.startswith(full)}

    async def read(self, path: str) -> bytes | None:
        """A file."""
        return self._shared.files.get(path)

    async def measure(self, size: int) -> None:
        """Look at full tiles."""
        wanted = [tile for level in range(tiles.levels_of(size)) for tile in tiles.tiles_at(size, level)]
        for tile in [*wanted, *tiles.bundles_of(size)]:
            least = 3 * tiles.WIDTH if tile.level == tiles.ENTRIES else HASH_BYTES * tiles.WIDTH
            length = len(self._shared.files.get(tile.path, b""))
            if tile.width == tiles.WIDTH and length < least:
                raise LogUnavailable(f"{tile.path!r} has {length} bytes, at least {least} are needed")

    async def introduce(self, vkey: str) -> None:
        """Nobody looks for a key here."""

    async def aclose(self) -> None:
        """Nothing to release."""


@final
class KeptNote:
    """A `Memory`. Shared by handing it to several processes."""

    def __init__(self) -> None:
        self.note: bytes | None = None

    async def recall(self) -> bytes | None:
        """The note."""
        return self.note

    async def remember(self, note: bytes) -> None:
        """Keep it."""
        if self.note is not None and claimed_size(self.note) > claimed_size(note):
            raise Superseded(f"{claimed_size(self.note)} entries are remembered, not {claimed_size(note)}")
        self.note = note


def memory_parts(
    rows: SharedRows, files: SharedFiles, *, memories: tuple[Memory, ...] = (), cosigner: Cosigner | None = None
) -> Parts:
    """One process's parts of a shared log."""
    return Parts(
        where="memory", queue=MemoryQueue(rows), tiles=MemoryTiles(files), memories=memories, cosigner=cosigner
    )
