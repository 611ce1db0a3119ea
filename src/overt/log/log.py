"""`TransparencyLog`: the log port over any `Parts`. Durable in one commit, included within a fraction of a second.

Appends that arrive while a commit is under way share the next one (group commit), so a single append waits for no
timer and a thousand share a few syncs. When the sequencer fails, appends are refused until it works again: a promise
to include must not rest on a log that cannot.

Of several processes with one log, one leads: it sequences. The others commit what they are asked to append, show what
the leader publishes, and take over when it is gone.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import Final, final

from overt.core.receipt import Position
from overt.errors import BadRequest, LogUnavailable, OperatorError, Superseded, TooLarge, VerificationFailed
from overt.log.parts import Notary, Parts
from overt.log.points import Reached, unwatched
from overt.log.publish import LOGGER, Published, Publisher, not_published
from overt.log.rows import Prover
from overt.log.sequencer import BATCH, Sequencer
from overt.proof import tiles
from overt.proof.merkle import leaf_hash
from overt.proof.tlogproof import TlogProof, encode_proof

PERIOD_SECONDS: Final = 0.2
COSIGN_SECONDS: Final = 1.0
COMMIT_ROWS: Final = 64
MOST_WAITING: Final = 4096
"""Appends that may wait for their commit at one time; more are refused, or a slow disk would fill the memory."""
LATEST_SECONDS: Final = 30.0
"""How long a committed entry may wait for its index before appends are refused: half of the delay that promises allow
(`overt.proof.receipt.MERGE_DELAY_MS`). By a clock that nobody sets."""

_Fault = OperatorError | VerificationFailed | OSError


@final
@dataclass(frozen=True, slots=True)
class _Waiting:
    """An append that waits for its commit."""

    leaf: bytes
    entry: bytes
    place: asyncio.Future[int]


@final
class TransparencyLog:
    """See the module. Made by `start`."""

    def __init__(
        self,
        *,
        parts: Parts,
        notary: Notary,
        publisher: Publisher,
        prover: Prover,
        period: float,
        alone: bool,
        latest: float,
    ) -> None:
        self._parts = parts
        self._notary = notary
        self._publisher = publisher
        self._prover = prover
        self._period = period
        self._latest = latest
        self._alone = alone
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._due = asyncio.Event()
        self._grown = asyncio.Condition()
        self._unsequenced = 0
        self._oldest: deque[tuple[float, bytes]] = deque()
        self._leads = False
        self._fault: _Fault | None = None
        self._uncosigned: str | None = None
        self._closing = False
        self._closed = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._notary.origin

    @property
    def vkey(self) -> str:
        """The log's public key."""
        return self._notary.vkey

    @property
    def leads(self) -> bool:
        """Whether this process sequenced the last round."""
        return self._leads

    async def append(self, entry: bytes) -> Position:
        """Commit an entry, sharing the commit with others. See `overt.ports.Log.append`."""
        if not entry:
            raise BadRequest("an entry of 0 bytes cannot be logged; send at least one byte")
        if len(entry) > tiles.LARGEST_ENTRY:
            raise TooLarge(f"an entry of {len(entry)} bytes cannot be logged; at most {tiles.LARGEST_ENTRY} fit")
        self._refuse_if_broken()
        self._refuse_if_late()
        waiting = _Waiting(leaf_hash(entry), entry, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._arrived.set()
        return Position(sequence=await waiting.place, leaf=waiting.leaf)

    async def checkpoint(self) -> bytes:
        """The latest published checkpoint; with witnesses, the latest that they have cosigned."""
        return _there(self._publisher.shown).note

    async def pending(self) -> bytes:
        """The latest checkpoint of all."""
        return _there(self._publisher.latest).note

    async def tile(self, path: str) -> bytes | None:
        """The file of a tile."""
        return None if tiles.parse_path(path) is None else await self._parts.tiles.read(path)

    async def proof(self, leaf: bytes) -> bytes | None:
        """The proof against the latest cosigned checkpoint, or against the latest one where only that has the leaf."""
        if self._closing:
            raise LogUnavailable("the log is closed")
        index = await self._parts.queue.index(leaf)
        for published in (_there(self._publisher.shown), _there(self._publisher.latest)):
            if index is not None and index < published.size:
                path = await self._prover.inclusion(index, published.size)
                return encode_proof(TlogProof(index=index, path=path, checkpoint=published.note))
        return None

    async def wait(self, leaf: bytes, seconds: float) -> bytes | None:
        """The proof as soon as there is one, None if there is none in time."""
        try:
            async with asyncio.timeout(seconds):
                while (proof := await self.proof(leaf)) is None:
                    await self._grows()
        except TimeoutError:
            return None
        return proof

    async def aclose(self) -> None:
        """Commit and include what waits, then let go of all parts. Raises `LogUnavailable` if it cannot include
        everything; what was committed is then included at the next start. One that follows leaves it to the leader."""
        if self._closing:
            await self._closed.wait()
            return
        self._closing = True
        self._arrived.set()
        self._due.set()
        try:
            await asyncio.gather(*self._tasks)
            if self._fault is not None:
                raise LogUnavailable(f"closed with entries that are not included yet: {self._fault}") from self._fault
        finally:
            await close_parts(self._parts)
            self._closed.set()

    def start(self, sequencer: Sequencer, *, leads: bool) -> None:
        """Begin to commit and to sequence."""
        self._leads = leads
        commit = asyncio.create_task(self._commit(), name="overt-log-commit")
        sequence = asyncio.create_task(self._sequence(sequencer, commit), name="overt-log-sequence")
        cosign = asyncio.create_task(self._cosign(sequence), name="overt-log-cosign")
        self._tasks = (commit, sequence, cosign)

    def _refuse_if_broken(self) -> None:
        if self._closing:
            raise LogUnavailable("the log is closed")
        if self._fault is not None:
            raise LogUnavailable(f"the log cannot include entries now: {self._fault}") from self._fault
        for task in self._tasks:
            if task.done():
                raise LogUnavailable(
                    f"the task {task.get_name()!r} of the log has stopped; restart"
                ) from task.exception()

    def _refuse_if_late(self) -> None:
        """An entry is not promised where those before it wait too long already."""
        if len(self._waiting) >= MOST_WAITING:
            raise LogUnavailable(
                f"{len(self._waiting)} entries wait to be stored; try again when the disk has caught up"
            )
        waited = time.monotonic() - self._oldest[0][0] if self._oldest else 0.0
        if waited > self._latest:
            raise LogUnavailable(f"an entry has waited {waited:.0f} s to be included: promises could not be kept")

    async def _commit(self) -> None:
        """Commit what has arrived, a batch at a time, until the log closes and nothing waits."""
        while not self._closing or self._waiting:
            await self._arrived.wait()
            if not self._closing:
                self._arrived.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[:COMMIT_ROWS], self._waiting[COMMIT_ROWS:]
                await self._commit_batch(batch)

    async def _commit_batch(self, batch: list[_Waiting]) -> None:
        try:
            places = await self._parts.queue.put([(w.leaf, w.entry) for w in batch])
        except (LogUnavailable, OSError) as error:
            for waiting in batch:
                _fail(waiting.place, LogUnavailable(f"the entry could not be stored: {error}"))
            return
        for waiting, place in zip(batch, places, strict=True):
            # The caller may have gone; its entry is stored all the same.
            if not waiting.place.done():
                waiting.place.set_result(place)
        self._oldest.append((time.monotonic(), batch[0].leaf))
        self._unsequenced += len(batch)
        if self._unsequenced >= BATCH:
            self._due.set()

    async def _sequence(self, sequencer: Sequencer, commit: asyncio.Task[None]) -> None:
        """A round every period, or sooner when a batch is full; rounds until nothing waits at the end."""
        while not self._closing:
            await _either(self._due, self._period)
            self._due.clear()
            await self._rounds(sequencer)
        await commit
        await self._rounds(sequencer)

    async def _rounds(self, sequencer: Sequencer) -> None:
        self._unsequenced = 0
        try:
            self._leads = await sequencer.lead()
            if not self._leads:
                await self._follow()
                await self._forget(None)
            while self._leads and await self._round(sequencer):
                await self._tell()
                self._leads = await sequencer.lead()
            self._fault = None
        except (OperatorError, VerificationFailed, OSError) as error:
            # Who was overtaken follows from now on; a log that has one writer only has a second one, which is a fault.
            self._fault = None if isinstance(error, Superseded) and not self._alone else error
        await self._tell()

    async def _round(self, sequencer: Sequencer) -> int:
        began = time.monotonic()
        count = await sequencer.round()
        await self._forget(began if count < BATCH else None)
        return count

    async def _forget(self, sequenced: float | None) -> None:
        """Forget the commits whose entries have an index: all before a moment, where nothing older was left over."""
        while self._oldest:
            since, leaf = self._oldest[0]
            if (sequenced is None or since >= sequenced) and await self._parts.queue.index(leaf) is None:
                return
            self._oldest.popleft()

    async def _follow(self) -> None:
        if self._alone:
            raise LogUnavailable(f"another process writes the log in {self._parts.where}: stop it first")
        await self._publisher.follow()

    async def _grows(self) -> None:
        """Until a round is over; rounds that change nothing count as well."""
        async with self._grown:
            await self._grown.wait()

    async def _tell(self) -> None:
        """Wake those who wait for a proof."""
        async with self._grown:
            self._grown.notify_all()

    async def _cosign(self, sequence: asyncio.Task[None]) -> None:
        """While the latest checkpoint is not cosigned, ask witnesses once in `COSIGN_SECONDS`; and at the end."""
        if self._parts.cosigner is None:
            await sequence
            return
        while not sequence.done():
            if self._leads and self._publisher.lacks_cosignatures:
                await self._cosign_once()
            await asyncio.wait((sequence,), timeout=COSIGN_SECONDS)
        if self._leads and self._publisher.lacks_cosignatures:
            await self._cosign_once()

    async def _cosign_once(self) -> None:
        """Ask once; say when the outcome is another than before."""
        try:
            outcome = None if await self._publisher.cosign() else "the quorum of witnesses is not met"
        except (OperatorError, VerificationFailed, OSError) as error:
            outcome = f"a cosigned checkpoint cannot be published: {error}"
        if outcome != self._uncosigned:
            LOGGER.warning("%s", outcome or "the quorum of witnesses is met again")
        self._uncosigned = outcome


def _there(published: Published | None) -> Published:
    if published is None:
        raise not_published()
    return published


def _fail(place: asyncio.Future[int], error: LogUnavailable) -> None:
    if not place.done():
        place.set_exception(error)


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set, or the time is over."""
    timer = asyncio.get_running_loop().call_later(seconds, event.set)
    try:
        await event.wait()
    finally:
        timer.cancel()


async def close_parts(parts: Parts) -> None:
    """Let go of everything; the lead last."""
    try:
        if parts.cosigner is not None:
            await parts.cosigner.aclose()
        await parts.tiles.aclose()
    finally:
        await parts.queue.aclose()


async def start(
    parts: Parts,
    notary: Notary,
    *,
    alone: bool = True,
    period: float = PERIOD_SECONDS,
    latest: float = LATEST_SECONDS,
    reached: Reached = unwatched,
) -> TransparencyLog:
    """Repair what a crash left, and begin to commit and to sequence. Takes the parts over, and closes them if it fails.

    Raises `LogUnavailable` if tiles, database and memories do not belong together; and, where the log should have one
    writer (``alone``), if another process leads it. ``reached`` is for tests.
    """
    try:
        prover = Prover(parts.tiles.read)
        publisher = Publisher(parts, notary, prover)
        sequencer = Sequencer(parts=parts, publisher=publisher, reached=reached)
        leads = await sequencer.lead()
        if leads:
            await parts.tiles.introduce(notary.vkey)
        elif alone:
            raise LogUnavailable(f"another process writes the log in {parts.where}: stop it first")
        else:
            await publisher.follow()
        log = TransparencyLog(
            parts=parts, notary=notary, publisher=publisher, prover=prover, period=period, alone=alone, latest=latest
        )
        log.start(sequencer, leads=leads)
    except BaseException as error:
        await close_parts(parts)
        if isinstance(error, OSError):
            raise LogUnavailable(f"the log in {parts.where} cannot be opened: {error}; see to it") from error
        raise
    return log
