"""Documents in a folder, each in a file whose name is its digest (``sha256:HEX``): any web server can show the folder.

Gateways with one log may share the folder: a name has one content, whoever writes it.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from hashlib import sha256
from pathlib import Path
from typing import final

from overt.core.domain import Digest
from overt.errors import StoreUnavailable

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@final
class FolderArchive:
    """Implements `ports.Archive`. The folder is made when the first document is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, raw: bytes) -> Digest:
        """Keep a document."""
        try:
            return await asyncio.to_thread(keep_in, self._folder, raw)
        except OSError as error:
            raise StoreUnavailable(
                f"a document cannot be kept in {str(self._folder)!r} ({error}); check its disk and free space"
            ) from error

    async def find(self, digest: str) -> bytes | None:
        """The document."""
        try:
            return await asyncio.to_thread(find_in, self._folder, digest)
        except OSError as error:
            raise StoreUnavailable(f"{str(self._folder)!r} cannot be read ({error}); check its disk") from error


def keep_in(folder: Path, raw: bytes) -> Digest:
    """Keep a document in a folder; raises `OSError`. One that is there but damaged is replaced."""
    digest = Digest(f"sha256:{sha256(raw).hexdigest()}")
    if find_in(folder, digest) == raw:
        return digest
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{digest}.{secrets.token_hex(4)}"
    try:
        with temporary.open("xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / digest)
    finally:
        temporary.unlink(missing_ok=True)
    for each in (folder, folder.parent):
        _sync(each)
    return digest


def find_in(folder: Path, digest: str) -> bytes | None:
    """The document in a folder, None if there is none; raises `OSError`."""
    if not _DIGEST.fullmatch(digest):
        return None
    try:
        return (folder / digest).read_bytes()
    except FileNotFoundError:
        return None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
