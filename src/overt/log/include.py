"""Get one entry into a log from another process, whether or not a gateway runs it at that moment.

1. the entry becomes durable in the log's queue, beside whatever a running gateway puts there
2. a gateway that runs includes it within a fraction of a second; where none runs, this process takes its place,
   includes what waits, and lets go again
3. the proof is read from the published tiles, as any reader would, and verified

The queue is made for this: a transaction per entry, an order that never changes, and one leaf once. Only the sequencer
needs to be alone. A process that dies after step 1 leaves an entry that the next writer includes.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

from overt.errors import LogUnavailable
from overt.log.log import close_parts, start
from overt.log.notary import one_key
from overt.log.parts import PENDING, Notary, Opening, Parts
from overt.log.rows import Prover
from overt.log.sqlite import sqlite_parts
from overt.ports import Signer
from overt.proof import tiles
from overt.proof.merkle import leaf_hash, verify_inclusion
from overt.proof.tlogproof import TlogProof

PATIENCE_SECONDS: Final = 10.0
PERIOD_SECONDS: Final = 0.05


async def include(directory: Path, signer: Signer, entry: bytes, *, patience: float = PATIENCE_SECONDS) -> TlogProof:
    """Put an entry into the log of this folder: see `include_in`."""
    return await include_in(sqlite_parts(directory), one_key(signer), entry, patience=patience)


async def include_in(
    opening: Opening, notary: Notary, entry: bytes, *, patience: float = PATIENCE_SECONDS
) -> TlogProof:
    """The verified proof that an entry is in a log, put there if it was not.

    Raises `LogUnavailable` if it is not included in time; it may be included later. Equal bytes are included once.
    """
    parts = await opening(notary.vkey)
    leaf = leaf_hash(entry)
    try:
        await parts.queue.put([(leaf, entry)])
        last, until = "no process includes entries", time.monotonic() + patience
        while (proof := await _published(parts, notary, leaf)) is None:
            if time.monotonic() > until:
                raise LogUnavailable(f"the entry is stored, and not included yet: {last}; see to the log and try again")
            try:
                await (await start(await opening(notary.vkey), notary)).aclose()
            except LogUnavailable as busy:
                last = str(busy)
                await asyncio.sleep(PERIOD_SECONDS)
        return proof
    finally:
        await close_parts(parts)


async def _published(parts: Parts, notary: Notary, leaf: bytes) -> TlogProof | None:
    """The proof against what readers see, verified; None if the leaf is not under it yet."""
    index = await parts.queue.index(leaf)
    for name in (tiles.CHECKPOINT, PENDING):
        note = await parts.tiles.read(name)
        if note is None or index is None:
            continue
        checkpoint = notary.open(note)
        if index < checkpoint.size:
            path = await Prover(parts.tiles.read).inclusion(index, checkpoint.size)
            verify_inclusion(index=index, size=checkpoint.size, leaf=leaf, path=path, root=checkpoint.root)
            return TlogProof(index=index, path=path, checkpoint=note)
    return None
