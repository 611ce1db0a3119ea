"""Files that are whole or absent: written under another name, synced, renamed, and the folder synced."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path

from overt.log.disk import SYSTEM, Disk
from overt.log.parts import PENDING
from overt.proof import tiles
from overt.proof.keys import KEYS


def write_durably(path: Path, data: bytes, *, mode: int = 0o644, replace: bool = True, disk: Disk = SYSTEM) -> None:
    """Write a file so that after a crash it has its old content or this one. Its folder must be there.

    Without ``replace``, an existing file stays and `FileExistsError` is raised.
    """
    write_unsynced(path, data, mode=mode, replace=replace, disk=disk)
    disk.sync_folder(path.parent)


def write_unsynced(path: Path, data: bytes, *, mode: int = 0o644, replace: bool = True, disk: Disk = SYSTEM) -> None:
    """Like `write_durably`, but the name itself is durable only after `sync_folder`."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        disk.create(temporary, data, mode)
        disk.sync(temporary)
        if replace:
            disk.replace(temporary, path)
        else:
            disk.link(temporary, path)
    finally:
        disk.remove(temporary)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    SYSTEM.sync_folder(folder)


def make_folders(root: Path, folders: Iterable[Path], disk: Disk = SYSTEM) -> None:
    """Make folders under ``root``, each name durable in its parent."""
    for folder in folders:
        missing = [folder, *folder.parents]
        missing = [f for f in missing if root in f.parents and not f.exists()]
        for new in reversed(missing):
            disk.make_folder(new)
            disk.sync_folder(new.parent)


def directory_reader(directory: Path) -> tiles.Reader:
    """Reads a log's folder as any web server would: checkpoints, keys and well-formed tile paths, nothing else."""

    def read(path: str) -> bytes | None:
        if path not in (tiles.CHECKPOINT, PENDING, KEYS) and tiles.parse_path(path) is None:
            return None
        try:
            return (directory / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    return read
