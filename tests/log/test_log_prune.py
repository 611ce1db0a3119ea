"""Old entries are removed and the log says so: what is left holds, and what is gone unsaid does not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import final

import pytest

from overt.errors import LogUnavailable, VerificationFailed
from overt.log.files import directory_reader
from overt.log.folder import lock_folder
from overt.log.keys import signer_of
from overt.log.log import start
from overt.log.notary import claimed_size, one_key
from overt.log.parts import Parts, Prove
from overt.log.prune import LOCK, Pruned, prune
from overt.log.retained import RETENTION, kept_from
from overt.log.sqlite import open_log, sqlite_parts
from overt.proof import tiles
from overt.proof.check import check_log
from overt.proof.cosign import CosignerKey, cosign
from overt.proof.merkle import leaf_hash
from overt.proof.note import open_note, parse_vkey, with_lines
from overt.proof.statement import Retention, encode_entry
from overt.proof.tlogproof import decode_proof, verify_proof
from overt.proof.verify import read_checkpoint
from overt.testing.log import ORIGIN, known_signer
from overt.testing.receipts import MINUTE, announcements, known_issuer, made_up

LOG = known_signer()
ISSUER = known_issuer()
OLD = [*announcements(ISSUER), *(made_up(ISSUER, number).entry for number in range(600))]
"""603 entries of one minute: two whole bundles and a part."""


def young(number: int) -> bytes:
    return encode_entry(replace(made_up(ISSUER, number).statement, minute=MINUTE + 600))


async def _fill(directory: Path, entries: list[bytes]) -> None:
    log = await open_log(directory, ORIGIN, LOG, period=0.01)
    await asyncio.gather(*(log.append(entry) for entry in entries))
    await log.aclose()


def fill(directory: Path, entries: list[bytes]) -> Path:
    asyncio.run(_fill(directory, entries))
    return directory


def pruned(directory: Path, before: int = MINUTE + 60) -> Pruned | None:
    return asyncio.run(_pruned(directory, before))


async def _pruned(directory: Path, before: int = MINUTE + 60) -> Pruned | None:
    return await prune(directory, sqlite_parts(directory), one_key(LOG), minute=MINUTE + 1200, before=before)


def bundle(directory: Path, number: int) -> Path:
    return directory / tiles.Tile(tiles.ENTRIES, number).path


def check(directory: Path) -> list[str]:
    checked = check_log(directory_reader(directory), LOG.vkey, full=True)
    return [] if checked.checkpoint is not None else [checked.steps[-1].detail]


def test_old_entries_go_and_the_log_holds_grows_and_proves_as_before(tmp_path: Path) -> None:
    directory = fill(tmp_path, OLD)
    done = pruned(directory)
    assert done is not None
    assert (done.bundles, done.said.index, done.said.entry.kept) == (1, len(OLD), 512)
    assert not bundle(directory, 1).exists()
    assert bundle(directory, 0).exists(), "the first announcements stay"
    assert check(directory) == []

    async def again() -> bytes | None:
        log = await open_log(directory, ORIGIN, LOG, period=0.01)
        try:
            await log.append(young(700))
            assert (await log.append(OLD[300])).leaf == leaf_hash(OLD[300]), "a leaf that is known keeps its place"
            return await log.proof(leaf_hash(OLD[300]))
        finally:
            await log.aclose()

    proof = asyncio.run(again())
    assert proof is not None
    assert decode_proof(proof).index == 300
    verify_proof(decode_proof(proof), leaf_hash(OLD[300]), parse_vkey(LOG.vkey))
    assert check(directory) == []


@pytest.mark.parametrize("noted", [True, False], ids=["while it removed", "before it noted the entry"])
def test_pruning_goes_on_from_where_it_was_and_finishes_what_was_interrupted(tmp_path: Path, noted: bool) -> None:
    directory = fill(tmp_path, OLD)
    whole = bundle(directory, 1).read_bytes()
    first = pruned(directory)
    assert first is not None
    bundle(directory, 1).write_bytes(whole)
    if not noted:
        (directory / RETENTION).unlink()
    assert pruned(directory) == first, "no second entry, and the bundle that was left goes"
    fill(directory, [young(number) for number in range(1000, 1300)])
    assert pruned(directory) == replace(first, bundles=0), "the next bundle holds what is young"
    later = pruned(directory, MINUTE + 1800)
    assert later is not None
    assert (later.bundles, later.said.entry.kept) == (1, 768)
    assert later.said.index > first.said.index
    assert check(directory) == []


@pytest.mark.parametrize("entries", [[], OLD[:100], OLD[:512]], ids=["empty", "one bundle", "two bundles"])
def test_the_first_bundle_and_the_last_are_never_removed(tmp_path: Path, entries: list[bytes]) -> None:
    directory = fill(tmp_path, entries)
    assert pruned(directory) is None
    assert read_checkpoint(directory_reader(directory), parse_vkey(LOG.vkey)).size == len(entries)


def test_nothing_young_is_removed(tmp_path: Path) -> None:
    directory = fill(tmp_path, [*OLD[:300], young(900), *OLD[300:]])
    assert pruned(directory) is None
    assert pruned(directory, MINUTE) is None
    assert bundle(directory, 1).exists()


def test_a_start_is_refused_where_a_bundle_is_missing_that_was_not_pruned(tmp_path: Path) -> None:
    directory = fill(tmp_path, [*OLD, *(young(number) for number in range(1000, 1300))])
    bundle(directory, 1).unlink()
    with pytest.raises(LogUnavailable, match="tile/entries/001"):
        fill(directory, [])
    assert "no entry says that it was pruned" in check(directory)[0]


def test_a_start_is_refused_where_more_is_missing_than_was_said(tmp_path: Path) -> None:
    directory = fill(tmp_path, [*OLD, *(young(number) for number in range(1000, 1300))])
    assert pruned(directory) is not None
    bundle(directory, 2).unlink()
    with pytest.raises(LogUnavailable, match="tile/entries/002"):
        fill(directory, [])
    assert "tile/entries/002" in check(directory)[0]


@pytest.mark.parametrize("copy", [None, b"", b"nothing\n", b"5\n{}\n"], ids=str)
def test_the_copy_of_the_statement_may_be_lost_or_wrong(tmp_path: Path, copy: bytes | None) -> None:
    directory = fill(tmp_path, OLD)
    done = pruned(directory)
    assert done is not None
    (directory / RETENTION).unlink()
    if copy is not None:
        (directory / RETENTION).write_bytes(copy)
    assert kept_from(directory, len(OLD) + 1) == 512
    fill(directory, [young(1000)])
    assert pruned(directory) == replace(done, bundles=0)


def test_a_copy_that_lies_does_not_let_a_start_pass(tmp_path: Path) -> None:
    directory = fill(tmp_path, OLD)
    statement = encode_entry(replace(_said(directory), kept=512))
    other = fill(tmp_path / "other", OLD)
    (other / RETENTION).write_bytes(b"%d\n%s\n" % (602, statement))
    bundle(other, 1).unlink()
    with pytest.raises(LogUnavailable, match="tile/entries/001"):
        fill(other, [])


def _said(directory: Path) -> Retention:
    done = pruned(directory)
    assert done is not None
    return done.said.entry


def test_a_bundle_that_is_not_what_its_tile_says_stays(tmp_path: Path) -> None:
    directory = fill(tmp_path, OLD)
    raw = bundle(directory, 1).read_bytes()
    bundle(directory, 1).write_bytes(raw.replace(b"rcp_000300", b"rcp_000999"))
    with pytest.raises(VerificationFailed, match="not what its hash tile says"):
        pruned(directory)
    assert bundle(directory, 1).exists()


@final
class _Until:
    """A cosigner whose witnesses cosign up to a size and are gone from then on."""

    def __init__(self, size: int) -> None:
        self._size = size

    async def cosign(self, note: bytes, prove: Prove) -> bytes | None:
        del prove
        if claimed_size(note) > self._size:
            return None
        seed = signer_of("witness.test/w1", bytes(range(32, 64)))
        key = CosignerKey(name="witness.test/w1", public=parse_vkey(seed.vkey).public)
        return with_lines(note, [cosign(open_note(note, parse_vkey(LOG.vkey)), key, MINUTE, seed.sign)])

    async def aclose(self) -> None:
        return


def test_nothing_is_removed_before_readers_see_the_entry_that_says_so(tmp_path: Path) -> None:
    witnesses = _Until(len(OLD))

    async def opening(vkey: str) -> Parts:
        return replace(await sqlite_parts(tmp_path)(vkey), cosigner=witnesses)

    async def run() -> None:
        log = await start(await opening(LOG.vkey), one_key(LOG), period=0.01)
        await asyncio.gather(*(log.append(entry) for entry in OLD))
        await log.aclose()
        await prune(tmp_path, opening, one_key(LOG), minute=MINUTE + 1200, before=MINUTE + 60)

    with pytest.raises(LogUnavailable, match="witnesses have not cosigned"):
        asyncio.run(run())
    assert bundle(tmp_path, 1).exists()


def test_a_log_is_pruned_while_its_writer_runs(tmp_path: Path) -> None:
    async def run() -> None:
        log = await open_log(tmp_path, ORIGIN, LOG, period=0.01)
        await asyncio.gather(*(log.append(entry) for entry in OLD))
        assert await log.wait(leaf_hash(OLD[-1]), 10) is not None
        done = await _pruned(tmp_path)
        assert done is not None
        assert done.bundles == 1
        await log.append(young(1000))
        await log.aclose()

    asyncio.run(run())
    assert check(tmp_path) == []


def test_one_process_prunes_at_a_time(tmp_path: Path) -> None:
    fill(tmp_path, OLD)
    held = lock_folder(tmp_path, LOCK)
    assert held is not None
    with pytest.raises(LogUnavailable, match="another process prunes"):
        pruned(tmp_path)
    held.release()
    assert pruned(tmp_path) is not None
