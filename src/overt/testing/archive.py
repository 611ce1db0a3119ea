"""An archive in memory."""

from __future__ import annotations

from hashlib import sha256
from typing import final

from overt.core.domain import Digest


@final
class MemoryArchive:
    """Implements `ports.Archive` without a file."""

    def __init__(self) -> None:
        self._documents: dict[str, bytes] = {}

    async def keep(self, raw: bytes) -> Digest:
        """Keep a document."""
        digest = Digest(f"sha256:{sha256(raw).hexdigest()}")
        self._documents[digest] = raw
        return digest

    async def find(self, digest: str) -> bytes | None:
        """The document."""
        return self._documents.get(digest)
