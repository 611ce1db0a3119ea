"""From queue to tiles. The order of effects is the whole argument (sunlight's `sequencePool`):

1. take the waiting rows in order, and compute their tiles from the right edge
2. stage all files of the batch, synced
3. in one transaction, compare and swap the head and give the rows their indexes: the point of no return
4. apply the staged files
5. publish the signed checkpoint, and only then forget the staging

A failure before 3 leaves the old state; the rows wait. A failure after 3, or at 3 when nobody knows, is repaired by
`recover`, which is the same code at every start. Rows are never lost and never numbered twice.
Ed25519 is deterministic and rows keep their order, so a size never gets a second root or a second signature.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from overt.log.folder import Folder, Staged
from overt.log.points import Point, Reached
from overt.log.queue import Head, Queue
from overt.log.threads import Threads
from overt.ports import Signer
from overt.proof import tiles
from overt.proof.note import Checkpoint, VerifierKey, sign_checkpoint

BATCH: Final = 1024


@final
@dataclass(frozen=True, slots=True)
class Published:
    """What readers see."""

    size: int
    note: bytes


@final
class Sequencer:
    """One round at a time. ``show`` is told of each published checkpoint."""

    def __init__(
        self,
        *,
        queue: Queue,
        folder: Folder,
        threads: Threads,
        key: VerifierKey,
        signer: Signer,
        reached: Reached,
        show: Callable[[Published], None],
    ) -> None:
        self._queue = queue
        self._folder = folder
        self._threads = threads
        self._key = key
        self._signer = signer
        self._reached = reached
        self._show = show
        self._edge: tiles.Edge | None = None

    async def recover(self) -> tiles.Edge:
        """Bring folder and database to the same state, publish it, and give its right edge."""
        self._edge = None
        head = await self._threads.queue(self._queue.head)
        edge, staged = await self._threads.files(lambda: self._folder.recover(head))
        await self._publish(head, staged or Staged(head.size, {}))
        self._edge = edge
        return edge

    async def round(self) -> int:
        """Sequence one batch; how many rows it had. After an error the next round begins with `recover`."""
        edge = self._edge if self._edge is not None else await self.recover()
        rows = await self._threads.queue(lambda: self._queue.take(BATCH))
        if not rows:
            return 0
        self._reached(Point.TAKEN)
        self._edge = None
        after, files = await self._threads.files(lambda: tiles.grow(edge, [entry for _, entry in rows]))
        old, new = Head(edge.size, edge.root), Head(after.size, after.root)
        batch = Staged(after.size, files)
        await self._threads.files(lambda: self._folder.stage(batch))
        await self._threads.queue(lambda: self._queue.advance(old, new, [place for place, _ in rows]))
        await self._threads.files(lambda: self._folder.apply(batch))
        await self._publish(new, batch)
        self._edge = after
        return len(rows)

    async def _publish(self, head: Head, batch: Staged) -> None:
        checkpoint = Checkpoint(origin=self._key.name, size=head.size, root=head.root)
        note = sign_checkpoint(checkpoint, self._key, self._signer.sign)
        await self._threads.files(lambda: self._folder.publish(note))
        self._show(Published(head.size, note))
        await self._threads.files(lambda: self._folder.clean(batch))
