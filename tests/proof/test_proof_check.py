"""Checking a whole log: what an operator could alter, and the step that finds it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from overt.core.domain import Digest
from overt.core.receipt import Kind
from overt.errors import VerificationFailed
from overt.proof import check, commit, tiles, verify
from overt.proof.check import Checked, check_log
from overt.proof.merkle import leaf_hash
from overt.proof.note import Checkpoint, parse_vkey, sign_checkpoint
from overt.proof.receipt import encode_receipt
from overt.proof.statement import Announcement, Retention, Subject, decode_entry, encode_entry
from overt.proof.walk import PATIENCE_SECONDS
from overt.testing.log import ORIGIN, known_signer
from overt.testing.receipts import MINUTE, NOT_AFTER, announcements, known_issuer, made_up

LOG = known_signer()
ISSUER = known_issuer()
ENTRIES = [*announcements(ISSUER), *(made_up(ISSUER, number).entry for number in range(260))]
Files = dict[str, bytes]


def files_of(entries: Sequence[bytes], *, root: bytes | None = None) -> Files:
    """A log as files, with a checkpoint that its key signed over the root (or over another one)."""
    edge, files = tiles.grow(tiles.Edge(), entries)
    checkpoint = Checkpoint(origin=ORIGIN, size=edge.size, root=root if root is not None else edge.root)
    files[tiles.CHECKPOINT] = sign_checkpoint(checkpoint, parse_vkey(LOG.vkey), LOG.sign)
    return files


def found(files: Files, *, previous: Checkpoint | None = None, full: bool = False) -> Checked:
    return check_log(files.get, LOG.vkey, previous=previous, full=full)


def failure(checked: Checked) -> tuple[str, str]:
    """The step that failed and why; a check that fails remembers nothing."""
    last = checked.steps[-1]
    assert not last.ok
    assert checked.checkpoint is None
    return last.name, last.detail


@pytest.mark.parametrize("size", [0, 3, 4, 255, 256, 257, len(ENTRIES)])
def test_a_sound_log_holds_in_every_step(size: int) -> None:
    checked = found(files_of(ENTRIES[:size]), full=True)
    assert [(step.number, step.name) for step in checked.steps] == list(enumerate(check.STEPS, 1))
    assert all(step.ok for step in checked.steps), checked.steps[-1]
    assert checked.checkpoint is not None
    assert checked.checkpoint.size == size


def rewritten(entry: bytes) -> bytes:
    """Another entry of the same schema and length: a claim changed afterwards."""
    other = entry.replace(b'"model":"small"', b'"model":"SMALL"')
    assert other != entry
    return other


def with_entry_rewritten(files: Files) -> Files:
    path = "tile/entries/000"
    return {**files, path: files[path].replace(ENTRIES[9], rewritten(ENTRIES[9]))}


def with_entry_and_tiles_rewritten(files: Files) -> Files:
    others = [*ENTRIES[:9], rewritten(ENTRIES[9]), *ENTRIES[10:]]
    return {**files_of(others), tiles.CHECKPOINT: files[tiles.CHECKPOINT]}


def with_tile_bit_flipped(files: Files) -> Files:
    raw = files["tile/0/000"]
    return {**files, "tile/0/000": bytes([raw[0] ^ 1]) + raw[1:]}


def with_upper_tile_flipped(files: Files) -> Files:
    raw = files["tile/1/000.p/1"]
    return {**files, "tile/1/000.p/1": raw[:-1] + bytes([raw[-1] ^ 1])}


def with_tile_cut(files: Files) -> Files:
    return {**files, "tile/0/000": files["tile/0/000"][:-32]}


def with_bundle_cut(files: Files) -> Files:
    return {**files, "tile/entries/000": files["tile/entries/000"][:-1]}


def with_bundle_short_of_one(files: Files) -> Files:
    return {**files, "tile/entries/000": tiles.encode_bundle(ENTRIES[:255])}


def without_bundle(files: Files) -> Files:
    return {path: raw for path, raw in files.items() if path != "tile/entries/000"}


def with_checkpoint_of_other_root(_files: Files) -> Files:
    return files_of(ENTRIES, root=bytes(32))


def with_checkpoint_edited(files: Files) -> Files:
    return {**files, tiles.CHECKPOINT: files[tiles.CHECKPOINT].replace(b"\n263\n", b"\n262\n")}


@pytest.mark.parametrize(
    ("alter", "step", "why"),
    [
        (with_entry_rewritten, "root", "tile/0/000 is not what the entries give"),
        (with_entry_and_tiles_rewritten, "root", "both were rewritten"),
        (with_tile_bit_flipped, "tiles", "tile/0/000"),
        (with_upper_tile_flipped, "tiles", "tile/1/000.p/1"),
        (with_tile_cut, "tiles", "tile/0/000: it holds 255 items"),
        (with_bundle_cut, "entries", "tile/entries/000: it is cut off"),
        (with_bundle_short_of_one, "entries", "holds 255 items"),
        (without_bundle, "entries", "missing"),
        (with_checkpoint_of_other_root, "root", "not the signed root"),
        (with_checkpoint_edited, "checkpoint", "does not verify"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_what_was_altered_is_found(alter: Callable[[Files], Files], step: str, why: str) -> None:
    name, detail = failure(found(alter(files_of(ENTRIES))))
    assert name == step
    assert why in detail


def test_the_wrong_key_fails_at_the_checkpoint() -> None:
    files = files_of(ENTRIES[:4])
    other = known_signer("other.test/log")
    assert failure(check_log(files.get, other.vkey))[0] == "checkpoint"


def test_a_log_without_a_checkpoint_fails() -> None:
    assert failure(found({})) == ("checkpoint", "checkpoint: the log has none")


def test_the_same_id_twice_fails() -> None:
    again = encode_entry(replace(made_up(ISSUER, 1).statement, outcome="refuse"))
    name, detail = failure(found(files_of([*ENTRIES[:6], again])))
    assert (name, "'rcp_000001' was used before" in detail) == ("entries", True)


def test_a_completion_of_nothing_fails() -> None:
    lost = replace(made_up(ISSUER, 9).statement, kind=Kind.COMPLETION, previous=bytes(32))
    assert failure(found(files_of([*ENTRIES[:6], encode_entry(lost)])))[0] == "entries"


def test_a_completion_of_a_decision_holds() -> None:
    decision = made_up(ISSUER, 0)
    closing = replace(decision.statement, kind=Kind.COMPLETION, previous=decision.receipt.leaf)
    assert found(files_of([*ENTRIES[:6], encode_entry(closing)])).checkpoint is not None


def test_an_entry_outside_the_schema_fails() -> None:
    name, detail = failure(found(files_of([*ENTRIES[:6], b"free text"])))
    assert name == "entries"
    assert detail.startswith("entries: entry 6")


def test_an_entry_of_another_log_fails() -> None:
    other = encode_entry(replace(made_up(ISSUER, 9).statement, log="other.test/log"))
    assert failure(found(files_of([*ENTRIES[:6], other])))[0] == "entries"


@pytest.mark.parametrize(("missing", "word"), [(0, "key"), (1, "policy"), (2, "classifier")])
def test_a_statement_that_rests_on_what_was_not_announced_before_fails(missing: int, word: str) -> None:
    late = ENTRIES[missing]
    name, detail = failure(found(files_of([*(e for e in ENTRIES[:5] if e != late), late])))
    assert name == "announcements"
    assert f"rests on the {word}" in detail


def test_a_statement_by_an_expired_key_fails() -> None:
    late = replace(made_up(ISSUER, 1).statement, minute=NOT_AFTER // 60_000 * 60 + 60)
    name, detail = failure(found(files_of([*ENTRIES[:3], encode_entry(late)])))
    assert (name, "expired" in detail) == ("announcements", True)


def remembered(size: int) -> Checkpoint:
    checkpoint = found(files_of(ENTRIES[:size])).checkpoint
    assert checkpoint is not None
    return checkpoint


@pytest.mark.parametrize("size", [0, 1, 100, 255, 256, 257, len(ENTRIES)])
def test_a_log_that_continues_what_was_remembered_holds(size: int) -> None:
    checked = found(files_of(ENTRIES), previous=remembered(size))
    assert checked.steps[5].mark is verify.Mark.HOLDS


def test_a_log_that_lost_entries_is_a_rollback() -> None:
    name, detail = failure(found(files_of(ENTRIES[:100]), previous=remembered(101)))
    assert (name, "ROLLBACK" in detail) == ("history", True)


def test_a_log_that_was_rewritten_and_signed_anew_does_not_continue() -> None:
    others = [*ENTRIES[:9], rewritten(ENTRIES[9]), *ENTRIES[10:]]
    name, detail = failure(found(files_of(others), previous=remembered(100)))
    assert (name, "REWRITTEN" in detail) == ("history", True)


def test_a_full_check_finds_an_earlier_tile_that_disagrees() -> None:
    files = files_of(ENTRIES) | {"tile/0/001.p/2": bytes(64)}
    assert found(files).checkpoint is not None
    assert failure(found(files, full=True))[0] == "earlier tiles"


def cut_off(number: int) -> bytes:
    """A decision for a reply that was told as another model's, which no completion closes."""
    statement = made_up(ISSUER, number).statement
    known = {name: value for name, value in statement.commitments.items() if name != commit.RESPONSE}
    return encode_entry(replace(statement, commitments=known))


