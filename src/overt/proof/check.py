"""Checking a whole log from outside, in numbered steps; `docs/verify.md` has the same numbers.

1. checkpoint: the log signed its size and root
2. entries: each is there, follows the schema, and has an id of its own
3. announcements: keys, policies and classifiers were announced before statements rest on them
4. root: all entries, hashed again, give the signed root
5. tiles: every tile is what the entries give, byte for byte
6. history: the log continues the checkpoint that was remembered
7. earlier tiles: every narrower tile that is still served agrees (only with ``full``)
8. completions: how many decisions still lack the completion that they need
9. documents: every digest that was announced leads to a document (only where documents are published)
10. limits: what was not proved

Hashes are folded from the entries themselves: an entry that was rewritten together with its tiles is found at step 4.
Where the log says that entries were pruned, their hashes are taken from its tiles, and steps 2 and 3 tell how many.
What has to be remembered on the way is in `Seen`; memory is flat where that is a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, final

from overt.errors import VerificationFailed
from overt.proof import tiles
from overt.proof.instant import utc
from overt.proof.keys import keys_beside
from overt.proof.note import Checkpoint, VerifierKey, parse_vkey
from overt.proof.policy import Policy
from overt.proof.quorum import quorum_of
from overt.proof.statement import Announcement, Entry
from overt.proof.verify import Found, Mark, Step, read_checkpoint, run
from overt.proof.walk import PATIENCE_SECONDS, Flaw, MemorySeen, Rule, Seen, Walk

STEPS: Final = (
    "checkpoint",
    "entries",
    "announcements",
    "root",
    "tiles",
    "history",
    "earlier tiles",
    "completions",
    "documents",
    "limits",
)
Documents = Callable[[str], bytes | None]
"""The document with this digest (``sha256:HEX``), None if there is none."""

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


def check_log(
    reader: tiles.Reader,
    vkey: str,
    *,
    previous: Checkpoint | None = None,
    full: bool = False,
    documents: Documents | None = None,
    seen: Seen | None = None,
    witnesses: Policy | None = None,
    now: int | None = None,
) -> Checked:
    """All steps, or those up to the first that fails.

    Always reads every entry and every tile of the latest checkpoint. ``full`` also looks for each narrower tile.
    ``documents`` gives what digests lead to, where that is published. ``seen`` must be empty. ``witnesses`` must have
    cosigned the checkpoint, and not after ``now`` (POSIX milliseconds).
    """
    key = parse_vkey(vkey)
    kept: list[Checkpoint] = []
    seen = seen if seen is not None else MemorySeen()
    asked = _Asked(_steady(reader), key, previous, full, documents, seen, witnesses, now)
    steps = run(STEPS, _found(asked, kept))
    return Checked(steps, kept[0] if kept and all(step.ok for step in steps) else None)


@final
@dataclass(frozen=True, slots=True)
class _Asked:
    reader: tiles.Reader
    key: VerifierKey
    previous: Checkpoint | None
    full: bool
    documents: Documents | None
    seen: Seen
    witnesses: Policy | None
    now: int | None


def _steady(reader: tiles.Reader) -> tiles.Reader:
    """A reader of one moment's checkpoint: a log that is served grows while it is read."""
    note = reader(tiles.CHECKPOINT)
    return lambda path: note if path == tiles.CHECKPOINT else reader(path)


def _cosigned(asked: _Asked) -> str:
    """Who cosigned the checkpoint, where witnesses are asked for."""
    if asked.witnesses is None:
        return ""
    keys = keys_beside(asked.reader, asked.key)
    return f"; {quorum_of(asked.witnesses, asked.reader(tiles.CHECKPOINT) or b'', keys, asked.now)}"


def _found(asked: _Asked, kept: list[Checkpoint]) -> Iterator[Found]:
    key, previous = asked.key, asked.previous
    checkpoint = read_checkpoint(asked.reader, key)
    kept.append(checkpoint)
    by = _cosigned(asked)
    yield Mark.HOLDS, f"{key.name} signed {checkpoint.size} entries under the root {checkpoint.root.hex()}{by}"  # 1
    resting, lookup = _Resting(), _Lookup(asked.documents, asked.seen)
    mark = None if previous is None else previous.size
    walk = Walk(asked.reader, key.name, asked.seen, resting.told, met=lookup.met, mark=mark)
    walk.read(checkpoint.size)
    yield _entries(walk, checkpoint)  # 2
    yield _announcements(walk, resting)  # 3
    yield _root(walk, checkpoint)  # 4
    yield _tiles(walk)  # 5
    yield _history(walk, checkpoint, previous)  # 6
    earlier = asked.full and _earlier(asked.reader, walk.edge)
    yield earlier or (Mark.OPEN, "not checked: only a full check looks for them")  # 7
    yield _completions(walk, asked.seen)  # 8
    yield lookup.found()  # 9
    yield Mark.OPEN, LIMITS  # 10


