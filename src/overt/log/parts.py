"""The parts of which `overt.log.log` makes a log. One adapter of each kind together keeps the port `overt.ports.Log`.

    Queue        what is durable before a promise: waiting entries, the head, who leads     log/queue.py (SQLite)
    TileStore    what readers fetch: tiles, bundles, checkpoints; and the staged batch      log/folder.py (a folder)
    Memory       a copy of the last signed checkpoint, kept elsewhere than the two above    log/memory.py (a file)
    Cosigner     asks witnesses; a log may have none
    Notary       the log's own key or keys: signs and opens checkpoints                     log/notary.py

Every method is a coroutine and may be called concurrently with the others. Every failure of what lies behind an
adapter (disk, network, database) becomes `LogUnavailable` or `OSError`; neither means that nothing happened. The order
of calls, and why it is safe, is in `overt.log.sequencer`. The contract suites: `overt.testing.contracts.parts`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, final

from overt.proof import witness
from overt.proof.merkle import EMPTY_ROOT
from overt.proof.note import Checkpoint

PENDING: Final = witness.PENDING
"""Where the latest checkpoint lies that witnesses have not cosigned yet. Only a log with a `Cosigner` writes it."""


@final
@dataclass(frozen=True, slots=True)
class Head:
    """The state of the tree that is committed: the trusted root."""

    size: int = 0
    root: bytes = EMPTY_ROOT


@final
@dataclass(frozen=True, slots=True)
class Batch:
    """What one round adds: the head after it, and every file that it makes or widens, by path (``tile/…``).

    A path always has the same bytes, whoever writes it: the queue commits to one history only.
    """

    head: Head
    files: Mapping[str, bytes]


class Queue(Protocol):
    """Entries that wait, the head, and the lead. Its transactions are what everything else leans on.

    Processes that share a log open one queue each. Any of them puts; the one that leads takes and advances.
    """

    async def put(self, rows: Sequence[tuple[bytes, bytes]]) -> Sequence[int]:
        """Store (leaf, entry) pairs in one transaction, and give their places. A leaf that is known keeps its place.

        When it returns, the rows survive a crash and a power cut, and `take` gives them until they have an index.
        Places grow; they need not be contiguous. Raises `LogUnavailable`: then all rows are stored, or none.
        """
        ...

    async def take(self, most: int) -> Sequence[tuple[int, bytes]]:
        """At most ``most`` rows without an index, (place, entry), by place. They stay until `advance`.

        A row that commits late, behind one with a higher place that has an index already, is given as well.
        """
        ...

    async def head(self) -> Head:
        """The committed head; ``Head()`` in a new log."""
        ...

    async def lead(self) -> int | None:
        """Take the lead, or keep it: the epoch in which we lead, None while another process does.

        Called before every round, so an adapter may use it as its heartbeat. A lead that is taken, also anew, has a
        higher epoch than every lead before it, committed before this returns; a lead that is kept keeps its epoch. From
        then on `advance` refuses every lower epoch: a leader that was paused and wakes up cannot write.
        """
        ...

    async def advance(self, old: Head, new: Head, places: Sequence[int], *, epoch: int) -> None:
        """In one transaction: if the head is ``old`` and the epoch is still ``epoch``, make the head ``new`` and give
        the rows at ``places`` the indexes from ``old.size`` on. The point of no return.

        Raises `Superseded` if head or epoch are others: then nothing happened. Raises `LogUnavailable` for every other
        failure: then nobody knows, and `head` tells. Entries below ``old.size`` may be forgotten, their leaves not.
        """
        ...

    async def index(self, leaf: bytes) -> int | None:
        """The index of a leaf, None if it has none yet or is unknown."""
        ...

    async def aclose(self) -> None:
        """Give up the lead, if we have it, and release the connection. Idempotent."""
        ...


class TileStore(Protocol):
    """Files of the log as any reader fetches them, and one staged batch. It is not trusted: the queue's head is.

    A file is whole or absent, never half. Only the leader calls `recover`, `stage`, `apply`, `publish` and `clean`; but
    a leader that was paused may call them late, so none of them may undo what a later leader did.
    """

    async def stage(self, batch: Batch) -> None:
        """Make a batch durable before it is committed to. Batches with other heads stay as they are."""
        ...

    async def recover(self, head: Head) -> Batch | None:
        """The batch that was staged for exactly this head, with its files applied again; None if there is none.

        Drops every other staged batch that is not larger, and what was half written when a process died. A larger one
        may be a later leader's, which has committed to it while we were paused; a store with one writer may drop it.
        """
        ...

    async def apply(self, batch: Batch) -> None:
        """Put the files of a committed batch in their places; durable when it returns. Repeating it is harmless."""
        ...

    async def publish(self, name: str, note: bytes) -> None:
        """Show a signed checkpoint whose tiles are applied, at ``checkpoint`` or `PENDING`; durable when it returns.

        Replaces the note there in one step, unless that one is of a larger log: then it raises `Superseded`.
        """
        ...

    async def clean(self, batch: Batch) -> None:
        """Forget the staging of a published batch, and drop the partial tiles that its full tiles replace."""
        ...

    async def read(self, path: str) -> bytes | None:
        """The bytes at ``checkpoint``, `PENDING` or a well-formed ``tile/…`` path; None for everything else."""
        ...

    async def measure(self, size: int) -> None:
        """Raise `LogUnavailable` if a full tile or bundle of a log of this size is missing or visibly cut off.

        A store that can be pruned (`overt.log.prune`) lets those bundles be missing that the log says may be. Looks at
        lengths, not at hashes.
        """
        ...

    async def introduce(self, vkey: str) -> None:
        """Put the public key beside the log (``log.vkey``), for convenience: it proves no origin."""
        ...

    async def aclose(self) -> None:
        """Release what is open. Idempotent."""
        ...


class Memory(Protocol):
    """Remembers the last signed checkpoint where neither database nor tiles lie: it shows that both were restored.

    A log may have several. Each is told of a checkpoint after its commit and before anybody else sees it.
    """

    async def recall(self) -> bytes | None:
        """The note that was remembered last, None if there never was one."""
        ...

    async def remember(self, note: bytes) -> None:
        """Keep a note; durable when it returns. Raises `Superseded` if a checkpoint of a larger log is remembered."""
        ...


Prove = Callable[[int], Awaitable[Sequence[bytes]]]
"""The consistency proof from an older size of the log to the checkpoint at hand (C2SP tlog-witness, ``old``)."""


class Cosigner(Protocol):
    """Gets cosignatures from witnesses.

    The log calls it with the latest checkpoint, one call at a time, and not more often than once in
    `overt.log.log.COSIGN_SECONDS`; rounds go on meanwhile.
    """

    async def cosign(self, note: bytes, prove: Prove) -> bytes | None:
        """The note with the cosignature lines that were got, if the quorum is met; else None.

        The text and the log's own signature lines stay byte for byte. A witness that is down, slow or lying is not an
        error: its line is left out. Ends within its own time limit (2 s for each witness).
        """
        ...

    async def aclose(self) -> None:
        """Release connections. Idempotent."""
        ...


class Notary(Protocol):
    """The log's own key; during a rotation, the old one and the new one."""

    @property
    def origin(self) -> str:
        """The log's name in its checkpoints."""
        ...

    @property
    def vkey(self) -> str:
        """The verifier key that readers are given."""
        ...

    def sign(self, checkpoint: Checkpoint) -> bytes:
        """The signed note. Deterministic: the same checkpoint gives the same bytes."""
        ...

    def open(self, note: bytes) -> Checkpoint:
        """The checkpoint of a note that this log has signed, now or earlier; else `VerificationFailed`."""
        ...


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A log that is open and not started: see `overt.log.log.start`. ``where`` is what messages call it."""

    where: str
    queue: Queue
    tiles: TileStore
    memories: tuple[Memory, ...] = ()
    cosigner: Cosigner | None = None


Opening = Callable[[str], Awaitable[Parts]]
"""Opens the parts of a log for its verifier key, for a gateway or for `overt.log.include`; raises `OperatorError`
if they belong to another log. Made by `overt.log.sqlite.sqlite_parts` and its like."""
