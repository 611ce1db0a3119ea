"""Several processes with one log, a second copy of the head, and witnesses: one history, whoever writes it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import final

import pytest

from overt.errors import LogUnavailable
from overt.log.log import TransparencyLog, start
from overt.log.memory import FileMemory
from overt.log.notary import one_key
from overt.log.parts import PENDING, Cosigner, Prove
from overt.log.points import Point
from overt.log.sqlite import open_log, sqlite_parts
from overt.proof.check import check_log
from overt.proof.merkle import leaf_hash, verify_consistency
from overt.proof.note import open_checkpoint, parse_vkey, signature_line
from overt.proof.receipt import Issuer
from overt.proof.tiles import CHECKPOINT
from overt.testing.contracts.log import included
from overt.testing.log import ORIGIN, known_signer
from overt.testing.parts import KeptNote, SharedFiles, SharedRows, memory_parts
from overt.testing.receipts import announcements, known_issuer, made_up

LOG = known_signer()
KEY = parse_vkey(LOG.vkey)
WITNESS = known_signer("witness.test/w1")


async def joined(
    rows: SharedRows, files: SharedFiles, *, memory: KeptNote | None = None, cosigner: Cosigner | None = None
) -> TransparencyLog:
    memories = () if memory is None else (memory,)
    parts = memory_parts(rows, files, memories=memories, cosigner=cosigner)
    return await start(parts, one_key(LOG), alone=False, period=0.01)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to hold in 5 s")


async def filled(log: TransparencyLog, issuer: Issuer, start: int, count: int) -> list[bytes]:
    return [(await log.append(made_up(issuer, number).entry)).leaf for number in range(start, start + count)]


def test_whoever_follows_appends_and_proves_and_takes_over() -> None:
    rows, files, issuer = SharedRows(), SharedFiles(), known_issuer()

    async def run() -> None:
        first, second = await joined(rows, files), await joined(rows, files)
        assert (first.leads, second.leads) == (True, False)
        for entry in announcements(issuer):
            await first.append(entry)
        leaves = await filled(second, issuer, 0, 20)
        for leaf in leaves:
            await included(second, leaf)
        await first.aclose()
        await until(lambda: second.leads)
        leaves += await filled(second, issuer, 20, 300)
        for leaf in leaves:
            await included(second, leaf)
        await second.aclose()

    asyncio.run(run())
    checked = check_log(files.files.get, LOG.vkey, full=True)
    assert checked.checkpoint is not None, checked.steps[-1]
    assert checked.checkpoint.size == 320 + len(announcements(issuer))


def test_a_leader_that_was_overtaken_writes_nothing_and_follows() -> None:
    rows, files, issuer = SharedRows(), SharedFiles(), known_issuer()

    async def run() -> None:
        both = [await joined(rows, files), await joined(rows, files)]
        for entry in announcements(issuer):
            await both[0].append(entry)
        leaves: list[bytes] = []
        for number in range(40):
            leaves += await filled(both[number % 2], issuer, number * 5, 5)
            rows.depose()
            await asyncio.sleep(0.003)
        for log in both:
            for leaf in leaves:
                await included(log, leaf)
        assert rows.epoch > 10
        for log in both:
            await log.aclose()

    asyncio.run(run())
    checked = check_log(files.files.get, LOG.vkey, full=True)
    assert checked.checkpoint is not None, checked.steps[-1]
    assert checked.checkpoint.size == 200 + len(announcements(issuer))


@pytest.mark.parametrize("alone", [False, True], ids=["one of several", "alone"])
def test_a_leader_that_slept_through_a_change_of_leaders_commits_nothing_in_its_old_epoch(alone: bool) -> None:
    rows, files = SharedRows(), SharedFiles()
    slept = False

    def reached(point: Point) -> None:
        nonlocal slept
        if point is Point.TAKEN and not slept:
            slept = True
            rows.depose()
            rows.epoch += 1

    async def run() -> None:
        log = await start(memory_parts(rows, files), one_key(LOG), alone=alone, period=0.01, reached=reached)
        leaf = (await log.append(b"x")).leaf
        await included(log, leaf)
        assert rows.epoch == 3
        await log.aclose()

    asyncio.run(run())
    assert slept
    assert open_checkpoint(files.files[CHECKPOINT], KEY).size == 1


def test_two_on_one_folder_lead_one_after_the_other(tmp_path: Path) -> None:
    async def run() -> None:
        notary = one_key(LOG)
        first, second = [
            await start(await sqlite_parts(tmp_path)(notary.vkey), notary, alone=False, period=0.01) for _ in range(2)
        ]
        await included(second, (await second.append(b"through the one that follows")).leaf)
        await first.aclose()
        await until(lambda: second.leads)
        await included(second, (await second.append(b"as leader")).leaf)
        await second.aclose()

    asyncio.run(run())


def test_a_whole_folder_restored_from_yesterday_is_refused_where_a_second_copy_of_the_head_is_kept(
    tmp_path: Path,
) -> None:
    home, copy = tmp_path / "log", tmp_path / "other-disk" / "checkpoint"
    copy.parent.mkdir()

    async def write(*entries: bytes) -> None:
        log = await open_log(home, ORIGIN, LOG, memories=(FileMemory(copy),), period=0.01)
        for entry in entries:
            await log.append(entry)
        await log.aclose()

    asyncio.run(write(b"a", b"b"))
    shutil.copytree(home, tmp_path / "yesterday")
    asyncio.run(write(b"c"))
    shutil.rmtree(home)
    shutil.copytree(tmp_path / "yesterday", home)
    with pytest.raises(LogUnavailable, match="older than the second copy of the head"):
        asyncio.run(write(b"another history"))
    assert open_checkpoint(copy.read_bytes(), KEY).size == 3


def test_a_second_copy_of_another_history_is_refused() -> None:
    memory = KeptNote()

    async def run() -> None:
        one = await joined(SharedRows(), SharedFiles(), memory=memory)
        await one.append(b"one history")
        await one.aclose()
        rows, files = SharedRows(), SharedFiles()
        other = await joined(rows, files)
        for entry in (b"another", b"history"):
            await other.append(entry)
        await other.aclose()
        with pytest.raises(LogUnavailable, match="does not fit its database"):
            await joined(rows, files, memory=memory)

    asyncio.run(run())


def test_nothing_is_shown_that_the_second_copy_does_not_have(tmp_path: Path) -> None:
    copy = tmp_path / "disk" / "checkpoint"
    copy.parent.mkdir()

    async def run() -> None:
        log = await open_log(tmp_path / "log", ORIGIN, LOG, memories=(FileMemory(copy),), period=0.01)
        shutil.rmtree(copy.parent)
        leaf = (await log.append(b"x")).leaf
        assert "is its disk mounted" in await refusal(log)
        assert await log.proof(leaf) is None
        copy.parent.mkdir()
        await included(log, leaf)
        await log.aclose()

    asyncio.run(run())
    assert open_checkpoint(copy.read_bytes(), KEY).size >= 1


async def refusal(log: TransparencyLog) -> str:
    """What the log says as soon as it refuses."""
    for _ in range(500):
        try:
            await log.append(b"y")
        except LogUnavailable as error:
            return str(error)
        await asyncio.sleep(0.01)
    raise AssertionError("it did not refuse in 5 s")


@final
class OneWitness:
    """A `Cosigner` of one witness that keeps its size, demands consistency, and can be switched off."""

    def __init__(self) -> None:
        self.works = True
        self.asked = 0
        self._size = 0
        self._root = b""

    async def cosign(self, note: bytes, prove: Prove) -> bytes | None:
        """A line of the witness, if it works and the log continues what it saw."""
        self.asked += 1
        if not self.works:
            return None
        new = open_checkpoint(note, KEY)
        if self._size:
            path = tuple(await prove(self._size))
            verify_consistency(old=self._size, new=new.size, path=path, old_root=self._root, new_root=new.root)
        self._size, self._root = new.size, new.root
        key = parse_vkey(WITNESS.vkey)
        return note + signature_line(key, WITNESS.sign(note.partition(b"\n\n")[0] + b"\n")).encode()

    async def aclose(self) -> None:
        """Nothing to release."""


def cosigned_size(note: bytes | None) -> int | None:
    """The size of a checkpoint that the witness has signed, None if it has not."""
    if note is None or WITNESS.vkey.partition("+")[0].encode() not in note:
        return None
    return open_checkpoint(note, KEY).size


def test_the_published_checkpoint_is_the_cosigned_one_and_the_pending_one_goes_on_without_witnesses() -> None:
    rows, files, witness = SharedRows(), SharedFiles(), OneWitness()
    witness.works = False

    async def run() -> None:
        log = await joined(rows, files, cosigner=witness)
        first = (await log.append(b"before the first quorum")).leaf
        await included(log, first)
        assert open_checkpoint(await log.checkpoint(), KEY).size == 1
        witness.works = True
        await until(lambda: cosigned_size(files.files[CHECKPOINT]) == 1)
        witness.works = False
        second = (await log.append(b"while the witness is down")).leaf
        await included(log, second)
        assert cosigned_size(await log.checkpoint()) == 1
        assert open_checkpoint(await log.pending(), KEY).size == 2
        assert open_checkpoint(files.files[PENDING], KEY).size == 2
        await log.aclose()
        again = await joined(rows, files, cosigner=witness)
        assert cosigned_size(await again.checkpoint()) == 1
        witness.works = True
        await until(lambda: cosigned_size(files.files[CHECKPOINT]) == 2)
        await again.append(b"shortly before closing")
        await again.aclose()

    asyncio.run(run())
    assert cosigned_size(files.files[CHECKPOINT]) == 3
    assert leaf_hash(b"shortly before closing") in rows.leaves
