"""The log's folder: staged files, applied tiles, the published checkpoints, and the lock of its one writer.

    DIR/checkpoint            the signed checkpoint, published last
    DIR/checkpoint.pending    with witnesses: the latest one, which they have not cosigned yet
    DIR/tile/...              hash tiles and entry bundles (C2SP tlog-tiles)
    DIR/retention             what says which entries were pruned, a copy of an entry of the log (log/retained.py)
    DIR/staging               the files of the batch under way, with a digest over all
    DIR/log.vkey              the log's public key, for convenience: it proves no origin
    DIR/log.sqlite            the queue and the head
    DIR/lock                  held by the one writer

Applying is idempotent: a batch has the same bytes however often it is applied. One thread writes; readers do not wait
for it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path
from typing import Final, final

from overt.errors import LogUnavailable, Superseded
from overt.log.batches import decode_batch, encode_batch
from overt.log.disk import SYSTEM, Disk
from overt.log.files import directory_reader, make_folders, write_durably, write_unsynced
from overt.log.notary import claimed_size
from overt.log.parts import Batch, Head
from overt.log.points import Point, Reached
from overt.log.retained import kept_from
from overt.log.threads import Thread, start_thread
from overt.proof import tiles
from overt.proof.merkle import HASH_BYTES

VKEY_FILE: Final = "log.vkey"
_STAGING: Final = "staging"


@final
class Folder:
    """A `TileStore` in a folder that has one writer. Made by `open_folder`."""

    def __init__(self, directory: Path, thread: Thread, reached: Reached, disk: Disk) -> None:
        self._directory = directory
        self._disk = disk
        self._read = directory_reader(directory)
        self._thread = thread
        self._reached = reached

    async def stage(self, batch: Batch) -> None:
        """Make a batch durable before it is committed to."""
        await self._thread.run(lambda: self._stage(batch))

    async def recover(self, head: Head) -> Batch | None:
        """Re-apply what was committed, discard what was not."""
        return await self._thread.run(lambda: self._recover(head))

    async def apply(self, batch: Batch) -> None:
        """Put the files of a committed batch in their places."""
        await self._thread.run(lambda: self._apply(batch))

    async def publish(self, name: str, note: bytes) -> None:
        """Show a checkpoint."""
        await self._thread.run(lambda: self._publish(name, note))

    async def clean(self, batch: Batch) -> None:
        """Forget a published batch, and drop the partial tiles that its full tiles replace (tlog-tiles)."""
        await self._thread.run(lambda: self._clean(batch))

    async def read(self, path: str) -> bytes | None:
        """A file of the log."""
        return await asyncio.to_thread(self._read, path)

    async def measure(self, size: int) -> None:
        """Raise `LogUnavailable` if a full tile is missing or cut off, or a bundle that was not pruned."""
        await self._thread.run(lambda: self._measure(size))

    async def introduce(self, vkey: str) -> None:
        """Put the public key beside the log."""
        await self._thread.run(
            lambda: write_durably(self._directory / VKEY_FILE, f"{vkey}\n".encode(), disk=self._disk)
        )

    async def aclose(self) -> None:
        """End the thread."""
        self._thread.close()

    def _stage(self, batch: Batch) -> None:
        write_durably(self._directory / _STAGING, encode_batch(batch), disk=self._disk)
        self._reached(Point.STAGED)

    def _apply(self, batch: Batch) -> None:
        places = {path: self._directory / path for path in batch.files}
        folders = sorted({place.parent for place in places.values()})
        make_folders(self._directory, folders, self._disk)
        for path, data in batch.files.items():
            write_unsynced(places[path], data, disk=self._disk)
            self._reached(Point.TILE_APPLIED)
        for folder in folders:
            self._disk.sync_folder(folder)
        self._reached(Point.APPLIED)

    def _publish(self, name: str, note: bytes) -> None:
        shown = self._read(name)
        if shown is not None and claimed_size(shown) > claimed_size(note):
            raise Superseded(f"{name!r} shows {claimed_size(shown)} entries already, not {claimed_size(note)}")
        write_durably(self._directory / name, note, disk=self._disk)
        self._reached(Point.PUBLISHED)

    def _clean(self, batch: Batch) -> None:
        for path in batch.files:
            tile = tiles.parse_path(path)
            if tile is not None and tile.width == tiles.WIDTH:
                self._disk.remove_folder(self._directory / f"{path}.p")
        self._disk.remove(self._directory / _STAGING)
        self._reached(Point.CLEANED)

    def _recover(self, head: Head) -> Batch | None:
        staged = self._staged()
        self._sweep(staged)
        if staged is None or staged.head != head:
            self._clean(Batch(head, {}))
            return None
        self._apply(staged)
        return staged

    def _measure(self, size: int) -> None:
        kept: int | None = None
        wanted = [tile for level in range(tiles.levels_of(size)) for tile in tiles.tiles_at(size, level)]
        for tile in [*wanted, *tiles.bundles_of(size)]:
            if tile.width < tiles.WIDTH:
                continue
            path = self._directory / tile.path
            if tile.level == tiles.ENTRIES and tile.index and not path.exists():
                kept = kept_from(self._directory, size) if kept is None else kept
                if tile.index < kept // tiles.WIDTH:
                    continue
            length = path.stat().st_size if path.exists() else 0
            least = 3 * tiles.WIDTH if tile.level == tiles.ENTRIES else HASH_BYTES * tiles.WIDTH
            if length < least:
                raise LogUnavailable(f"{str(path)!r} has {length} bytes, at least {least} are needed; restore it")

    def _sweep(self, staged: Batch | None) -> None:
        """Remove files that were being written under another name when the process died."""
        folders = {self._directory, *(self._directory / Path(path).parent for path in (staged.files if staged else ()))}
        for folder in folders:
            for leftover in folder.glob(".*.*"):
                self._disk.remove(leftover)

    def _staged(self) -> Batch | None:
        """The staged batch, None if there is none or it was cut off: then it was never committed to."""
        path = self._directory / _STAGING
        return decode_batch(path.read_bytes()) if path.exists() else None


def open_folder(directory: Path, reached: Reached, disk: Disk = SYSTEM) -> Folder:
    """The tile store in a folder that exists. ``disk`` is for tests."""
    return Folder(directory, start_thread("overt-log-files"), reached, disk)


@final
class Lock:
    """Held while its descriptor is open; the system lets go of it when the process dies."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Let another writer in."""
        os.close(self._descriptor)


def lock_folder(directory: Path, name: str = "lock") -> Lock | None:
    """Become the one writer, or the one that does what ``name`` says; None if another process is."""
    descriptor = os.open(directory / name, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    return Lock(descriptor)
