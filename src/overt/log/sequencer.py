"""From queue to tiles. The order of effects is the whole argument (sunlight's `sequencePool`):

1. take the waiting rows in order, and compute their tiles from the right edge
2. stage all files of the batch, synced
3. in one transaction, compare and swap head and epoch and give the rows their indexes: the point of no return
4. apply the staged files
5. remember and publish the signed checkpoint, and only then forget the staging

A failure before 3 leaves the old state; the rows wait. A failure after 3, or at 3 when nobody knows, is repaired by
`recover`, which is the same code at every start. Rows are never lost and never numbered twice. Only what was committed
is signed, and Ed25519 is deterministic, so a size never gets a second root or a second signature.

A leader that was paused and wakes up fails at 3, by its epoch. If it was paused after 3, its files are those that its
successor has applied already, and `publish` refuses its older checkpoint.
"""

from __future__ import annotations

import asyncio
from typing import Final, final

from overt.errors import LogUnavailable, VerificationFailed
from overt.log.parts import Batch, Head, Parts
from overt.log.points import Point, Reached
from overt.log.publish import Publisher
from overt.log.reading import over
from overt.proof import tiles

BATCH: Final = 1024


@final
class Sequencer:
    """One round at a time, in the process that leads."""

    def __init__(self, *, parts: Parts, publisher: Publisher, reached: Reached) -> None:
        self._parts = parts
        self._publisher = publisher
        self._reached = reached
        self._epoch: int | None = None
        self._edge: tiles.Edge | None = None

    async def lead(self) -> bool:
        """Take or keep the lead; whether we have it. Where it is new, everything is checked and repaired first."""
        epoch = await self._parts.queue.lead()
        if epoch is None:
            self._epoch = self._edge = None
            return False
        if epoch != self._epoch:
            self._epoch = None
            edge = await self._recover()
            await self._parts.tiles.measure(edge.size)
            self._epoch = epoch
        return True

    async def round(self) -> int:
        """Sequence one batch; how many rows it had. Needs the lead. After an error, a round begins with a repair."""
        if self._epoch is None:
            raise LogUnavailable("another process leads this log")
        edge = self._edge if self._edge is not None else await self._recover()
        rows = await self._parts.queue.take(BATCH)
        if not rows:
            return 0
        self._reached(Point.TAKEN)
        self._edge = None
        after, files = await asyncio.to_thread(tiles.grow, edge, [entry for _, entry in rows])
        old, new = Head(edge.size, edge.root), Head(after.size, after.root)
        batch = Batch(new, files)
        await self._parts.tiles.stage(batch)
        await self._parts.queue.advance(old, new, [place for place, _ in rows], epoch=self._epoch)
        await self._parts.tiles.apply(batch)
        await self._publish(batch)
        self._edge = after
        return len(rows)

    async def _recover(self) -> tiles.Edge:
        """Bring tiles and queue to the same state, publish it, and give its right edge.

        Raises `LogUnavailable` if tiles, published checkpoints and database do not belong together.
        """
        self._edge = None
        head = await self._parts.queue.head()
        staged = await self._parts.tiles.recover(head)
        try:
            edge = await over(self._parts.tiles, lambda reader: tiles.read_edge(reader, head.size))
            if edge.root != head.root:
                raise VerificationFailed("right edge", f"the tiles give {edge.root.hex()}, not {head.root.hex()}")
            await self._publisher.check(head)
        except VerificationFailed as error:
            raise LogUnavailable(
                f"the log in {self._parts.where} does not fit its database at {head.size} entries: {error}; "
                "restore both from the same moment, and never an older one than was published"
            ) from error
        await self._publish(staged or Batch(head, {}))
        self._edge = edge
        return edge

    async def _publish(self, batch: Batch) -> None:
        await self._publisher.publish(batch.head)
        await self._parts.tiles.clean(batch)