def later(number: int) -> bytes:
    statement = made_up(ISSUER, number).statement
    return encode_entry(replace(statement, minute=statement.minute + 2 * PATIENCE_SECONDS))


@pytest.mark.parametrize(
    ("entries", "mark", "says"),
    [
        ([], verify.Mark.HOLDS, "every decision"),
        ([cut_off(900)], verify.Mark.OPEN, "1 decisions lack their completion, 0 of them"),
        ([cut_off(900), cut_off(901), later(902)], verify.Mark.OPEN, "2 decisions lack their completion, 2 of them"),
    ],
    ids=["none", "just now", "long ago"],
)
def test_a_missing_completion_is_visible(entries: list[bytes], mark: verify.Mark, says: str) -> None:
    checked = found(files_of([*ENTRIES[:9], *entries]))
    assert checked.checkpoint is not None
    assert (checked.steps[7].mark, says in checked.steps[7].detail) == (mark, True)


def test_a_completion_closes_its_decision() -> None:
    decision = cut_off(900)
    closing = replace(made_up(ISSUER, 900).statement, kind=Kind.COMPLETION, previous=leaf_hash(decision))
    checked = found(files_of([*ENTRIES[:9], decision, encode_entry(closing)]))
    assert checked.steps[7].mark is verify.Mark.HOLDS


