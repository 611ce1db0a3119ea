"""Proofs from a log's tiles, with the nodes of recently used tiles kept: a proof reads and hashes what is new only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import final

from overt.errors import VerificationFailed
from overt.proof.nodes import MOST_BYTES, Nodes
from overt.proof.tiles import Tile

Read = Callable[[str], Awaitable[bytes | None]]
"""The bytes at a path of the log, None if there is nothing."""


@final
class Prover:
    """Proves leaves and sizes of one log. Belongs to one event loop; may be asked concurrently.

    Raises `VerificationFailed` if a tile is missing or too short, and what reading raises.
    """

    def __init__(self, read: Read, most_bytes: int = MOST_BYTES) -> None:
        self._read = read
        self._nodes = Nodes(most_bytes)

    async def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """The siblings of a leaf on its way to the root of the first ``size`` leaves."""
        if 0 <= index < size:
            await self._prepare(index, size)
        return self._nodes.inclusion(index, size)

    async def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """What shows that the first ``old`` leaves are the beginning of the first ``new``."""
        if 0 < old < new:
            await self._prepare(old - 1, new)
        return self._nodes.consistency(old, new)

    async def _prepare(self, index: int, size: int) -> None:
        """Read what is missing. Nothing waits between the last look and the proof, so nothing is forgotten again."""
        while missing := self._nodes.missing(index, size):
            read = [(tile, await self._bytes(tile)) for tile in missing]
            for tile, raw in read:
                self._nodes.put(tile, size, raw)

    async def _bytes(self, tile: Tile) -> bytes:
        """A partial tile may have been dropped for the full one that followed it."""
        for path in dict.fromkeys((tile.path, Tile(tile.level, tile.index).path)):
            raw = await self._read(path)
            if raw is not None:
                return raw
        raise VerificationFailed(tile.path, "it is missing")
