"""What a witness remembers: the last checkpoint that it cosigned of each log, and evidence against logs.

Reading the last checkpoint, weighing the new one and storing it is one transaction, and it is on disk
(``synchronous=FULL``) before the cosignature leaves. So neither a witness that was killed nor two processes over one
file cosign two histories. The time of a cosignature never goes back: while the clock is behind the last one, by more
than a moment, nothing is cosigned.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from overt.errors import OperatorError
from overt.log.threads import Thread, start_thread
from overt.ports import Signer
from overt.proof.cosign import CosignerKey, cosign
from overt.proof.note import Checkpoint, VerifierKey, open_signed, parse_checkpoint, parse_vkey, unverified_text
from overt.proof.witness import Answer, Continues, Refused, checkpoint_path, decode_add_checkpoint, weigh

MOST_BACK_SECONDS: Final = 60
"""How far the clock may go back; until it has caught up, cosignatures have the time of the last one."""
MOST_EVIDENCE: Final = 20
"""Pieces of evidence that are kept for a log, of each kind. One is enough."""

LOGGER = logging.getLogger("overt.witness")

_BUSY_SECONDS: Final = 2.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS witness (one INTEGER PRIMARY KEY CHECK (one = 1), vkey TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS seen (
    origin TEXT PRIMARY KEY, path TEXT NOT NULL UNIQUE, time INTEGER NOT NULL, note BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS evidence (
    digest BLOB PRIMARY KEY, path TEXT NOT NULL, time INTEGER NOT NULL, contradicts INTEGER NOT NULL,
    why TEXT NOT NULL, known BLOB NOT NULL, offered BLOB NOT NULL
) STRICT;
"""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Two notes that a log signed: the one that was known, and the one that was refused.

    ``contradicts``: by themselves they prove two histories. Otherwise the proof that came with the second was wrong;
    whether it continues the first, the log's tiles tell.
    """

    time: int
    contradicts: bool
    why: str
    known: bytes
    offered: bytes


@final
class Book:
    """See the module. Made by `open_book`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        thread: Thread,
        *,
        signer: Signer,
        key: CosignerKey,
        logs: Sequence[VerifierKey],
        now: Callable[[], float],
    ) -> None:
        self._connection = connection
        self._thread = thread
        self._signer = signer
        self._key = key
        self._logs = logs
        self._now = now
        self._closed = False

    @property
    def key(self) -> CosignerKey:
        """By which the witness is known."""
        return self._key

    @property
    def logs(self) -> Sequence[VerifierKey]:
        """Whose checkpoints it cosigns."""
        return self._logs

    async def add(self, raw: bytes) -> bytes | Refused:
        """The cosignature line for the body of an ``add-checkpoint``; the checkpoint is stored when this returns.

        Raises `OperatorError` if nothing can be stored, or if the clock went back.
        """
        return await self._thread.run(lambda: self._add(raw))

    async def last(self, path: str) -> bytes | None:
        """The last checkpoint with the cosignature, at its path (C2SP tlog-witness); None if there is none."""
        return await self._thread.run(lambda: self._last(path))

    async def evidence(self, path: str) -> Sequence[Evidence]:
        """What was refused of the log whose checkpoint is at this path, oldest first."""
        return await self._thread.run(lambda: self._evidence(path))

    async def count_evidence(self) -> int:
        """Pieces of evidence against any log."""
        return await self._thread.run(lambda: self._count("SELECT count(*) FROM evidence"))

    async def aclose(self) -> None:
        """Close the file. Idempotent."""
        if not self._closed:
            self._closed = True
            await self._thread.run(self._connection.close)
            self._thread.close()

    def _add(self, raw: bytes) -> bytes | Refused:
        with _transaction(self._connection):
            found = weigh(raw, self._keys_of, self._last_of)
            if isinstance(found, Refused):
                if found.answer is Answer.INCONSISTENT:
                    self._keep(raw, found)
                return found
            return self._cosign(raw, found)

    def _cosign(self, raw: bytes, new: Continues) -> bytes:
        origin = new.checkpoint.origin
        time = self._time(origin)
        line = cosign(new.text, self._key, time, self._signer.sign)
        self._connection.execute(
            "INSERT OR REPLACE INTO seen (origin, path, time, note) VALUES (?, ?, ?, ?)",
            (origin, checkpoint_path(origin), time, self._signed(raw) + line.encode()),
        )
        return line.encode()

    def _time(self, origin: str) -> int:
        """Now; but not before the last cosignature: at that time, a smaller state was the largest."""
        now = int(self._now())
        row = self._row("SELECT time FROM seen WHERE origin = ?", origin)
        last = now if row is None else int(row[0])
        if last - now > MOST_BACK_SECONDS:
            raise OperatorError(
                f"the clock is {last - now} s behind the last cosignature of {origin!r}; set it, or wait until then"
            )
        return max(now, last)

    def _keep(self, raw: bytes, refused: Refused) -> None:
        """Keep both notes, and tell whoever runs the witness; each pair once."""
        offered = self._signed(raw)
        checkpoint = parse_checkpoint(unverified_text(offered), extensions=True)
        row = self._row("SELECT note FROM seen WHERE origin = ?", checkpoint.origin)
        known = b"" if row is None else bytes(row[0])
        texts = [unverified_text(note) if note else "" for note in (known, offered)]
        path, digest = checkpoint_path(checkpoint.origin), hashlib.sha256("\n".join(texts).encode()).digest()
        kept = "SELECT count(*) FROM evidence WHERE path = ? AND contradicts = ?"
        if self._count(kept, path, refused.contradicts) >= MOST_EVIDENCE:
            return
        values = (digest, path, int(self._now()), refused.contradicts, refused.why, known, offered)
        new = self._connection.execute("INSERT OR IGNORE INTO evidence VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        if new.rowcount:
            what = "HAS TWO HISTORIES" if refused.contradicts else "did not prove that it continues its history"
            LOGGER.error(
                "THE LOG %s %s (%s). Both signed notes are kept; anybody can read them at %s.",
                checkpoint.origin,
                what,
                refused.why,
                evidence_path(checkpoint.origin),
            )

    def _signed(self, raw: bytes) -> bytes:
        """The note in a request, with the lines of the log's own keys alone: those were verified."""
        note = decode_add_checkpoint(raw).note
        origin = parse_checkpoint(unverified_text(note), extensions=True).origin
        opened = open_signed(note, self._keys_of(origin))
        return "".join([opened.text, "\n", *(line.text for line in opened.signed)]).encode()

    def _keys_of(self, origin: str) -> Sequence[VerifierKey]:
        return [key for key in self._logs if key.name == origin]

    def _last_of(self, origin: str) -> Checkpoint | None:
        row = self._row("SELECT note FROM seen WHERE origin = ?", origin)
        return None if row is None else parse_checkpoint(unverified_text(bytes(row[0])), extensions=True)

    def _evidence(self, path: str) -> list[Evidence]:
        sql = "SELECT time, contradicts, why, known, offered FROM evidence WHERE path = ? ORDER BY time, rowid"
        with _telling():
            return [
                Evidence(time=time, contradicts=bool(contradicts), why=why, known=known, offered=offered)
                for time, contradicts, why, known, offered in self._connection.execute(sql, (path,))
            ]

    def _last(self, path: str) -> bytes | None:
        row = self._row("SELECT note FROM seen WHERE path = ?", path)
        return None if row is None else bytes(row[0])

    def _count(self, sql: str, *values: object) -> int:
        row = self._row(sql, *values)
        return 0 if row is None else int(row[0])

    def _row(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        with _telling():
            row: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
        return row


def evidence_path(origin: str) -> str:
    """Where below its address a witness shows what it refused of a log."""
    return checkpoint_path(origin).replace("/checkpoint", "/evidence")


async def open_book(
    path: Path, signer: Signer, logs: Sequence[VerifierKey], *, now: Callable[[], float] = time.time
) -> Book:
    """Open or make a witness's file. ``signer`` holds its key, which must sign nothing else.

    Raises `OperatorError` if the file cannot be used, or belongs to another key: a witness with a fresh file, or with
    another's, would cosign a history that it had refused.
    """
    named = parse_vkey(signer.vkey)
    key = CosignerKey(name=named.name, public=named.public)
    if any(log.public == key.public for log in logs):
        raise OperatorError(f"the key of {key.name!r} is a log's key as well; a witness needs one of its own")
    thread = start_thread("overt-witness")
    try:
        connection = await thread.run(lambda: _connect(path, key))
    except BaseException:
        thread.close()
        raise
    return Book(connection, thread, signer=signer, key=key, logs=logs, now=now)


def _connect(path: Path, key: CosignerKey) -> sqlite3.Connection:
    with _telling():
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        with _telling():
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_SCHEMA)
            connection.execute("INSERT OR IGNORE INTO witness VALUES (1, ?)", (key.text,))
            known = connection.execute("SELECT vkey FROM witness").fetchone()[0]
        if known != key.text:
            raise OperatorError(f"{str(path)!r} is the file of {known!r}, not of {key.text!r}; use its key")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OperatorError(f"the witness's file failed: {error}; check free space and rights") from error


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commits at the end. If it raises, nothing leaves the witness, whether or not it was committed."""
    with _telling():
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
