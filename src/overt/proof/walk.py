"""Going through a log from entry to entry, from its beginning or from where somebody stopped before.

Every entry is hashed again, and the tree is grown from the entries alone; every hash tile on the way is compared with
what the entries give. What has to be remembered about entries is put into `Seen`, so that memory does not grow with the
log where `Seen` is a file. A flaw is told and the walk goes on: whoever is told may raise.

Where a bundle was pruned the tree grows from the hash tile of level 0, and by the end of the walk an entry of the log
must have said so (`Retention`). The first bundle is never pruned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, assert_never, final

from overt.core.domain import Digest
from overt.core.receipt import Kind, Statement
from overt.errors import VerificationFailed
from overt.proof import commit, merkle, tiles
from overt.proof.instant import utc
from overt.proof.keys import verify_log_key
from overt.proof.note import parse_vkey
from overt.proof.statement import (
    Announcement,
    Entry,
    KeyAnnouncement,
    LogKey,
    Outcome,
    Retention,
    ShardClose,
    ShardOpen,
    Subject,
    decode_entry,
)

PATIENCE_SECONDS: Final = 3600
"""How long a decision may be without the completion that it needs: longer than any answer takes."""
OURSELVES: Final = "overt"
"""The provider that a statement names where no model's words are in the answer."""
_KEY_BYTES: Final = 16


class Seen(Protocol):
    """What was seen in a log. Keys are bytes of one length; values are integers that fit 64 bits."""

    def add(self, key: bytes, value: int) -> bool:
        """Remember a value under a key that is new; False, and nothing changes, if it is not."""
        ...

    def set(self, key: bytes, value: int) -> None:
        """Remember a value under a key, whatever was there."""
        ...

    def get(self, key: bytes) -> int | None:
        """The value, None if there is none."""
        ...

    def open(self, leaf: bytes, minute: int) -> None:
        """Remember that a decision of this minute needs a completion."""
        ...

    def close(self, leaf: bytes) -> None:
        """Its completion came. Harmless if it needed none."""
        ...

    def awaiting(self, before: int) -> int:
        """How many decisions of minutes before this one still need a completion."""
        ...


@final
class MemorySeen:
    """Implements `Seen` in memory, for logs that are not large."""

    def __init__(self) -> None:
        self._values: dict[bytes, int] = {}
        self._open: dict[bytes, int] = {}

    def add(self, key: bytes, value: int) -> bool:
        """Remember a value under a new key."""
        if key in self._values:
            return False
        self._values[key] = value
        return True

    def set(self, key: bytes, value: int) -> None:
        """Remember a value under a key."""
        self._values[key] = value

    def get(self, key: bytes) -> int | None:
        """The value."""
        return self._values.get(key)

    def open(self, leaf: bytes, minute: int) -> None:
        """A decision needs a completion."""
        self._open[leaf] = minute

    def close(self, leaf: bytes) -> None:
        """Its completion came."""
        self._open.pop(leaf, None)

    def awaiting(self, before: int) -> int:
        """How many still need one."""
        return sum(minute < before for minute in self._open.values())


class Rule(StrEnum):
    """What an entry can break."""

    ENTRY = "entry"
    """It is of the schema and of this log, has an id of its own, and completes an earlier decision."""
    ANNOUNCED = "announced"
    """What it rests on was announced before, and its key was valid."""


@final
@dataclass(frozen=True, slots=True)
class Flaw:
    """An entry that breaks a rule."""

    rule: Rule
    index: int
    detail: str


Told = Callable[[Flaw], None]
Met = Callable[[int, Entry], None]
"""Called with each entry that is of the schema, and its index."""


def nobody(index: int, entry: Entry) -> None:
    """For a walk on which nobody looks at the entries."""
    del index, entry


def leaf_key(leaf: bytes) -> bytes:
    """The key in `Seen` of a statement's leaf hash; its value is the index."""
    return _key(b"leaf", leaf)


def needs_completion(statement: Statement) -> bool:
    """Whether a completion has to follow: a model's reply was told as what it is not, before its bytes were known."""
    changed = statement.outcome in (Outcome.REDIRECT, Outcome.REFUSE)
    known = commit.RESPONSE in statement.commitments
    return statement.kind is Kind.DECISION and changed and not known and statement.served.provider != OURSELVES