DOCUMENTS = {"sha256:" + hashlib.sha256(raw).hexdigest(): raw for raw in (b"policy", b"w")}


@pytest.mark.parametrize(
    ("documents", "says"),
    [
        (DOCUMENTS, None),
        ({}, "there is no document"),
        (dict.fromkeys(DOCUMENTS, b"another"), "has the digest"),
    ],
    ids=["all there", "none there", "another"],
)
def test_digests_lead_to_documents(documents: dict[str, bytes], says: str | None) -> None:
    checked = check_log(files_of(ENTRIES[:9]).get, LOG.vkey, documents=documents.get)
    if says is None:
        assert checked.steps[8].mark is verify.Mark.HOLDS
        assert "all 2 digests" in checked.steps[8].detail
    else:
        name, detail = failure(checked)
        assert (name, says in detail) == ("documents", True)


NUMBERED = re.compile(r"^(\d+)\. \*?\*?([a-z ]+?)\*?\*?: ", re.MULTILINE)


@pytest.mark.parametrize(
    ("module", "heading", "names"),
    [
        (verify, "## The steps of a receipt", verify.STEPS),
        (check, "## The steps of a log", check.STEPS),
    ],
    ids=["receipt", "log"],
)
def test_code_and_documentation_number_the_same_steps(module: object, heading: str, names: tuple[str, ...]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "verify.md").read_text()
    section = page.split(heading, 1)[1].split("\n## ", 1)[0]
    expected = [(str(number), name) for number, name in enumerate(names, 1)]
    assert NUMBERED.findall(section) == expected
    assert NUMBERED.findall(module.__doc__ or "") == expected


MANY = [*announcements(ISSUER), *(made_up(ISSUER, number).entry for number in range(800))]


def pruned(kept: int, *, said: bool = True, entries: Sequence[bytes] = MANY) -> Files:
    """A log whose bundles from the second on are gone below an index."""
    entry = encode_entry(Retention(log=ORIGIN, minute=MINUTE, kept=kept))
    files = files_of([*entries, *([entry] if said else [])])
    return {path: raw for path, raw in files.items() if path not in gone(kept)}


