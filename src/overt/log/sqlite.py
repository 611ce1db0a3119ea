"""`SqliteLog`: the log port on one machine. Durable in one commit, included within a fraction of a second.

Appends that arrive while a commit is under way share the next one (group commit), so a single append waits for no
timer and a thousand share a few syncs. When the sequencer fails, appends are refused until it works again: a promise
to include must not rest on a log that cannot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from overt.core.receipt import Position
from overt.errors import BadRequest, LogUnavailable, OperatorError, TooLarge, VerificationFailed
from overt.log.folder import Folder, Lock, lock_folder
from overt.log.points import Reached, unwatched
from overt.log.queue import Queue, open_queue
from overt.log.rows import RowCache
from overt.log.sequencer import BATCH, Published, Sequencer
from overt.log.threads import Threads, start_threads
from overt.ports import Signer
from overt.proof import tiles
from overt.proof.merkle import leaf_hash, prove_inclusion
from overt.proof.note import VerifierKey, parse_vkey
from overt.proof.tlogproof import TlogProof, encode_proof

PERIOD_SECONDS: Final = 0.2
COMMIT_ROWS: Final = 64


@final
@dataclass(frozen=True, slots=True)
class _Waiting:
    """An append that waits for its commit."""

    leaf: bytes
    entry: bytes
    place: asyncio.Future[int]


@final
class SqliteLog:
    """See the module. Made by `open_log`."""

    def __init__(
        self, *, key: VerifierKey, queue: Queue, folder: Folder, threads: Threads, lock: Lock, period: float
    ) -> None:
        self._key = key
        self._queue = queue
        self._folder = folder
        self._threads = threads
        self._lock = lock
        self._period = period
        self._rows = RowCache(folder.read)
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._due = asyncio.Event()
        self._unsequenced = 0
        self._published: Published | None = None
        self._fault: OperatorError | VerificationFailed | OSError | None = None
        self._closing = False
        self._closed = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._key.name

    @property
    def vkey(self) -> str:
        """The log's public key."""
        return self._key.text

    async def append(self, entry: bytes) -> Position:
        """Commit an entry, sharing the commit with others. See `overt.ports.Log.append`."""
        if not entry:
            raise BadRequest("an entry of 0 bytes cannot be logged; send at least one byte")
        if len(entry) > tiles.LARGEST_ENTRY:
            raise TooLarge(f"an entry of {len(entry)} bytes cannot be logged; at most {tiles.LARGEST_ENTRY} fit")
        self._refuse_if_broken()
        waiting = _Waiting(leaf_hash(entry), entry, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._arrived.set()
        return Position(sequence=await waiting.place, leaf=waiting.leaf)

    async def checkpoint(self) -> bytes:
        """The latest published checkpoint."""
        return self._shown().note

    async def tile(self, path: str) -> bytes | None:
        """The file of a tile, read in another thread."""
        if tiles.parse_path(path) is None:
            return None
        return await asyncio.to_thread(self._folder.read, path)

    async def proof(self, leaf: bytes) -> bytes | None:
        """The proof against the latest published checkpoint."""
        if self._closing:
            raise LogUnavailable("the log is closed")
        index = await self._threads.queue(lambda: self._queue.index(leaf))
        published = self._shown()
        if index is None or index >= published.size:
            return None
        path = await self._threads.files(
            lambda: prove_inclusion(index, published.size, tiles.hashes_in(published.size, self._rows))
        )
        return encode_proof(TlogProof(index=index, path=path, checkpoint=published.note))

    async def aclose(self) -> None:
        """Commit and include what waits, then let go of files and threads. Raises `LogUnavailable` if it cannot
        include everything; what was committed is then included at the next start."""
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
            await self._threads.queue(self._queue.close)
            self._threads.close()
            self._lock.release()
            self._closed.set()

    def show(self, published: Published) -> None:
        """For the sequencer: readers see this checkpoint from now on."""
        self._published = published

    def start(self, sequencer: Sequencer) -> None:
        """Begin to commit and to sequence."""
        self._tasks = (
            asyncio.create_task(self._commit(), name="overt-log-commit"),
            asyncio.create_task(self._sequence(sequencer), name="overt-log-sequence"),
        )

    def _shown(self) -> Published:
        if self._published is None:
            raise LogUnavailable("the log has not published a checkpoint yet")
        return self._published

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
            places = await self._threads.queue(lambda: self._queue.put([(w.leaf, w.entry) for w in batch]))
        except (LogUnavailable, OSError) as error:
            for waiting in batch:
                _fail(waiting.place, LogUnavailable(f"the entry could not be stored: {error}"))
            return
        for waiting, place in zip(batch, places, strict=True):
            # The caller may have gone; its entry is stored all the same.
            if not waiting.place.done():
                waiting.place.set_result(place)
        self._unsequenced += len(batch)
        if self._unsequenced >= BATCH:
            self._due.set()

    async def _sequence(self, sequencer: Sequencer) -> None:
        """A round every period, or sooner when a batch is full; rounds until nothing waits at the end."""
        while not self._closing:
            await _either(self._due, self._period)
            self._due.clear()
            await self._rounds(sequencer)
        await self._tasks[0]
        await self._rounds(sequencer)

    async def _rounds(self, sequencer: Sequencer) -> None:
        self._unsequenced = 0
        try:
            while await sequencer.round():
                continue
            self._fault = None
        except (OperatorError, VerificationFailed, OSError) as error:
            self._fault = error


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


async def open_log(
    directory: Path, origin: str, signer: Signer, *, period: float = PERIOD_SECONDS, reached: Reached = unwatched
) -> SqliteLog:
    """Open or make the log in a folder, repair what a crash left, and start to sequence.

    Raises `LogUnavailable` if another process writes it or if its tiles and database do not belong together, and
    `OperatorError` if the signer's key is not the log's. ``reached`` is for tests.
    """
    key = parse_vkey(signer.vkey)
    if key.name != origin:
        raise OperatorError(f"the key is named {key.name!r}, the log {origin!r}; a log's key has the log's name")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = lock_folder(directory)
    except OSError as error:
        raise LogUnavailable(f"{str(directory)!r} cannot hold a log: {error}; choose a folder we may write") from error
    threads = start_threads()
    release: list[Callable[[], None]] = []
    try:
        queue = await threads.queue(lambda: open_queue(directory / "log.sqlite", key.text, reached))
        release.append(queue.close)
        folder = Folder(directory, key, reached)
        log = SqliteLog(key=key, queue=queue, folder=folder, threads=threads, lock=lock, period=period)
        sequencer = Sequencer(
            queue=queue, folder=folder, threads=threads, key=key, signer=signer, reached=reached, show=log.show
        )
        edge = await sequencer.recover()
        await threads.files(lambda: folder.measure(edge.size))
        await threads.files(folder.introduce)
        log.start(sequencer)
    except BaseException as error:
        for call in release:
            await threads.queue(call)
        threads.close()
        lock.release()
        if isinstance(error, OSError):
            raise LogUnavailable(f"the log in {str(directory)!r} cannot be opened: {error}; see to it") from error
        raise
    return log
