"""The monitor: what an operator could do to a log, the alarm that tells it, and what is remembered between rounds."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from overt.core.domain import NoticeId
from overt.core.receipt import Kind
from overt.errors import OperatorError, VerificationFailed
from overt.log.keys import signer_of
from overt.log.monitor import PAUSE_SECONDS, SLACK_MS, Alarm, Monitor, Public, Round, Trust, outcomes
from overt.log.seen import Diary, open_diary
from overt.proof import commit, tiles
from overt.proof.cosign import CosignerKey, cosign
from overt.proof.keys import KEYS, announce_log_key, encode_keys
from overt.proof.note import Checkpoint, open_note, parse_vkey, sign_checkpoint, with_lines
from overt.proof.policy import parse_policy
from overt.proof.receipt import encode_receipt, without_secret
from overt.proof.statement import Retention, encode_entry
from overt.proof.walk import PATIENCE_SECONDS
from overt.testing.clock import ManualClock
from overt.testing.log import ORIGIN, known_signer
from overt.testing.receipts import MINUTE, NOT_AFTER, TIME, announcements, known_issuer, made_up

LOG = known_signer()
ISSUER = known_issuer()
KEY = parse_vkey(LOG.vkey)
DOCUMENTS = {"sha256:" + hashlib.sha256(raw).hexdigest(): raw for raw in (b"policy", b"w")}
EXCHANGES = [made_up(ISSUER, number, changed=number % 3 != 0) for number in range(300)]
ENTRIES = [*announcements(ISSUER), *(exchange.entry for exchange in EXCHANGES)]
Files = dict[str, bytes]


def files_of(entries: Sequence[bytes], *, root: bytes | None = None) -> Files:
    edge, files = tiles.grow(tiles.Edge(), entries)
    files[tiles.CHECKPOINT] = signed(edge.size, root if root is not None else edge.root)
    return files


def signed(size: int, root: bytes) -> bytes:
    return sign_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=root), KEY, LOG.sign)


def rewritten(entry: bytes) -> bytes:
    other = entry.replace(b'"model":"large"', b'"model":"LARGE"')
    assert other != entry
    return other


class Desk:
    """A monitor at a log that the test changes under it."""

    def __init__(self, diary: Diary) -> None:
        self.files: Files = {}
        self.clock = ManualClock(MINUTE + 60.0)
        self.documents: dict[str, bytes] | None = dict(DOCUMENTS)
        self.notices: dict[str, bytes] | None = None
        self.pauses: list[float] = []
        self.on_pause: Callable[[], None] = lambda: None
        self.diary = diary
        self.trust = Trust(keys=(KEY,))

    def monitor(self, most_notices: int = 100) -> Monitor:
        public = Public(
            lambda path: self.files.get(path),
            None if self.documents is None else self.documents.get,
            None if self.notices is None else self.notices.get,
        )
        return Monitor(self.diary, public, self.trust, clock=self.clock, pause=self._pause, most_notices=most_notices)

    def round(self, entries: Sequence[bytes] | None = None) -> Round:
        if entries is not None:
            self.files = files_of(entries)
        return self.monitor().round()

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.on_pause()


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_diary(None) as diary:
        yield Desk(diary)


def alarms(found: Round) -> list[Alarm]:
    return [alarm.kind for alarm in found.alarms]


@pytest.mark.parametrize("sizes", [(0, 3, 4), (255, 256, 257), (100, 303), (303,), (303, 303)], ids=str)
def test_a_sound_log_raises_no_alarm_and_every_entry_is_read_once(desk: Desk, sizes: tuple[int, ...]) -> None:
    rounds = [desk.round(ENTRIES[:size]) for size in sizes]
    assert [found.alarms for found in rounds] == [[] for _ in sizes]
    assert not any(found.alarming for found in rounds)
    assert [found.head.size for found in rounds if found.head is not None] == list(sizes)
    assert sum(found.entries for found in rounds) == sizes[-1]


def test_rounds_count_what_one_pass_would(desk: Desk) -> None:
    for size in (2, 40, 256, 303):
        desk.round(ENTRIES[:size])
    counted = {(row["model"], row["domain"], row["outcome"]): row["number"] for row in outcomes(desk.diary)}
    wanted = Counter(
        (s.requested, s.reason.domain if s.reason else None, s.outcome) for s in (e.statement for e in EXCHANGES)
    )
    assert counted == dict(wanted)
    assert list(outcomes(desk.diary, "2026-10")) == list(outcomes(desk.diary))
    assert list(outcomes(desk.diary, "2025")) == []


def test_a_completion_is_no_exchange_of_its_own(desk: Desk) -> None:
    decision = EXCHANGES[1]
    closing = replace(decision.statement, kind=Kind.COMPLETION, previous=decision.receipt.leaf)
    found = desk.round([*ENTRIES[:6], encode_entry(closing)])
    assert (found.alarms, found.statements) == ([], 4)
    assert sum(int(row["number"] or 0) for row in outcomes(desk.diary)) == 3


def bit(files: Files, path: str) -> Files:
    return {**files, path: bytes([files[path][0] ^ 1]) + files[path][1:]}


def without(files: Files, path: str) -> Files:
    return {name: raw for name, raw in files.items() if name != path}


def entry_changed(files: Files) -> Files:
    path = "tile/entries/001.p/47"
    return {**files, path: files[path].replace(ENTRIES[300], rewritten(ENTRIES[300]))}


def both_changed(files: Files) -> Files:
    others = [*ENTRIES[:300], rewritten(ENTRIES[300]), *ENTRIES[301:]]
    return {**files_of(others), tiles.CHECKPOINT: files[tiles.CHECKPOINT]}


def rewritten_before(_files: Files) -> Files:
    return files_of([*ENTRIES[:9], rewritten(ENTRIES[9]), *ENTRIES[10:]])


def rewritten_in_the_last_bundle(_files: Files) -> Files:
    return files_of([*ENTRIES[:257], rewritten(ENTRIES[257]), *ENTRIES[258:]])


def shorter(_files: Files) -> Files:
    return files_of(ENTRIES[:200])


def second_root(_files: Files) -> Files:
    return files_of([*ENTRIES[:259], rewritten(ENTRIES[259])])


def no_checkpoint(files: Files) -> Files:
    return without(files, tiles.CHECKPOINT)


def foreign_checkpoint(files: Files) -> Files:
    return {**files, tiles.CHECKPOINT: files[tiles.CHECKPOINT].replace(b"\n303\n", b"\n302\n")}


def other_root(_files: Files) -> Files:
    return files_of(ENTRIES, root=bytes(32))


@pytest.mark.parametrize(
    ("alter", "kind", "proves"),
    [
        (no_checkpoint, Alarm.CHECKPOINT, False),
        (foreign_checkpoint, Alarm.CHECKPOINT, False),
        (shorter, Alarm.ROLLBACK, True),
        (second_root, Alarm.SPLIT, True),
        (rewritten_before, Alarm.REWRITTEN, True),
        (rewritten_in_the_last_bundle, Alarm.REWRITTEN, True),
        (lambda files: without(files, "tile/entries/001.p/47"), Alarm.UNREADABLE, False),
        (entry_changed, Alarm.ROOT, True),
        (both_changed, Alarm.ROOT, True),
        (other_root, Alarm.ROOT, True),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_breaks_the_log_stops_the_round_and_nothing_of_it_is_kept(
    desk: Desk, alter: Callable[[Files], Files], kind: Alarm, proves: bool
) -> None:
    # A log of 260 entries first: the edge that is read again later is in the middle of a bundle.
    before = desk.round(ENTRIES[:260])
    counted = list(outcomes(desk.diary))
    sound = desk.files | files_of(ENTRIES)
    desk.files = alter(sound)
    for new in (True, False):
        found = desk.round()
        assert [(alarm.kind, alarm.new) for alarm in found.alarms] == [(kind, new)]
        assert found.stopped
        assert found.alarming
        assert (found.head, found.entries) == (before.head, 0)
    assert list(outcomes(desk.diary)) == counted
    assert bool(desk.diary.evidence()) is proves
    desk.files = sound
    assert not desk.round().alarming


def test_evidence_is_two_checkpoints_that_the_log_signed(desk: Desk) -> None:
    desk.round(ENTRIES[:260])
    first = desk.files[tiles.CHECKPOINT]
    desk.round([*ENTRIES[:259], rewritten(ENTRIES[259])])
    assert desk.diary.evidence() == [(desk.files[tiles.CHECKPOINT], first)]


def test_a_checkpoint_that_a_cache_kept_for_a_moment_is_no_rollback(desk: Desk) -> None:
    desk.round(ENTRIES[:260])
    sound = dict(desk.files)
    desk.files = files_of(ENTRIES[:200])

    def refresh() -> None:
        desk.files = sound

    desk.on_pause = refresh
    assert desk.round().alarms == []
    assert desk.pauses == [PAUSE_SECONDS]


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/001.p/47", "tile/1/000.p/1"])
def test_a_tile_that_is_not_what_the_entries_give_is_told_and_the_entries_count(desk: Desk, path: str) -> None:
    desk.files = bit(files_of(ENTRIES), path)
    found = desk.round()
    assert (alarms(found), found.entries, found.stopped) == ([Alarm.TILES], 303, False)


def test_entries_that_break_a_rule_are_told_one_by_one_and_the_others_count(desk: Desk) -> None:
    again = encode_entry(replace(EXCHANGES[1].statement, outcome="refuse"))
    late = encode_entry(replace(EXCHANGES[9].statement, minute=NOT_AFTER // 60_000 * 60 + 60))
    lost = encode_entry(replace(EXCHANGES[8].statement, kind=Kind.COMPLETION, previous=bytes(32)))
    found = desk.round([ENTRIES[0], ENTRIES[1], *ENTRIES[3:6], b"free text", again, lost, ENTRIES[2], late])
    told = [alarm.detail for alarm in found.alarms]
    assert alarms(found) == [Alarm.ANNOUNCED] * 3 + [Alarm.ENTRY] * 3 + [Alarm.ANNOUNCED, Alarm.FUTURE]
    for word, detail in zip(("classifier",) * 3 + ("entry 5", "used before", "prev", "expired"), told, strict=False):
        assert word in detail
    assert not found.stopped
    assert sum(int(row["number"] or 0) for row in outcomes(desk.diary)) == 4


def test_an_announcement_of_an_earlier_round_still_holds_and_an_id_is_still_taken(desk: Desk) -> None:
    desk.round(ENTRIES[:20])
    again = encode_entry(replace(EXCHANGES[1].statement, outcome="refuse"))
    found = desk.round([*ENTRIES[:21], again])
    assert alarms(found) == [Alarm.ENTRY]
    assert "used before" in found.alarms[0].detail


def cut_off() -> bytes:
    """A decision for a model's reply that was told as another's, and so needs a completion."""
    known = {name: value for name, value in EXCHANGES[1].statement.commitments.items() if name != commit.RESPONSE}
    return encode_entry(replace(EXCHANGES[1].statement, commitments=known))


def test_a_decision_without_its_completion_is_seen_and_after_an_hour_an_alarm(desk: Desk) -> None:
    entries = [*ENTRIES[:3], cut_off()]
    found = desk.round(entries)
    assert (found.awaiting, found.alarms) == (1, [])
    desk.clock.advance(PATIENCE_SECONDS + 60)
    found = desk.round()
    assert (found.awaiting, alarms(found), found.alarming) == (1, [Alarm.CUT_OFF], True)
    assert not desk.round().alarming
    closing = replace(EXCHANGES[1].statement, kind=Kind.COMPLETION, previous=tiles.leaf_hashes([entries[-1]])[0])
    found = desk.round([*entries, encode_entry(closing)])
    assert (found.awaiting, found.alarms) == (0, [])


def test_a_digest_that_leads_nowhere_or_elsewhere_is_an_alarm_until_it_leads_somewhere(desk: Desk) -> None:
    assert desk.documents is not None
    policy = next(iter(DOCUMENTS))
    del desk.documents[policy]
    found = desk.round(ENTRIES[:9])
    assert (alarms(found), found.lacking) == ([Alarm.DOCUMENT], 1)
    assert policy in found.alarms[0].detail
    desk.documents[policy] = b"another policy"
    assert "has the digest" in desk.round().alarms[0].detail
    desk.documents[policy] = DOCUMENTS[policy]
    assert desk.round().alarms == []


def test_where_no_documents_are_published_none_is_missed(desk: Desk) -> None:
    desk.documents = None
    assert desk.round(ENTRIES[:9]).alarms == []


def notices() -> dict[str, bytes]:
    named = (exchange.receipt for exchange in EXCHANGES if exchange.statement.notice is not None)
    return {f"ntc_{number}": json.dumps({"reason": each.notice}).encode() for number, each in enumerate(named)}


def with_notices() -> list[bytes]:
    changed = [exchange.statement for exchange in EXCHANGES if exchange.statement.notice is not None]
    marked = [
        replace(each, notice=replace(each.notice, id=NoticeId(f"ntc_{number}")))
        for number, each in enumerate(changed)
        if each.notice is not None
    ]
    return [*ENTRIES[:3], *map(encode_entry, marked)]


def test_notices_are_looked_up_and_one_that_says_something_else_is_an_alarm(desk: Desk) -> None:
    desk.notices = notices()
    found = desk.round(with_notices()[:60])
    assert (found.alarms, found.notices, found.notices_seen) == ([], 57, 57)
    desk.notices["ntc_60"] = b'{"reason": "nothing happened"}'
    del desk.notices["ntc_61"]
    desk.notices["ntc_62"] = b"<html>"
    found = desk.round(with_notices()[:70])
    assert alarms(found) == [Alarm.NOTICE] * 3
    for word, alarm in zip(("has another text", "cannot be fetched", "is not JSON"), found.alarms, strict=True):
        assert word in alarm.detail


def test_of_many_notices_a_sample_is_looked_up(desk: Desk) -> None:
    desk.notices, desk.files = notices(), files_of(with_notices())
    found = desk.monitor(most_notices=7).round()
    assert (found.notices, found.notices_seen) == (7, 200)


def test_a_promise_that_was_kept_is_forgotten_and_one_that_was_not_is_an_alarm(desk: Desk) -> None:
    monitor = desk.monitor()
    for number in (1, 250):
        monitor.watch(encode_receipt(without_secret(EXCHANGES[number].receipt)))
    found = desk.round(ENTRIES[:50])
    assert (found.alarms, found.promises) == ([], 1)
    desk.clock.advance((TIME + 60_000 + SLACK_MS) / 1000 + 1 - desk.clock.now())
    found = desk.round()
    assert alarms(found) == [Alarm.PROMISE]
    assert EXCHANGES[250].receipt.leaf.hex() in found.alarms[0].detail
    assert desk.round(ENTRIES).alarms == []


def test_a_receipt_of_another_log_or_with_a_forged_promise_is_refused(desk: Desk) -> None:
    other = made_up(known_issuer(known_signer("other.test/log")), 1).receipt
    with pytest.raises(VerificationFailed, match="not of this log"):
        desk.monitor().watch(encode_receipt(other))
    forged = replace(EXCHANGES[1].receipt, promise=EXCHANGES[2].receipt.promise)
    with pytest.raises(VerificationFailed, match="does not verify"):
        desk.monitor().watch(encode_receipt(forged))


@pytest.mark.parametrize(
    ("ahead", "signs", "expected"), [(0, True, []), (3600, True, ["future"]), (0, False, ["not met"])]
)
def test_witnesses_that_a_policy_asks_for_must_have_cosigned(
    desk: Desk, ahead: int, signs: bool, expected: list[str]
) -> None:
    seed = known_signer("witness.test/w1")
    witness = CosignerKey(name="witness.test/w1", public=parse_vkey(seed.vkey).public)
    policy = f"log {LOG.vkey}\nwitness w1 {witness.text}\nquorum w1\n"
    desk.trust = Trust(keys=(KEY,), policy=parse_policy(policy.encode()))
    desk.files = files_of(ENTRIES[:9])
    if signs:
        note = desk.files[tiles.CHECKPOINT]
        line = cosign(open_note(note, KEY), witness, int(desk.clock.now()) + ahead, seed.sign)
        desk.files[tiles.CHECKPOINT] = with_lines(note, [line])
    found = desk.round()
    assert alarms(found) == [Alarm.QUORUM] * len(expected)
    for word, alarm in zip(expected, found.alarms, strict=True):
        assert word in alarm.detail


def test_a_log_whose_key_was_replaced_is_followed_from_the_key_that_we_were_given(desk: Desk) -> None:
    later = signer_of(ORIGIN, bytes(range(32, 64)))
    announced = announce_log_key(by=LOG.vkey, sign=LOG.sign, vkey=later.vkey, minute=MINUTE)
    desk.round(ENTRIES[:9])
    edge, desk.files = tiles.grow(tiles.Edge(), [*ENTRIES[:9], encode_entry(announced)])
    checkpoint = Checkpoint(origin=ORIGIN, size=edge.size, root=edge.root)
    desk.files[tiles.CHECKPOINT] = sign_checkpoint(checkpoint, parse_vkey(later.vkey), later.sign)
    assert alarms(desk.round()) == [Alarm.CHECKPOINT]
    desk.files[KEYS] = encode_keys((announced,))
    found = desk.round()
    assert (found.alarms, found.entries) == ([], 1)


def test_a_state_goes_on_where_it_was_closed(tmp_path: Path) -> None:
    for size, new in ((100, 100), (303, 203)):
        with open_diary(tmp_path / "state") as diary:
            found = Desk(diary).round(ENTRIES[:size])
            assert (found.entries, found.alarms) == (new, [])


def test_a_round_that_breaks_off_leaves_the_state_as_it_was(tmp_path: Path) -> None:
    class Unplugged(Exception):
        pass

    files = files_of(ENTRIES)

    def unplugged(path: str) -> bytes | None:
        if path == "tile/entries/001.p/47":
            raise Unplugged
        return files.get(path)

    with open_diary(tmp_path / "state") as diary:
        desk = Desk(diary)
        desk.round(ENTRIES[:100])
        public = Public(unplugged)
        with pytest.raises(Unplugged):
            Monitor(diary, public, desk.trust, clock=desk.clock, pause=lambda _: None).round()
        assert desk.round(ENTRIES).entries == 203


def test_a_file_that_is_no_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"overt-state/1, but not SQLite" * 50)
    with pytest.raises(OperatorError, match="cannot be used"), open_diary(tmp_path / "state"):
        pytest.fail("it was opened")


MANY = [*ENTRIES, *(made_up(ISSUER, number).entry for number in range(300, 900))]
RETENTION = encode_entry(Retention(log=ORIGIN, minute=MINUTE, kept=768))


def without_bundles(files: Files, *numbers: int) -> Files:
    gone = {tiles.Tile(tiles.ENTRIES, number).path for number in numbers}
    return {path: raw for path, raw in files.items() if path not in gone}


@pytest.mark.parametrize("known", [0, 256, 300, 512, 903], ids=str)
def test_a_log_that_says_what_it_pruned_raises_no_alarm_wherever_the_monitor_was(desk: Desk, known: int) -> None:
    desk.round(MANY[:known])
    desk.files = without_bundles(files_of([*MANY, RETENTION]), 1, 2)
    found = desk.round()
    assert found.alarms == [], "nothing is wrong"
    assert found.retention == (len(MANY), 768)
    assert found.pruned == max(0, 768 - max(known, 256))
    assert desk.round().retention is None
    desk.files = without_bundles(
        files_of([*MANY, RETENTION, *(made_up(ISSUER, n).entry for n in range(2000, 2200))]), 1, 2
    )
    assert desk.round().alarms == []


def test_a_bundle_that_is_gone_and_that_the_log_does_not_speak_of_is_an_alarm(desk: Desk) -> None:
    desk.round(MANY[:300])
    desk.files = without_bundles(files_of(MANY), 1)
    found = desk.round()
    assert alarms(found) == [Alarm.UNREADABLE]
    assert "no entry says that it was pruned" in found.alarms[0].detail
    assert (found.head.size if found.head else None) == 300
    desk.files = files_of([*MANY, RETENTION])
    assert desk.round().alarms == [], "it is there again"


def test_a_promise_of_an_entry_that_was_pruned_since_is_kept(desk: Desk) -> None:
    desk.files = without_bundles(files_of([*MANY, RETENTION]), 1, 2)
    desk.monitor().watch(encode_receipt(EXCHANGES[290].receipt))
    found = desk.round()
    assert (found.alarms, found.promises) == ([], 0)


def test_hashes_that_are_not_those_that_were_signed_are_found_where_entries_are_pruned(desk: Desk) -> None:
    desk.round(MANY[:300])
    files = without_bundles(files_of([*MANY, RETENTION]), 1, 2)
    desk.files = bit(files, "tile/0/002")
    assert alarms(desk.round()) == [Alarm.ROOT]
