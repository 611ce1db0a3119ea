"""Checking a whole log from outside, in numbered steps; `docs/verify.md` has the same numbers.

1. checkpoint: the log signed its size and root
2. entries: each is there, follows the schema, and has an id of its own
3. announcements: keys, policies and classifiers were announced before statements rest on them
4. root: all entries, hashed again, give the signed root
5. tiles: every tile is what the entries give, byte for byte
6. history: the log continues the checkpoint that was remembered
7. earlier tiles: every narrower tile that is still served agrees (only with ``full``)
8. limits: what was not proved

Hashes are folded from the entries themselves: an entry that was rewritten together with its tiles is found at step 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, assert_never, final

from overt.core.receipt import Kind, Statement
from overt.errors import VerificationFailed
from overt.proof import merkle, tiles
from overt.proof.instant import utc
from overt.proof.note import Checkpoint, VerifierKey, parse_vkey
from overt.proof.statement import Announcement, Entry, KeyAnnouncement, Subject, decode_entry
from overt.proof.verify import Found, Mark, Step, read_checkpoint, run

STEPS: Final = ("checkpoint", "entries", "announcements", "root", "tiles", "history", "earlier tiles", "limits")

LIMITS: Final = (
    "not proved: that every exchange got an entry; that the named models really ran; and, without witnesses, that "
    "others are shown the same log"
)


@final
@dataclass(frozen=True, slots=True)
class Checked:
    """The steps, and the checkpoint to remember for next time: None unless all steps hold."""

    steps: tuple[Step, ...]
    checkpoint: Checkpoint | None


def check_log(reader: tiles.Reader, vkey: str, *, previous: Checkpoint | None = None, full: bool = False) -> Checked:
    """All steps, or those up to the first that fails.

    Always reads every entry and every tile of the latest checkpoint. ``full`` also looks for each narrower tile.
    """
    key = parse_vkey(vkey)
    kept: list[Checkpoint] = []
    steps = run(STEPS, _found(reader, key, previous, full, kept))
    return Checked(steps, kept[0] if kept and all(step.ok for step in steps) else None)


def _found(
    reader: tiles.Reader, key: VerifierKey, previous: Checkpoint | None, full: bool, kept: list[Checkpoint]
) -> Iterator[Found]:
    checkpoint = read_checkpoint(reader, key)
    kept.append(checkpoint)
    yield Mark.HOLDS, f"{key.name} signed {checkpoint.size} entries under the root {checkpoint.root.hex()}"  # 1
    walk = _Walk(reader, key.name, previous)
    walk.read(checkpoint.size)
    yield Mark.HOLDS, f"{checkpoint.size} entries follow the schema: {walk.statements} statements"  # 2
    yield _announcements(walk)  # 3
    yield _root(walk, checkpoint)  # 4
    yield _tiles(walk)  # 5
    yield _history(walk, checkpoint, previous)  # 6
    yield _earlier(reader, walk.edge) if full else (Mark.OPEN, "not checked: only a full check looks for them")  # 7
    yield Mark.OPEN, LIMITS  # 8


def _announcements(walk: _Walk) -> Found:
    if walk.unannounced is not None:
        raise VerificationFailed("announcements", walk.unannounced)
    return Mark.HOLDS, f"{walk.announcements} announcements cover all {walk.statements} statements"


def _root(walk: _Walk, checkpoint: Checkpoint) -> Found:
    if walk.edge.root != checkpoint.root:
        where = f"; {walk.different}" if walk.different else "; all tiles agree with the entries: both were rewritten"
        raise VerificationFailed("root", f"the entries give {walk.edge.root.hex()}, not the signed root{where}")
    return Mark.HOLDS, "the entries give the signed root"


def _tiles(walk: _Walk) -> Found:
    if walk.different is not None:
        raise VerificationFailed("tiles", walk.different)
    return Mark.HOLDS, f"{walk.tiles} hash tiles are what the entries give"


def _history(walk: _Walk, checkpoint: Checkpoint, previous: Checkpoint | None) -> Found:
    if previous is None:
        return Mark.OPEN, "not checked: no earlier checkpoint was remembered"
    if previous.origin != checkpoint.origin:
        raise VerificationFailed("history", f"the remembered log is {previous.origin!r}, not {checkpoint.origin!r}")
    if previous.size > checkpoint.size:
        raise VerificationFailed(
            "history", f"ROLLBACK: the log had {previous.size} entries, now it has {checkpoint.size}"
        )
    if walk.previous_root != previous.root:
        raise VerificationFailed("history", f"REWRITTEN: its first {previous.size} entries are not those remembered")
    return Mark.HOLDS, f"it continues the {previous.size} entries remembered"


def _earlier(reader: tiles.Reader, edge: tiles.Edge) -> Found:
    """Narrower tiles may have been dropped; those that are served must be beginnings of the widest."""
    served = 0
    for level, row in enumerate(edge.rows):
        index = edge.size >> 8 * (level + 1)
        for width in range(1, len(row)):
            served += _same(reader, tiles.Tile(level, index, width), b"".join(row[:width]))
    for width in range(1, len(edge.entries)):
        tile = tiles.Tile(tiles.ENTRIES, edge.size // tiles.WIDTH, width)
        served += _same(reader, tile, tiles.encode_bundle(edge.entries[:width]))
    return Mark.HOLDS, f"{served} narrower tiles are still served and agree"


def _same(reader: tiles.Reader, tile: tiles.Tile, expected: bytes) -> bool:
    raw = reader(tile.path)
    if raw is not None and raw != expected:
        raise VerificationFailed("earlier tiles", f"{tile.path} disagrees with the tile that followed it")
    return raw is not None


@final
class _Walk:
    """Goes through all entries once, in order, and notes what the steps ask for."""

    def __init__(self, reader: tiles.Reader, origin: str, previous: Checkpoint | None) -> None:
        self._reader = reader
        self._origin = origin
        self._previous = previous
        self._ids: set[tuple[Kind, str]] = set()
        self._decisions: set[bytes] = set()
        self._keys: dict[str, int] = {}
        self._digests: set[tuple[Subject, str]] = set()
        self.edge = tiles.Edge()
        self.statements = 0
        self.announcements = 0
        self.tiles = 0
        self.unannounced: str | None = None
        self.different: str | None = None
        self.previous_root: bytes | None = merkle.EMPTY_ROOT if previous is not None and previous.size == 0 else None

    def read(self, size: int) -> None:
        for bundle in tiles.bundles_of(size):
            entries = tiles.read_entries(self._reader, bundle)
            for place, raw in enumerate(entries):
                self._note(self.edge.size + place, raw)
            self._remember(entries)
            self.edge, files = tiles.grow(self.edge, entries)
            for path, expected in files.items():
                tile = tiles.parse_path(path)
                if tile is not None and tile.level != tiles.ENTRIES and tile.width == tiles.WIDTH:
                    self._compare(tile, expected)
        for level, row in enumerate(self.edge.rows):
            if row:
                self._compare(tiles.Tile(level, size >> 8 * (level + 1), len(row)), b"".join(row))

    def _remember(self, entries: tuple[bytes, ...]) -> None:
        if self._previous is not None and self.edge.size < self._previous.size <= self.edge.size + len(entries):
            then, _ = tiles.grow(self.edge, entries[: self._previous.size - self.edge.size])
            self.previous_root = then.root

    def _compare(self, tile: tiles.Tile, expected: bytes) -> None:
        self.tiles += 1
        try:
            same = b"".join(tiles.read_hashes(self._reader, tile)) == expected
            wrong = None if same else f"{tile.path} is not what the entries give"
        except VerificationFailed as failure:
            wrong = str(failure)
        if self.different is None:
            self.different = wrong

    def _note(self, index: int, raw: bytes) -> None:
        try:
            entry = decode_entry(raw)
            self._place(entry, merkle.leaf_hash(raw))
        except VerificationFailed as failure:
            raise VerificationFailed("entries", f"entry {index}: {failure}") from failure
        if isinstance(entry, Statement) and self.unannounced is None:
            missing = self._missing(entry)
            self.unannounced = missing and f"entry {index} rests on {missing}"

    def _place(self, entry: Entry, leaf: bytes) -> None:
        if entry.log != self._origin:
            raise VerificationFailed("log", f"it is for {entry.log!r}, not {self._origin!r}")
        match entry:
            case Statement():
                self._place_statement(entry, leaf)
            case Announcement():
                self.announcements += 1
                self._digests.add((entry.subject, entry.digest))
            case KeyAnnouncement():
                if parse_vkey(entry.vkey).id.hex() != entry.kid:
                    raise VerificationFailed("kid", f"{entry.kid!r} is not the id of the key {entry.vkey!r}")
                self.announcements += 1
                self._keys[entry.kid] = entry.not_after
            case _ as unreachable:
                assert_never(unreachable)

    def _place_statement(self, statement: Statement, leaf: bytes) -> None:
        if (statement.kind, statement.id) in self._ids:
            raise VerificationFailed("id", f"{statement.id!r} was used before by another {statement.kind}")
        if statement.previous is not None and statement.previous not in self._decisions:
            raise VerificationFailed("prev", f"no statement before it has the leaf {statement.previous.hex()}")
        self.statements += 1
        self._ids.add((statement.kind, statement.id))
        self._decisions.add(leaf)

    def _missing(self, statement: Statement) -> str | None:
        not_after = self._keys.get(statement.key)
        if not_after is None:
            return f"the key {statement.key!r}, which no entry before it announces"
        if statement.minute * 1000 > not_after:
            return f"the key {statement.key!r}, which expired at {utc(not_after)}"
        if (Subject.POLICY, statement.policy_digest) not in self._digests:
            return f"the policy {statement.policy_digest!r}, which no entry before it announces"
        if (Subject.CLASSIFIER, statement.classifier_digest) not in self._digests:
            return f"the classifier {statement.classifier_digest!r}, which no entry before it announces"
        return None
