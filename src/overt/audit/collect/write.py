"""The file of records: written by one task, one line after the other, each on the disk before it counts.

Opening it takes a lock, so that two collections cannot write one chain; reads and verifies what is there; and sets a
torn last line aside (a file beside it, ``….torn-<digest>``) where a kill or a full disk left one. Records that come
while a write is under way are written together by the next.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias, final

from overt.audit.chain import Chain, digest, encode_record, verify_chain
from overt.audit.record import Record
from overt.errors import OperatorError, VerificationFailed

Waiting: TypeAlias = tuple[Record, "asyncio.Future[Record]"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file of records that can be gone on with. ``set_aside`` names the file of a torn last line."""

    descriptor: int
    path: Path
    chain: Chain
    set_aside: Path | None


def open_records(path: Path, plan: str) -> Opened:
    """Go on with the records of the plan of this digest, or begin them.

    `OperatorError` if another process writes them or the disk refuses; `VerificationFailed` if the chain does not hold.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise OperatorError(f"cannot open the records {str(path)!r}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with path.open("rb") as file:
            chain = _verified(path, file.read(), plan)
        set_aside = _repair(descriptor, path, chain)
        os.lseek(descriptor, 0, os.SEEK_END)
        _sync_folder(path.parent)
    except BlockingIOError as error:
        os.close(descriptor)
        raise OperatorError(f"another collection writes {str(path)!r}: wait for it, or end it") from error
    except OSError as error:
        os.close(descriptor)
        raise OperatorError(f"cannot read or repair {str(path)!r}: {error.strerror}") from error
    except BaseException:
        os.close(descriptor)
        raise
    return Opened(descriptor=descriptor, path=path, chain=chain, set_aside=set_aside)


def _verified(path: Path, raw: bytes, plan: str) -> Chain:
    try:
        return verify_chain(raw, plan)
    except VerificationFailed as error:
        raise VerificationFailed(f"{path}, {error.step}", error.reason) from error


@final
class Writer:
    """Appends records to an open file; `run` must be running. See the module."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._head = opened.chain.head
        self._number = len(opened.chain.records)
        self._queue: asyncio.Queue[Waiting | None] = asyncio.Queue()
        self._fault: OperatorError | None = None

    async def write(self, record: Record) -> Record:
        """Append a record, and return it as it stands on the disk: with its number and the digest before it.

        Being cancelled does not take back what was handed over.
        """
        if self._fault is not None:
            raise self._fault
        written: asyncio.Future[Record] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((record, written))
        return await asyncio.shield(written)

    def finish(self) -> None:
        """Let `run` end when all that was handed over is written."""
        self._queue.put_nowait(None)

    async def run(self) -> None:
        """Write until `finish`."""
        ended = False
        while not ended:
            batch = [await self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            ended = None in batch
            await self._append([each for each in batch if each is not None])

    def close(self) -> None:
        """Close the file, and so give up its lock."""
        os.close(self._opened.descriptor)

    async def _append(self, batch: list[Waiting]) -> None:
        if self._fault is not None or not batch:
            self._refuse(batch)
            return
        try:
            lines, records = self._chained([record for record, _ in batch])
            await asyncio.to_thread(_write, self._opened.descriptor, lines)
        except (OSError, VerificationFailed) as error:
            said = error.strerror if isinstance(error, OSError) else str(error)
            self._fault = OperatorError(
                f"cannot write {str(self._opened.path)!r}: {said}; make room, then start the same command again"
            )
            self._refuse(batch)
            return
        for (_, written), record in zip(batch, records, strict=True):
            written.set_result(record)

    def _chained(self, batch: list[Record]) -> tuple[bytes, list[Record]]:
        lines, records = bytearray(), list[Record]()
        for record in batch:
            chained = replace(record, number=self._number, previous=self._head)
            line = encode_record(chained)
            lines += line
            records.append(chained)
            self._number, self._head = self._number + 1, digest(line)
        return bytes(lines), records

    def _refuse(self, batch: list[Waiting]) -> None:
        for _, written in batch:
            if self._fault is not None and not written.done():
                written.set_exception(self._fault)
                # Whoever waited may be gone; the fault is raised by the next write as well.
                written.exception()


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)


def _repair(descriptor: int, path: Path, chain: Chain) -> Path | None:
    """Move a torn last line into a file. That is named by its digest, so that a kill half-way leaves no second one."""
    if not chain.torn:
        return None
    aside = path.with_name(f"{path.name}.torn-{hashlib.sha256(chain.torn).hexdigest()[:12]}")
    target = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        _write(target, chain.torn)
    finally:
        os.close(target)
    os.ftruncate(descriptor, chain.whole)
    os.fsync(descriptor)
    return aside


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
