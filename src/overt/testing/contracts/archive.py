"""What every `ports.Archive` keeps. Call `check_archive` with a factory of fresh ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Final

from overt.ports import Archive

NewArchive = Callable[[], Awaitable[Archive]]

_TEXTS: Final = (b"", b"a policy\n", bytes(range(256)) * 300)


async def check_archive(new: NewArchive) -> None:
    """Run the whole contract; raises `AssertionError` at the first promise that is not kept."""
    archive = await new()
    for raw in _TEXTS:
        digest = "sha256:" + sha256(raw).hexdigest()
        assert await archive.find(digest) is None
        assert await archive.keep(raw) == digest
        assert await archive.keep(raw) == digest
        assert await archive.find(digest) == raw
    assert len(set(await asyncio.gather(*(archive.keep(b"at once") for _ in range(9))))) == 1
    for text in ("", "sha256:", "sha256:" + "0" * 63, "sha256:" + "0" * 64, "../store.sqlite", sha256(b"").hexdigest()):
        assert await archive.find(text) is None, text
