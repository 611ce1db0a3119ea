"""The log's folder: staged files, applied tiles, the published checkpoint, and the lock of its one writer.

    DIR/checkpoint    the signed checkpoint, published last
    DIR/tile/...      hash tiles and entry bundles (C2SP tlog-tiles)
    DIR/staging       the files of the batch under way, with a digest over all
    DIR/log.vkey      the log's public key, for convenience: it proves no origin
    DIR/log.sqlite    the queue and the head
    DIR/lock          held by the one writer

Applying is idempotent: a batch has the same bytes however often it is applied.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from overt.errors import LogUnavailable, VerificationFailed
from overt.log.files import directory_reader, make_folders, sync_folder, write_durably, write_unsynced
from overt.log.points import Point, Reached
from overt.log.queue import Head
from overt.proof import tiles
from overt.proof.merkle import HASH_BYTES
from overt.proof.note import Checkpoint, VerifierKey, open_checkpoint
from overt.proof.verify import verify_continues

VKEY_FILE: Final = "log.vkey"
_STAGING: Final = "staging"


@final
@dataclass(frozen=True, slots=True)
class Staged:
    """A batch: the size of the log after it, and every file that it makes or widens."""

    size: int
    files: Mapping[str, bytes]


@final
class Folder:
    """See the module. All methods belong to one thread."""

    def __init__(self, directory: Path, key: VerifierKey, reached: Reached) -> None:
        self.directory = directory
        self.read = directory_reader(directory)
        self._key = key
        self._reached = reached

    def introduce(self) -> None:
        """Put the public key beside the log."""
        write_durably(self.directory / VKEY_FILE, f"{self._key.text}\n".encode())

    def stage(self, batch: Staged) -> None:
        """Make a batch durable before it is committed to."""
        write_durably(self.directory / _STAGING, _encode(batch))
        self._reached(Point.STAGED)

    def apply(self, batch: Staged) -> None:
        """Put the files of a committed batch in their places."""
        places = {path: self.directory / path for path in batch.files}
        folders = sorted({place.parent for place in places.values()})
        make_folders(self.directory, folders)
        for path, data in batch.files.items():
            write_unsynced(places[path], data)
            self._reached(Point.TILE_APPLIED)
        for folder in folders:
            sync_folder(folder)
        self._reached(Point.APPLIED)

    def publish(self, note: bytes) -> None:
        """Show a checkpoint whose tiles are applied."""
        write_durably(self.directory / tiles.CHECKPOINT, note)
        self._reached(Point.PUBLISHED)

    def clean(self, batch: Staged) -> None:
        """Forget a published batch, and drop the partial tiles that its full tiles replace (tlog-tiles)."""
        for path in batch.files:
            tile = tiles.parse_path(path)
            if tile is not None and tile.width == tiles.WIDTH:
                shutil.rmtree(self.directory / f"{path}.p", ignore_errors=True)
        (self.directory / _STAGING).unlink(missing_ok=True)
        self._reached(Point.CLEANED)

    def recover(self, head: Head) -> tuple[tiles.Edge, Staged | None]:
        """Re-apply what was committed, discard what was not, and give the right edge if it has the trusted root.

        Raises `LogUnavailable` if tiles, published checkpoint and database do not belong together.
        """
        staged = self._staged()
        self._sweep(staged)
        if staged is not None and staged.size == head.size:
            self.apply(staged)
        elif staged is not None:
            self.clean(Staged(staged.size, {}))
            staged = None
        try:
            edge = tiles.read_edge(self.read, head.size)
            if edge.root != head.root:
                raise VerificationFailed("right edge", f"the tiles give {edge.root.hex()}, not {head.root.hex()}")
            self._continues(head)
        except VerificationFailed as error:
            raise LogUnavailable(
                f"the log in {str(self.directory)!r} does not fit its database at {head.size} entries: {error}; "
                "restore both from the same moment, and never an older one than was published"
            ) from error
        return edge, staged

    def measure(self, size: int) -> None:
        """Raise `LogUnavailable` if a full tile is missing or cut off. Looks at lengths, not at hashes."""
        wanted = [tile for level in range(tiles.levels_of(size)) for tile in tiles.tiles_at(size, level)]
        for tile in [*wanted, *tiles.bundles_of(size)]:
            if tile.width < tiles.WIDTH:
                continue
            path = self.directory / tile.path
            length = path.stat().st_size if path.exists() else 0
            least = 3 * tiles.WIDTH if tile.level == tiles.ENTRIES else HASH_BYTES * tiles.WIDTH
            if length < least:
                raise LogUnavailable(f"{str(path)!r} has {length} bytes, at least {least} are needed; restore it")

    def _continues(self, head: Head) -> None:
        """The published checkpoint is a second memory outside the database: it shows a restored backup."""
        raw = self.read(tiles.CHECKPOINT)
        if raw is None:
            return
        published = open_checkpoint(raw, self._key)
        if published.size > head.size:
            raise VerificationFailed("checkpoint", f"{published.size} entries were published: the database is older")
        verify_continues(self.read, published, Checkpoint(origin=self._key.name, size=head.size, root=head.root))

    def _sweep(self, staged: Staged | None) -> None:
        """Remove files that were being written under another name when the process died."""
        folders = {self.directory, *(self.directory / Path(path).parent for path in (staged.files if staged else ()))}
        for folder in folders:
            for leftover in folder.glob(".*.*"):
                leftover.unlink()

    def _staged(self) -> Staged | None:
        """The staged batch, None if there is none or it was cut off: then it was never committed to."""
        path = self.directory / _STAGING
        return _decode(path.read_bytes()) if path.exists() else None


@final
class Lock:
    """Held while its descriptor is open; the system lets go of it when the process dies."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Let another writer in."""
        os.close(self._descriptor)


def lock_folder(directory: Path) -> Lock:
    """Become the one writer, or raise `LogUnavailable`."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise LogUnavailable(f"another process writes the log in {str(directory)!r}: stop it first") from error
    return Lock(descriptor)


def _encode(batch: Staged) -> bytes:
    body = b"".join(b"%s %d\n%s" % (path.encode(), len(data), data) for path, data in batch.files.items())
    body = b"%d\n%s" % (batch.size, body)
    return hashlib.sha256(body).digest() + body


def _decode(raw: bytes) -> Staged | None:
    digest, body = raw[:HASH_BYTES], raw[HASH_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    size, _, rest = body.partition(b"\n")
    files: dict[str, bytes] = {}
    while rest:
        head, _, rest = rest.partition(b"\n")
        path, _, length = head.decode("ascii").rpartition(" ")
        files[path], rest = rest[: int(length)], rest[int(length) :]
    return Staged(int(size), files)
