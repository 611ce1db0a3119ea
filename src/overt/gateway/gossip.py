"""Gossip: callers tell the last checkpoint that they saw, and it is compared with the log as it is here.

A checkpoint carries the log's own signature, so one that does not fit is evidence, whoever brings it: history was
rewritten, an old copy of the log was put back, or two sequencers ran. It is kept with ours beside it, told to the
operator loudly, and told to the caller in the answer; hiding it would help nobody but the one who did it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Final, final

from overt.errors import LogUnavailable, VerificationFailed
from overt.log.files import write_durably
from overt.ports import Log
from overt.proof.note import Checkpoint, open_checkpoint, parse_vkey
from overt.proof.reading import reading
from overt.proof.verify import verify_continues

CHECKPOINT: Final = "overt-checkpoint"
"""The request header: a signed checkpoint (C2SP tlog-checkpoint) in base64."""
GOSSIP: Final = "overt-gossip"
"""The answer's header: a `Finding`, and where it is a conflict the digest of the evidence."""
LONGEST: Final = 16_384
"""Characters of the header that are looked at; a checkpoint with some dozen signatures has 4,000."""
FITTING_MOST: Final = 1024
EVIDENCE_MOST: Final = 1000
PAUSES: Final = (0.5, 1.0)
"""Seconds before a checkpoint ahead of ours counts: a replica may read an older one for a moment."""

Keep = Callable[[str, bytes], Awaitable[None]]
"""Keeps evidence under a name. It is there when this returns."""

log = logging.getLogger("overt.gateway")


class Finding(StrEnum):
    """How a caller's checkpoint fits the log."""

    FITS = "fits"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"
    """This log's key did not sign it, or it is no checkpoint: nothing follows from it."""
    NOT_COMPARED = "not-compared"
    """The log could not be read."""


@final
class Gossip:
    """See the module."""

    def __init__(self, log: Log, keep: Keep) -> None:
        self._log = log
        self._key = parse_vkey(log.vkey)
        self._keep = keep
        self._fitting: OrderedDict[bytes, None] = OrderedDict()

    async def heard(self, told: str) -> str:
        """The value of ``Overt-Gossip`` for what a caller told. Never raises: gossip stands in no answer's way."""
        digest = hashlib.sha256(told.encode("utf-8", "surrogateescape")).digest()
        if digest in self._fitting:
            return Finding.FITS
        try:
            note = base64.b64decode(told, validate=True) if len(told) <= LONGEST else b""
            theirs = open_checkpoint(note, self._key)
        except (VerificationFailed, binascii.Error, ValueError):
            return Finding.UNKNOWN
        try:
            conflict = await self._conflict(theirs)
        except LogUnavailable as error:
            log.warning("a caller's checkpoint could not be compared: %s", error)
            return Finding.NOT_COMPARED
        if conflict is None:
            self._remember(digest)
            return Finding.FITS
        return await self._accuse(note, theirs, *conflict)

    async def _conflict(self, theirs: Checkpoint) -> tuple[bytes, str] | None:
        """Our own note and why it does not fit theirs, None if it does."""
        note = await self._log.checkpoint()
        for pause in (0.0, *PAUSES):
            if open_checkpoint(note, self._key).size >= theirs.size:
                break
            await asyncio.sleep(pause)
            note = await self._log.pending()
        ours = open_checkpoint(note, self._key)
        if ours.size < theirs.size:
            return note, f"they saw {theirs.size} entries, here there are {ours.size}"
        try:
            await self._continues(theirs, ours)
        except VerificationFailed as failure:
            return note, str(failure)
        return None

    async def _continues(self, theirs: Checkpoint, ours: Checkpoint) -> None:
        steps = reading(lambda read: verify_continues(read, theirs, ours))
        answer: bytes | None = None
        while True:
            try:
                path = steps.send(answer)
            except StopIteration:
                return
            answer = await self._log.tile(path)

    async def _accuse(self, note: bytes, theirs: Checkpoint, ours: bytes, why: str) -> str:
        evidence = note + b"\n" + ours
        name = hashlib.sha256(note).hexdigest()
        log.error(
            "THE LOG CONTRADICTS ITSELF: a caller holds a checkpoint that %s signed, of %d entries under %s, and ours "
            "does not continue it (%s). Both are kept as %s. Stop, find the cause, and tell the users of this log.",
            theirs.origin,
            theirs.size,
            theirs.root.hex(),
            why,
            name,
        )
        try:
            await self._keep(name, evidence)
        except OSError as error:
            log.error("the evidence %s cannot be kept: %s; it follows: %r", name, error, evidence)
        return f'{Finding.CONFLICT};evidence="{name}"'

    def _remember(self, digest: bytes) -> None:
        self._fitting[digest] = None
        while len(self._fitting) > FITTING_MOST:
            self._fitting.popitem(last=False)


def keep_in(folder: Path) -> Keep:
    """Keeps each piece of evidence as a file of its own: the caller's note, an empty line, ours."""

    def write(name: str, evidence: bytes) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.txt"
        if path.exists():
            return
        if sum(1 for _ in folder.iterdir()) >= EVIDENCE_MOST:
            raise OSError(f"{str(folder)!r} holds {EVIDENCE_MOST} pieces of evidence already")
        write_durably(path, evidence)

    async def keep(name: str, evidence: bytes) -> None:
        await asyncio.to_thread(write, name, evidence)

    return keep
