"""What was seen in a log, and what is to be remembered about it, in one SQLite file: memory stays flat.

Nothing is kept before `Diary.keep`: a round of the monitor that ends early, however it ends, leaves the file as it was.
The head is the largest checkpoint that held; it only ever grows, and what contradicts it is kept beside it as evidence.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from overt.errors import OperatorError
from overt.proof.note import Checkpoint

VERSION: Final = "overt-monitor/1"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS memo (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (key BLOB PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS awaited (leaf BLOB PRIMARY KEY, minute INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS awaited_minute ON awaited (minute);
CREATE TABLE IF NOT EXISTS counted (
    day TEXT, model TEXT, domain TEXT, outcome TEXT, ground TEXT, number INTEGER NOT NULL,
    PRIMARY KEY (day, model, domain, outcome, ground)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS missing (digest TEXT PRIMARY KEY, what TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS promised (leaf BLOB PRIMARY KEY, due INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alarms (
    kind TEXT, detail TEXT, first INTEGER NOT NULL, PRIMARY KEY (kind, detail)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS evidence (note BLOB PRIMARY KEY, remembered BLOB NOT NULL) STRICT, WITHOUT ROWID;
"""
_CACHE_KIB: Final = 32_768
_RECENT: Final = 4096

Row = tuple[str, str, str, str, str]
"""Day, requested model, domain, outcome, ground: what exchanges are counted by. Unknown is empty."""


@final
@dataclass(frozen=True, slots=True)
class Head:
    """The largest checkpoint that held, and the signed note."""

    checkpoint: Checkpoint
    note: bytes


@final
class Diary:
    """See the module; also implements `overt.proof.walk.Seen`. Made by `open_diary`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._recent: dict[bytes, int] = {}

    def add(self, key: bytes, value: int) -> bool:
        """Remember a value under a new key."""
        return self._connection.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, value)).rowcount == 1

    def set(self, key: bytes, value: int) -> None:
        """Remember a value under a key."""
        self._recent.pop(key, None)
        self._connection.execute("INSERT OR REPLACE INTO seen VALUES (?, ?)", (key, value))

    def get(self, key: bytes) -> int | None:
        """The value. Few keys are asked for again and again: policies, classifiers and receipt keys."""
        found = self._recent.get(key)
        if found is None:
            row = self._connection.execute("SELECT value FROM seen WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            found = int(row[0])
            if len(self._recent) >= _RECENT:
                self._recent.clear()
            self._recent[key] = found
        return found

    def open(self, leaf: bytes, minute: int) -> None:
        """A decision needs a completion."""
        self._connection.execute("INSERT OR IGNORE INTO awaited VALUES (?, ?)", (leaf, minute))

    def close(self, leaf: bytes) -> None:
        """Its completion came."""
        self._connection.execute("DELETE FROM awaited WHERE leaf = ?", (leaf,))

    def awaiting(self, before: int) -> int:
        """How many still need one."""
        row = self._connection.execute("SELECT count(*) FROM awaited WHERE minute < ?", (before,)).fetchone()
        return int(row[0])

    def count(self, rows: Mapping[Row, int]) -> None:
        """Add to the numbers of exchanges."""
        self._connection.executemany(
            "INSERT INTO counted VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET number = number + excluded.number",
            [(*row, number) for row, number in rows.items()],
        )

    def counts(self, period: str = "") -> Iterator[tuple[str, str, str, str, int]]:
        """Requested model, domain, outcome, ground and number, of the days that begin with ``period``."""
        yield from self._connection.execute(
            "SELECT model, domain, outcome, ground, sum(number) FROM counted WHERE substr(day, 1, ?) = ? "
            "GROUP BY model, domain, outcome, ground ORDER BY model, domain, outcome, ground",
            (len(period), period),
        )

    def lack(self, digest: str, what: str) -> None:
        """A digest that leads nowhere, to be tried again."""
        self._connection.execute("INSERT OR REPLACE INTO missing VALUES (?, ?)", (digest, what))

    def found(self, digest: str) -> None:
        """It leads somewhere now."""
        self._connection.execute("DELETE FROM missing WHERE digest = ?", (digest,))

    def lacking(self) -> list[tuple[str, str]]:
        """The digests that lead nowhere, and what each is of."""
        return list(self._connection.execute("SELECT digest, what FROM missing ORDER BY digest"))

    def promise(self, leaf: bytes, due: int) -> None:
        """A leaf that the log promised to include by then (POSIX milliseconds)."""
        self._connection.execute("INSERT OR IGNORE INTO promised VALUES (?, ?)", (leaf, due))

    def promised(self) -> list[tuple[bytes, int]]:
        """The promises that are not known to be kept."""
        return list(self._connection.execute("SELECT leaf, due FROM promised ORDER BY due"))

    def kept(self, leaf: bytes) -> None:
        """A promise was kept."""
        self._connection.execute("DELETE FROM promised WHERE leaf = ?", (leaf,))

    def alarm(self, kind: str, detail: str, now: int) -> bool:
        """Remember an alarm; whether it is new."""
        row = (kind, detail, now)
        return self._connection.execute("INSERT OR IGNORE INTO alarms VALUES (?, ?, ?)", row).rowcount == 1

    def alarms(self) -> int:
        """How many alarms there ever were."""
        return int(self._connection.execute("SELECT count(*) FROM alarms").fetchone()[0])

    def accuse(self, note: bytes, remembered: bytes) -> None:
        """Keep a signed checkpoint that contradicts another one, and that one."""
        self._connection.execute("INSERT OR IGNORE INTO evidence VALUES (?, ?)", (note, remembered))

    def evidence(self) -> list[tuple[bytes, bytes]]:
        """Signed checkpoints that contradict each other."""
        return list(self._connection.execute("SELECT note, remembered FROM evidence"))

    def memo(self, name: str) -> bytes | None:
        """What was noted under a name."""
        row = self._connection.execute("SELECT value FROM memo WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def note(self, name: str, value: bytes) -> None:
        """Note something under a name."""
        self._connection.execute("INSERT OR REPLACE INTO memo VALUES (?, ?)", (name, value))

    def begin(self) -> None:
        """Begin a round: what follows is kept together, or not at all."""
        self._connection.execute("BEGIN IMMEDIATE")

    def keep(self) -> None:
        """Keep what was noted since `begin`; on disk when it returns."""
        self._connection.execute("COMMIT")

    def forget(self) -> None:
        """Forget what was noted since `begin`."""
        self._recent.clear()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


@contextmanager
def open_diary(path: Path | None) -> Iterator[Diary]:
    """The diary in a file, made where there is none; in a temporary file without one. Raises `OperatorError`."""
    # SQLite keeps a database of the name "" in a temporary file that nobody else sees.
    connection = sqlite3.connect("" if path is None else path, isolation_level=None, timeout=1.0)
    try:
        _prepare(connection, path)
        yield Diary(connection)
    except sqlite3.Error as error:
        raise OperatorError(f"the monitor's state {str(path)!r} cannot be used: {error}; see to its disk") from error
    finally:
        connection.close()


def _prepare(connection: sqlite3.Connection, path: Path | None) -> None:
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(_SCHEMA)
    diary = Diary(connection)
    version = diary.memo("version")
    if version is None:
        diary.note("version", VERSION.encode())
    elif version != VERSION.encode():
        raise OperatorError(f"{str(path)!r} is a state {version!r}, this monitor reads {VERSION!r}; use another file")
