"""What readers see of a log: the checkpoints that are published, and that each continues every one before it.

Without witnesses there is one checkpoint. With a `Cosigner`, `checkpoint` is the latest that a quorum has cosigned, and
`PENDING` the latest of all; until a quorum was met for the first time, both are the latest, and the missing lines say
what is missing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

from overt.errors import LogUnavailable, VerificationFailed
from overt.log.parts import PENDING, Head, Notary, Parts
from overt.log.reading import over
from overt.log.rows import Prover
from overt.proof.note import Checkpoint, unverified_names
from overt.proof.tiles import CHECKPOINT
from overt.proof.verify import verify_continues

LOGGER = logging.getLogger("overt.log")


@final
@dataclass(frozen=True, slots=True)
class Published:
    """What readers see."""

    size: int
    note: bytes


@final
class Publisher:
    """Signs, remembers and publishes. ``shown`` is what is at `CHECKPOINT`, ``latest`` the largest of all."""

    def __init__(self, parts: Parts, notary: Notary, prover: Prover) -> None:
        self._parts = parts
        self._notary = notary
        self._prover = prover
        self._cosigned = False
        self._asking = False
        self._showing = asyncio.Lock()
        self.shown: Published | None = None
        self.latest: Published | None = None

    async def check(self, head: Head) -> None:
        """Raise `VerificationFailed` unless the head continues every checkpoint that was ever shown or remembered."""
        now = Checkpoint(origin=self._notary.origin, size=head.size, root=head.root)
        for note in (await self._parts.tiles.read(CHECKPOINT), await self._parts.tiles.read(PENDING)):
            if note is not None:
                await self._check(note, now, "the database is older")
        for memory in self._parts.memories:
            note = await memory.recall()
            if note is not None:
                await self._check(note, now, "database and tiles are older than the second copy of the head")
            elif head.size:
                LOGGER.warning("no second copy of the head is kept yet: it begins at %d entries", head.size)

    async def publish(self, head: Head) -> None:
        """Sign a committed head, remember it, and show it. Before it is shown, every memory has it."""
        tiles = self._parts.tiles
        note = self._notary.sign(Checkpoint(origin=self._notary.origin, size=head.size, root=head.root))
        for memory in self._parts.memories:
            await memory.remember(note)
        new = Published(head.size, note)
        if self._parts.cosigner is None:
            if new != self.shown:
                await tiles.publish(CHECKPOINT, note)
            self.shown = self.latest = new  # only now: nobody gets a proof against what readers do not see yet
            return
        await tiles.publish(PENDING, note)
        self.latest = new
        if not self._asking:
            await self._show()

    async def follow(self) -> None:
        """See what the process that leads has published."""
        for name in (CHECKPOINT, PENDING):
            note = await self._parts.tiles.read(name)
            if note is None:
                continue
            seen = Published(self._notary.open(note).size, note)
            if self.latest is None or seen.size >= self.latest.size:
                self.latest = seen
            if name == CHECKPOINT and (self.shown is None or seen.size >= self.shown.size):
                self.shown = seen

    async def cosign(self) -> bool:
        """Ask witnesses once, and show what they have cosigned; whether their quorum was met."""
        latest, cosigner = self.latest, self._parts.cosigner
        if latest is None or cosigner is None:
            return False
        self._asking = True
        try:
            note = await cosigner.cosign(latest.note, partial(self._prove, latest.size))
            if note is None:
                return False
            if not note.startswith(latest.note):
                raise VerificationFailed("cosignatures", "they are not below the checkpoint that was to be cosigned")
            self._notary.open(note)
            async with self._showing:
                await self._parts.tiles.publish(CHECKPOINT, note)
                self._cosigned, self.shown = True, Published(latest.size, note)
            return True
        finally:
            self._asking = False
            await self._show()

    @property
    def lacks_cosignatures(self) -> bool:
        """Whether the latest checkpoint is not cosigned yet, and could be."""
        if self._parts.cosigner is None or self.latest is None:
            return False
        return not self._cosigned or self.shown is None or self.shown.size < self.latest.size

    async def _show(self) -> None:
        """Put the latest checkpoint where readers look first, unless what is there was cosigned."""
        async with self._showing:
            if self._parts.cosigner is not None:
                await self._resume()
            latest = self.latest
            if latest is not None and not self._cosigned and latest != self.shown:
                await self._parts.tiles.publish(CHECKPOINT, latest.note)
                self.shown = latest

    async def _resume(self) -> None:
        """After a start: what was cosigned before is still what readers see."""
        if self._cosigned:
            return
        note = await self._parts.tiles.read(CHECKPOINT)
        if note is not None:
            checkpoint = self._notary.open(note)
            # Every key of a log is named after it, so a line by another name is a witness's. While a key is replaced
            # a note may have one line of ours or two, and says nothing by that.
            self._cosigned = unverified_names(note) != {self._notary.origin}
            self.shown = Published(checkpoint.size, note)

    async def _check(self, note: bytes, now: Checkpoint, otherwise: str) -> None:
        before = self._notary.open(note)
        if before.size > now.size:
            raise VerificationFailed("checkpoint", f"{before.size} entries were published: {otherwise}")
        await over(self._parts.tiles, lambda reader: verify_continues(reader, before, now))

    async def _prove(self, size: int, old: int) -> Sequence[bytes]:
        return await self._prover.consistency(old, size)


def not_published() -> LogUnavailable:
    """For readers who come too early."""
    return LogUnavailable("the log has not published a checkpoint yet")
