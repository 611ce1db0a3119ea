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
from overt.log.files import directory_reader
from overt.log.points import unwatched
from overt.log.queue import Queue, open_queue
from overt.log.sqlite import open_log
from overt.ports import Signer
from overt.proof import tiles
from overt.proof.merkle import leaf_hash, prove_inclusion
from overt.proof.note import VerifierKey, open_checkpoint, parse_vkey
from overt.proof.tlogproof import TlogProof, verify_proof

PATIENCE_SECONDS: Final = 10.0
PERIOD_SECONDS: Final = 0.05


async def include(directory: Path, signer: Signer, entry: bytes, *, patience: float = PATIENCE_SECONDS) -> TlogProof:
    """The verified proof that an entry is in the log of this folder, put there if it was not.

    Raises `LogUnavailable` if it is not included in time; it may be included later. Equal bytes are included once.
    """
    key = parse_vkey(signer.vkey)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LogUnavailable(f"{str(directory)!r} cannot hold a log: {error}; choose a folder we may write") from error
    queue = open_queue(directory / "log.sqlite", key.text, unwatched)
    try:
        queue.put([(leaf_hash(entry), entry)])
        return await _proof(directory, signer, queue, leaf_hash(entry), time.monotonic() + patience)
    finally:
        queue.close()


async def _proof(directory: Path, signer: Signer, queue: Queue, leaf: bytes, until: float) -> TlogProof:
    key, last = parse_vkey(signer.vkey), "no process includes entries"
    while (proof := _published(directory, queue, leaf, key)) is None:
        if time.monotonic() > until:
            raise LogUnavailable(f"the entry is stored, and not included yet: {last}; see to the log and try again")
        try:
            await (await open_log(directory, key.name, signer)).aclose()
        except LogUnavailable as busy:
            last = str(busy)
            await asyncio.sleep(PERIOD_SECONDS)
    verify_proof(proof, leaf, key)
    return proof


def _published(directory: Path, queue: Queue, leaf: bytes, key: VerifierKey) -> TlogProof | None:
    """The proof against the checkpoint that readers see, None if the leaf is not under it yet."""
    reader = directory_reader(directory)
    index, note = queue.index(leaf), reader(tiles.CHECKPOINT)
    if index is None or note is None:
        return None
    size = open_checkpoint(note, key).size
    if index >= size:
        return None
    path = prove_inclusion(index, size, tiles.hashes_in(size, tiles.rows_from(reader)))
    return TlogProof(index=index, path=path, checkpoint=note)