def gone(kept: int) -> set[str]:
    return {tiles.Tile(tiles.ENTRIES, number).path for number in range(1, kept // tiles.WIDTH)}


@pytest.mark.parametrize("full", [False, True])
def test_what_was_pruned_and_said_to_be_is_told_and_the_rest_holds(full: bool) -> None:
    before = Checkpoint(origin=ORIGIN, size=300, root=tiles.grow(tiles.Edge(), MANY[:300])[0].root)
    checked = found(pruned(768), previous=before, full=full)
    assert checked.checkpoint is not None, checked.steps[-1]
    marks = {step.name: (str(step.mark), step.detail) for step in checked.steps}
    assert marks["entries"][0] == "open"
    assert "entry 803" in marks["entries"][1]
    assert "512 entries are pruned" in marks["entries"][1]
    assert marks["announcements"][0] == "holds", "the first bundle, with the announcements, is there"
    assert marks["history"][0] == "holds"
    assert "pruned" in marks["root"][1]


def test_a_bundle_that_is_missing_and_not_said_to_be_pruned_fails() -> None:
    name, detail = failure(found(pruned(768, said=False)))
    assert (name, "tile/entries/002: it is missing" in detail) == ("entries", True)
    files = pruned(512)
    name, detail = failure(found({path: raw for path, raw in files.items() if path not in gone(768)}))
    assert (name, "tile/entries/002: it is missing" in detail) == ("entries", True)
    for lost in ("tile/entries/000", "tile/entries/003.p/36"):
        name, _ = failure(found({path: raw for path, raw in pruned(768).items() if path != lost}))
        assert name == "entries", lost


def test_hashes_in_the_place_of_pruned_entries_are_held_to_the_root() -> None:
    files = pruned(768)
    raw = files["tile/0/001"]
    assert failure(found({**files, "tile/0/001": bytes(32) + raw[32:]}))[0] == "root"
    assert failure(found({path: raw for path, raw in files.items() if path != "tile/0/001"}))[0] == "entries"


def test_a_retention_reads_back_and_its_schema_is_closed() -> None:
    entry = Retention(log=ORIGIN, minute=MINUTE, kept=512)
    raw = encode_entry(entry)
    assert decode_entry(raw) == entry
    for other in (raw.replace(b"512", b'"512"'), raw.replace(b'"kept"', b'"keep"')):
        with pytest.raises(VerificationFailed, match="entry"):
            decode_entry(other)


def test_a_log_may_say_that_it_prunes_and_still_serve_all() -> None:
    checked = found(files_of([*MANY, encode_entry(Retention(log=ORIGIN, minute=MINUTE, kept=512))]))
    assert "all are still served" in checked.steps[1].detail
    assert str(checked.steps[1].mark) == "holds"


def test_what_was_said_once_stays_said() -> None:
    less = encode_entry(Retention(log=ORIGIN, minute=MINUTE, kept=512))
    more = encode_entry(Retention(log=ORIGIN, minute=MINUTE, kept=768))
    files = files_of([*MANY, more, less])
    checked = found({path: raw for path, raw in files.items() if path not in gone(768)})
    assert checked.checkpoint is not None, checked.steps[-1]
    assert "entries 256 to 767" in checked.steps[1].detail


@pytest.mark.parametrize("kept", [1024, 300, 256, 0], ids=["not yet", "within a bundle", "the first bundle", "nothing"])
def test_a_retention_that_cannot_be_fails(kept: int) -> None:
    entry = encode_entry(Retention(log=ORIGIN, minute=MINUTE, kept=kept))
    assert failure(found(files_of([*MANY, entry])))[0] == "entries"


def test_statements_whose_announcement_is_pruned_are_told_and_a_completion_of_a_pruned_decision_holds() -> None:
    digest = Digest("sha256:" + "ab" * 32)
    announced = Announcement(
        subject=Subject.POLICY, log=ORIGIN, minute=MINUTE, name="other", version="1", digest=digest
    )
    later = replace(made_up(ISSUER, 900).statement, policy_digest=digest)
    decision = made_up(ISSUER, 300)
    closing = replace(decision.statement, kind=Kind.COMPLETION, previous=decision.receipt.leaf)
    entries = [*MANY[:400], encode_entry(announced), *MANY[400:], encode_entry(later), encode_entry(closing)]
    checked = found(pruned(768, entries=entries))
    assert checked.checkpoint is not None, checked.steps[-1]
    told = checked.steps[2]
    assert (str(told.mark), "1 of" in told.detail) == ("open", True)


def test_receipts_of_pruned_entries_verify_by_the_log() -> None:
    for number in (5, 400):
        receipt = encode_receipt(made_up(ISSUER, number).receipt)
        steps = verify.verify_receipt(receipt, log_vkey=LOG.vkey, fetched=pruned(768).get)
        assert verify.holds(steps), steps[-1]
        (log,) = (step for step in steps if step.name == "log")
        assert ("serves the entry no more" in log.detail) == (number == 400)
