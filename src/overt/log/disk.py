"""What the log's files ask of a disk, call by call, and the disk of this machine.

A file's bytes and its name become durable by two different calls: `Disk.sync` and `Disk.sync_folder`. That the log
makes both, in the right order, is tested with `overt.testing.disk.ForgetfulDisk`, which forgets what was not synced.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final, Protocol, final


class Disk(Protocol):
    """Changes to files. Each raises `OSError` if it fails."""

    def create(self, path: Path, data: bytes, mode: int) -> None:
        """Make a file that was not there. Neither its bytes nor its name are durable yet."""
        ...

    def sync(self, path: Path) -> None:
        """Make the bytes of a file durable."""
        ...

    def sync_folder(self, folder: Path) -> None:
        """Make durable which names a folder has."""
        ...

    def replace(self, source: Path, target: Path) -> None:
        """Give a file another name in the same folder, in one step; a file that had it is gone."""
        ...

    def link(self, source: Path, target: Path) -> None:
        """Give a file a second name. Raises `FileExistsError` if there is one of that name."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a name, if it is there."""
        ...

    def make_folder(self, folder: Path) -> None:
        """Make a folder, if it is not there."""
        ...

    def remove_folder(self, folder: Path) -> None:
        """Remove a folder and all in it, as far as possible."""
        ...


@final
class SystemDisk:
    """The disk of this machine."""

    def create(self, path: Path, data: bytes, mode: int) -> None:
        """See `Disk`."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)

    def sync(self, path: Path) -> None:
        """See `Disk`."""
        _sync(path, os.O_RDONLY)

    def sync_folder(self, folder: Path) -> None:
        """See `Disk`."""
        _sync(folder, os.O_RDONLY | os.O_DIRECTORY)

    def replace(self, source: Path, target: Path) -> None:
        """See `Disk`."""
        os.replace(source, target)

    def link(self, source: Path, target: Path) -> None:
        """See `Disk`."""
        os.link(source, target)

    def remove(self, path: Path) -> None:
        """See `Disk`."""
        path.unlink(missing_ok=True)

    def make_folder(self, folder: Path) -> None:
        """See `Disk`."""
        folder.mkdir(exist_ok=True)

    def remove_folder(self, folder: Path) -> None:
        """See `Disk`."""
        shutil.rmtree(folder, ignore_errors=True)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


SYSTEM: Final = SystemDisk()