@final
class Walk:
    """See the module. Begins at ``edge``, where everything before it is in ``seen``.

    ``mark`` is a size at which the root is wanted: it is in ``marked`` when the walk has passed it.
    """

    def __init__(
        self,
        reader: tiles.Reader,
        origin: str,
        seen: Seen,
        told: Told,
        *,
        edge: tiles.Edge | None = None,
        met: Met = nobody,
        mark: int | None = None,
    ) -> None:
        self._reader = reader
        self._origin = origin
        self._seen = seen
        self._told = told
        self._met = met
        self._mark = mark
        self.edge = edge if edge is not None else tiles.Edge()
        self.marked: bytes | None = merkle.EMPTY_ROOT if mark == 0 else None
        self.statements = 0
        self.announcements = 0
        self.tiles = 0
        self.latest = 0
        """The latest minute of an entry, POSIX seconds."""
        self.different: str | None = None
        """The first tile that is not what the entries give, and how."""
        self.pruned = 0
        """How many entries were pruned, on this walk: only their hashes are known."""
        self.resting = 0
        """How many statements rest on what no entry announces that is left."""
        self.retention: tuple[int, Retention] | None = None
        """What was said on this walk of what is pruned, by the entry that says most, and its index."""
        self._missing_to = 0

    def read(self, size: int) -> None:
        """Go on to this size. Raises `VerificationFailed` where a bundle cannot be read, or is missing and no entry
        says that it was pruned."""
        for number in range(self.edge.size // tiles.WIDTH, -(-size // tiles.WIDTH)):
            self._bundle(tiles.Tile(tiles.ENTRIES, number, min(tiles.WIDTH, size - number * tiles.WIDTH)))
        for level, row in enumerate(self.edge.rows):
            if row:
                self._compare(tiles.Tile(level, size >> 8 * (level + 1), len(row)), b"".join(row))
        if self._missing_to > (self._seen.get(_KEPT) or 0):
            last = tiles.Tile(tiles.ENTRIES, self._missing_to // tiles.WIDTH - 1)
            raise VerificationFailed(last.path, "it is missing, and no entry says that it was pruned")

    def _bundle(self, bundle: tiles.Tile) -> None:
        try:
            served = tiles.read_entries(self._reader, bundle)
        except VerificationFailed:
            if not bundle.index or bundle.width < tiles.WIDTH or self._reader(bundle.path) is not None:
                raise
            self._without(bundle.index)
            return
        if self.edge.size % tiles.WIDTH and not self.edge.entries:
            # The narrower one was gone when we looked before, and this one is there: its hashes tell.
            begun = self.edge.size % tiles.WIDTH
            self.edge = tiles.Edge(self.edge.size, self.edge.rows, served[:begun])
            if tuple(tiles.leaf_hashes(served[:begun])) != self.edge.rows[0]:
                self._differs(f"{bundle.path} does not begin with the entries of the narrower one")
        known = len(self.edge.entries)
        if served[:known] != self.edge.entries:
            self._differs(f"{bundle.path} does not begin with the entries of the narrower one")
        entries = served[known:]
        for place, raw in enumerate(entries):
            self._note(self.edge.size + place, raw)
        if self._mark is not None and self.edge.size < self._mark <= self.edge.size + len(entries):
            self.marked = tiles.grow(self.edge, entries[: self._mark - self.edge.size])[0].root
        self.edge, files = tiles.grow(self.edge, entries)
        for path, expected in files.items():
            tile = tiles.parse_path(path)
            if tile is not None and tile.level != tiles.ENTRIES and tile.width == tiles.WIDTH:
                self._compare(tile, expected)

    def _without(self, number: int) -> None:
        """Go on over a bundle that is gone, by the hashes of its entries."""
        hashes = tiles.read_hashes(self._reader, tiles.Tile(0, number))
        known = self.edge.size % tiles.WIDTH
        if known and hashes[:known] != self.edge.rows[0]:
            self._differs(f"{tiles.Tile(0, number).path} does not begin with the hashes of the narrower one")
        start, new = self.edge.size, hashes[known:]
        for place, leaf in enumerate(new):
            self._seen.add(leaf_key(leaf), start + place)
        if self._mark is not None and start < self._mark <= start + len(new):
            self.marked = tiles.grow_hashes(self.edge, new[: self._mark - start])[0].root
        self.edge, files = tiles.grow_hashes(self.edge, new)
        self.pruned += len(new)
        self._missing_to = self.edge.size
        self._seen.set(_PRUNED, self.edge.size)
        for path, expected in files.items():
            tile = tiles.parse_path(path)
            if tile is not None and tile.level != 0:
                self._compare(tile, expected)

    def _compare(self, tile: tiles.Tile, expected: bytes) -> None:
        self.tiles += 1
        try:
            if b"".join(tiles.read_hashes(self._reader, tile)) != expected:
                self._differs(f"{tile.path} is not what the entries give")
        except VerificationFailed as failure:
            self._differs(str(failure))

    def _differs(self, how: str) -> None:
        if self.different is None:
            self.different = how

    def _note(self, index: int, raw: bytes) -> None:
        leaf = merkle.leaf_hash(raw)
        try:
            entry = decode_entry(raw)
            if entry.log != self._origin:
                raise VerificationFailed("log", f"it is for {entry.log!r}, not {self._origin!r}")
            self._place(index, entry, leaf)
        except VerificationFailed as failure:
            self._told(Flaw(Rule.ENTRY, index, f"entry {index}: {failure}"))
            return
        self.latest = max(self.latest, entry.minute)
        if isinstance(entry, Statement):
            missing = self._missing(entry)
            if missing is not None and missing.unknown and self._seen.get(_PRUNED) is not None:
                self.resting += 1
            elif missing is not None:
                self._told(Flaw(Rule.ANNOUNCED, index, f"entry {index} rests on {missing.what}"))
        self._met(index, entry)

    def _place(self, index: int, entry: Entry, leaf: bytes) -> None:
        closed = self._seen.get(_CLOSED)
        if closed is not None:
            raise VerificationFailed("type", f"entry {closed} closed this log: nothing may follow it")
        match entry:
            case Statement():
                self._place_statement(index, entry, leaf)
            case Announcement():
                self.announcements += 1
                self._seen.add(_announced(entry.subject, entry.digest), index)
            case KeyAnnouncement():
                if parse_vkey(entry.vkey).id.hex() != entry.kid:
                    raise VerificationFailed("kid", f"{entry.kid!r} is not the id of the key {entry.vkey!r}")
                self.announcements += 1
                self._seen.set(_key(b"kid", entry.kid.encode()), entry.not_after)
            case LogKey():
                verify_log_key(entry)
                self.announcements += 1
            case ShardClose():
                if entry.size != index:
                    raise VerificationFailed("size", f"{entry.size} entries before it, it says; there are {index}")
                self._seen.add(_CLOSED, index)
            case ShardOpen():
                if index:
                    raise VerificationFailed("type", "only the first entry opens a log that goes on")
            case Retention():
                self._place_retention(index, entry)
            case _ as unreachable:
                assert_never(unreachable)

    def _place_retention(self, index: int, entry: Retention) -> None:
        if entry.kept % tiles.WIDTH or not tiles.WIDTH < entry.kept <= index:
            raise VerificationFailed(
                "kept", f"{entry.kept} is not the end of a bundle after the first and before entry {index} itself"
            )
        # A command that was interrupted may be overtaken by one that says more: what was said once stays said.
        if entry.kept >= (self._seen.get(_KEPT) or 0):
            self._seen.set(_KEPT, entry.kept)
            self.retention = index, entry

    def _place_statement(self, index: int, statement: Statement, leaf: bytes) -> None:
        before = statement.previous
        if before is not None and self._seen.get(leaf_key(before)) is None:
            raise VerificationFailed("prev", f"no statement before it has the leaf {before.hex()}")
        if not self._seen.add(_key(statement.kind.encode(), statement.id.encode()), index):
            raise VerificationFailed("id", f"{statement.id!r} was used before by another {statement.kind}")
        self.statements += 1
        self._seen.add(leaf_key(leaf), index)
        if before is not None:
            self._seen.close(before)
        if needs_completion(statement):
            self._seen.open(leaf, statement.minute)

    def _missing(self, statement: Statement) -> _Missing | None:
        not_after = self._seen.get(_key(b"kid", statement.key.encode()))
        if not_after is None:
            return _unknown(f"the key {statement.key!r}")
        if statement.minute * 1000 > not_after:
            return _Missing(f"the key {statement.key!r}, which expired at {utc(not_after)}", unknown=False)
        if self._seen.get(_announced(Subject.POLICY, statement.policy_digest)) is None:
            return _unknown(f"the policy {statement.policy_digest!r}")
        if self._seen.get(_announced(Subject.CLASSIFIER, statement.classifier_digest)) is None:
            return _unknown(f"the classifier {statement.classifier_digest!r}")
        return None


@final
@dataclass(frozen=True, slots=True)
class _Missing:
    """What a statement rests on and must not; ``unknown`` if an entry that was pruned may have announced it."""

    what: str
    unknown: bool


def _unknown(what: str) -> _Missing:
    return _Missing(f"{what}, which no entry before it announces", unknown=True)


def _announced(subject: Subject, digest: Digest) -> bytes:
    return _key(subject.encode(), digest.encode())


def _key(kind: bytes, value: bytes) -> bytes:
    """One key for each kind and value: short, so that many fit on a disk; nobody finds two with the same."""
    return hashlib.sha256(kind + b"\n" + value).digest()[:_KEY_BYTES]


_CLOSED: Final = _key(b"shard", b"closed")
_KEPT: Final = _key(b"retention", b"kept")
_PRUNED: Final = _key(b"retention", b"pruned")
