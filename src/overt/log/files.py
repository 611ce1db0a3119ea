"""Files that are whole or absent: written under another name, synced, renamed, and the folder synced."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from overt.proof import tiles


def write_durably(path: Path, data: bytes, *, mode: int = 0o644, replace: bool = True) -> None:
    """Write a file so that after a crash it has its old content or this one. Its folder must be there.

    Without ``replace``, an existing file stays and `FileExistsError` is raised.
    """
    write_unsynced(path, data, mode=mode, replace=replace)
    sync_folder(path.parent)


def write_unsynced(path: Path, data: bytes, *, mode: int = 0o644, replace: bool = True) -> None:
    """Like `write_durably`, but the name itself is durable only after `sync_folder`."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(temporary, path)
        else:
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(root: Path, folders: Iterable[Path]) -> None:
    """Make folders under ``root``, each name durable in its parent."""
    for folder in folders:
        missing = [folder, *folder.parents]
        missing = [f for f in missing if root in f.parents and not f.exists()]
        for new in reversed(missing):
            new.mkdir(exist_ok=True)
            sync_folder(new.parent)


def directory_reader(directory: Path) -> tiles.Reader:
    """Reads a log's folder as any web server would: the checkpoint and well-formed tile paths, nothing else."""

    def read(path: str) -> bytes | None:
        if path != tiles.CHECKPOINT and tiles.parse_path(path) is None:
            return None
        try:
            return (directory / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    return read