@final
class _Resting:
    """Ends the walk at the first entry that is not one, and keeps the first that rests on nothing."""

    def __init__(self) -> None:
        self.first: str | None = None

    def told(self, flaw: Flaw) -> None:
        if flaw.rule is Rule.ENTRY:
            raise VerificationFailed("entries", flaw.detail)
        if self.first is None:
            self.first = flaw.detail


@final
class _Lookup:
    """Looks up each digest once, when it is announced."""

    def __init__(self, documents: Documents | None, seen: Seen) -> None:
        self._documents = documents
        self._seen = seen
        self._count = 0
        self._wrong: str | None = None

    def met(self, index: int, entry: Entry) -> None:
        if self._documents is None or not isinstance(entry, Announcement):
            return
        if not self._seen.add(b"looked up" + hashlib.sha256(entry.digest.encode()).digest(), index):
            return
        self._count += 1
        wrong = unresolved(self._documents, entry.digest)
        if wrong is not None and self._wrong is None:
            self._wrong = f"the {entry.subject} that entry {index} announces: {wrong}"

    def found(self) -> Found:
        if self._documents is None:
            return Mark.OPEN, "not checked: no published documents were found beside the log"
        if self._wrong is not None:
            raise VerificationFailed("documents", self._wrong)
        return Mark.HOLDS, f"all {self._count} digests that were announced lead to their documents"


def unresolved(documents: Documents, digest: str) -> str | None:
    """Why a digest does not lead to its document, None if it does."""
    raw = documents(digest)
    if raw is None:
        return f"there is no document {digest!r}"
    found = "sha256:" + hashlib.sha256(raw).hexdigest()
    return None if found == digest else f"the document {digest!r} has the digest {found!r}"


def _entries(walk: Walk, checkpoint: Checkpoint) -> Found:
    told = f"{checkpoint.size - walk.pruned} entries follow the schema: {walk.statements} statements"
    if walk.retention is None:
        return Mark.HOLDS, told
    index, entry = walk.retention
    said = f"entry {index}, of {utc(entry.minute * 1000)}, says that entries {tiles.WIDTH} to {entry.kept - 1} may be"
    if not walk.pruned:
        return Mark.HOLDS, f"{told}; {said} pruned; all are still served"
    return Mark.OPEN, f"{told}; {said}: {walk.pruned} entries are pruned, only their hashes were checked"


def _announcements(walk: Walk, resting: _Resting) -> Found:
    if resting.first is not None:
        raise VerificationFailed("announcements", resting.first)
    if walk.resting:
        return Mark.OPEN, (
            f"{walk.announcements} announcements are left; {walk.resting} of {walk.statements} statements rest on what "
            "was announced, if at all, by entries that are pruned"
        )
    return Mark.HOLDS, f"{walk.announcements} announcements cover all {walk.statements} statements"


def _completions(walk: Walk, seen: Seen) -> Found:
    """A decision without its completion says that an answer was cut off. It is no lie, so it does not fail."""
    awaiting, late = seen.awaiting(walk.latest + 1), seen.awaiting(walk.latest - PATIENCE_SECONDS)
    if not awaiting:
        return Mark.HOLDS, "every decision that needs a completion has one"
    return Mark.OPEN, f"{awaiting} decisions lack their completion, {late} of them for more than an hour: cut off"


def _root(walk: Walk, checkpoint: Checkpoint) -> Found:
    if walk.edge.root != checkpoint.root:
        where = f"; {walk.different}" if walk.different else "; all tiles agree with the entries: both were rewritten"
        raise VerificationFailed("root", f"the entries give {walk.edge.root.hex()}, not the signed root{where}")
    what = "the entries, and the hashes of those that are pruned," if walk.pruned else "the entries"
    return Mark.HOLDS, f"{what} give the signed root"


def _tiles(walk: Walk) -> Found:
    if walk.different is not None:
        raise VerificationFailed("tiles", walk.different)
    return Mark.HOLDS, f"{walk.tiles} hash tiles are what the entries give"


def _history(walk: Walk, checkpoint: Checkpoint, previous: Checkpoint | None) -> Found:
    if previous is None:
        return Mark.OPEN, "not checked: no earlier checkpoint was remembered"
    if previous.origin != checkpoint.origin:
        raise VerificationFailed("history", f"the remembered log is {previous.origin!r}, not {checkpoint.origin!r}")
    if previous.size > checkpoint.size:
        raise VerificationFailed(
            "history", f"ROLLBACK: the log had {previous.size} entries, now it has {checkpoint.size}"
        )
    if walk.marked != previous.root:
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
