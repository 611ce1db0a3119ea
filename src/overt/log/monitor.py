"""The monitor: an outsider who follows a log, checks everything that is new in it, and counts what it says happened.

One round:

1. read the checkpoint, verify its signature, and the quorum of witnesses where a policy asks for one
2. demand that it continues the largest checkpoint that held, from the tiles that the log serves now
3. read every new entry, hash it, grow the tree from it, and demand the signed root and every hash tile; of entries that
   are pruned, as an entry of the log must say, the hash
4. demand of each entry what `overt.proof.walk` demands, and that it is not dated in the future; count exchanges
5. look up the document of each policy and classifier that was announced, and the notices that statements name
6. demand that promises that we were shown are kept: the entry is there when its time is up
7. keep all of this, and the checkpoint

What is wrong becomes an alarm. An alarm of steps 1 to 3 stops the round: then nothing of it is kept but the alarm, and
the signed checkpoints that contradict each other, as evidence. Run by somebody else than the operator, it is an audit.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, final

from overt.core.receipt import Kind, NoticeMark, Statement
from overt.errors import VerificationFailed
from overt.log.seen import Diary, Head, Row
from overt.ports import Clock
from overt.proof import tiles
from overt.proof.check import Documents, unresolved
from overt.proof.instant import utc
from overt.proof.keys import keys_beside
from overt.proof.note import Checkpoint, VerifierKey, open_checkpoint, parse_checkpoint, unverified_text
from overt.proof.policy import Policy, accept
from overt.proof.receipt import MERGE_DELAY_MS, open_certificate, open_promise, parse_receipt
from overt.proof.statement import Announcement, Entry
from overt.proof.verify import verify_receipt
from overt.proof.walk import PATIENCE_SECONDS, Flaw, Rule, Walk, leaf_key

MOST_ALARMS: Final = 1000
"""Of one round that are told one by one; the others are counted."""
SLACK_MS: Final = 10_000
"""How old a checkpoint may be that we are given: caches may keep one for five seconds."""
AHEAD_SECONDS: Final = 300
"""How far a clock may be ahead of ours."""
PAUSE_SECONDS: Final = 2.0
_ROWS: Final = 4096

Notices = Callable[[str], bytes | None]
"""The notice with this id, as JSON; None if there is none."""


class Alarm(StrEnum):
    """What can be wrong, in the order of a round."""

    CHECKPOINT = "checkpoint"
    QUORUM = "quorum"
    ROLLBACK = "rollback"
    SPLIT = "split view"
    REWRITTEN = "rewritten"
    UNREADABLE = "unreadable"
    ROOT = "root"
    TILES = "tiles"
    ENTRY = "entry"
    ANNOUNCED = "announced"
    FUTURE = "future"
    CUT_OFF = "cut off"
    DOCUMENT = "document"
    NOTICE = "notice"
    PROMISE = "promise"


@final
@dataclass(frozen=True, slots=True)
class Public:
    """What a log's operator shows to everybody: the log, and what its digests lead to, where that is shown at all."""

    reader: tiles.Reader
    documents: Documents | None = None
    notices: Notices | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the monitor knows from elsewhere: keys of the log, and which witnesses must have cosigned."""

    keys: tuple[VerifierKey, ...]
    policy: Policy | None = None


@final
@dataclass(frozen=True, slots=True)
class Told:
    """One alarm, and whether it was raised for the first time."""

    kind: Alarm
    detail: str
    new: bool


@final
@dataclass(slots=True, kw_only=True)
class Round:
    """What one round found. ``time`` is POSIX milliseconds; ``head`` the checkpoint that holds now, if any."""

    time: int
    head: Checkpoint | None = None
    entries: int = 0
    statements: int = 0
    announcements: int = 0
    awaiting: int = 0
    notices: int = 0
    notices_seen: int = 0
    lacking: int = 0
    promises: int = 0
    untold: int = 0
    pruned: int = 0
    retention: tuple[int, int] | None = None
    """The index of a new entry that says what may be pruned, and the first index that it keeps."""
    stopped: bool = False
    alarms: list[Told] = field(default_factory=list)

    @property
    def alarming(self) -> bool:
        """Whether somebody should look now: something is new, or the log did not hold."""
        return self.stopped or self.untold > 0 or any(alarm.new for alarm in self.alarms)


@final
class _Stopped(Exception):
    def __init__(self, kind: Alarm, detail: str, evidence: tuple[bytes, bytes] | None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.evidence = evidence


@final
class Monitor:
    """See the module. ``most_notices`` are looked up in one round, chosen at random where there are more."""

    def __init__(
        self,
        diary: Diary,
        public: Public,
        trust: Trust,
        *,
        clock: Clock,
        pause: Callable[[float], None],
        most_notices: int = 100,
    ) -> None:
        self._diary = diary
        self._public = public
        self._trust = trust
        self._clock = clock
        self._pause = pause
        self._most_notices = most_notices

    def watch(self, raw: bytes) -> str:
        """Remember the promise in a receipt; its id. Raises `VerificationFailed` if the receipt does not verify."""
        receipt = parse_receipt(raw)
        known = {key.text: key for key in self._keys()}
        if receipt.log_key not in known:
            raise VerificationFailed("receipt", f"{receipt.id} is of the log key {receipt.log_key!r}, not of this log")
        last = verify_receipt(raw, log_vkey=receipt.log_key)[-1]
        if not last.ok:
            raise VerificationFailed("receipt", f"{receipt.id} does not verify: {last.detail}")
        promise = open_promise(receipt.promise, open_certificate(receipt.signer, known[receipt.log_key])[1])
        self._diary.begin()
        self._diary.promise(promise.leaf, min(promise.due, promise.time + MERGE_DELAY_MS))
        self._diary.keep()
        return receipt.id

    def round(self) -> Round:
        """One round. Whatever is raised, the diary is as before."""
        found = Round(time=int(self._clock.now() * 1000))
        self._diary.begin()
        try:
            try:
                self._look(found)
            except _Stopped as stop:
                self._diary.forget()
                self._diary.begin()
                self._stopped(stop, found)
            self._diary.keep()
        except BaseException:
            self._diary.forget()
            raise
        return found

    def _stopped(self, stop: _Stopped, found: Round) -> None:
        told = [(alarm.kind, alarm.detail) for alarm in found.alarms]
        kept = Round(time=found.time, stopped=True, untold=found.untold)
        for kind, detail in (*told, (stop.kind, stop.detail)):
            self.alarm(kept, kind, detail)
        if stop.evidence is not None:
            self._diary.accuse(*stop.evidence)
        head = head_of(self._diary)
        found.alarms, found.stopped = kept.alarms, True
        found.head = None if head is None else head.checkpoint
        found.entries = found.statements = found.announcements = found.pruned = 0
        found.retention = None

    def _look(self, found: Round) -> None:
        head = head_of(self._diary)
        note, checkpoint = self._checkpoint(head, found)  # 1
        edge = self._continued(head, note, checkpoint)  # 2
        reading = _Reading(self, self._diary, found, self._most_notices)
        walk = Walk(self._public.reader, checkpoint.origin, self._diary, reading.flawed, edge=edge, met=reading.met)
        try:
            walk.read(checkpoint.size)  # 3, 4
        except VerificationFailed as failure:
            raise _Stopped(Alarm.UNREADABLE, str(failure), None) from failure
        reading.flush()
        self._rooted(walk, checkpoint, note)
        found.entries, found.head = checkpoint.size - edge.size, checkpoint
        found.statements, found.announcements = walk.statements, walk.announcements
        found.pruned = walk.pruned
        found.retention = None if walk.retention is None else (walk.retention[0], walk.retention[1].kept)
        if walk.different is not None:
            self.alarm(found, Alarm.TILES, walk.different)
        self._completions(found)
        self._documents(found)  # 5
        self._notices(found, reading)
        self._promises(found)  # 6
        self._diary.note("head", note)  # 7

    def _checkpoint(self, head: Head | None, found: Round) -> tuple[bytes, Checkpoint]:
        note, checkpoint = self._read_checkpoint()
        if head is not None and checkpoint.size < head.checkpoint.size:
            # A cache may have given us one that is some seconds old.
            self._pause(PAUSE_SECONDS)
            note, checkpoint = self._read_checkpoint()
        policy = self._trust.policy
        if policy is not None:
            try:
                cosigned = accept(policy, note, *self._keys())
            except VerificationFailed as failure:
                self.alarm(found, Alarm.QUORUM, failure.reason)
            else:
                for each in cosigned.cosignatures:
                    if each.time > found.time // 1000 + AHEAD_SECONDS:
                        what = f"{each.key.name} cosigned in the future, at {utc(each.time * 1000)}"
                        self.alarm(found, Alarm.QUORUM, what)
        return note, checkpoint

    def _read_checkpoint(self) -> tuple[bytes, Checkpoint]:
        note = self._public.reader(tiles.CHECKPOINT)
        if note is None:
            raise _Stopped(Alarm.CHECKPOINT, "the log has no checkpoint", None)
        try:
            return note, open_checkpoint(note, *self._keys())
        except VerificationFailed as failure:
            raise _Stopped(Alarm.CHECKPOINT, str(failure), None) from failure

    def _keys(self) -> tuple[VerifierKey, ...]:
        """The keys that we were given, and those to which they lead (`overt.proof.keys`)."""
        reached = (keys_beside(self._public.reader, key) for key in self._trust.keys)
        return tuple(dict.fromkeys(key for keys in reached for key in keys))

    def _continued(self, head: Head | None, note: bytes, checkpoint: Checkpoint) -> tiles.Edge:
        """The right edge at the size that we know, as the log serves it now, and as it was signed."""
        if head is None:
            return tiles.Edge()
        known, both = head.checkpoint, (note, head.note)
        if checkpoint.size < known.size:
            lost = f"the log had {known.size} entries, now it says {checkpoint.size}"
            raise _Stopped(Alarm.ROLLBACK, lost, both)
        if checkpoint.size == known.size and checkpoint.root != known.root:
            two = f"two roots of {known.size} entries were signed: {known.root.hex()} and {checkpoint.root.hex()}"
            raise _Stopped(Alarm.SPLIT, two, both)
        try:
            edge = _edge(self._public.reader, known.size, checkpoint.size)
        except VerificationFailed as failure:
            raise _Stopped(Alarm.UNREADABLE, str(failure), None) from failure
        if edge.root != known.root:
            other = f"its first {known.size} entries are not those that were signed under {known.root.hex()}"
            raise _Stopped(Alarm.REWRITTEN, other, both)
        return edge

    def _rooted(self, walk: Walk, checkpoint: Checkpoint, note: bytes) -> None:
        if walk.edge.root == checkpoint.root:
            return
        gives = f"the entries give {walk.edge.root.hex()}, not the root {checkpoint.root.hex()} that was signed"
        raise _Stopped(Alarm.ROOT, f"{gives}; {walk.different or 'the tiles agree with the entries'}", (note, note))

    def _completions(self, found: Round) -> None:
        now = found.time // 1000
        found.awaiting = self._diary.awaiting(now + AHEAD_SECONDS)
        late = self._diary.awaiting(now - PATIENCE_SECONDS)
        if late:
            what = f"{late} decisions lack their completion for more than an hour: those answers were cut off"
            self.alarm(found, Alarm.CUT_OFF, what)

    def _documents(self, found: Round) -> None:
        if self._public.documents is None:
            return
        for digest, what in self._diary.lacking():
            wrong = unresolved(self._public.documents, digest)
            if wrong is None:
                self._diary.found(digest)
            else:
                found.lacking += 1
                self.alarm(found, Alarm.DOCUMENT, f"{what}: {wrong}")

    def _notices(self, found: Round, reading: _Reading) -> None:
        notices = self._public.notices
        if notices is None:
            return
        chosen = reading.chosen
        wrong = [each for each in chosen if _misread(notices, each) is not None]
        if wrong:
            # An entry is in the log a moment before its notice is kept.
            self._pause(PAUSE_SECONDS)
        for each in wrong:
            why = _misread(notices, each)
            if why is not None:
                self.alarm(found, Alarm.NOTICE, why)
        found.notices, found.notices_seen = len(chosen), reading.notices

    def _promises(self, found: Round) -> None:
        for leaf, due in self._diary.promised():
            if self._diary.get(leaf_key(leaf)) is not None:
                self._diary.kept(leaf)
                continue
            found.promises += 1
            if found.time > due + SLACK_MS:
                what = f"the leaf {leaf.hex()} was promised by {utc(due)} and is not in the log"
                self.alarm(found, Alarm.PROMISE, what)

    def alarm(self, found: Round, kind: Alarm, detail: str) -> None:
        """Raise an alarm in a round."""
        if len(found.alarms) >= MOST_ALARMS:
            found.untold += 1
            return
        found.alarms.append(Told(kind, detail, self._diary.alarm(kind, detail, found.time)))


def head_of(diary: Diary) -> Head | None:
    """The largest checkpoint that held. Its signature was verified before it was kept."""
    note = diary.memo("head")
    return None if note is None else Head(parse_checkpoint(unverified_text(note)), note)


def _edge(reader: tiles.Reader, known: int, size: int) -> tiles.Edge:
    """The right edge at a size that we know. Without its entries where these are pruned since: the walk demands that
    the log says so."""
    bundle, widest = tiles.Tile(tiles.ENTRIES, known // tiles.WIDTH), _widest(reader, size)
    full = tiles.width_at(size, 0, bundle.index) == tiles.WIDTH
    if known % tiles.WIDTH and bundle.index and full and reader(bundle.path) is None:
        return tiles.read_hash_edge(widest, known)
    return tiles.read_edge(widest, known)


def _widest(reader: tiles.Reader, size: int) -> tiles.Reader:
    """Reads partial tiles out of those of a later size, which a log must have: the narrower ones may be dropped."""

    def read(path: str) -> bytes | None:
        tile = tiles.parse_path(path)
        if tile is None or tile.width == tiles.WIDTH:
            return reader(path)
        level = tile.level if isinstance(tile.level, int) else 0
        wide = tiles.Tile(tile.level, tile.index, tiles.width_at(size, level, tile.index))
        if tile.level == tiles.ENTRIES:
            return tiles.encode_bundle(tiles.read_entries(reader, wide)[: tile.width])
        return b"".join(tiles.read_hashes(reader, wide)[: tile.width])

    return read


def row_of(statement: Statement) -> Row:
    """What an exchange is counted by."""
    reason = statement.reason
    domain = (reason.domain or "") if reason is not None else ""
    ground = reason.ground if reason is not None else ""
    return utc(statement.minute * 1000)[:10], statement.requested, domain, statement.outcome, ground


@final
class _Reading:
    """Meets each new entry: counts it, and notes what is to be looked up."""

    def __init__(self, monitor: Monitor, diary: Diary, found: Round, most_notices: int) -> None:
        self._monitor = monitor
        self._diary = diary
        self._found = found
        self._most_notices = most_notices
        self._rows: Counter[Row] = Counter()
        self.notices = 0
        self.chosen: list[tuple[int, NoticeMark]] = []

    def flawed(self, flaw: Flaw) -> None:
        self._monitor.alarm(self._found, Alarm.ENTRY if flaw.rule is Rule.ENTRY else Alarm.ANNOUNCED, flaw.detail)

    def met(self, index: int, entry: Entry) -> None:
        if entry.minute > self._found.time // 1000 + AHEAD_SECONDS:
            what = f"entry {index} is of {utc(entry.minute * 1000)}, which is not yet"
            self._monitor.alarm(self._found, Alarm.FUTURE, what)
        if isinstance(entry, Announcement):
            if self._diary.add(_looked_up(entry.digest), index):
                self._diary.lack(entry.digest, f"the {entry.subject} that entry {index} announces")
        elif isinstance(entry, Statement) and entry.kind is Kind.DECISION:
            self._rows[row_of(entry)] += 1
            if len(self._rows) >= _ROWS:
                self.flush()
            if entry.notice is not None:
                self._choose(index, entry.notice)

    def flush(self) -> None:
        self._diary.count(self._rows)
        self._rows.clear()

    def _choose(self, index: int, mark: NoticeMark) -> None:
        """Each notice of the round has the same chance: a sample of them in one pass (reservoir)."""
        self.notices += 1
        if len(self.chosen) < self._most_notices:
            self.chosen.append((index, mark))
            return
        place = secrets.randbelow(self.notices)
        if place < self._most_notices:
            self.chosen[place] = (index, mark)


def _looked_up(digest: str) -> bytes:
    return b"document" + hashlib.sha256(digest.encode()).digest()


def _misread(notices: Notices, named: tuple[int, NoticeMark]) -> str | None:
    """Why a notice is not the one that an entry names, None if it is."""
    index, mark = named
    what = f"the notice {mark.id} that entry {index} names"
    raw = notices(mark.id)
    if raw is None:
        return f"{what} cannot be fetched"
    try:
        found = json.loads(raw)
    except ValueError as error:
        return f"{what} is not JSON: {error}"
    text = found.get("reason") if isinstance(found, dict) else None
    if not isinstance(text, str):
        return f"{what} has no text in the member 'reason'"
    digest = "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return None if digest == mark.text_digest else f"{what} has another text: {digest}, not {mark.text_digest}"


def outcomes(diary: Diary, period: str = "") -> Iterator[dict[str, str | int | None]]:
    """How many exchanges ended how, by requested model, domain and ground; of the days that begin with ``period``."""
    for model, domain, outcome, ground, number in diary.counts(period):
        yield {
            "model": model,
            "domain": domain or None,
            "outcome": outcome,
            "ground": ground or None,
            "number": number,
        }
