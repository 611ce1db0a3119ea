"""`MemoryLog`: a whole log in memory behind the production port, with real proofs and real signatures.

    log = MemoryLog()
    position = await log.append(b"entry")     # included at once
    log.hold()                                # from now on entries wait ...
    log.include()                             # ... until they are included
    log.fail(Operation.APPEND, When.AFTER)    # the next append fails although it stored the entry

`MemoryLog.reader` gives what a web server would show, for `overt.proof.check.check_log`.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Final, final

from overt.core.receipt import Position
from overt.errors import BadRequest, LogUnavailable, TooLarge
from overt.log.keys import SeedSigner, signer_of
from overt.proof import tiles
from overt.proof.merkle import hashes_of, leaf_hash, prove_inclusion
from overt.proof.note import Checkpoint, parse_vkey, sign_checkpoint
from overt.proof.tlogproof import TlogProof, encode_proof

ORIGIN: Final = "overt.test/log"
_LOOK_SECONDS: Final = 0.005


class Operation(StrEnum):
    """What can be made to fail."""

    APPEND = "append"
    CHECKPOINT = "checkpoint"
    TILE = "tile"
    PROOF = "proof"


class When(StrEnum):
    """Whether the effect happens although the call fails."""

    BEFORE = "before the effect"
    AFTER = "after the effect"


def known_signer(origin: str = ORIGIN) -> SeedSigner:
    """A log key that everybody knows."""
    return signer_of(origin, bytes(range(32)))


@final
class MemoryLog:
    """See the module."""

    def __init__(self, signer: SeedSigner | None = None) -> None:
        self._signer = signer if signer is not None else known_signer()
        self._key = parse_vkey(self._signer.vkey)
        self._entries: list[bytes] = []
        self._places: dict[bytes, int] = {}
        self._edge = tiles.Edge()
        self._files: dict[str, bytes] = {}
        self._failures: list[tuple[Operation, When, LogUnavailable]] = []
        self._holding = False
        self._closed = False

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._key.name

    @property
    def vkey(self) -> str:
        """The log's public key."""
        return self._key.text

    @property
    def entries(self) -> tuple[bytes, ...]:
        """Every entry, included or not, in order."""
        return tuple(self._entries)

    def hold(self) -> None:
        """Store entries from now on without including them."""
        self._holding = True

    def include(self) -> None:
        """Include every entry, and go on including at once."""
        self._holding = False
        self._grow()

    def fail(self, operation: Operation, when: When, error: LogUnavailable | None = None) -> None:
        """Make the next call of an operation fail, once. Repeated calls queue up."""
        self._failures.append((operation, when, error or LogUnavailable(f"{operation} was told to fail {when}")))

    def reader(self, path: str) -> bytes | None:
        """The log as its readers see it."""
        if path == tiles.CHECKPOINT:
            checkpoint = Checkpoint(origin=self.origin, size=self._edge.size, root=self._edge.root)
            return sign_checkpoint(checkpoint, self._key, self._signer.sign)
        return self._files.get(path)

    async def append(self, entry: bytes) -> Position:
        """Store an entry."""
        if not entry:
            raise BadRequest("an entry of 0 bytes cannot be logged; send at least one byte")
        if len(entry) > tiles.LARGEST_ENTRY:
            raise TooLarge(f"an entry of {len(entry)} bytes cannot be logged; at most {tiles.LARGEST_ENTRY} fit")
        self._meet(Operation.APPEND, When.BEFORE)
        leaf = leaf_hash(entry)
        if leaf not in self._places:
            self._places[leaf] = len(self._entries)
            self._entries.append(entry)
        if not self._holding:
            self._grow()
        self._meet(Operation.APPEND, When.AFTER)
        return Position(sequence=self._places[leaf] + 1, leaf=leaf)

    async def checkpoint(self) -> bytes:
        """The latest checkpoint."""
        self._meet(Operation.CHECKPOINT, When.BEFORE)
        note = self.reader(tiles.CHECKPOINT)
        self._meet(Operation.CHECKPOINT, When.AFTER)
        assert note is not None
        return note

    async def pending(self) -> bytes:
        """The latest checkpoint: there are no witnesses here."""
        return await self.checkpoint()

    async def tile(self, path: str) -> bytes | None:
        """The file of a tile."""
        self._meet(Operation.TILE, When.BEFORE)
        found = self._files.get(path)
        self._meet(Operation.TILE, When.AFTER)
        return found

    async def proof(self, leaf: bytes) -> bytes | None:
        """The proof against the latest checkpoint."""
        self._meet(Operation.PROOF, When.BEFORE)
        index = self._places.get(leaf)
        note = self.reader(tiles.CHECKPOINT)
        self._meet(Operation.PROOF, When.AFTER)
        if index is None or index >= self._edge.size or note is None:
            return None
        leaves = [leaf_hash(entry) for entry in self._entries[: self._edge.size]]
        path = prove_inclusion(index, self._edge.size, hashes_of(leaves))
        return encode_proof(TlogProof(index=index, path=path, checkpoint=note))

    async def wait(self, leaf: bytes, seconds: float) -> bytes | None:
        """The proof as soon as the entry is included."""
        until = asyncio.get_running_loop().time() + seconds
        while (proof := await self.proof(leaf)) is None:
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                return None
            await asyncio.sleep(min(_LOOK_SECONDS, left))
        return proof

    async def aclose(self) -> None:
        """Include everything; then refuse."""
        if not self._closed:
            self.include()
        self._closed = True

    def _grow(self) -> None:
        self._edge, files = tiles.grow(self._edge, self._entries[self._edge.size :])
        self._files |= files

    def _meet(self, operation: Operation, when: When) -> None:
        if self._closed and operation in (Operation.APPEND, Operation.PROOF):
            raise LogUnavailable("the log is closed")
        for failure in self._failures:
            if failure[:2] == (operation, when):
                self._failures.remove(failure)
                raise failure[2]
