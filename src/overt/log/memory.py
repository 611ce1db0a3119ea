"""A copy of the last signed checkpoint in a file that lies elsewhere: on another disk, or on another machine's.

Database and tiles may be restored together from yesterday's backup and then agree with each other. The copy does not:
a start is refused, instead of signing a second history.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import final

from overt.errors import LogUnavailable, Superseded
from overt.log.files import write_durably
from overt.log.notary import claimed_size


@final
class FileMemory:
    """A `Memory` in one file. Its folder must exist: where it does not, a disk is not mounted."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def recall(self) -> bytes | None:
        """The note in the file."""
        return await asyncio.to_thread(self._recall)

    async def remember(self, note: bytes) -> None:
        """Replace the file, unless it is of a larger log."""
        await asyncio.to_thread(self._remember, note)

    def _recall(self) -> bytes | None:
        if not self._path.parent.is_dir():
            raise LogUnavailable(
                f"there is no folder {str(self._path.parent)!r} for the second copy of the head; is its disk mounted?"
            )
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LogUnavailable(f"the second copy of the head cannot be read: {error}; see to its disk") from error

    def _remember(self, note: bytes) -> None:
        known = self._recall()
        if known is not None and claimed_size(known) > claimed_size(note):
            raise Superseded(f"{str(self._path)!r} remembers {claimed_size(known)} entries, not {claimed_size(note)}")
        if known == note:
            return
        try:
            write_durably(self._path, note)
        except OSError as error:
            raise LogUnavailable(f"the second copy of the head cannot be written: {error}; see to its disk") from error
